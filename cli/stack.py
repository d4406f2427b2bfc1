"""A stack of our own in child processes, for demonstrations and replays: gone when we are."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.failure import Failure
from cli.place import stack

START_PATIENCE = 30.0
"""Seconds from a cold start to an answering gateway; two on an idle machine."""

STOP_PATIENCE = 12.0
"""Seconds for everything to stop; the supervisor itself gives up on the slow ones before."""

LOOK = 0.1
"""Seconds between looks at a stack that is starting."""


def up(data: Path, port: int, *, quiet: bool, metrics_port: int = 0) -> None:
    """Become the supervisor of a stack with its data in `data`; does not return."""
    sys.stdout.flush()
    arguments = ["--data", str(data), "--port", str(port), *(["--quiet"] if quiet else [])]
    arguments += ["--metrics-port", str(metrics_port)]
    os.execv(sys.executable, [sys.executable, "-m", "services.standalone", *arguments])


@contextmanager
def running(
    data: Path, *options: str, env: dict[str, str] | None = None, isolated: bool = False
) -> Iterator[dict[str, Any]]:
    """A stack for as long as the body takes; yields what it says of itself.

    An isolated one knows no setting of ours: no object store, no collector, no key.
    """
    data.mkdir(parents=True, exist_ok=True)
    complaint = data / "start.log"
    with complaint.open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                *("-m", "services.standalone", "--data", str(data)),
                *("--quiet", "--until-stdin-closes"),
                *options,
            ],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**_around(isolated), **(env or {})},
            start_new_session=True,
        )
    assert process.stdin is not None
    try:
        yield _wait(process, data, complaint)
    finally:
        # The end of its stdin is what tells it to stop, also when we are killed.
        process.stdin.close()
        try:
            process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _around(isolated: bool) -> dict[str, str]:
    """The environment, or as much of it as says where programs are."""
    ours = ("ROSTRUM_", "OTEL_", "AWS_")
    return {k: v for k, v in os.environ.items() if not (isolated and k.startswith(ours))}


def _wait(process: "subprocess.Popen[bytes]", data: Path, complaint: Path) -> dict[str, Any]:
    end = time.monotonic() + START_PATIENCE
    while time.monotonic() < end:
        known = stack(data)
        if known is not None and known["pid"] == process.pid:
            return known
        if process.poll() is not None:
            raise Failure(_complaint(complaint), 2)
        time.sleep(LOOK)
    raise Failure(f"the stack did not start in {START_PATIENCE:g} s; see {data / 'logs'}", 2)


def _complaint(log: Path) -> str:
    for line in reversed(log.read_text(errors="replace").splitlines()):
        if line.startswith("rostrum: "):
            return line.removeprefix("rostrum: ")
    return f"the stack did not start; see {log}"


def fresh(data: Path) -> None:
    """Forget what an earlier run left in `data`, unless one is running there."""
    lock = data / "run" / "lock"
    if lock.exists():
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Failure(f"one is already running with its data in {data}", 2) from None
    if data.exists():
        shutil.rmtree(data)
