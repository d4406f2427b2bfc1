"""Conferences that are recorded, through the API, as whoever plays them sees and hears it."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import cli
from tests.support.clips import clip
from tests.support.recording import packets
from tests.support.system import ADMIN, OURS, System, system, until
from tests.support.watch import Watched, has_tone, is_near, mean_colour, tones, watch
from tests.support.workers import another, carriers, names

pytestmark = [pytest.mark.e2e, pytest.mark.nats]

RED, YELLOW = (200, 30, 30), (230, 200, 20)
RECORDINGS = "/api/rostrum/v1/recordings/"
FRAME = (0, 0, 848, 480)
INSET = (700, 24, 100, 50)
"""Well inside the small window of the speaker, in the upper right."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    small: dict[str, Any] = {"max_pixels_per_second": "sd"}
    with system(tmp_path_factory.mktemp("data"), **small) as one:
        yield one


@pytest.fixture(scope="module")
def ann(stack: System, clips: Path) -> Path:
    clip(clips / "deck.mp4", colour=YELLOW, audio=False, seconds=2, size=(1280, 720))
    talk = clips / "ann.mp4"
    return clip(talk, colour=RED, tone=440.0, level=0.05, seconds=4, size=(640, 360))


def join(stack: System, clips: Path) -> str:
    return stack.join("Ann", clips / "ann.mp4", role="host", presentation=str(clips / "deck.mp4"))


def record(stack: System, **wanted: Any) -> str:
    made = stack.post(f"{OURS}/recordings/", wanted, expect=201)
    return str(made["participant"])


