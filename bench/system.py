"""The whole system, as `rostrum up` runs it: eight join, one call streams, all CPU is counted."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bench.common import Process, processes, tree
from bench.inputs import FPS, Case
from bench.sink import Sink, sink
from bench.stack import Conference, conference, running

WARM_UP = 8
"""Seconds of stream before the measured ones: the speaker is found, the rate has settled."""

START = 60
"""Seconds until the warm-up must have arrived at the sink."""

ENOUGH = 0.99
"""Part of the pictures that must arrive: the window's edges cut a picture or two off."""


MEDIA = ("mixer.conference", "rtmp_egress.session")
"""The processes that handle pictures and sound."""

OTHERS = "nats-server and services"


class Cost(msgspec.Struct, frozen=True):
    cpu: float
    "CPU seconds per second of stream that arrived, of every process of the stack."
    parts: dict[str, float]
    "The same for the mixer's and the egress session's process, and for all others together."
    fps: float
    "Pictures per second that arrived at the server."

    @property
    def complete(self) -> bool:
        return self.fps >= FPS * ENOUGH


class NotMeasured(Exception):
    """The system did not do the job that the others are measured at."""


def measure(
    cases: Sequence[Case], clips: list[Path], quality: str, seconds: int
) -> Iterator[tuple[Case, Cost]]:
    """One stack, one conference after the other."""
    with running(quality) as stack:
        for case in cases:
            with sink() as target, conference(stack, case, clips, target.url) as meeting:
                yield case, _observe(stack.pid, target, meeting, seconds)


def _observe(root: int, target: Sink, meeting: Conference, seconds: int) -> Cost:
    """CPU of all below `root` while so many seconds of stream arrive."""
    if not target.wait(WARM_UP * FPS, START):
        came = f"{target.pictures} pictures arrived in {START} s"
        raise NotMeasured(f"only {came}; the call: {meeting.trouble()}")
    began, first, before = time.monotonic(), target.pictures, tree(root, processes())
    time.sleep(seconds)
    ended, last, after = time.monotonic(), target.pictures, tree(root, processes())
    if not meeting.speaks():
        raise NotMeasured("somebody else than the one who talks has the large picture")
    return cost(before, after, last - first, ended - began)


def cost(
    before: Sequence[Process], after: Sequence[Process], pictures: int, elapsed: float
) -> Cost:
    """What was used between two looks at the tree, in which `pictures` arrived."""
    stream = max(pictures, 1) / FPS
    used = sum(each.cpu for each in after) - sum(each.cpu for each in before)
    earlier = {each.pid: each.cpu for each in before}
    parts: dict[str, float] = {}
    for each in after:
        if each.pid in earlier:
            name = program(each.pid)
            name = name if name in MEDIA else OTHERS
            parts[name] = parts.get(name, 0.0) + (each.cpu - earlier[each.pid]) / stream
    return Cost(used / stream, parts, pictures / elapsed)


def program(pid: int) -> str:
    """A process by what it runs: the module of a Python, else the program."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "ended"
    if "-m" in words:
        return words[words.index("-m") + 1].removeprefix("services.")
    return Path(words[0]).name
