"""Two destinations of one conference with different pictures, on a real RTMP server, decoded."""

import itertools
import time
from pathlib import Path

import numpy as np
import pytest

from cli.ingest import Ingest
from tests.support.canary import canary
from tests.support.clips import clip
from tests.support.system import ADMIN, System, until
from tests.support.watch import Watched, has_tone, is_near, mean_colour, tones, watch

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.nginx]

RED, YELLOW = (200, 30, 30), (230, 200, 20)
SHRINK = 8

A_WHILE = 5.0
"""Seconds of stream: two whole groups of pictures and what comes before them."""

GOP = 2.0


def looked(server: Ingest, key: str) -> Watched:
    [file] = until(lambda: server.recorded(key))
    return watch(str(file), look=lambda picture: picture[::SHRINK, ::SHRINK].copy())


def colour(watched: Watched, x: float, y: float) -> tuple[int, int, int]:
    """Around a point of the last picture, which lies where people and slides have settled."""
    picture = watched.seen[-1]
    high, wide = picture.shape[:2]
    return mean_colour(picture, (int(x * wide) - 6, int(y * high) - 6, 12, 12))


def uneven(watched: Watched, fps: int) -> int:
    """How many steps between pictures are not a picture's time, to FLV's millisecond."""
    steps = [after - before for before, after in itertools.pairwise(watched.times)]
    return sum(abs(step - 1 / fps) > 0.0011 for step in steps)


def test_each_destination_has_the_picture_that_it_asked_for(
    stack: System, server: Ingest, clips: Path
) -> None:
    """Slides alone at 60 pictures a second and 480 lines; and 720 lines at 30, as usual."""
    red = clip(clips / "red.mp4", colour=RED, tone=440.0, level=0.05, seconds=4, size=(640, 360))
    slides = clip(clips / "slides.mp4", colour=YELLOW, audio=False, seconds=2, size=(1280, 720))
    host = stack.join("Red", red, role="host", presentation=str(slides), presenting=True)
    alone = stack.dial(
        server.url(canary("ALONE")),
        content="presentation",
        max_pixels_per_second="sd",
        frame_rate=60,
        max_video_kbps=900,
    )
    usual = stack.dial(server.url(canary("USUAL")))
    for stream in (alone, usual):
        stack.streams(stream)
    time.sleep(A_WHILE)
    for stream in (alone, usual):
        stack.hang_up(stream)
    until(lambda: stack.participant(alone) is None and stack.participant(usual) is None)
    fast, plain = looked(server, canary("ALONE")), looked(server, canary("USUAL"))
    stack.leave(host)

    assert (fast.size, plain.size) == ((848, 480), (1280, 720))
    for watched, fps in ((fast, 60), (plain, 30)):
        assert uneven(watched, fps) == 0
        keys = np.array([watched.times[n] for n in watched.keys])
        assert len(keys) >= 2
        assert np.abs(np.diff(keys) - GOP).max() <= 0.001
        assert abs(len(watched.sound) / watched.rate - len(watched.seen) / fps) < 0.3
        assert has_tone(tones(watched.sound), 440.0)
    assert is_near(colour(fast, 0.5, 0.5), YELLOW)
    assert is_near(colour(fast, 0.85, 0.15), YELLOW), "no inset"
    assert is_near(colour(plain, 0.3, 0.6), YELLOW)
    assert is_near(colour(plain, 0.85, 0.15), RED), "the inset"
    sessions = {
        (one["feed"]["content"], one["feed"]["fps"], one["rendition"]["video_kbps"])
        for one in stack.events("session_assigned.v1")
    }
    assert sessions == {("presentation", 60, 900), ("single", 30, 3000)}


def test_a_contradiction_is_told_by_field(stack: System, server: Ingest) -> None:
    body = {
        "conference_alias": "town-hall",
        "destination": server.url(canary("NEVER")),
        "presentation_url": server.url(canary("NEVER-2")),
        "protocol": "rtmp",
        "routing": "manual",
        "streaming": True,
        "content": "presentation",
    }
    refused = stack.http.post(f"{ADMIN}/command/v1/participant/dial/", json=body)

    assert refused.status_code == 400
    assert list(refused.json()["participant"]) == ["content"]
