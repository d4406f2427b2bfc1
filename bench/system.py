"""The whole system, as `rostrum up` runs it: eight join, one call streams, all CPU is counted."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bench.common import Process, processes, tree
from bench.inputs import FPS, MAIN, Case
from bench.recording import moving
from bench.reference import rectangles
from bench.sink import Sink, sink
from bench.stack import Conference, conference, running

WARM_UP = 8
"""Seconds of stream before the measured ones: the speaker is found, the rate has settled."""

START = 60
"""Seconds until the warm-up must have arrived at the sink."""

ENOUGH = 0.99
"""Part of the pictures that must arrive and move: the window's edges cut a picture or two off."""

MEDIA = ("mixer.conference", "rtmp_egress.session")
"""The processes that handle pictures and sound."""

OTHERS = "nats-server and services"


class Cost(msgspec.Struct, frozen=True):
    cpu: float
    "CPU seconds per second of stream, of every process of the stack."
    parts: dict[str, float]
    "The same for the mixer's and the egress session's process, and for all others together."
    fps: float
    "Pictures per second that arrived at the server and were not the one before once more."

    @property
    def complete(self) -> bool:
        return self.fps >= FPS * ENOUGH


class Window(msgspec.Struct, frozen=True):
    """What was seen from outside while a stream was measured."""

    before: list[Process]
    after: list[Process]
    names: dict[int, str]
    "Program by process."
    first: int
    last: int
    "How many pictures had arrived when it began and ended."
    elapsed: float


class NotMeasured(Exception):
    """The system did not do the job that the others are measured at."""


def measure(
    cases: Sequence[Case], clips: list[Path], quality: str, seconds: int
) -> Iterator[tuple[Case, Cost]]:
    """One stack, one conference after the other."""
    with running(quality) as stack:
        for case in cases:
            with sink() as target:
                with conference(stack, case, clips, target.url) as meeting:
                    window = _observe(stack.pid, target, meeting, seconds)
                main = rectangles(case, len(clips))[MAIN]
                pictures = moving(target.recording, main)[window.first : window.last]
                yield case, cost(window, sum(pictures))


def cost(window: Window, pictures: int) -> Cost:
    """What was used for so many pictures; one that was sent twice counts once."""
    stream = max(pictures, 1) / FPS
    used = sum(each.cpu for each in window.after) - sum(each.cpu for each in window.before)
    earlier = {each.pid: each.cpu for each in window.before}
    parts: dict[str, float] = {}
    for each in window.after:
        if each.pid in earlier:
            name = window.names.get(each.pid, OTHERS)
            name = name if name in MEDIA else OTHERS
            parts[name] = parts.get(name, 0.0) + (each.cpu - earlier[each.pid]) / stream
    return Cost(used / stream, parts, pictures / window.elapsed)


def _observe(root: int, target: Sink, meeting: Conference, seconds: int) -> Window:
    """All below `root` while so many seconds of stream arrive."""
    if not target.wait(WARM_UP * FPS, START):
        came = f"{target.pictures} pictures arrived in {START} s"
        raise NotMeasured(f"only {came}; the call: {meeting.trouble()}")
    began, first, before = time.monotonic(), target.pictures, tree(root, processes())
    time.sleep(seconds)
    ended, last, after = time.monotonic(), target.pictures, tree(root, processes())
    if not meeting.speaks():
        raise NotMeasured("somebody else than the one who talks has the large picture")
    names = {each.pid: program(each.pid) for each in after}
    return Window(before, after, names, first, last, ended - began)


def program(pid: int) -> str:
    """A process by what it runs: the module of a Python, else the program."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "ended"
    if "-m" in words:
        return words[words.index("-m") + 1].removeprefix("services.")
    return Path(words[0]).name