def recorded(stack: System, ident: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.http.get(f"{RECORDINGS}{ident}/").json()
    return found


def finished(stack: System, ident: str) -> dict[str, Any]:
    """The recording, once it is complete and measured."""

    def done() -> bool:
        one = recorded(stack, ident)
        measured = all(part["sha256"] for part in one.get("parts", []))
        return one.get("state") == "complete" and measured

    until(done)
    return recorded(stack, ident)


def fetched(stack: System, part: dict[str, Any], to: Path) -> Path:
    answer = stack.http.get(part["url"])
    assert hashlib.sha256(answer.content).hexdigest() == part["sha256"]
    file = to / str(part["file"])
    file.write_bytes(answer.content)
    return file


def colours(file: Path) -> Watched:
    return watch(
        str(file),
        look=lambda picture: (mean_colour(picture, FRAME), mean_colour(picture, INSET)),
    )


def test_a_recording_shows_and_sounds_as_the_conference_did(
    stack: System, ann: Path, clips: Path, tmp_path: Path
) -> None:
    who = join(stack, clips)
    call = record(stack, name="talk-{conference}")
    stack.streams(call)
    time.sleep(3)
    on_air = stack.conference()
    stack.present(who, True)
    time.sleep(3)
    stack.hang_up(call)
    one = finished(stack, call)
    after = stack.conference()
    stack.leave(who)

    assert (on_air["recording"], on_air["streaming"]) == (True, False)
    assert not after["recording"]
    [ended] = [e for e in stack.events("call_ended.v1") if e["participant"] == call]
    assert ended["code"] == "disconnected"
    [part] = one["parts"]
    assert part["file"].startswith("talk-town-hall")
    seen = colours(fetched(stack, part, tmp_path))
    assert len(seen.seen) == round(part["seconds"] * 30)
    presented = next(m["at"] for m in one["marks"] if m["kind"] == "presentation_started")
    # The chapter begins where the picture changes; the mixer has half a second for that.
    change = next(
        at
        for at, (whole, _) in zip(seen.times, seen.seen, strict=True)
        if is_near(whole, YELLOW, 25)
    )
    assert presented <= change + 0.1
    assert change - presented < 2.0
    assert is_near(seen.seen[10][0], RED)
    assert has_tone(tones(seen.sound[48_000:96_000]), 440)
    assert [p["display_name"] for p in one["people"]] == ["Ann"]


def test_both_halves_of_a_dual_recording_show_the_same_moments(
    stack: System, ann: Path, clips: Path, tmp_path: Path
) -> None:
    who = join(stack, clips)
    call = stack.dial("record://dual", routing="manual", presentation_url="record://")
    stack.streams(call)
    ident = f"{call}.presentation"
    until(lambda: recorded(stack, ident).get("started_at"))
    time.sleep(2)
    stack.present(who, True)
    time.sleep(2)
    stack.hang_up(call)
    halves = [finished(stack, one) for one in (call, ident)]
    stack.leave(who)

    main, slides = (fetched(stack, half["parts"][0], tmp_path) for half in halves)
    assert (main.name, slides.name) == ("dual-001.mp4", "dual-slides-001.mp4")
    assert halves[0]["started_at"] == halves[1]["started_at"]
    assert (halves[0]["other"], halves[1]["other"]) == (ident, call)
    assert packets(main).video[0] == packets(slides).video[0] == 0
    shown = colours(slides)
    assert is_near(shown.seen[-1][0], YELLOW), "the presentation alone, without the speaker"
    assert all(is_near(whole, RED) for whole, _ in colours(main).seen[30:])
    change = next(n for n, (whole, _) in enumerate(shown.seen) if is_near(whole, YELLOW, 25))
    presented = next(m["at"] for m in halves[1]["marks"] if m["kind"] == "presentation_started")
    assert presented <= shown.times[change] + 0.1


def test_a_rule_may_record(stack: System, ann: Path, clips: Path) -> None:
    who = join(stack, clips)
    rule = {
        "name": "Recorder",
        "priority": 5,
        "match_string": "recorder/(.*)",
        "replace_string": r"record://\1",
        "match_string_full": True,
        "match_incoming_calls": False,
        "match_outgoing_calls": True,
        "outgoing_protocol": "rtmp",
    }
    stack.post(f"{ADMIN}/configuration/v1/gateway_routing_rule/", rule, expect=201)
    call = stack.dial("recorder/by-rule")
    stack.streams(call)
    participant = stack.participant(call)
    assert participant is not None
    assert (participant["is_recording"], participant["is_streaming"]) == (True, False)
    stack.hang_up(call)
    assert finished(stack, call)["name"] == "by-rule"
    stack.leave(who)


def kill_session(stack: System) -> None:
    stack.kill("services.rtmp_egress.session")


@pytest.mark.parametrize(
    ("name", "dies", "parts"),
    [
        ("session", kill_session, 2),
        ("mixer", lambda stack: stack.kill("services.mixer.conference"), 1),
        ("nats", lambda stack: stack.kill("nats.conf"), 1),
        ("gateway", lambda stack: stack.kill("services.gateway"), 1),
        ("state", lambda stack: stack.kill("services.conference_state"), 1),
        ("worker", lambda stack: stack.kill("services.rtmp_egress"), 2),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_recording_survives(
    stack: System,
    ann: Path,
    clips: Path,
    tmp_path: Path,
    name: str,
    dies: Callable[[System], None],
    parts: int,
) -> None:
    who = join(stack, clips)
    call = record(stack, name=f"survives-{name}")
    stack.streams(call)
    time.sleep(2)
    dies(stack)
    until(lambda: _ready(stack))
    until(lambda: len(recorded(stack, call)["parts"]) == parts)
    stack.streams(call)
    time.sleep(2)
    until(lambda: _hung_up(stack, call))
    one = finished(stack, call)
    until(lambda: _left(stack, who))

    assert len(one["parts"]) == parts
    assert one["code"] == ""
    for part in one["parts"]:
        file = fetched(stack, part, tmp_path)
        assert {after - before for before, after in pairwise(packets(file).video)} == {1}
        assert len(colours(file).seen) == round(part["seconds"] * 30) > 15
    if parts == 2:
        first, second = one["parts"]
        assert first["cut"] == (name == "session")
        assert 0 < second["at"] - first["seconds"] < 20
    else:
        assert one["seconds"] > 3.5


def _ready(stack: System) -> bool:
    try:
        return bool(stack.http.get("/health/ready").status_code == 200)
    except httpx.HTTPError:
        return False  # it is being started again


def _hung_up(stack: System, call: str) -> bool:
    body = {"participant_id": call}
    answer = stack.http.post(f"{ADMIN}/command/v1/participant/disconnect/", json=body)
    return answer.status_code == 200


def _left(stack: System, who: str) -> bool:
    return stack.http.delete(f"{OURS}/participants/{who}/").status_code == 204


def test_a_recording_goes_on_while_its_worker_is_drained(
    stack: System, ann: Path, clips: Path, tmp_path: Path
) -> None:
    """One recording in two parts, in which no second is missing."""
    who = join(stack, clips)
    call = record(stack)
    stack.streams(call)
    time.sleep(3)
    [first] = carriers(stack, call)
    with another(stack, "services.rtmp_egress", tmp_path / "worker.log"):
        assert first in rostrum(stack, "workers")
        said = rostrum(stack, "workers", "drain", first)
        assert f"{first} takes no new work; it still does 1." in said
        states = []
        while first in names(stack):
            states.append(recorded(stack, call)["state"])
        assert set(states) == {"recording"}
        assert len(recorded(stack, call)["parts"]) == 2
        time.sleep(2)
        stack.hang_up(call)
        one = finished(stack, call)
        stack.leave(who)

    before, after = one["parts"]
    assert one["code"] == ""
    assert [part["cut"] for part in (before, after)] == [False, False]
    assert after["at"] <= before["at"] + before["seconds"] + 0.001, "no picture is left out"
    for part in one["parts"]:
        film = colours(fetched(stack, part, tmp_path))
        assert len(film.seen) == round(part["seconds"] * 30)
    [ended] = [e for e in stack.events("call_ended.v1") if e["participant"] == call]
    assert ended["code"] == "disconnected"


def test_an_automatic_participant_records_for_as_long_as_the_conference_lasts(
    stack: System, ann: Path, clips: Path
) -> None:
    [configured] = stack.http.get(f"{ADMIN}/configuration/v1/conference/").json()["objects"]
    recorder = {
        "alias": "record://always",
        "presentation_url": "record://",
        "protocol": "rtmp",
        "routing": "manual",
        "streaming": True,
        "remote_display_name": "Recorder",
        "conference": [configured["resource_uri"]],
    }
    path = f"{ADMIN}/configuration/v1/automatic_participant/"
    made = stack.http.post(path, json=recorder)
    assert made.status_code == 201, made.text
    who = join(stack, clips)

    def call() -> str:
        calls = [p for p in stack.conference()["participants"] if p["is_recording"]]
        return str(calls[0]["participant"]) if calls else ""

    ident = until(call)
    stack.streams(ident)
    until(lambda: recorded(stack, f"{ident}.presentation").get("started_at"))
    stack.leave(who)
    until(lambda: not stack.conference()["running"])
    stack.http.delete(made.headers["Location"]).raise_for_status()
    halves = [finished(stack, one) for one in (ident, f"{ident}.presentation")]
    assert halves[0]["name"] == "always"
    assert halves[1]["name"].endswith("-slides")


def rostrum(stack: System, *words: str) -> str:
    url = str(stack.http.base_url)
    done = cli.rostrum("--url", url, *words, env={**os.environ, "COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_line_records_shows_fetches_and_deletes(
    stack: System, ann: Path, clips: Path, tmp_path: Path
) -> None:
    who = join(stack, clips)
    call = rostrum(stack, "record", "town-hall", "--name", "by-hand").strip()
    stack.streams(call)
    time.sleep(1)
    rostrum(stack, "hangup", "town-hall", call)
    one = finished(stack, call)
    stack.leave(who)
    assert "by-hand" in rostrum(stack, "recordings")
    shown = rostrum(stack, "recordings", "show", "by-hand")
    assert "by-hand-001.mp4" in shown
    assert "Ann" in shown
    assert rostrum(stack, "recordings", "fetch", "by-hand", "--to", str(tmp_path)).strip()
    file = tmp_path / "by-hand-001.mp4"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == one["parts"][0]["sha256"]
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    rostrum(stack, "recordings", "delete", call[:8])
    until(lambda: "by-hand" not in rostrum(stack, "recordings"))


def test_what_is_deleted_is_gone(stack: System) -> None:
    def all_of_them() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = stack.http.get(RECORDINGS).json()["recordings"]
        return found

    assert all_of_them()
    for one in all_of_them():
        stack.http.delete(f"{RECORDINGS}{one['recording']}/").raise_for_status()
    until(lambda: not all_of_them())
    assert list((stack.data / "recordings").iterdir()) == []
