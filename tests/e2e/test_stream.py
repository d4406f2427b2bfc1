"""A conference, as the RTMP server that it was streamed to recorded it, decoded."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from cli.ingest import Ingest
from services.mixer.core import layouts
from services.mixer.core.layouts import Rect
from tests.support.canary import canary
from tests.support.clips import clip
from tests.support.system import System, until
from tests.support.watch import (
    Box,
    Rgb,
    Watched,
    beeps,
    flashes,
    has_tone,
    is_near,
    mean_colour,
    offsets,
    tones,
    watch,
)

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.nginx]

RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 160, 40), (40, 60, 200), (70, 70, 70)
YELLOW = (230, 200, 20)
SHRINK = 8
"""Pictures are kept at an eighth of their size: enough for the colour of a tile."""

SPEAK = 6.0
"""Seconds before and after the presentation: three key frames' worth."""

PRESENT = 4.0
"""Seconds of presentation."""


class Run(msgspec.Struct):
    """What was sent and what was recorded."""

    recording: Path
    watched: Watched
    people: dict[str, Rgb]
    log: list[dict[str, Any]]


@pytest.fixture(scope="module")
def run(stack: System, server: Ingest, clips: Path) -> Iterator[Run]:
    """Four participants talk, one of them presents, and the server records it all."""
    sent: dict[str, tuple[Rgb, float, dict[str, Any]]] = {
        "Red": (RED, 440.0, {}),
        "Green": (GREEN, 660.0, {}),
        "Blue": (BLUE, 880.0, {"suffix": ".webm"}),
        "Grey": (GREY, 300.0, {"flash_every": 1.0}),
    }
    slides = clip(clips / "slides.mp4", colour=YELLOW, audio=False, seconds=2, size=(1280, 720))
    people: dict[str, Rgb] = {}
    ids: dict[str, str] = {}
    for name, (colour, tone, more) in sent.items():
        path = clips / f"{name}{more.pop('suffix', '.mp4')}"
        clip(path, colour=colour, tone=tone, level=0.05, seconds=4, size=(640, 360), **more)
        presentation = {"presentation": str(slides)} if name == "Red" else {}
        ids[name] = stack.join(name, path, role="host", **presentation)
        people[ids[name]] = colour
    stream = stack.dial(server.url(canary("E2E")))
    stack.streams(stream)
    time.sleep(SPEAK)
    stack.present(ids["Red"], True)
    time.sleep(PRESENT)
    stack.present(ids["Red"], False)
    time.sleep(SPEAK)
    stack.hang_up(stream)
    until(lambda: stack.participant(stream) is None)
    [recording] = until(lambda: server.recorded(canary("E2E")))
    log = stack.log()
    watched = watch(str(recording), look=lambda picture: picture[::SHRINK, ::SHRINK].copy())
    yield Run(recording, watched, people, log)
    for participant in people:
        stack.leave(participant)


def box(rect: Rect) -> Box:
    return (
        rect.x // SHRINK,
        rect.y // SHRINK,
        rect.width // SHRINK,
        rect.height // SHRINK,
    )


def shows(picture: Any, rect: Rect, colour: Rgb) -> bool:
    return is_near(mean_colour(picture, box(rect)), colour)


def presenting(run: Run) -> list[int]:
    """Numbers of the pictures that the presentation fills, judged at the left edge."""
    left = Rect(0, 0, 320, 720)
    return [n for n, picture in enumerate(run.watched.seen) if shows(picture, left, YELLOW)]


def test_the_picture_has_the_size_and_rate_that_were_asked_for(run: Run) -> None:
    steps = np.diff(run.watched.times)

    assert run.watched.size == (1280, 720)
    assert len(run.watched.seen) > 30 * (2 * SPEAK + PRESENT - 2)
    # FLV counts milliseconds: thirty pictures a second are 33 or 34 of them apart.
    assert set(np.round(steps * 1000).astype(int)) <= {33, 34}


def test_times_rise_strictly(run: Run) -> None:
    assert all(np.diff(run.watched.dts) > 0)


def test_key_frames_are_exactly_two_seconds_apart(run: Run) -> None:
    assert len(run.watched.keys) >= 6
    assert set(np.diff(run.watched.keys)) == {60}
    assert run.watched.keys[0] == 0


