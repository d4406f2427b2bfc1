"""What work costs on this machine, learnt from what it does cost, and what there is room for.

Pure. Cost is in cores: CPU seconds per second. Work has a size, in a unit of the service's own, and
costs so many cores per unit; at first as benchmarks found it.
"""

from collections.abc import Collection
from math import exp
from typing import NamedTuple

import msgspec

YOUNG = 8.0
"""Seconds in which starting is most of what a process does; it counts as what its like cost."""

SMOOTH = 10.0
"""Seconds over which the cost of one process is smoothed: pictures are dearer and cheaper."""

LEARN = 30.0
"""The same for the cost of a unit, by which what comes next is judged."""

STRANGE = 4.0
"""Times by which the cost of a unit may be learnt to differ from the benchmarks': what is more is
taken for a disturbance."""

ROUNDING = 1e-9

EASE = 1.25
"""Times the cost of a usual piece of work that must be free after there was room for none: what is
measured goes up and down, and answers should not."""


class Meter(msgspec.Struct, frozen=True):
    """The CPU time of one process, read again and again."""

    born: float
    at: float
    spent: float = 0.0
    "CPU seconds at `at`."
    cores: float | None = None
    "Smoothed; None while it is young."


def read(meter: Meter, spent: float, now: float) -> Meter:
    """`spent`: CPU seconds by now; less than before is another process, and begins anew."""
    if spent < meter.spent:
        return Meter(now, now, spent)
    passed = now - meter.at
    if passed <= 0:
        return meter
    if now - meter.born < YOUNG:
        return Meter(meter.born, now, spent)
    cores = (spent - meter.spent) / passed
    if meter.cores is not None:
        cores = meter.cores + (cores - meter.cores) * (1 - exp(-passed / SMOOTH))
    return Meter(meter.born, now, spent, cores)


class Piece(msgspec.Struct, frozen=True):
    """Of work that is being done."""

    size: float
    cores: float | None = None
    "Measured, or None while it is young."


class Room(NamedTuple):
    """All counted in usual pieces of work, as offers are."""

    total: float
    "That fit in at once."
    taken: float
    "`total` when there is room for none."
    free: int
    "That it would take now."


def limited(room: Room, most: int, taken: int) -> Room:
    """When there are no more than `most` of something that each piece takes one of."""
    total, free = min(room.total, most), min(room.free, max(0, most - taken))
    share = max(room.taken / room.total if room.total else 1.0, taken / most if most else 1.0)
    return Room(total, total * min(1.0, share) if free else total, free)


class Budget(msgspec.Struct, frozen=True):
    cores: float
    "That all work together may cost."
    prior: float
    "Cores per unit as benchmarks found it."
    usual: float
    "Size of a usual piece of work."
    most: int
    "Pieces at a time, whatever they cost."
    rate: float = 0.0
    "Cores per unit as learnt here; 0: nothing yet."
    tight: bool = False
    "There was no room for a usual piece at the last look, and there has not been ease since."

    def cost(self, size: float) -> float:
        return (self.rate or self.prior) * size

    def used(self, work: Collection[Piece]) -> float:
        """Cores that this work costs, or will in a moment."""
        return sum(self.cost(one.size) if one.cores is None else one.cores for one in work)

    def left(self, work: Collection[Piece]) -> float:
        """Cores that are free, less what is kept back when they are few."""
        kept = (EASE - 1) * self.cost(self.usual) if self.tight else 0.0
        return self.cores - self.used(work) - kept

    def free(self, work: Collection[Piece], size: float | None = None) -> int:
        """How many more pieces of that size there is room for, or of the usual one.

        One is always taken: a machine that is too weak for it does it less well.
        """
        cost = self.cost(self.usual if size is None else size)
        room = max(0, int(self.left(work) / cost + ROUNDING))
        return min(room if work else max(1, room), max(0, self.most - len(work)))

    def room(self, work: Collection[Piece]) -> Room:
        """By whichever is scarcer, cores or places."""
        total = min(self.cores / self.cost(self.usual), self.most)
        total = max(total, min(1, self.most))
        cores = (self.cores - self.left(work)) / self.cores if work else 0.0
        share = min(1.0, max(cores, len(work) / self.most)) if self.most else 1.0
        free = self.free(work)
        return Room(total, total * share if free else total, free)


def learn(budget: Budget, work: Collection[Piece], passed: float) -> Budget:
    """After a look `passed` seconds after the last one."""
    rate = budget.rate or budget.prior
    known = [(one.size, one.cores) for one in work if one.cores is not None]
    if size := sum(size for size, _ in known):
        seen = sum(cores for _, cores in known) / size
        seen = min(max(seen, budget.prior / STRANGE), budget.prior * STRANGE)
        rate += (seen - rate) * (1 - exp(-passed / LEARN))
    now = msgspec.structs.replace(budget, rate=rate)
    return msgspec.structs.replace(now, tight=now.left(work) < now.cost(now.usual))
