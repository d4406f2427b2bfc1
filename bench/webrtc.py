"""What people who take part by browser cost a mixer: `make bench-webrtc`. How: docs/benchmarks.md.

Each round measures callers that send and look on, the same clips read from files, and those who
look on only; and beside them x264 by itself and decoding by itself.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.logging
import msgspec

from bench.alone import cost as encode_cost
from bench.common import ROOT, closing_line, machine, middle, spread, table
from bench.inputs import FPS, Case, films
from bench.reference import canvases
from bench.taking import CONFERENCE, Mixer, mixer
from proto.media import FeedSpec
from proto.views import ConferenceView, ParticipantView

CALLERS = 8
"""That send and look on."""

VIEWERS = 8
"""That come to one who looks on already."""

LINES = (360, 720)
"""Of what they send."""

SPEC = FeedSpec(CONFERENCE)


def decoding(clip: Path, seconds: int) -> float:
    """CPU seconds per second of libavcodec, one thread, with nothing done to the pictures."""
    before, pictures = time.process_time(), 0
    while pictures < seconds * FPS:
        with av.open(str(clip)) as source:
            source.streams.video[0].thread_count = 1
            pictures += sum(1 for _ in source.decode(video=0))
    return (time.process_time() - before) * FPS / pictures


@contextmanager
def callers(one: Mixer, count: int, clip: Path | None, first: int = 0) -> Iterator[None]:
    """So many in a process of their own, connected."""
    command = [sys.executable, "-m", "bench.callers", str(count), str(clip or "-")]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for n in range(count):
            offer = msgspec.json.decode(process.stdout.readline(), type=str)
            answer = one.call(f"p{first + n}", first + n, offer)
            process.stdin.write(msgspec.json.encode(answer) + b"\n")
            process.stdin.flush()
        one.connected(count)
        yield
    finally:
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def people(count: int) -> ConferenceView:
    there = [
        ParticipantView(f"p{n}", f"Participant {n + 1}", "guest", protocol="webrtc")
        for n in range(count)
    ]
    return ConferenceView(CONFERENCE, 1, name="Bench", running=True, participants=there)


def by_calls(clip: Path, seconds: int) -> float:
    """The mixer's process with callers who send, and see and hear each other."""
    with mixer() as one:
        one.show(people(CALLERS))
        with callers(one, CALLERS, clip):
            return one.measure(SPEC, 1, seconds).cpu


def by_files(clips: list[Path], seconds: int) -> float:
    """The same people read from files; nobody of them looks on."""
    with mixer() as one:
        one.seat(clips, CALLERS, "1:7")
        return one.measure(SPEC, 1, seconds).cpu


def by_viewers(viewers: int, clips: list[Path], seconds: int) -> float:
    """The same, and some who look on and say nothing."""
    with mixer() as one:
        one.seat(clips, CALLERS, "1:7", [f"p{CALLERS + n}" for n in range(viewers)])
        with callers(one, viewers, None, CALLERS):
            return one.measure(SPEC, 1, seconds).cpu


Runs = dict[str, list[float]]


def one_round(runs: Runs, directory: Path, seconds: int) -> None:
    found = films(directory)
    for lines in LINES:
        clips = found.of(lines)
        decode = CALLERS * decoding(clips[0], seconds)
        _add(runs, f"decode {CALLERS} alone, {lines}p", decode)
        _add(runs, f"{CALLERS} files, {lines}p", by_files([clips[0]], seconds))
        _add(runs, f"{CALLERS} callers, {lines}p", by_calls(clips[0], seconds))
    clips = found.of(360)
    case = Case("720p", 1280, 720, 1700, "")
    pictures = canvases(clips, case, 2 * FPS)
    _add(runs, "x264 alone", encode_cost(pictures, case, 6.0, paced=False))
    for viewers in (1, 1 + VIEWERS):
        _add(runs, f"{CALLERS} files and {viewers} looking on", by_viewers(viewers, clips, seconds))


def _add(runs: Runs, what: str, cpu: float) -> None:
    runs.setdefault(what, []).append(cpu)
    print(f"{what}: {cpu:.4f}", file=sys.stderr)


def ratios(runs: Runs) -> dict[str, float]:
    def per_round(above: list[float], below: list[float]) -> float:
        return middle([a / b for a, b in zip(above, below, strict=True)])

    found = {
        f"callers_over_files: {lines}p": per_round(
            runs[f"{CALLERS} callers, {lines}p"], runs[f"{CALLERS} files, {lines}p"]
        )
        for lines in LINES
    }
    one = runs[f"{CALLERS} files and 1 looking on"]
    many = runs[f"{CALLERS} files and {1 + VIEWERS} looking on"]
    more = [b - a for a, b in zip(one, many, strict=True)]
    found["eight_viewers_over_encode"] = per_round(more, runs["x264 alone"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.webrtc", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6, help="of feed in each measurement")
    parser.add_argument("--clips", type=Path, default=ROOT / "var" / "clips")
    options = parser.parse_args()
    av.logging.set_level(None)
    runs: Runs = {}
    loads = []
    for run in range(options.runs):
        loads.append(f"{os.getloadavg()[0]:.1f}")
        print(f"run {run + 1} of {options.runs}, load {loads[-1]}", file=sys.stderr)
        one_round(runs, options.clips, options.seconds)
    print(f"CPU seconds per second; {machine()}; load {', '.join(loads)}")
    cells = [[what, f"{middle(v):.4f}", spread(v)] for what, v in runs.items()]
    print(table(["what", "median", "range"], cells))
    figures = {what: round(middle(values), 4) for what, values in runs.items()}
    print(closing_line("webrtc", ratios(runs), figures))


if __name__ == "__main__":
    main()
