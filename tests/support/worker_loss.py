"""What losing an egress worker does to a stream: `python -m tests.support.worker_loss`, by hand.

A stack, and always a second worker beside it. Five times the worker that has the stream is killed,
and five times it is drained, with a server that takes a second publisher and with nginx, which does
not. Prints for how long no picture came to the server.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import IO

from tests.support.certs import make_certificates
from tests.support.clips import clip
from tests.support.faulty_rtmp import VIDEO
from tests.support.nginx import nginx
from tests.support.system import System, system, until
from tests.support.workers import another, carriers, names

TIMES = 5

STEADY = 3.0
"""Seconds of stream before and after."""

EGRESS = "services.rtmp_egress"


class Listener:
    """A server that takes any number of publishers, and when a picture came to it."""

    def __init__(self, output: IO[str]) -> None:
        self.port = int(output.readline())
        self.at: list[float] = []
        threading.Thread(target=self._listen, args=(output,), daemon=True).start()

    def _listen(self, output: IO[str]) -> None:
        for line in output:
            if line.startswith(VIDEO):
                self.at.append(time.monotonic())

    def longest(self, since: float) -> float:
        """Seconds without a picture."""
        return max(b - a for a, b in pairwise(self.at) if b > since)


@contextmanager
def listener() -> Iterator[Listener]:
    argv = [sys.executable, "-m", "tests.support.faulty_rtmp", "--fault", "ok"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Listener(process.stdout)
        finally:
            process.kill()


def kill(stack: System, worker: str, own: subprocess.Popen[bytes], first: str) -> None:
    """As a crash would have it; its sessions' processes go with it."""
    [pid] = stack.processes(EGRESS) if worker == first else [own.pid]
    os.kill(pid, signal.SIGKILL)


def drain(stack: System, worker: str, *_: object) -> None:
    stack.post(f"/api/rostrum/v1/workers/{worker}/drain/", {}, expect=202)


def lose(
    stack: System, url: str, log: Path, how: Callable[..., None], gap: Callable[[str, float], float]
) -> float:
    """Once; returns what `gap` says of a call since it was lost."""
    until(lambda: [name for name in names(stack) if name.startswith("egress")])
    [first] = [name for name in names(stack) if name.startswith("egress")]
    with another(stack, EGRESS, log) as own:
        call = stack.dial(url)
        stack.streams(call)
        time.sleep(STEADY)
        [worker] = carriers(stack, call)
        since = time.monotonic()
        how(stack, worker, own, first)
        until(lambda: len(carriers(stack, call)) == 2)
        time.sleep(STEADY)
        found = gap(call, since)
        stack.hang_up(call)
        until(lambda: stack.participant(call) is None)
    until(lambda: len([name for name in names(stack) if name.startswith("egress")]) == 1)
    return found


def reconnect(stack: System, call: str) -> float:
    """Seconds between the end of the first publication and the next, by the log."""
    told = [event for event in stack.log() if event.get("participant") == call]
    gone = [e["at"] for e in told if e["type"] == "destination_released.v1"]
    back = [
        e["at"]
        for e in told
        if e["type"] == "destination_changed.v1" and e["state"] == "publishing"
    ]
    return seconds(back[-1]) - seconds(gone[0])


def seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def main() -> None:
    with tempfile.TemporaryDirectory() as place, listener() as server:
        root = Path(place)
        films = clip(root / "red.mp4", colour=(200, 30, 30), seconds=2, size=(640, 360))
        with nginx(root / "nginx", make_certificates(root)) as one, system(root / "data") as stack:
            stack.join("Red", films, role="host")
            taken = f"rtmp://localhost:{server.port}/live/key"

            def waited(_: str, since: float) -> float:
                return server.longest(since)

            for what, url, how, gap in (
                ("killed", taken, kill, waited),
                ("drained", taken, drain, waited),
                ("drained, nginx", "", drain, lambda call, _: reconnect(stack, call)),
            ):
                found = sorted(
                    lose(stack, url or one.url(f"key{n}"), root / "log", how, gap)
                    for n in range(TIMES)
                )
                print(f"{what:15} median {median(found):.2f} s", [f"{x:.2f}" for x in found])


if __name__ == "__main__":
    main()
