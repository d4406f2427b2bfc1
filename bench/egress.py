"""What streaming costs beside the encoder, and what the encoder's settings are worth:
`make bench-egress`. How: docs/benchmarks.md."""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bench.common import ROOT, closing_line, machine, middle, spread, table
from bench.contents import CONTENTS, canvases
from bench.discard import discarder
from bench.fanout import ALL, feed, measure, session
from bench.inputs import CASES, Case, Films, films, inputs
from bench.settings import REFERENCE, SETTINGS, Seen, encode

NAMES = (*(setting.name for setting in SETTINGS), REFERENCE)


class Whole(msgspec.Struct, frozen=True):
    """One session with one destination, and x264 alone on the same pictures."""

    session: float
    "CPU seconds per second of stream, as all here."
    alone: float
    "As fast as it can."
    paced: float
    "A picture at a time, when it is due."
    megabytes: float
    "Resident at most."
    shared: float
    "Of it the feed's ring, which is the mixer's."


class Results(msgspec.Struct, frozen=True):
    settings: dict[tuple[str, str, str], list[Seen]] = {}
    "By size, content and name."
    wholes: dict[str, list[Whole]] = {}
    "By size."
    notes: list[str] = []

    def cpu(self, size: str, content: str, name: str) -> float:
        return middle([seen.cpu for seen in self.settings[size, content, name]])

    def psnr(self, size: str, content: str, name: str) -> float:
        return middle([seen.psnr for seen in self.settings[size, content, name]])

    def whole(self, size: str, what: str) -> float:
        return middle([getattr(whole, what) for whole in self.wholes[size]])


def settings(results: Results, clips: Films, seconds: int) -> None:
    """All settings of all contents and sizes, once."""
    for case in CASES:
        for content in CONTENTS:
            pictures = canvases(content, case, clips, seconds * 30)
            for name in NAMES:
                key = case.name, content, name
                results.settings.setdefault(key, []).append(encode(name, pictures, case))


async def wholes(results: Results, clips: list[Path], seconds: float) -> None:
    """A session of each size, and x264 alone before and after it."""
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="bench-") as name, discarder() as server:
            socket = Path(name) / "feed.sock"
            alone, paced = _alone(case, clips, seconds)
            with feed(socket, case, clips):
                async with session(case, socket, Path()) as running:
                    sample = await measure(running, server, 1, seconds)
                    most, shared = memory(running.child.pid)
            if sample.received < ALL:
                results.notes.append(f"thrown away: {case.name}: {sample.received:.0%} arrived")
                continue
            whole = Whole(sample.whole, alone, paced, most, shared)
            results.wholes.setdefault(case.name, []).append(whole)


def _alone(case: Case, clips: list[Path], seconds: float) -> tuple[float, float]:
    command = [sys.executable, "-m", "bench.alone", case.name, str(seconds), *map(str, clips)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=tuple[float, float])


def memory(pid: int) -> tuple[float, float]:
    """Megabytes that a process had resident at most, and of what it has the shared ones."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return (
        int(found["VmHWM"].split()[0]) * 1024 / 1e6,
        int(found["RssShmem"].split()[0]) * 1024 / 1e6,
    )


def ratios(results: Results) -> dict[str, float]:
    """A session's within each round, because a busy machine makes both sides dearer."""
    found = {}
    for size, some in results.wholes.items():
        name = "process_over_x264" if size == CASES[-1].name else f"process_over_x264: {size}"
        found[name] = middle([whole.session / whole.alone for whole in some])
        name = name.replace("x264", "x264_paced")
        found[name] = middle([whole.session / whole.paced for whole in some])
    for content in CONTENTS:
        found[f"default_over_veryfast: {content}"] = max(
            results.cpu(case.name, content, "default") / results.cpu(case.name, content, REFERENCE)
            for case in CASES
        )
    return found


def setting_rows(results: Results) -> list[list[str]]:
    found = []
    for (size, content, name), some in results.settings.items():
        cpu, psnr = results.cpu(size, content, name), results.psnr(size, content, name)
        cells = [
            f"{cpu:.3f}",
            f"{cpu / results.cpu(size, content, REFERENCE):.2f}",
            f"{psnr:.2f}",
            f"{psnr - results.psnr(size, content, REFERENCE):+.2f}",
            f"{middle([seen.worst for seen in some]):.1f}",
            f"{middle([seen.kbps for seen in some]):.0f}",
            str(len(some)),
        ]
        found.append([f"{content} {size}, {name}", *cells])
    return found


def whole_rows(results: Results) -> list[list[str]]:
    return [
        [
            size,
            f"{results.whole(size, 'session'):.3f}",
            spread([whole.session for whole in some]),
            f"{results.whole(size, 'alone'):.3f}",
            f"{results.whole(size, 'paced'):.3f}",
            f"{middle([whole.session / whole.alone for whole in some]):.3f}",
            f"{max(whole.megabytes for whole in some):.0f}",
            f"{max(whole.shared for whole in some):.0f}",
            str(len(some)),
        ]
        for size, some in results.wholes.items()
    ]


def figures(results: Results) -> dict[str, Any]:
    return {
        "settings": {
            ", ".join(key): [round(results.cpu(*key), 3), round(results.psnr(*key), 2)]
            for key in results.settings
        },
        "megabytes": {
            size: round(max(whole.megabytes for whole in some))
            for size, some in results.wholes.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.egress", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of content in each encode")
    parser.add_argument("--live", type=float, default=10, help="seconds of each session")
    parser.add_argument("--clips", type=Path, default=ROOT / "var" / "clips")
    options = parser.parse_args()
    clips, people = films(options.clips), inputs(options.clips)
    results = Results()
    for run in range(options.runs):
        print(f"run {run + 1} of {options.runs}", file=sys.stderr)
        settings(results, clips, options.seconds)
        asyncio.run(wholes(results, people, options.live))
    print(f"CPU seconds per second of stream; {machine()}")
    head = ["settings", "CPU", "of veryfast", "Y-PSNR", "less", "worst", "kbit/s", "runs"]
    print(table(head, setting_rows(results)))
    print()
    head = ["whole process", "CPU", "range", "x264", "x264 paced", "ratio", "MB", "shared", "runs"]
    print(table(head, whole_rows(results)))
    for note in results.notes:
        print(f"note: {note}")
    print(closing_line("egress", ratios(results), figures(results)))


if __name__ == "__main__":
    main()
