"""The stack for a measurement: started, given conferences over its API, and stopped."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from bench.common import ROOT
from bench.inputs import MAIN, Case

START = 60
"""Seconds for all services to come up, on a machine that does other things too."""

STOP = 20
"""Seconds for all of them to end before they are killed."""

PATIENCE = 30
"""Seconds for an answer of the API; joining opens a file in a process of its own."""


class DidNotStart(Exception):
    """The stack did not come up; what it said is in its logs."""


class Stack(msgspec.Struct, frozen=True):
    """The supervisor's process and where its API is."""

    pid: int
    api: httpx.Client


class Conference(msgspec.Struct, frozen=True):
    """A conference in which all participants are, and which streams."""

    api: httpx.Client
    alias: str
    speaker: str
    "Who should be the active speaker."

    def speaks(self) -> bool:
        """Whether the right one has the large picture."""
        stage = self._now()["stage"]
        return bool(stage) and stage[0] == self.speaker

    def trouble(self) -> str:
        """How far the call is, for when nothing arrives."""
        calls = [each for each in self._now()["participants"] if each["is_streaming"]]
        return ", ".join(f"{each['state']} {each['detail']}".strip() for each in calls)

    def _now(self) -> dict[str, Any]:
        found: dict[str, Any] = _done(self.api.get(f"/api/rostrum/v1/conferences/{self.alias}"))
        return found


@contextmanager
def running(quality: str) -> Iterator[Stack]:
    """The services as `rostrum up` runs them, in a data directory that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="bench-") as data:
        command = [sys.executable, "-m", "services.standalone", "--data", data]
        options = ["--port", "0", "--quiet", "--until-stdin-closes"]
        env = {**os.environ, "ROSTRUM_ENCODER_QUALITY": quality, "ROSTRUM_ENCODER": "libx264"}
        process = subprocess.Popen([*command, *options], cwd=ROOT, env=env, stdin=subprocess.PIPE)
        try:
            url = _url(Path(data), process)
            with httpx.Client(base_url=url, timeout=PATIENCE, follow_redirects=True) as api:
                yield Stack(process.pid, api)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _url(data: Path, process: subprocess.Popen[bytes]) -> str:
    known = data / "run" / "stack.json"
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        if known.exists():
            return str(json.loads(known.read_text())["url"])
        time.sleep(0.1)
    raise DidNotStart(f"the stack did not come up in {START} s")


@contextmanager
def conference(stack: Stack, case: Case, clips: list[Path], target: str) -> Iterator[Conference]:
    """All participants join, and one call streams to `target`."""
    alias = f"bench-{case.name}"
    wanted = {
        "name": alias,
        "aliases": [{"alias": alias}],
        "max_pixels_per_second": case.limit,
    }
    made = stack.api.post("/api/admin/configuration/v1/conference/", json=wanted)
    made.raise_for_status()
    people = [_join(stack.api, alias, n, clip) for n, clip in enumerate(clips)]
    call = {
        "conference_alias": alias,
        "destination": target,
        "protocol": "rtmp",
        "routing": "manual",
        "streaming": True,
    }
    _done(stack.api.post("/api/admin/command/v1/participant/dial/", json=call))
    try:
        yield Conference(stack.api, alias, people[MAIN])
    finally:
        stack.api.delete(made.headers["Location"])


def _join(api: httpx.Client, alias: str, n: int, clip: Path) -> str:
    wanted = {"display_name": f"Participant {n + 1}", "role": "host", "media": str(clip)}
    url = f"/api/rostrum/v1/conferences/{alias}/participants"
    return str(_done(api.post(url, json=wanted))["participant"])


def _done(answer: httpx.Response) -> Any:
    answer.raise_for_status()
    return answer.json()
