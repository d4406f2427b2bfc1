"""Replaces the services of an older commit one by one, under a stream, and goes back again.

`python -m tests.support.rolling COMMIT` makes a worktree of COMMIT, starts all its services on a
bus of this version (users first, as docs/operations.md says), streams and records, and puts a
service of this tree beside each old one before that is told to stop; then the other way round. A
media worker whose version hands on what it has is given the time to do so.

Told as JSON: for each change the seconds that no picture came to a server that takes a second
publisher; what nginx, which takes none, got and for how long it got nothing between its files;
what is missing, or twice, between the parts of the recording.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from cli.ingest import Ingest
from cli.stack import running
from tests.support.certs import make_certificates
from tests.support.clips import clip
from tests.support.nats import free_port
from tests.support.nginx import nginx
from tests.support.system import OURS, System, until
from tests.support.watch import watch
from tests.support.worker_loss import Listener, listener

NEW = Path(__file__).parents[2]
DECIDERS = ("conference_state", "routing", "scheduler", "gateway")
MEDIA = ("rtmp_egress", "mixer")
ORDER = (*DECIDERS, *MEDIA)
"""Who reads first, then who writes: a new event meets a reader that knows it; back again the other
way round."""

DRAIN = 60
"""Seconds for a worker to hand on what it has."""

RECORDINGS = "/api/rostrum/v1/recordings/"

STEADY = 4.0
"""Seconds of stream between two changes."""


class Cluster:
    def __init__(self, bus: dict[str, Any], data: Path, server: Ingest, taker: Listener) -> None:
        self._url = Path(bus["nats_url_file"]).read_text().rpartition("@")[2]
        self._data = data
        self.server = server
        self.taker = taker
        "Another server, which takes any number of publishers."
        self.ports = {tree: free_port() for tree in ("old", "new")}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, service: str, tree: Path) -> "subprocess.Popen[bytes]":
        data, which = self._data, "new" if tree == NEW else "old"
        env = {
            **os.environ,
            "ROSTRUM_NATS_URL": f"nats://{self._url}",
            "ROSTRUM_NATS_USER": service,
            "ROSTRUM_NATS_PASSWORD_FILE": str(data / "passwords" / service),
            "ROSTRUM_SECRET_KEY_FILE": str(data / "secret.key"),
            "ROSTRUM_RUN_DIR": str(data / "run"),
            "ROSTRUM_HTTP_PORT": str(self.ports[which]),
            "ROSTRUM_ALLOW_FILES": "true",
            "ROSTRUM_RECORDINGS_DIR": str(data / "recordings"),
            "ROSTRUM_DRAIN_SECONDS": str(DRAIN if hands_on(tree) else 0),
            "PYTHONPATH": str(tree),
        }
        log = (data / f"{service}-{which}.log").open("ab")
        words = [sys.executable, "-m", f"services.{service}"]
        return subprocess.Popen(words, env=env, cwd=tree, stdout=log, stderr=log)

    def replace(self, service: str, tree: Path) -> None:
        """The new one first, then the old one goes."""
        old, self.running[service] = self.running[service], self.start(service, tree)
        time.sleep(STEADY)
        old.send_signal(signal.SIGTERM)
        old.wait(DRAIN + 20)
        time.sleep(STEADY)

    def stop(self) -> None:
        for _ in range(2):  # the second time: nobody is left to hand on to
            for process in self.running.values():
                process.terminate()
            time.sleep(0.5)
        for process in self.running.values():
            process.wait(20)


def hands_on(tree: Path) -> bool:
    """Whether that version has make-before-break (ADR 29)."""
    return (tree / "services" / "scheduler" / "core" / "hand_over.py").exists()


@contextmanager
def worktree(commit: str, room: Path) -> Iterator[Path]:
    tree = room / "old"
    subprocess.run(["git", "worktree", "add", "-q", "--detach", tree, commit], cwd=NEW, check=True)
    try:
        yield tree
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=NEW, check=True)


def main(commit: str) -> None:
    with ExitStack() as stack:
        room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rolling-")))
        old = stack.enter_context(worktree(commit, room))
        (room / "nginx").mkdir()
        (room / "certs").mkdir()
        server = stack.enter_context(nginx(room / "nginx", make_certificates(room / "certs")))
        data = room / "data"
        (data / "recordings").mkdir(parents=True)
        bus = stack.enter_context(running(data, "--services", ""))
        time.sleep(2)
        cluster = Cluster(bus, data, server, stack.enter_context(listener()))
        stack.callback(cluster.stop)
        for service in ORDER:
            cluster.running[service] = cluster.start(service, old)
        told = _roll(cluster, old, room)
        logs = "".join(log.read_text(errors="replace") for log in data.glob("*.log"))
        told["complaints"] = {
            words: logs.count(words)
            for words in ("nats refused", "cannot be read", "parked", "Traceback")
        }
    sys.stdout.write(json.dumps(told, indent=1) + "\n")


def _roll(cluster: Cluster, old: Path, room: Path) -> dict[str, Any]:
    system = _system(cluster, "old")
    system.configure()
    system.join("Red", clip(room / "red.mp4", colour=(200, 30, 30), seconds=2, size=(640, 360)))
    calls = [
        system.dial(cluster.server.url("rolling")),
        system.dial(f"rtmp://localhost:{cluster.taker.port}/live/rolling"),
        str(system.post(f"{OURS}/recordings/", {}, expect=201)["participant"]),
    ]
    for call in calls:
        system.streams(call)
    time.sleep(STEADY)
    changes = {}
    ways = ((NEW, "new", ORDER), (old, "old", (*MEDIA, *DECIDERS)))
    for tree, which, order in ways:
        for service in order:
            before = time.monotonic()
            cluster.replace(service, tree)
            if service == "gateway":
                system = _system(cluster, which)
            for call in calls:
                system.streams(call)
            changes[f"{service} to {which}"] = {
                "seconds": round(time.monotonic() - before, 1),
                "longest without a picture": round(cluster.taker.longest(before), 3),
            }
    for call in calls:
        system.hang_up(call)
    time.sleep(4)
    return {
        "changes": changes,
        "nginx": _published(cluster.server.recorded("rolling")),
        "recording": _recorded(system.http.get(f"{RECORDINGS}{calls[-1]}/").json()),
    }


def _published(files: list[Path]) -> dict[str, Any]:
    files = [path for path in files if path.stat().st_size]  # who is turned away leaves one
    films = [watch(str(path), look=lambda _: None) for path in files]
    steps = [b - a for one in films for a, b in pairwise(one.times)]
    ends = [path.stat().st_mtime for path in files]
    begins = [end - (one.times[-1] - one.times[0]) for end, one in zip(ends, films, strict=True)]
    return {
        "pictures of each file": [len(one.seen) for one in films],
        "longest step within one": round(max(steps), 3),
        "between two": [round(b - a, 2) for a, b in zip(ends, begins[1:], strict=False)],
    }


def _recorded(told: dict[str, Any]) -> dict[str, Any]:
    parts = told["parts"]
    return {
        "state": told["state"],
        "parts": len(parts),
        "cut": sum(part["cut"] for part in parts),
        "seconds": round(sum(part["seconds"] for part in parts), 1),
        "missing between two, less than 0: twice": [
            round(b["at"] - a["at"] - a["seconds"], 2) for a, b in pairwise(parts)
        ],
    }


def _system(cluster: Cluster, which: str) -> System:
    http = httpx.Client(base_url=f"http://127.0.0.1:{cluster.ports[which]}", timeout=20)

    def ready() -> bool:
        try:
            workers = http.get("/api/rostrum/v1/workers/").json()["workers"]
        except httpx.TransportError:
            return False
        return len(workers) >= 2

    until(ready)
    return System(http, Path(), 0)


if __name__ == "__main__":
    main(sys.argv[1])
