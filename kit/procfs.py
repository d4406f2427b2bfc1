"""What Linux says of processes and of how much CPU we may use."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float | None:
    """Of the process and its children that have ended; None if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name may hold anything, but not what comes after its bracket.
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def cores(cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """That we may use: by our affinity, and by the quota of our cgroup (version 2 or 1)."""
    some = float(len(os.sched_getaffinity(0)))
    for quota, period in (_quota_v2(cgroup), _quota_v1(cgroup)):
        if quota > 0 and period > 0:
            some = min(some, quota / period)
    return some


def _quota_v2(cgroup: Path) -> tuple[float, float]:
    quota, _, period = _read(cgroup / "cpu.max").partition(" ")
    return (float(quota), float(period)) if quota.isdecimal() else (0.0, 0.0)


def _quota_v1(cgroup: Path) -> tuple[float, float]:
    quota = _read(cgroup / "cpu" / "cpu.cfs_quota_us")
    return (
        (float(quota), float(_read(cgroup / "cpu" / "cpu.cfs_period_us") or 0))
        if quota.isdecimal()
        else (0.0, 0.0)
    )


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
