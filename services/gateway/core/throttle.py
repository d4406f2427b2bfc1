"""Failures are paid for in advance: who has used up theirs must wait. Pure, with `now` given."""

import math
from collections import OrderedDict

import msgspec


class Bucket(msgspec.Struct, frozen=True):
    """How many tries are left, as of a moment."""

    left: float
    at: float


class Throttle:
    """A token bucket per key, for as many keys as anybody may think of."""

    def __init__(self, tries: int, pause: float, most: int = 10_000) -> None:
        """`tries` at once, and then one every `pause` seconds; `most` keys are remembered."""
        self._tries = tries
        self._pause = pause
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str, now: float) -> int:
        """Take a try. 0 if there was one, else the seconds until there will be."""
        left = self._left(key, now)
        if left < 1:
            return max(1, math.ceil((1 - left) * self._pause))
        self._put(key, Bucket(left - 1, now))
        return 0

    def give_back(self, key: str, now: float) -> None:
        """It was no failure after all."""
        left = self._left(key, now) + 1
        if left >= self._tries:
            self._buckets.pop(key, None)
        else:
            self._put(key, Bucket(left, now))

    def _left(self, key: str, now: float) -> float:
        known = self._buckets.get(key)
        if known is None:
            return self._tries
        return min(self._tries, known.left + (now - known.at) / self._pause)

    def _put(self, key: str, bucket: Bucket) -> None:
        self._buckets[key] = bucket
        self._buckets.move_to_end(key)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
