"""Records a real run as a golden log: `python -m tests.replay.record SCENARIO FILE.jsonl.gz`.

Run by its path with another commit's tree in PYTHONPATH, it records that version's run:

    git archive COMMIT | tar x -C TREE
    PYTHONPATH=TREE python tests/replay/record.py lecture FILE.jsonl.gz

so nothing is used here that has not been in the tree from the first version on.
"""

import gzip
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cli.ingest import Ingest, start_ingest
from tests.support.clips import clip
from tests.support.system import System, system, until

ADMIN = "/api/admin"
CONFERENCES = "/api/rostrum/v1/conferences"
COMMANDS = f"{ADMIN}/command/v1/conference"

A_MOMENT = 0.7
"""Seconds between things that are to be told apart in the pictures."""


class Run:
    """One stack, one server to stream to, and people with a colour each."""

    def __init__(self, stack: System, server: Ingest, place: Path) -> None:
        self.stack = stack
        self.server = server
        self.place = place
        self.clips = place / "clips"
        self.clips.mkdir()
        self.slides = clip(self.clips / "slides.mp4", colour=(230, 200, 20), audio=False, seconds=2)
        self._people = 0

    def join(self, name: str, role: str = "guest", **more: Any) -> str:
        self._people += 1
        tone = 250.0 + 90 * self._people
        media = clip(self.clips / f"{name.lower()}.mp4", tone=tone, level=0.05, seconds=2)
        who = self.stack.join(name, media, role=role, **more)
        time.sleep(A_MOMENT)
        return who

    def tell(self, what: str, **body: Any) -> None:
        self.stack.post(f"{COMMANDS}/{what}/", {"conference_id": _instance(self.stack), **body})
        time.sleep(A_MOMENT)

    def transform(self, **transforms: Any) -> None:
        """The first versions had one transform, which stood by itself."""
        body = {"conference_id": _instance(self.stack), "transforms": transforms}
        path = f"{COMMANDS}/transform_layout/"
        if self.stack.http.post(path, json=body).status_code == 400:
            self.tell("transform_layout", streaming_indicator=transforms["streaming_indicator"])
        time.sleep(A_MOMENT)

    def present(self, who: str, on: bool) -> None:
        self.stack.present(who, on)
        time.sleep(2 * A_MOMENT)

    def over(self, alias: str = "town-hall") -> None:
        stopped = '"mix_stopped.v1"'
        path = f"{CONFERENCES}/{alias}/log.jsonl"
        until(lambda: not self.stack.http.get(f"{CONFERENCES}/{alias}/").json()["running"])
        until(lambda: stopped in self.stack.http.get(path).text)
        time.sleep(A_MOMENT)

    def settings(self, **settings: Any) -> None:
        path = f"{ADMIN}/configuration/v1/global/1/"
        self.stack.http.patch(path, json=settings).raise_for_status()


def meeting(run: Run) -> None:
    """People come, speak, present; one stream works, another has nobody who listens."""
    ada = run.join("Ada", "host")
    grace = run.join("Grace", presentation=str(run.slides))
    stream = run.stack.dial(run.server.url("MEETING"))
    run.stack.streams(stream)
    alan = run.join("Alan", presentation=str(run.slides))
    run.present(grace, True)
    run.present(alan, True)
    run.present(alan, False)
    run.stack.hang_up(stream)
    for who in (alan, grace, ada):
        run.stack.leave(who)
        time.sleep(A_MOMENT)
    run.over()


def lecture(run: Run) -> None:
    """A Virtual Auditorium: waiting, a lock, muting, a presentation, and a Host who goes."""
    run.settings(guests_only_timeout=3)
    bob = run.join("Bob")
    ann = run.join("Ann", "host", presentation=str(run.slides))
    run.tell("lock")
    cat = run.join("Cat")
    stream = run.stack.dial(run.server.url("LECTURE"))
    run.stack.streams(stream)
    run.present(ann, True)
    run.tell("mute_guests")
    run.tell("unlock")
    run.tell("unmute_guests")
    run.transform(layout="4:0", streaming_indicator=False)
    run.present(ann, False)
    path = f"{ADMIN}/command/v1/participant/role/"
    run.stack.post(path, {"participant_id": cat, "role": "chair"})
    time.sleep(A_MOMENT)
    run.stack.leave(cat)
    run.stack.leave(ann)
    del bob  # Is shown out three seconds after the last Host.
    run.over()


LECTURE = {
    "service_type": "lecture",
    "allow_guests": True,
    "pin": "1234",
    "guests_can_present": False,
}


def dual(run: Run) -> None:
    """Both legs of a dual stream lose their server and get it back."""
    host = run.join("Ann", "host", presentation=str(run.slides))
    run.join("Bob")
    stream = run.stack.dial(
        run.server.url("MAIN"),
        presentation_url=run.server.url("SLIDES"),
        remote_display_name="Tube",
    )
    run.stack.streams(stream)
    until(lambda: _leg(run.stack, "connected"))
    run.present(host, True)
    time.sleep(2.5)  # Longer than what counts as a refusal in disguise.
    port = run.server.port
    run.server.kill()
    until(lambda: _state(run.stack, stream) in ("recovering", "gone"))
    run.server = start_ingest(run.place / "second", port)
    if _state(run.stack, stream) != "gone":  # The first versions gave it up.
        run.stack.streams(stream)
        until(lambda: _leg(run.stack, "connected"))
        run.stack.hang_up(stream)
    run.present(host, False)
    time.sleep(A_MOMENT)
    run.tell("disconnect")
    run.over()


