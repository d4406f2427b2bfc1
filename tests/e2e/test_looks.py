"""What viewers of a stream see when `transform_layout` changes it, on a real RTMP server."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.ingest import Ingest
from tests.support.canary import canary
from tests.support.clips import clip
from tests.support.system import System, until
from tests.support.watch import RgbPicture, is_near, mean_colour, watch

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.nginx]

TRANSFORM = "/api/admin/command/v1/conference/transform_layout/"
RED, GREEN = (200, 30, 30), (30, 160, 60)
SHRINK = 8
LEFT, RIGHT = (20, 34, 40, 22), (100, 34, 40, 22)
"""The middles of the two halves of a picture at an eighth of its size."""

A_WHILE = 3.0
"""Seconds of each scene: more than a key frame's worth."""


def seen(picture: RgbPicture) -> str:
    left, right = mean_colour(picture, LEFT), mean_colour(picture, RIGHT)
    if is_near(left, RED) and is_near(right, GREEN):
        return "both"
    if is_near(left, right, within=6):
        return "red" if is_near(left, RED) else "screen" if max(left) < 80 else "?"
    return "?"


def test_streams_wait_then_see_their_own_layout_and_then_the_conferences(
    stack: System, server: Ingest, clips: Path
) -> None:
    def transform(**wanted: Any) -> None:
        instance = stack.conference()["instance"]
        stack.post(TRANSFORM, {"conference_id": instance, **wanted})

    red = clip(clips / "look-red.mp4", colour=RED, tone=440.0, level=0.3, seconds=4)
    green = clip(clips / "look-green.mp4", colour=GREEN, level=0.0, seconds=4)
    people = [stack.join(n, path, role="host") for n, path in (("Red", red), ("Green", green))]
    transform(layout="2x2", streaming={"layout": "1:0", "waiting_screen_enabled": True})
    stream = stack.dial(server.url(canary("LOOKS")))
    stack.streams(stream)
    time.sleep(A_WHILE)
    transform(streaming={"waiting_screen_enabled": False})
    time.sleep(A_WHILE)
    transform(streaming={"layout": "4:0"})
    time.sleep(A_WHILE)
    stack.hang_up(stream)
    until(lambda: stack.participant(stream) is None)
    [file] = until(lambda: server.recorded(canary("LOOKS")))
    watched = watch(str(file), look=lambda picture: seen(picture[::SHRINK, ::SHRINK]))
    for who in people:
        stack.leave(who)

    told = [what for n, what in enumerate(watched.seen) if n == 0 or what != watched.seen[n - 1]]
    assert told == ["screen", "red", "both"]
    began = watched.times[watched.seen.index("red")]
    silent = int((began - 0.3 - watched.sound_from) * watched.rate)
    assert np.abs(watched.sound[:silent]).max() < 0.01
    assert np.abs(watched.sound[-watched.rate :]).max() > 0.05
