"""What the mixer costs, by how many take part and how many take its feed: `make bench-mixer`.

How: docs/benchmarks.md. Each round measures every number of participants in both layouts, and
ffmpeg with the same clips in the same rectangles; then twelve takers of one feed next to one.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bench.common import ROOT, closing_line, machine, middle, spread, table
from bench.inputs import FPS, inputs
from bench.peer import cpu_of
from bench.plot import Point, plot
from bench.scenes import HD, Shot, graph
from bench.taking import CONFERENCE, Cost, mixer
from proto.media import FeedSpec
from services.mixer.core.layouts import places

PARTICIPANTS = (1, 4, 8, 16, 25, 34)

LAYOUTS = {"1:33": "everybody seen", "1:7": "eight seen"}
"""In the first everyone has a place, however many; the second is the usual one."""

TAKERS = 12

SPEC = FeedSpec(CONFERENCE)

ATTEMPTS = 2
"""How often a figure is taken if the mixer does not keep up: others may be using the machine."""

PICTURE = ROOT / "docs" / "pictures" / "mixer-cost.svg"

Runs = dict[tuple[str, int], list[float]]
"""By what was measured and for how many."""


class Results(msgspec.Struct, frozen=True):
    runs: Runs
    notes: list[str]

    def add(self, what: str, count: int, cpu: float) -> None:
        self.runs.setdefault((what, count), []).append(cpu)

    def ratio(self, above: tuple[str, int], below: tuple[str, int]) -> float | None:
        """The median of what was compared within one round."""
        pairs = list(zip(self.runs.get(above, []), self.runs.get(below, []), strict=False))
        return middle([one / other for one, other in pairs]) if pairs else None

    def line(self, what: str) -> list[Point]:
        return [
            Point(count, middle(values), min(values), max(values))
            for (name, count), values in sorted(self.runs.items())
            if name == what
        ]


def measured(clips: list[Path], participants: int, layout: str, takers: int, seconds: int) -> Cost:
    cost = Cost(0.0, 0.0)
    for _ in range(ATTEMPTS):
        with mixer() as one:
            one.seat(clips, participants, layout)
            cost = one.measure(SPEC, takers, seconds)
        if cost.complete:
            break
    return cost


def peer(program: str, clips: list[Path], participants: int, layout: str, seconds: int) -> float:
    """CPU seconds per second of ffmpeg for the same picture and the same sound, without its start.

    Who is not seen is read for the sound alone.
    """
    startup = cpu_of([program, "-hide_banner", "-version"])
    return (cpu_of([program, *arguments(clips, participants, layout, seconds)]) - startup) / seconds


def arguments(clips: list[Path], participants: int, layout: str, seconds: int) -> list[str]:
    seen = places(layout, participants, *HD).people
    shot = Shot(layout, 360, *HD, tuple(enumerate(seen)), 0.0)
    found = ["-v", "error", "-nostdin", "-y", "-filter_complex_threads", "1"]
    for n in range(participants):
        hidden = ["-vn"] if n >= len(seen) else []
        clip = str(clips[n % len(clips)])
        found += ["-threads", "1", *hidden, "-t", str(seconds), "-i", clip]
    voices = "".join(f"[{n}:a]" for n in range(participants))
    sound = f"{voices}amix=inputs={participants}:normalize=0[a]"
    found += ["-filter_complex", f"{graph(shot)};{sound}", "-map", "[v]", "-map", "[a]"]
    return [*found, "-t", str(seconds), "-f", "null", "-"]


def by_participants(results: Results, clips: list[Path], seconds: int) -> None:
    program = shutil.which("ffmpeg")
    for layout in LAYOUTS:
        for participants in PARTICIPANTS:
            _ours(results, layout, participants, measured(clips, participants, layout, 1, seconds))
            if program is not None:
                cpu = peer(program, clips, participants, layout, seconds)
                results.add(f"ffmpeg {layout}", participants, cpu)


def by_takers(results: Results, clips: list[Path], seconds: int) -> None:
    for takers in (1, TAKERS):
        _ours(results, "takers", takers, measured(clips, 8, "1:7", takers, seconds))


def _ours(results: Results, what: str, count: int, cost: Cost) -> None:
    if not cost.complete:
        told = f"{what}, {count}: only {cost.pictures:.1f} pictures/s came, {cost.cpu:.3f}"
        results.notes.append(told)
        print(f"note: thrown away: {told}", file=sys.stderr)
        return
    results.add(what, count, cost.cpu)


PARTS = {"participants": by_participants, "takers": by_takers}
"""What can be measured; the sound by itself is another benchmark."""


def ratios(results: Results) -> dict[str, float]:
    found: dict[str, float] = {}
    for layout in LAYOUTS:
        each = [results.ratio((layout, n), (f"ffmpeg {layout}", n)) for n in PARTICIPANTS]
        if known := [one for one in each if one is not None]:
            found[f"mixer_over_ffmpeg: {layout}"] = max(known)
    more = results.ratio(("takers", TAKERS), ("takers", 1))
    return found if more is None else {**found, "twelve_takers_over_one": more}


def rows(results: Results) -> Iterator[list[str]]:
    for (what, count), values in sorted(results.runs.items()):
        ratio = results.ratio((what, count), (f"ffmpeg {what}", count))
        told = f"{ratio:.2f}" if ratio is not None else ""
        cells = [str(count), f"{middle(values):.4f}", spread(values), str(len(values)), told]
        yield [what, *cells]


def drawn(results: Results, note: str) -> str | None:
    """The plot, where there is enough to draw."""
    names = {layout: f"{layout}, {seen}" for layout, seen in LAYOUTS.items()}
    names["ffmpeg 1:33"] = "ffmpeg, as 1:33"
    names["ffmpeg 1:7"] = "ffmpeg, as 1:7"
    series = {name: line for what, name in names.items() if len(line := results.line(what)) > 1}
    if not series:
        return None
    return plot(
        "What a mixer costs by how many take part",
        f"participants, each 640x360 at {FPS} pictures/s with sound",
        "cores kept busy",
        note,
        series,
    )


def figures(results: Results) -> dict[str, Any]:
    return {
        f"{what}, {count}": round(middle(values), 4)
        for (what, count), values in sorted(results.runs.items())
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.mixer", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6, help="of feed in each measurement")
    parser.add_argument("--clips", type=Path, default=ROOT / "var" / "clips")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--plot", type=Path, default=PICTURE, help="where the drawing goes")
    options = parser.parse_args()
    clips = inputs(options.clips)
    results, loads = Results({}, []), []
    for run in range(options.runs):
        loads.append(f"{os.getloadavg()[0]:.1f}")
        print(f"run {run + 1} of {options.runs}, load {loads[-1]}", file=sys.stderr)
        for part in options.parts:
            PARTS[part](results, clips, options.seconds)
    print(f"CPU seconds per second of a 1280x720 feed; {machine()}; load {', '.join(loads)}")
    head = ["what", "how many", "median", "range", "runs", "of ffmpeg"]
    print(table(head, list(rows(results))))
    for note in results.notes:
        print(f"note: thrown away: {note}")
    note = (
        f"1280x720 at {FPS} pictures/s, no encoder; {machine()}; medians, bars from least to most"
    )
    if picture := drawn(results, note):
        options.plot.write_text(picture)
        print(f"drawn: {options.plot}")
    print(closing_line("mixer", ratios(results), figures(results)))


if __name__ == "__main__":
    main()
