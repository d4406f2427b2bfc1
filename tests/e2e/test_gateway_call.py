"""A meeting of another system streams out through us: what it sends is what the service gets."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.ingest import Ingest
from tests.support import cli
from tests.support.canary import canary
from tests.support.clips import clip
from tests.support.system import ADMIN, System, until
from tests.support.watch import Watched, has_tone, is_near, mean_colour, tones, watch

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.nginx]

CONFERENCES = "/api/rostrum/v1/conferences"
TEAL, YELLOW = (20, 140, 140), (230, 200, 20)
SHRINK = 8
WHOLE = (0, 0, 160, 90)
LEFT = (0, 0, 40, 90)
"""The left edge of a picture at an eighth of its size: the slides when they are shown."""

A_WHILE = 3.0
"""Seconds of each scene: more than a key frame's worth."""


@pytest.fixture(scope="module")
def meeting(clips: Path) -> Path:
    return clip(
        clips / "meeting.mp4", colour=TEAL, tone=520.0, level=0.05, seconds=4, size=(640, 360)
    )


@pytest.fixture(scope="module", autouse=True)
def rules(stack: System, server: Ingest) -> None:
    """`yt-KEY` goes to the server, `tls-KEY` encrypted; `down-KEY` to where nobody listens;
    `safe-KEY` must be encrypted, and is not."""
    add(stack, "Out", r"yt-([\w-]+)", server.url(r"\1"))
    add(stack, "Nowhere", r"down-([\w-]+)", r"rtmp://127.0.0.1:9/live/\1")
    add(stack, "Safe", r"safe-([\w-]+)", server.url(r"\1"), crypto_mode="on")
    add(stack, "Secret", r"tls-([\w-]+)", server.tls_url(r"\1"), crypto_mode="on")
    add(stack, "Outgoing", r"only-out-([\w-]+)", server.url(r"\1"),
        match_incoming_calls=False, match_outgoing_calls=True)  # fmt: skip


def add(stack: System, name: str, match: str, replace: str, **more: Any) -> None:
    body = {
        "name": name,
        "priority": 20,
        "match_string": match,
        "replace_string": replace,
        "outgoing_protocol": "rtmp",
        **more,
    }
    stack.post(f"{ADMIN}/configuration/v1/gateway_routing_rule/", body, expect=201)


def call(stack: System, alias: str, media: Path, *, expect: int = 201, **more: Any) -> Any:
    body = {"alias": alias, "display_name": "Meeting", "media": str(media), **more}
    return stack.post("/api/rostrum/v1/calls/", body, expect=expect)


