"""What a whole conference costs: `make bench-pipeline`. How: docs/benchmarks.md.

Each round measures, for both sizes: the floor (decoding the inputs, encoding the output, nothing
else), the peer (an ffmpeg command line for the same job) and the whole system; then the next round.
"""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec

from bench import floor, peer, system
from bench.common import ROOT, closing_line, machine, middle, spread, table
from bench.inputs import CASES, Case, inputs

QUALITIES = ("quality", "default")

ATTEMPTS = 2
"""How often a round tries to see the system in real time: others may be using the machine."""


class Results(msgspec.Struct, frozen=True):
    """CPU seconds per second of stream: per case, per what was measured, run by run."""

    runs: dict[str, dict[str, list[float]]]
    notes: list[str]

    def add(self, case: Case, what: str, cpu: float) -> None:
        self.runs.setdefault(case.name, {}).setdefault(what, []).append(cpu)

    def median(self, case: Case, what: str) -> float | None:
        found = self.runs.get(case.name, {}).get(what)
        return middle(found) if found else None

    def ratio(self, what: str, over: str) -> float | None:
        """Of the worse of the sizes; nothing where one of them was not measured."""
        found = []
        for case in CASES:
            above, below = self.median(case, what), self.median(case, over)
            if above is None or below is None:
                return None
            found.append(above / below)
        return max(found)


def one_round(results: Results, clips: list[Path], seconds: int, whole: bool) -> None:
    for case in CASES:
        found = floor.measure(case, clips, seconds)
        results.add(case, "decode inputs", found.decode)
        results.add(case, "x264 veryfast", found.encode)
        results.add(case, "x264 default", found.encode_default)
        results.add(case, "floor", found.total)
        results.add(case, "floor default", found.total_default)
        other = peer.measure(case, clips, seconds)
        if other is not None:
            results.add(case, "ffmpeg", other.cpu)
            results.add(case, "ffmpeg: start-up", other.startup / seconds)
    for quality in QUALITIES if whole else ():
        _whole(results, clips, quality, seconds)


def _whole(results: Results, clips: list[Path], quality: str, seconds: int) -> None:
    """The system in one rendition; again where it did not keep up, which would flatter it."""
    name = "whole" if quality == "quality" else "whole default"
    left = list(CASES)
    for _ in range(ATTEMPTS):
        for case, cost in list(system.measure(tuple(left), clips, quality, seconds)):
            if not cost.complete:
                told = f"{cost.fps:.1f} pictures/s moved at {cost.cpu:.3f} each second of them"
                _note(results, f"thrown away: {name} {case.name}, {told}")
                results.add(case, f"{name}: thrown away", cost.cpu)
                continue
            left.remove(case)
            results.add(case, name, cost.cpu)
            for part, cpu in cost.parts.items():
                results.add(case, f"{name}: {part}", cpu)
        if not left:
            return


def _note(results: Results, text: str) -> None:
    results.notes.append(text)
    print(f"note: {text}", file=sys.stderr)


def rows(results: Results) -> list[list[str]]:
    found = []
    for case in CASES:
        for what, values in results.runs.get(case.name, {}).items():
            below = results.median(case, "floor default" if "default" in what else "floor")
            share = f"{middle(values) / below:.2f}" if below else ""
            cells = [f"{middle(values):.3f}", spread(values), str(len(values)), share]
            found.append([f"{case.name} {what}", *cells])
    return found


def ratios(results: Results) -> dict[str, float]:
    wanted = {
        "whole_over_floor": ("whole", "floor"),
        "whole_over_ffmpeg": ("whole", "ffmpeg"),
        "default_over_floor": ("whole default", "floor default"),
    }
    found = {name: results.ratio(*pair) for name, pair in wanted.items()}
    return {name: value for name, value in found.items() if value is not None}


def figures(results: Results) -> dict[str, Any]:
    return {
        name: {what: round(middle(values), 4) for what, values in found.items()}
        for name, found in results.runs.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10, help="of stream in each measurement")
    parser.add_argument("--clips", type=Path, default=ROOT / "var" / "clips")
    parser.add_argument("--without-system", action="store_true", help="floor and peer only")
    options = parser.parse_args()
    clips = inputs(options.clips)
    results = Results({}, [])
    if shutil.which("ffmpeg") is None:
        _note(results, "no ffmpeg on this machine: no peer")
    for run in range(options.runs):
        print(f"run {run + 1} of {options.runs}", file=sys.stderr)
        one_round(results, clips, options.seconds, not options.without_system)
    print(f"CPU seconds per second of stream, 8 participants of 640x360; {machine()}")
    print(table(["what", "median", "range", "runs", "of floor"], rows(results)))
    for note in results.notes:
        print(f"note: {note}")
    print(closing_line("pipeline", ratios(results), figures(results)))


if __name__ == "__main__":
    main()
