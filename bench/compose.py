"""What composing costs: `make bench-compose`. How: docs/benchmarks.md.

Each round measures every picture of `bench.scenes`: the system decodes and composes it in a process
of its own, ffmpeg does the same, and x264 encodes what came out; then the next round.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import av
import av.logging
import msgspec
import numpy as np

from bench.common import ROOT, closing_line, machine, middle, spread, table
from bench.floor import encode_all
from bench.inputs import FPS, Case, Films, films
from bench.peer import cpu_of
from bench.reference import Canvas
from bench.scenes import SHOTS, SLIDE, SLIDE_FPS, Shot, graph
from proto.media import Rendition
from services.mixer.core.scene import SourceId
from services.mixer.media.cards import Cards
from services.mixer.media.compositor import Compositor
from services.mixer.media.opening import open_media
from services.mixer.media.picture import Picture
from services.mixer.media.reader import READ_AHEAD, WAKE_AHEAD

RING = 2
"""Canvases drawn in turns: a taker keeps the one it shows, so that is what the link does, too."""

BURST = round((READ_AHEAD - WAKE_AHEAD) * FPS)
"""Pictures that the mixer's reader decodes before it rests."""

WARM_UP = 1
"""Seconds of pictures that come first and count for nobody: a conference loads its theme once."""

VERYFAST = {"preset": "veryfast", "x264-params": "scenecut=0"}
"""The preset as x264 has it, B-frames and all, which is what the goal was set against; the system's
own `quality` leaves B-frames out and costs two thirds."""

ENCODED = 90
"""Pictures that are kept for x264; at 1080p that is 280 MB."""


class Cost(msgspec.Struct, frozen=True):
    """CPU seconds per second of the output."""

    decode: float
    compose: float
    encode: float | None = None
    "x264 veryfast of the same pictures; only where composition is compared with it."

    @property
    def both(self) -> float:
        return self.decode + self.compose