def view(stack: System, key: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.http.get(f"{CONFERENCES}/{key}/").json()
    return found


def on_air(stack: System, made: dict[str, Any]) -> None:
    def connected() -> bool:
        there = view(stack, made["conference"])
        assert there["running"], there
        return any(p["is_streaming"] and p["state"] == "connected" for p in there["participants"])

    until(connected)


def leave(stack: System, made: dict[str, Any]) -> None:
    path = f"{CONFERENCES}/{made['conference']}/participants/{made['participant']}/"
    stack.http.delete(path).raise_for_status()


def recorded(server: Ingest, key: str) -> Watched:
    [file] = until(lambda: server.recorded(key))
    return watch(str(file), look=lambda picture: picture[::SHRINK, ::SHRINK].copy())


def is_answered(stack: System, key: str) -> bool:
    try:
        return stack.http.get(f"{CONFERENCES}/{key}/").status_code == 200
    except httpx.TransportError:
        return False


def rostrum(
    stack: System, *words: str, given: str = "", code: int = 0
) -> "subprocess.CompletedProcess[str]":
    env = {"ROSTRUM_DATA": str(stack.data), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    done = cli.rostrum(*words, given=given, env=env)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_what_the_meeting_sends_is_what_the_service_gets(
    stack: System, server: Ingest, meeting: Path, clips: Path
) -> None:
    slides = clip(clips / "deck.mp4", colour=YELLOW, audio=False, seconds=2, size=(1280, 720))
    made = call(
        stack, f"yt-{canary('MEETING')}", meeting, presentation=str(slides), platform="google_meet"
    )
    on_air(stack, made)
    time.sleep(A_WHILE)
    present = f"{CONFERENCES}/{made['conference']}/participants/{made['participant']}/presenting/"
    stack.http.put(present).raise_for_status()
    time.sleep(A_WHILE)
    stack.http.delete(present).raise_for_status()
    time.sleep(A_WHILE)
    leave(stack, made)
    until(lambda: not view(stack, made["conference"])["running"])
    watched = recorded(server, canary("MEETING"))
    slides_seen = [is_near(mean_colour(picture, LEFT), YELLOW) for picture in watched.seen]
    meeting_seen = [is_near(mean_colour(picture, WHOLE), TEAL) for picture in watched.seen]

    assert watched.size == (1280, 720)
    assert len(watched.seen) > 30 * (3 * A_WHILE - 2)
    # The meeting alone fills the picture; then its slides do; then it does again.
    assert sum(slides_seen) > 30 * (A_WHILE - 1)
    assert sum(meeting_seen) > 30 * (2 * A_WHILE - 2)
    first, last = slides_seen.index(True), len(slides_seen) - 1 - slides_seen[::-1].index(True)
    assert all(meeting_seen[-30:])
    assert meeting_seen[: first - 15].count(False) <= 30  # until the caller's first picture
    assert not any(meeting_seen[first:last])
    assert has_tone(tones(watched.sound[watched.rate : 4 * watched.rate]), 520.0)


def test_it_goes_on_while_everything_that_decides_is_killed_and_its_log_can_be_replayed(
    stack: System, server: Ingest, meeting: Path, tmp_path: Path
) -> None:
    made = call(stack, f"yt-{canary('STEADY')}", meeting)
    on_air(stack, made)
    key = made["conference"]
    for name in ("conference_state", "routing", "scheduler", "gateway"):
        stack.kill(f"services.{name}")
    until(lambda: is_answered(stack, key))
    time.sleep(A_WHILE)
    told = {"kind": "recording", "platform": "teams"}
    stack.post(f"{CONFERENCES}/{key}/outside/", told, expect=204)
    assert view(stack, key)["running"]
    leave(stack, made)
    until(lambda: not view(stack, key)["running"])
    until(lambda: '"mix_stopped.v1"' in stack.http.get(f"{CONFERENCES}/{key}/log.jsonl").text)
    text = stack.http.get(f"{CONFERENCES}/{key}/log.jsonl").text
    log = tmp_path / "log.jsonl"
    log.write_text(text)
    watched = recorded(server, canary("STEADY"))

    steps = [b - a for a, b in zip(watched.times, watched.times[1:], strict=False)]
    assert max(steps) < 0.04, "a gap"
    assert text.count('"conference_started.v1"') == 1
    assert '"announcement":"recording_started"' in text
    assert canary("STEADY") not in text
    rostrum(stack, "events", "replay", str(log), "--speed", "4")


def test_where_encryption_is_required_what_has_it_goes_out(
    stack: System, server: Ingest, meeting: Path
) -> None:
    made = call(stack, f"tls-{canary('SEALED')}", meeting)
    on_air(stack, made)
    leg = stack.http.get(f"{ADMIN}/status/v1/participant/{made['stream']}/").json()
    # The leg out is hung up, and the caller is gone.
    stack.hang_up(made["stream"])
    until(lambda: not view(stack, made["conference"])["running"])
    history = stack.http.get(f"{ADMIN}/history/v1/participant/{made['participant']}/").json()

    assert (leg["encryption"], leg["service_type"]) == ("On", "gateway")
    assert history["disconnect_reason"] == "Disconnected by an administrator"
    assert until(lambda: server.recorded(canary("SEALED")))


@pytest.mark.parametrize(
    ("alias", "status", "said"),
    [
        (f"only-out-{canary('KEY')}", 404, "Neither conference nor gateway found"),
        (f"vimeo-{canary('KEY')}", 404, "Neither conference nor gateway found"),
        (f"safe-{canary('KEY')}", 400, "requires media encryption"),
    ],
    ids=["not-for-callers", "no-rule", "not-encrypted"],
)
def test_who_may_not_through_is_told_at_once(
    stack: System, meeting: Path, alias: str, status: int, said: str
) -> None:
    body = {"alias": alias, "display_name": "Meeting", "media": str(meeting)}
    answer = stack.http.post("/api/rostrum/v1/calls/", json=body)

    assert answer.status_code == status
    [[sentence]] = answer.json()["call"].values()
    assert said in sentence
    assert canary("KEY") not in answer.text


def test_a_target_that_refuses_sends_the_caller_home(stack: System, meeting: Path) -> None:
    made = call(stack, f"down-{canary('KEY')}", meeting)
    until(lambda: not view(stack, made["conference"])["running"])
    over = view(stack, made["conference"])
    history = stack.http.get(f"{ADMIN}/history/v1/participant/{made['participant']}/").json()
    leg = stack.http.get(f"{ADMIN}/history/v1/participant/{made['stream']}/").json()

    assert over["end_reason"] == "Gateway dial out failed"
    assert history["disconnect_reason"] == "Gateway dial out failed"
    assert leg["disconnect_code"] == "connect-refused"


def test_the_command_line_calls_shows_and_hangs_up(stack: System, meeting: Path) -> None:
    words = ("--media", str(meeting), "--name", "Meeting", "--platform", "teams")
    key, caller = rostrum(
        stack, "call", "-", *words, given=f"yt-{canary('SECRET')}\n"
    ).stdout.split()
    until(lambda: "streaming" in rostrum(stack, "conferences").stdout)
    shown = rostrum(stack, "conferences").stdout
    rostrum(stack, "leave", key, caller)
    refused = rostrum(stack, "call", f"vimeo-{canary('SECRET')}", *words, code=1).stderr

    for text in ("Out", key, "gateway call · running · streaming", "Meeting", "STREAM"):
        assert text in shown
    assert refused == "rostrum: alias: Neither conference nor gateway found\n"
    assert canary("SECRET") not in shown
    until(lambda: key not in rostrum(stack, "conferences").stdout)
    assert json.loads(rostrum(stack, "events", "export", key).stdout.splitlines()[0])["export"]
