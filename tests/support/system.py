"""The whole system on this machine, as `rostrum up` runs it, and its API as a user has it."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx

from cli.stack import running
from tests.support import lookout
from tests.support.canary import WATCH, Watch
from tests.support.services import ROOMY

T = TypeVar("T")

ADMIN = "/api/admin"
OURS = "/api/rostrum/v1/conferences/town-hall"

PATIENCE = 30.0
"""Seconds that anything may take on a machine that is busy with other tests; nothing waits on."""


class System:
    """One stack with the conference `Town Hall`, alias `town-hall`."""

    def __init__(
        self, http: httpx.Client, data: Path, supervisor: int, watch: Watch | None = None
    ) -> None:
        self.http = http
        self.watch = watch or Watch()
        "Looks at everything that the stack says, and complains when it ends."
        self.data = data
        self._supervisor = supervisor

    def configure(self, **conference: Any) -> None:
        body = {"name": "Town Hall", "aliases": [{"alias": "town-hall"}], **conference}
        self.post(f"{ADMIN}/configuration/v1/conference/", body, expect=201)
        rule = {
            "name": "Streaming",
            "priority": 10,
            "match_string": "rtmps?://(.*)",
            "match_string_full": True,
            "match_incoming_calls": False,
            "match_outgoing_calls": True,
            "outgoing_protocol": "rtmp",
        }
        self.post(f"{ADMIN}/configuration/v1/gateway_routing_rule/", rule, expect=201)

    def post(self, path: str, body: dict[str, Any], *, expect: int = 200) -> Any:
        response = self.http.post(path, json=body)
        assert response.status_code == expect, response.text
        return response.json() if response.content else None

    def join(self, name: str, media: Path | str, **more: Any) -> str:
        body = {"display_name": name, "media": str(media), **more}
        return str(self.post(f"{OURS}/participants/", body, expect=201)["participant"])

    def present(self, participant: str, on: bool) -> None:
        path = f"{OURS}/participants/{participant}/presenting/"
        (self.http.put if on else self.http.delete)(path).raise_for_status()

    def leave(self, participant: str) -> None:
        self.http.delete(f"{OURS}/participants/{participant}/").raise_for_status()

    def dial(self, url: str, **more: Any) -> str:
        body = {
            "conference_alias": "town-hall",
            "destination": url,
            "protocol": "rtmp",
            "routing": "routing_rule",
            "streaming": True,
            **more,
        }
        reply = self.post(f"{ADMIN}/command/v1/participant/dial/", body)
        return str(reply["data"]["participant_id"])

    def hang_up(self, participant: str) -> None:
        body = {"participant_id": participant}
        self.post(f"{ADMIN}/command/v1/participant/disconnect/", body)

    def conference(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"{OURS}/").json()
        return found

    def participant(self, ident: str) -> dict[str, Any] | None:
        found = self.conference()["participants"]
        return next((p for p in found if p["participant"] == ident), None)

    def streams(self, ident: str) -> None:
        """Wait until a call is connected."""

        def connected() -> bool:
            found = self.participant(ident)
            assert found is not None, self.log()[-3:]
            return bool(found["state"] == "connected")

        until(connected)

    def processes(self, name: str) -> list[int]:
        """Pids of this stack's processes that have `name` among their arguments."""
        parents = dict(_processes())
        found = []
        for pid in parents:
            above: int | None = pid
            while above in parents and above != self._supervisor:
                above = parents[above]
            if above == self._supervisor:
                with suppress(OSError):
                    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                    if any(word.endswith(name.encode()) for word in words):
                        found.append(pid)
        return found

    def kill(self, name: str) -> None:
        """As a crash would have it."""
        pids = self.processes(name)
        assert pids, f"no {name} runs"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def refused(self) -> list[str]:
        """What services tried on the bus and may not: none should."""
        logs = sorted((self.data / "logs").glob("*.log"))
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
        return [line for line in lines if '"nats refused"' in line]

    def log(self) -> list[dict[str, Any]]:
        """Every event of the conference, oldest first, each with its family."""
        lines = self.http.get(f"{OURS}/log.jsonl").text.splitlines()
        stored = [json.loads(line) for line in lines]
        return [
            {"family": line["family"], **event}
            for line in stored
            if "commit" in line
            for event in line["commit"]
        ]

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.log() if event["type"] == kind]


def _processes() -> Iterator[tuple[int, int]]:
    """Every process and its parent."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                stat = (entry / "stat").read_text()
                yield int(entry.name), int(stat.rpartition(")")[2].split()[1])


@contextmanager
def system(
    data: Path,
    env: dict[str, str] | None = None,
    *options: str,
    token: str = "",
    **conference: Any,
) -> Iterator[System]:
    """A stack of our own, ready to be dialled; whatever it says is looked through for secrets.

    `options` are those of `services.standalone`. With a `token`, only who shows it may use the API.
    """
    watch = Watch(*WATCH.needles)
    shown = {"Authorization": f"Bearer {token}"} if token else {}
    guarded = {"ROSTRUM_ADMIN_TOKEN": token} if token else {}
    hooks: dict[str, list[Callable[..., Any]]] = {"response": [lookout.answers(watch)]}
    with (
        lookout.over(data, watch) as watched,
        running(
            data, "--port", "0", *options, env={**ROOMY, **watched, **guarded, **(env or {})}
        ) as stack,
        httpx.Client(base_url=stack["url"], headers=shown, timeout=20, event_hooks=hooks) as http,
    ):
        watch.needles += lookout.own_secrets(data)
        lookout.write_down(data)
        os.kill(stack["pids"]["nats-server"], signal.SIGHUP)
        one = System(http, data, int(stack["pid"]), watch)
        until(lambda: http.get("/health/ready").status_code == 200)
        until(lambda: len(http.get("/api/rostrum/v1/workers/").json()["workers"]) >= 2)
        one.configure(**conference)
        yield one
        assert not (refused := one.refused()), refused


def until(true: Callable[[], T], patience: float = PATIENCE) -> T:
    """Ask again and again, until the answer is yes; for what has no event to wait for."""
    end = time.monotonic() + patience
    while not (answer := true()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
    return answer