def _state(stack: System, call: str) -> str:
    return str((stack.participant(call) or {"state": "gone"})["state"])


def _leg(stack: System, state: str) -> bool:
    changes = stack.events("call_leg_changed.v1")
    return bool(changes) and changes[-1]["state"] == state


def _instance(stack: System) -> str:
    found = stack.http.get(f"{ADMIN}/status/v1/conference/").json()["objects"]
    return str(found[0]["id"])


def gateway(run: Run) -> str:
    """Somebody in a meeting of another system calls a streaming service through us."""
    rule = {
        "name": "To the tube",
        "priority": 5,
        "match_string": "tube-(.*)",
        "replace_string": f"rtmp://127.0.0.1:{run.server.port}/live/\\1",
        "outgoing_protocol": "rtmp",
        "match_incoming_calls": True,
    }
    run.stack.post(f"{ADMIN}/configuration/v1/gateway_routing_rule/", rule, expect=201)
    media = clip(run.clips / "meeting.mp4", tone=520.0, level=0.05, seconds=2)
    body = {
        "alias": "tube-GATEWAY",
        "display_name": "Quarterly review",
        "media": str(media),
        "presentation": str(run.slides),
        "platform": "google_meet",
    }
    made = run.stack.post("/api/rostrum/v1/calls/", body, expect=201)
    key = str(made["conference"])
    path = f"{CONFERENCES}/{key}"

    def connected() -> bool:
        people = run.stack.http.get(f"{path}/").json()["participants"]
        return any(p["is_streaming"] and p["state"] == "connected" for p in people)

    until(connected)
    time.sleep(A_MOMENT)
    who = f"{path}/participants/{made['participant']}"
    run.stack.http.put(f"{who}/presenting/").raise_for_status()
    time.sleep(A_MOMENT)
    outside = {"kind": "recording", "platform": "google_meet"}
    run.stack.post(f"{path}/outside/", outside, expect=204)
    time.sleep(A_MOMENT)
    run.stack.http.delete(f"{who}/").raise_for_status()
    run.over(key)
    return key


def recording(run: Run) -> None:
    """What is said is kept here, in one file, beside a stream."""
    ann = run.join("Ann", "host", presentation=str(run.slides))
    kept = run.stack.dial("record://minutes", routing="manual")
    run.stack.streams(kept)
    stream = run.stack.dial(run.server.url("BESIDE"))
    run.stack.streams(stream)
    run.present(ann, True)
    run.present(ann, False)
    run.stack.hang_up(kept)
    time.sleep(A_MOMENT)
    run.stack.leave(ann)
    run.over()


def transfer(run: Run) -> None:
    """One of two is moved to another conference, to which a stream comes as well."""
    lounge = {"name": "Lounge", "aliases": [{"alias": "lounge"}]}
    run.stack.post(f"{ADMIN}/configuration/v1/conference/", lounge, expect=201)
    ann = run.join("Ann", "host", presentation=str(run.slides))
    bob = run.join("Bob", "host")
    body = {"participant_id": ann, "conference_alias": "lounge", "role": "chair"}
    run.stack.post(f"{ADMIN}/command/v1/participant/transfer/", body)
    people = f"{CONFERENCES}/lounge/"
    [moved] = until(lambda: run.stack.http.get(people).json()["participants"])
    until(lambda: run.stack.participant(ann) is None)
    stream = run.stack.dial(run.server.url("LOUNGE"), conference_alias="lounge")
    until(lambda: '"call_connected.v1"' in run.stack.http.get(f"{people}log.jsonl").text)
    time.sleep(A_MOMENT)
    run.stack.hang_up(stream)
    run.stack.http.delete(f"{people}participants/{moved['participant']}/").raise_for_status()
    run.stack.leave(bob)
    run.over()
    run.over("lounge")


SCENARIOS: dict[str, tuple[Callable[[Run], Any], dict[str, Any]]] = {
    "meeting": (meeting, {}),
    "lecture": (lecture, LECTURE),
    "dual": (dual, {}),
    "gateway": (gateway, {}),
    "recording": (recording, {}),
    "transfer": (transfer, {}),
}


def main(scenario: str, file: Path) -> None:
    play, conference = SCENARIOS[scenario]
    with tempfile.TemporaryDirectory(prefix="rostrum-record-") as directory, ExitStack() as cleanup:
        place = Path(directory)
        stack = cleanup.enter_context(system(place / "data", **conference))
        run = Run(stack, start_ingest(place / "first"), place)
        cleanup.callback(lambda: run.server.stop())
        alias = play(run) or "town-hall"
        everything = stack.http.get("/api/rostrum/v1/log.jsonl", params={"from": "-1h"})
        text = everything.text
        if everything.status_code == 404:
            text = stack.http.get(f"{CONFERENCES}/{alias}/log.jsonl").text
    with gzip.GzipFile(file, "wb", mtime=0) as packed:
        packed.write(text.replace(directory, "").encode())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