def compose(shot: Shot, clips: Films, seconds: int) -> Cost:
    """In this process; one thread does all of it."""
    inputs = [
        _at_rate(path, FPS // SLIDE_FPS if camera == SLIDE else 1)
        for path, (camera, _) in zip(shot.inputs(clips), shot.tiles, strict=True)
    ]
    sources = [SourceId(str(camera)) for camera, _ in shot.tiles]
    compositor, scene, kept = Compositor(Cards()), shot.scene(), []
    ring = [np.empty((shot.height * 3 // 2, shot.width), np.uint8) for _ in range(RING)]

    def next_picture(n: int) -> tuple[float, float]:
        """CPU seconds of decoding and of composing it."""
        began = time.thread_time()
        now = dict(zip(sources, map(next, inputs), strict=True))
        decoded = time.thread_time()
        compositor.draw(n % RING, ring[n % RING], scene, now)
        return decoded - began, time.thread_time() - decoded

    first, last = WARM_UP * FPS, (WARM_UP + seconds) * FPS
    for n in range(first):
        next_picture(n)
    costs = [next_picture(n) for n in range(first, last)]
    # Afterwards: to keep a picture is to fetch new memory for it, which empties the cache.
    for n in range(last, last + ENCODED if shot.kbps else last):
        next_picture(n)
        kept.append(ring[n % RING].copy())
    decode, drawing = (sum(each) / seconds for each in zip(*costs, strict=True))
    return Cost(decode, drawing, _encode(shot, kept) if kept else None)


def _at_rate(path: Path, times: int) -> Iterator[Picture]:
    """The pictures of a clip for ever, each so many times in a row; opened as the mixer does, and
    decoded some at a time as by its reader."""
    while True:
        with open_media(str(path)) as source:
            decoded = source.container.decode(video=0)
            while burst := [Picture.of(frame) for frame in islice(decoded, BURST)]:
                for picture in burst:
                    for _ in range(times):
                        yield picture


def _encode(shot: Shot, pictures: list[Canvas]) -> float:
    case = Case(shot.name, shot.width, shot.height, shot.kbps, "")
    common = {"maxrate": f"{shot.kbps}k", "bufsize": f"{2 * shot.kbps}k", "g": str(2 * FPS)}
    cpu, _ = encode_all(pictures, case, Rendition(shot.kbps), common | VERYFAST)
    return cpu * FPS / len(pictures)


def measure(shot: Shot, directory: Path, seconds: int) -> Cost:
    """In a process of its own."""
    command = [sys.executable, "-m", "bench.compose", "--clips", str(directory)]
    command += ["--seconds", str(seconds), "--only", shot.name]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Cost)


def peer(program: str, shot: Shot, clips: Films, seconds: int) -> float:
    """CPU seconds per second of ffmpeg, without its start and its first pictures."""
    long, short = (
        cpu_of([program, *arguments(shot, clips, length)])
        for length in (WARM_UP + seconds, WARM_UP)
    )
    return (long - short) / seconds


def arguments(shot: Shot, clips: Films, seconds: int) -> list[str]:
    """One thread for each decoder and for the filters, as for the system; nothing is encoded."""
    found = ["-v", "error", "-nostdin", "-y", "-filter_complex_threads", "1"]
    for path in shot.inputs(clips):
        found += ["-threads", "1", "-an", "-t", str(seconds), "-i", str(path)]
    found += ["-filter_complex", graph(shot), "-map", "[v]"]
    return [*found, "-frames:v", str(seconds * FPS), "-f", "null", "-"]


class Results(msgspec.Struct, frozen=True):
    """By the picture's name, by what was measured, run by run."""

    runs: dict[str, dict[str, list[float]]] = {}

    def add(self, shot: Shot, what: str, cpu: float | None) -> None:
        if cpu is not None:
            self.runs.setdefault(shot.name, {}).setdefault(what, []).append(cpu)

    def ratio(self, shot: Shot, what: str, over: str) -> float | None:
        """The median of what was compared within one round."""
        found = self.runs.get(shot.name, {})
        pairs = list(zip(found.get(what, []), found.get(over, []), strict=False))
        return middle([above / below for above, below in pairs]) if pairs else None


OVER_PEER = ("decode + compose", "ffmpeg")
OVER_X264 = ("compose", "x264 veryfast")


def one_round(results: Results, clips: Films, directory: Path, seconds: int) -> None:
    program = shutil.which("ffmpeg")
    for shot in SHOTS:
        cost = measure(shot, directory, seconds)
        results.add(shot, "decode", cost.decode)
        results.add(shot, "compose", cost.compose)
        results.add(shot, "decode + compose", cost.both)
        results.add(shot, "x264 veryfast", cost.encode)
        if program is not None:
            results.add(shot, "ffmpeg", peer(program, shot, clips, seconds))


def rows(results: Results) -> list[list[str]]:
    found = []
    for shot in SHOTS:
        for what, values in results.runs.get(shot.name, {}).items():
            told = ["", ""]
            for pair, limit in ((OVER_PEER, shot.goal), (OVER_X264, shot.share)):
                ratio = results.ratio(shot, *pair)
                if what == pair[0] and ratio is not None and limit:
                    told = [f"{ratio:.3f} of {pair[1]}", f"{limit:.2f}"]
            cells = [f"{middle(values):.4f}", f"{min(values):.4f}", spread(values)]
            found.append([f"{shot.name}: {what}", *cells, *told])
    return found


def ratios(results: Results) -> dict[str, float]:
    """The worst of each kind, and each picture's own."""
    found: dict[str, float] = {}
    for name, pair in (
        ("decode_compose_over_ffmpeg", OVER_PEER),
        ("compose_over_x264", OVER_X264),
    ):
        each = {shot.name: results.ratio(shot, *pair) for shot in SHOTS}
        known = {shot: ratio for shot, ratio in each.items() if ratio is not None}
        if known:
            found[name] = max(known.values())
            found |= {f"{name}: {shot}": ratio for shot, ratio in known.items()}
    return found


def figures(results: Results) -> dict[str, Any]:
    return {
        name: {what: round(middle(values), 4) for what, values in found.items()}
        for name, found in results.runs.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.compose", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8, help="of pictures in each measurement")
    parser.add_argument("--clips", type=Path, default=ROOT / "var" / "clips")
    parser.add_argument("--only", help="one picture, by the system alone, as JSON")
    options = parser.parse_args()
    av.logging.set_level(None)
    clips = films(options.clips)
    if options.only:
        shot = next(shot for shot in SHOTS if shot.name == options.only)
        print(msgspec.json.encode(compose(shot, clips, options.seconds)).decode())
        return
    results = Results()
    loads = []
    for run in range(options.runs):
        loads.append(f"{os.getloadavg()[0]:.1f}")
        print(f"run {run + 1} of {options.runs}, load {loads[-1]}", file=sys.stderr)
        one_round(results, clips, options.clips, options.seconds)
    print(f"CPU seconds per second of pictures; {machine()}; load {', '.join(loads)}")
    print(table(["what", "median", "least", "range", "ratio", "goal"], rows(results)))
    if shutil.which("ffmpeg") is None:
        print("note: no ffmpeg on this machine: no peer")
    print(closing_line("compose", ratios(results), figures(results)))


if __name__ == "__main__":
    main()
