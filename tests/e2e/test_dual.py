"""Dual streams and automatic calls, on a real RTMP server, decoded."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from cli.ingest import Ingest, free_port, start_ingest
from tests.support.canary import canary
from tests.support.clips import clip
from tests.support.faulty_rtmp import faulty_server
from tests.support.long_stream import legs_apart
from tests.support.system import ADMIN, System, until
from tests.support.watch import Watched, beeps, has_tone, is_near, mean_colour, tones, watch

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.nginx]

RED, YELLOW = (200, 30, 30), (230, 200, 20)
SHRINK = 8
LEFT = (0, 0, 40, 90)
"""The left edge of a picture at an eighth of its size: the slides when they are shown."""

FRAME = 1 / 30

A_WHILE = 3.0
"""Seconds of each scene: more than a key frame's worth."""


@pytest.fixture(scope="module")
def red(clips: Path) -> Path:
    return clip(
        clips / "red.mp4",
        colour=RED,
        tone=440.0,
        level=0.05,
        seconds=4,
        size=(640, 360),
        flash_every=1.0,
    )


@pytest.fixture(scope="module")
def slides(clips: Path) -> Path:
    return clip(clips / "yellow.mp4", colour=YELLOW, audio=False, seconds=2, size=(1280, 720))


def yellow(watched: Watched) -> list[bool]:
    """Which pictures show the slides."""
    return [is_near(mean_colour(picture, LEFT), YELLOW) for picture in watched.seen]


def recorded(server: Ingest, key: str) -> Watched:
    [file] = until(lambda: server.recorded(key))
    return watch(str(file), look=lambda picture: picture[::SHRINK, ::SHRINK].copy())


def leg(stack: System, participant: str, state: str) -> bool:
    """Whether an event says that the presentation leg is in this state."""
    return any(
        event["participant"] == participant and event["state"] == state
        for event in stack.events("call_leg_changed.v1")
    )


def test_a_dual_stream_sends_the_slides_to_one_address_and_people_to_the_other(
    stack: System, server: Ingest, red: Path, slides: Path
) -> None:
    host = stack.join("Red", red, role="host", presentation=str(slides))
    stream = stack.dial(server.url(canary("MAIN")), presentation_url=server.url(canary("SLIDES")))
    stack.streams(stream)
    until(lambda: leg(stack, stream, "connected"))
    for presents in (False, True, False):
        stack.present(host, presents)
        time.sleep(A_WHILE)
    stack.hang_up(stream)
    until(lambda: stack.participant(stream) is None)
    main, second = recorded(server, canary("MAIN")), recorded(server, canary("SLIDES"))
    stack.leave(host)

    assert not any(yellow(main))
    shown = yellow(second)
    assert any(shown)
    assert not shown[0]
    assert not shown[-1]
    assert all(has_tone(tones(one.sound), 440.0) for one in (main, second))
    assert legs_apart(*(beeps(one.sound, one.sound_from) for one in (main, second))) <= FRAME


async def test_a_second_leg_that_fails_is_told_and_the_stream_goes_on(
    stack: System, server: Ingest, red: Path
) -> None:
    host = stack.join("Red", red, role="host")
    async with faulty_server("refuse-denied") as bad:
        stream = stack.dial(
            server.url(canary("GOES-ON")), presentation_url=bad.url(f"live/{canary('SECOND')}")
        )
        await asyncio.to_thread(until, lambda: leg(stack, stream, "failed"))
    stack.streams(stream)
    until(lambda: len(stack.events("destination_released.v1")) > 0)
    [failed] = [e for e in stack.events("call_leg_changed.v1") if e["state"] == "failed"]
    found = stack.participant(stream)
    stack.leave(host)

    assert found is not None
    assert found["detail"].startswith("the presentation stream failed: ")
    assert failed["code"] == "publish-denied"


def test_who_is_configured_is_dialled_with_the_first_participant_until_it_is_there(
    stack: System, server: Ingest, red: Path, tmp_path: Path
) -> None:
    """One service comes up late: it is one call all the time, which says what it waits for."""
    port = free_port()
    late = f"rtmp://127.0.0.1:{port}/live/{canary('LATE')}"
    [room] = stack.http.get(f"{ADMIN}/configuration/v1/conference/").json()["objects"]
    common = {
        "conference": [room["resource_uri"]],
        "protocol": "rtmp",
        "streaming": True,
        "role": "guest",
    }
    for name, url in (("Recorder", server.url(canary("RECORDER"))), ("Late", late)):
        body = {"alias": url, "remote_display_name": name, **common}
        stack.post(f"{ADMIN}/configuration/v1/automatic_participant/", body, expect=201)
    before = len(calls(stack))
    host = stack.join("Red", red, role="host")
    [recorder] = until(lambda: there(stack, "Recorder", "connected"))
    [waiting] = until(lambda: [p for p in there(stack, "Late", "connecting") if p["detail"]])
    with start_ingest(tmp_path / "late", port) as other:
        until(lambda: there(stack, "Late", "connected"))
        until(lambda: other.recorded(canary("LATE")))
        stack.leave(host)
        until(lambda: not stack.conference()["running"])

    assert sorted(calls(stack)[before:]) == ["Late", "Recorder"]
    assert waiting["detail"] == f"nothing listens on 127.0.0.1 port {port}"
    assert recorder["is_streaming"]
    until(lambda: server.recorded(canary("RECORDER")))


def there(stack: System, name: str, state: str) -> list[dict[str, Any]]:
    """The participants of that name in that state."""
    return [
        p
        for p in stack.conference()["participants"]
        if (p["display_name"], p["state"]) == (name, state)
    ]


def calls(stack: System) -> list[str]:
    """The names of all who were called so far."""
    return [event["display_name"] for event in stack.events("call_requested.v1")]