def test_every_participant_is_seen_in_their_place(run: Run) -> None:
    layout = [event for event in run.log if event["type"] == "layout_changed.v1"]
    people = [event for event in layout if len(event["slots"]) == 4][-1]
    places = layouts.places(people["view"], 4, 1280, 720)
    rects = [places.main, *places.pips]
    last = run.watched.seen[-10]

    assert [slot["kind"] for slot in people["slots"]] == ["main", "pip", "pip", "pip"]
    for slot, rect in zip(people["slots"], rects, strict=True):
        colour = run.people[slot["participant"]]
        assert shows(last, rect, colour) or shows(last, rect, (255, 255, 255)), slot


def test_every_voice_is_heard(run: Run) -> None:
    second = run.watched.sound[-3 * 48_000 : -48_000]
    found = tones(second)

    for tone in (440, 660, 880):
        assert has_tone(found, tone), found
    assert np.abs(run.watched.sound).max() < 1.0


def test_the_presentation_fills_the_picture_while_it_lasts(run: Run) -> None:
    shown = presenting(run)

    assert shown == list(range(shown[0], shown[-1] + 1))
    assert len(shown) == pytest.approx(PRESENT * 30, abs=15)


def test_the_presentation_is_shown_within_half_a_second_of_the_event(run: Run) -> None:
    """From the commit to the mixer's scene; tests/integration/test_mixer_process.py sees pixels."""
    [started] = [e for e in run.log if e["type"] == "presentation_started.v1"]
    shown = next(
        e
        for e in run.log
        if e["type"] == "layout_changed.v1"
        and [slot["kind"] for slot in e["slots"]][:1] == ["presentation"]
    )
    late = datetime.fromisoformat(shown["at"]) - datetime.fromisoformat(started["at"])

    assert timedelta() <= late <= timedelta(milliseconds=500)


def test_the_speaker_is_in_a_small_window_in_the_upper_right(run: Run) -> None:
    """The corner of the inset is within two pixels of where the layout has it."""
    shown = presenting(run)
    middle = shown[len(shown) // 2]
    pictures = watch(str(run.recording), look=_edges, pictures=middle + 1).seen
    left, top, right, bottom = pictures[middle]
    inset = layouts.inset(1280, 720)

    assert left == pytest.approx(inset.x, abs=2)
    assert top == pytest.approx(inset.y, abs=2)
    assert right == pytest.approx(inset.right, abs=2)
    assert bottom == pytest.approx(inset.bottom, abs=2)
    assert inset.x > 640
    assert inset.bottom < 360


def _edges(picture: Any) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is not the colour of the slides."""
    strange = np.abs(picture.astype(int) - np.array(YELLOW)).max(axis=2) > 60
    columns = np.flatnonzero(strange.mean(axis=0) > 0.1)
    rows = np.flatnonzero(strange.mean(axis=1) > 0.1)
    if not len(columns) or not len(rows):
        return (-1, -1, -1, -1)
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def test_sound_and_flash_come_together(run: Run) -> None:
    """Within 40 ms; the flashes of the last seconds, seen where the flashing one is shown."""
    watched = run.watched
    grey = next(who for who, colour in run.people.items() if colour == GREY)
    people = [e for e in run.log if e["type"] == "layout_changed.v1" and len(e["slots"]) == 4][-1]
    places = layouts.places(people["view"], 4, 1280, 720)
    at = [slot["participant"] for slot in people["slots"]].index(grey)
    rect = [places.main, *places.pips][at]
    since = presenting(run)[-1] + 30
    bright = [float(np.mean(mean_colour(p, box(rect)))) for p in watched.seen[since:]]
    flash = flashes(bright, watched.times[since:])
    beep = beeps(watched.sound, watched.sound_from, threshold=0.4)
    found = offsets(flash[1:-1], [b for b in beep if flash[0] + 0.5 < b < flash[-1] - 0.5])

    assert len(found) >= 2
    assert max(abs(offset) for offset in found) <= 0.040, found


def test_the_whole_walk_is_in_the_log(run: Run) -> None:
    kinds = [event["type"].split(".")[0] for event in run.log]
    walk = [
        "conference_started",
        "mix_assigned",
        "call_requested",
        "call_routed",
        "session_assigned",
        "destination_assigned",
        "destination_changed",
        "call_connected",
        "presentation_started",
        "presentation_stopped",
        "call_ended",
    ]

    assert [kind for kind in dict.fromkeys(kinds) if kind in walk] == walk


def test_nothing_that_was_stored_or_logged_shows_the_key(run: Run, stack: System) -> None:
    assert canary("E2E") not in str(run.log)
    found = [
        path
        for path in stack.data.rglob("*")
        if path.is_file() and canary("E2E").encode() in path.read_bytes()
    ]

    assert found == []
