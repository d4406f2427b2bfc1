"""What dies is replaced, and the viewers see as little of it as can be."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.ingest import Ingest
from tests.support.canary import canary
from tests.support.clips import clip
from tests.support.faulty_rtmp import VIDEO
from tests.support.system import System, until
from tests.support.watch import Watched, watch
from tests.support.workers import another, carriers, names

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
    # nginx opens a file before it turns a second publisher away.
    files = [path for path in server.recorded(key) if path.stat().st_size]
    return [watch(str(path), look=lambda _: None) for path in files]


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


def test_a_stream_moves_from_a_worker_that_is_drained(
    stack: System,
    server: Ingest,
    stream: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    """First by the API, then by SIGTERM: to a server that has room for one, with one reconnect."""
    [first] = carriers(stack, stream)
    with another(stack, "services.rtmp_egress", tmp_path / "worker.log") as process:
        stack.post(f"/api/rostrum/v1/workers/{first}/drain/", {}, expect=202)
        until(lambda: len(carriers(stack, stream)) == 2)
        until(lambda: first not in names(stack))
        until(lambda: len([n for n in names(stack) if n.startswith("egress")]) == 2)
        time.sleep(STEADY)
        process.terminate()
        until(lambda: len(carriers(stack, stream)) == 3)
        assert process.wait(20) == 0
    time.sleep(STEADY)
    assert state(stack, stream) == "connected"

    watched = recorded(stack, server, stream, request)

    assert len(watched) == 3
    assert all(gapless(one) for one in watched)


def test_a_server_that_takes_two_publishers_sees_no_gap_when_one_is_drained(
    stack: System, talker: str, tmp_path: Path
) -> None:
    del talker
    heard = tmp_path / "heard"
    argv = [sys.executable, "-m", "tests.support.faulty_rtmp", "--fault", "ok"]
    with (
        heard.open("wb") as output,
        subprocess.Popen(argv, stdout=output) as process,
        another(stack, "services.rtmp_egress", tmp_path / "worker.log"),
    ):
        port = until(lambda: heard.read_text().partition("\n")[0])
        stream = stack.dial(f"rtmp://localhost:{port}/live/key-of-two")
        stack.streams(stream)
        [first] = carriers(stack, stream)
        stack.post(f"/api/rostrum/v1/workers/{first}/drain/", {}, expect=202)
        until(lambda: first not in names(stack))
        assert state(stack, stream) == "connected"
        assert "recovering" not in told_of(stack, stream)
        process.kill()
        stack.hang_up(stream)
        until(lambda: stack.participant(stream) is None)

    said = [line.split()[0] for line in heard.read_text().splitlines()]
    commands = [word for word in said if word in ("publish", "deleteStream")]
    assert commands[:3] == ["publish", "publish", "deleteStream"], "the next is there first"
    second, over = said.index("publish", said.index("publish") + 1), said.index("deleteStream")
    between = [line.split() for line in heard.read_text().splitlines()[second:over]]
    pictures = [words[1] for words in between if words[0] == VIDEO]
    assert "0" in pictures, "and so are its pictures"


def told_of(stack: System, stream: str) -> list[str]:
    """What people were told of a call, step by step."""
    steps = [e for e in stack.events("call_progressed.v1") if e["participant"] == stream]
    return [event["step"] for event in steps]


def test_a_stream_goes_on_while_its_mixer_is_drained(
    stack: System,
    server: Ingest,
    stream: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    """The conference moves; viewers see the last picture meanwhile."""
    [mixed] = {e["worker"] for e in stack.events("mix_assigned.v1")[-1:]}
    with another(stack, "services.mixer", tmp_path / "worker.log"):
        stack.post(f"/api/rostrum/v1/workers/{mixed}/drain/", {}, expect=202)
        until(lambda: stack.events("mix_assigned.v1")[-1]["worker"] != mixed)
        until(lambda: mixed not in names(stack))
        time.sleep(STEADY)
        assert state(stack, stream) == "connected"

        [watched] = recorded(stack, server, stream, request)

    assert gapless(watched)


def told_since(stack: System, stream: str, code: str) -> list[str]:
    """The states of a destination from the one with that reason code on."""
    told = [e for e in stack.events("destination_changed.v1") if e["participant"] == stream]
    [first] = [n for n, event in enumerate(told) if event["code"] == code]
    return [event["state"] for event in told[first:]]


def state(stack: System, stream: str) -> str:
    found = stack.participant(stream)
    assert found is not None, stack.log()[-2:]
    return str(found["state"])
