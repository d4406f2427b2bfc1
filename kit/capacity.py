"""How much of this machine the processes of a worker use, read once a second."""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kit.cost import Budget, Meter, Piece, Room, learn, read

PERIOD = 1.0
"""Seconds between looks."""

TARGET = 0.7
"""Share of the cores that work may use: what is left is for the dearest second, and for others."""


class Job(NamedTuple):
    """Something that runs in a process of its own."""

    size: float
    pid: int | None
    "None while it is being started."
    less: bool = False
    "It does less than it should, for want of CPU: what it costs now is not what it would."


class Capacity:
    def __init__(
        self,
        budget: Budget,
        *,
        clock: Callable[[], float],
        cpu_seconds: Callable[[int], float | None],
    ) -> None:
        self.budget = budget
        self._clock = clock
        self._cpu_seconds = cpu_seconds
        self._meters: dict[str, Meter] = {}
        self._looked = clock()

    async def keep(self, jobs: Callable[[], Mapping[str, Job]]) -> None:
        """Look now and then."""
        while True:
            self.look(jobs())
            await asyncio.sleep(PERIOD)

    def look(self, jobs: Mapping[str, Job]) -> None:
        now = self._clock()
        meters = {}
        for key, job in jobs.items():
            spent = None if job.pid is None else self._cpu_seconds(job.pid)
            if spent is not None:
                meters[key] = read(self._meters.get(key) or Meter(now, now), spent, now)
        self._meters = meters
        self.budget = learn(self.budget, self.work(jobs), now - self._looked)
        self._looked = now

    def work(self, jobs: Mapping[str, Job]) -> list[Piece]:
        return [
            Piece(job.size, meter.cores if meter and not job.less else None)
            for key, job in jobs.items()
            for meter in [self._meters.get(key)]
        ]

    def free(self, jobs: Mapping[str, Job], size: float | None = None) -> int:
        return self.budget.free(self.work(jobs), size)

    def room(self, jobs: Mapping[str, Job]) -> Room:
        return self.budget.room(self.work(jobs))

    def used(self, jobs: Mapping[str, Job]) -> float:
        return self.budget.used(self.work(jobs))

    def shortage(self, jobs: Mapping[str, Job], size: float | None = None) -> str:
        """Why there is no room for one more; empty: there is."""
        budget = self.budget
        if len(jobs) >= budget.most:
            return f"all {budget.most} places are taken"
        if self.free(jobs, size):
            return ""
        needs = budget.cost(budget.usual if size is None else size)
        left = max(0.0, budget.left(self.work(jobs)))
        return f"has {left:.2f} of {budget.cores:.2f} cores left, and this takes {needs:.2f}"
