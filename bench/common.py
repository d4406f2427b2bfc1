"""What every benchmark needs: CPU of a process and all below it, tables, and the closing line."""

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds of one unit of `/proc/<pid>/stat`; a process's figure is rounded to it."""

ROOT = Path(__file__).parent.parent


class Process(msgspec.Struct, frozen=True):
    """One line of the process table."""

    pid: int
    parent: int
    cpu: float
    "CPU seconds, user and system, of all its threads and of the children it has buried."


def parse_stat(text: str) -> Process:
    """Read `/proc/<pid>/stat`; the name in it may hold spaces and brackets."""
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    own_and_buried = sum(int(fields[n]) for n in (11, 12, 13, 14))
    return Process(int(head.split("(", 1)[0]), int(fields[1]), own_and_buried * TICK)


def processes() -> list[Process]:
    """Everything that runs now; what ends while we look is left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            found.append(parse_stat(path.read_text()))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def tree(root: int, table: Sequence[Process]) -> list[Process]:
    """`root` and all its descendants."""
    below: dict[int, list[Process]] = {}
    for process in table:
        below.setdefault(process.parent, []).append(process)
    found = [process for process in table if process.pid == root]
    for process in found:  # grows while it is walked
        found += below.get(process.pid, [])
    return found


def cpu_of_tree(root: int) -> float:
    """CPU seconds so far of `root` and all its descendants, the ended ones included."""
    return sum(process.cpu for process in tree(root, processes()))


def middle(values: Sequence[float]) -> float:
    return float(median(values))


def spread(values: Sequence[float]) -> str:
    """The range of the runs, for the table."""
    return f"{min(values):.3f}-{max(values):.3f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under one another: the first to the left, figures to the right."""
    widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
    lines = []
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def machine() -> str:
    """The processor, how many of it, and the Python."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    name = names[0] if names else platform.machine()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def commit() -> str:
    """The commit measured, `-dirty` when files differ from it; empty outside a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def closing_line(bench: str, ratios: dict[str, float], figures: dict[str, Any]) -> str:
    """The last line of every benchmark, for machines."""
    body = {
        "bench": bench,
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
        "figures": figures,
        "machine": machine(),
        "commit": commit(),
    }
    return msgspec.json.encode(body).decode()
