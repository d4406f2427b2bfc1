"""What dies is replaced, and the viewers see as little of it as can be."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.ingest import Ingest
from tests.support.canary import canary
from tests.support.clips import clip
from tests.support.system import System, until
from tests.support.watch import Watched, watch

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.nginx]

STEADY = 3.0
"""Seconds of streaming before and after something dies."""


@pytest.fixture(scope="module")
def talker(stack: System, clips: Path) -> str:
    path = clip(clips / "talker.mp4", colour=(200, 30, 30), seconds=2, size=(640, 360))
    return stack.join("Red", path, role="host")


@pytest.fixture
def stream(
    stack: System, server: Ingest, talker: str, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A call that has been connected for a while; it is hung up at the end if it still is there."""
    key = canary(request.node.name.replace("[", "-").strip("]"))
    ident = stack.dial(server.url(key))
    stack.streams(ident)
    time.sleep(STEADY)
    yield ident
    if stack.participant(ident):
        stack.hang_up(ident)
        until(lambda: stack.participant(ident) is None)


def recorded(
    stack: System, server: Ingest, stream: str, request: pytest.FixtureRequest
) -> list[Watched]:
    """Hang up and decode what the server kept, one file for each time it was published to."""
    key = canary(request.node.name.replace("[", "-").strip("]"))
    stack.hang_up(stream)
    until(lambda: stack.participant(stream) is None)
    time.sleep(0.5)
    return [watch(str(path), look=lambda _: None) for path in server.recorded(key)]


def gapless(watched: Watched) -> bool:
    """Thirty pictures a second and a key frame every two, without one missing."""
    steps = {round((b - a) * 1000) for a, b in zip(watched.times, watched.times[1:], strict=False)}
    keys = {b - a for a, b in zip(watched.keys, watched.keys[1:], strict=False)}
    return len(watched.seen) > 60 and steps <= {33, 34} and keys <= {60}


@pytest.mark.parametrize(
    "name", ["conference_state", "routing", "scheduler", "gateway", "nats-server"]
)
def test_a_stream_goes_on_without(
    stack: System, server: Ingest, stream: str, request: pytest.FixtureRequest, name: str
) -> None:
    """Nothing that only decides is in the way of the media; and it is back by itself."""
    program = name if name == "nats-server" else f"services.{name}"
    stack.kill(program)
    until(lambda: stack.processes(program))
    time.sleep(STEADY)
    until(lambda: is_answered(stack))

    [watched] = recorded(stack, server, stream, request)

    assert gapless(watched)
    assert len(watched.seen) > 2 * STEADY * 30 - 15


def is_answered(stack: System) -> bool:
    try:
        return bool(stack.http.get("/health/ready").status_code == 200 and stack.conference())
    except httpx.TransportError:
        return False


def test_a_stream_goes_on_while_the_mix_is_restarted(
    stack: System, server: Ingest, stream: str, request: pytest.FixtureRequest
) -> None:
    """The viewers see the last picture for a moment, not a broken stream."""
    [before] = stack.processes("services.mixer.conference")
    stack.kill("services.mixer.conference")
    until(lambda: stack.processes("services.mixer.conference") not in ([], [before]))
    time.sleep(STEADY)

    [watched] = recorded(stack, server, stream, request)

    assert gapless(watched)


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("services.mixer", "mix_started.v1"),
        ("services.rtmp_egress.session", "call_connected.v1"),
        ("services.rtmp_egress", "call_connected.v1"),
    ],
)
def test_a_stream_comes_back_after_losing(
    stack: System,
    server: Ingest,
    stream: str,
    request: pytest.FixtureRequest,
    name: str,
    sign: str,
) -> None:
    """A worker, or a session's process: another takes over, and the call is still the same."""
    before = len(stack.events(sign))
    stack.kill(name)
    until(lambda: len(stack.events(sign)) > before)
    time.sleep(STEADY)
    assert state(stack, stream) == "connected"
    if name == "services.rtmp_egress.session":
        assert "connecting" not in told_since(stack, stream, "worker-restart"), "it is got back"

    watched = recorded(stack, server, stream, request)

    assert len(watched) == (1 if name == "services.mixer" else 2)
    assert all(gapless(one) for one in watched)


def told_since(stack: System, stream: str, code: str) -> list[str]:
    """The states of a destination from the one with that reason code on."""
    told = [e for e in stack.events("destination_changed.v1") if e["participant"] == stream]
    [first] = [n for n, event in enumerate(told) if event["code"] == code]
    return [event["state"] for event in told[first:]]


def state(stack: System, stream: str) -> str:
    found = stack.participant(stream)
    assert found is not None, stack.log()[-2:]
    return str(found["state"])
