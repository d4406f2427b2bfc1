"""Counting where it happens, for whoever adds it up: without locks, clocks or OpenTelemetry."""

from bisect import bisect_left
from collections.abc import Hashable, Sequence

import msgspec


class Distribution(msgspec.Struct, frozen=True):
    """How often a measured value was in which bucket, since the process began."""

    counts: list[int] = []
    "One for each bound, and one for what is beyond the last."
    total: float = 0.0
    "All values together."


class Tally:
    """Puts values into buckets: a tenth of a microsecond each. For one thread; others may look."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def look(self) -> Distribution:
        return Distribution(self._counts.copy(), self._total)


class Growth:
    """What a process that counts from its own beginning has counted since it was last heard."""

    def __init__(self) -> None:
        self._last: dict[Hashable, float] = {}
        self._spread: dict[Hashable, Distribution] = {}

    def begin(self) -> None:
        """A new process: it counts from nothing."""
        self._last.clear()
        self._spread.clear()

    def of(self, what: Hashable, now: float) -> float:
        """How much a count has grown."""
        grown = now - self._last.get(what, 0.0)
        self._last[what] = now
        return max(0.0, grown)

    def spread(self, what: Hashable, now: Distribution) -> Distribution:
        """By how much a distribution has grown."""
        before = self._spread.get(what)
        self._spread[what] = now
        if before is None:
            return now
        pairs = zip(now.counts, before.counts, strict=True)
        return Distribution([new - old for new, old in pairs], now.total - before.total)

    def forget(self, what: Hashable) -> None:
        self._last.pop(what, None)
        self._spread.pop(what, None)
