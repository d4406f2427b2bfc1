"""Replaces the services of an older commit one by one, under a stream, and goes back again.

`python -m tests.support.rolling COMMIT` makes a worktree of COMMIT, starts all its services on a
bus of this version (users first, as docs/operations.md says), streams, and puts a service of this
tree beside each old one before that is told to stop; then the other way round. What the server
recorded is decoded, and told as JSON: files, pictures, the longest step between two, and the
silence between files (wall time that is in none).
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
from pathlib import Path
from typing import Any

import httpx

from cli.ingest import Ingest
from cli.stack import running
from tests.support.certs import make_certificates
from tests.support.clips import clip
from tests.support.nats import free_port
from tests.support.nginx import nginx
from tests.support.system import System, until
from tests.support.watch import watch

NEW = Path(__file__).parents[2]
ORDER = ("conference_state", "routing", "scheduler", "gateway", "rtmp_egress", "mixer")
"""Who reads first, then who writes: a new event meets a reader that knows it."""

STEADY = 4.0
"""Seconds of stream between two changes."""


class Cluster:
    def __init__(self, bus: dict[str, Any], data: Path, server: Ingest) -> None:
        self._url = Path(bus["nats_url_file"]).read_text().rpartition("@")[2]
        self._data = data
        self.server = server
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
        old.wait(20)
        time.sleep(STEADY)

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(20)


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
        bus = stack.enter_context(running(data, "--services", ""))
        time.sleep(2)
        cluster = Cluster(bus, data, server)
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
    call = system.dial(cluster.server.url("rolling"))
    system.streams(call)
    time.sleep(STEADY)
    since = time.monotonic()
    changes = {}
    for tree, which in ((NEW, "new"), (old, "old")):
        for service in ORDER:
            before = time.monotonic()
            cluster.replace(service, tree)
            if service == "gateway":
                system = _system(cluster, which)
            system.streams(call)
            changes[f"{service} to {which}"] = round(time.monotonic() - before, 1)
    wall = time.monotonic() - since + STEADY
    system.hang_up(call)
    time.sleep(2)
    files = [watch(str(path), look=lambda _: None) for path in cluster.server.recorded("rolling")]
    steps = [b - a for one in files for a, b in zip(one.times, one.times[1:], strict=False)]
    seconds = sum(float(one.times[-1] - one.times[0]) for one in files)
    return {
        "files": len(files),
        "pictures": [len(one.seen) for one in files],
        "longest step": round(max(steps), 3),
        "seconds of stream": round(seconds, 1),
        "seconds of silence": round(wall - seconds, 1),
        "changes": changes,
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
