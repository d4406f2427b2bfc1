"""From a source's timestamps to the mix's seconds.

A *paced* source (a file, HTTP) is read as fast as it is needed: its first picture is due a little
after it was opened and each lap of a loop continues where the one before ended. A *live* source
comes when it comes: it is shown a little after it arrived, and when it turns out to be later or
much earlier than that, everything of it moves together, so that sound and picture stay together.
"""

LEAD = 0.2
"""Seconds between opening a paced source and its first picture: time to decode some of it."""

JITTER = 0.2
"""Seconds that a live source may be late without being heard to stumble."""

EARLY = 0.5
"""Seconds of a live source in hand, beyond the jitter, that are thrown away: a server that begins
with its last GOP must not make us that late for ever."""

LATE = 0.5
"""Seconds that a paced source may be behind before it is moved: it cannot catch up by itself."""

JUMP = 10.0
"""Seconds between neighbours above which timestamps have been restarted, not paused."""

GRID = 1 / 30
"""Seconds; sources begin on this grid. A picture on it is due in the middle of the time in which
the mix would pick it, so that rounded timestamps neither repeat nor skip pictures."""

SILENT_TRACK = 2.0
"""Seconds behind the others at which a track is taken to have ended."""


class Timeline:
    def __init__(self, *, live: bool) -> None:
        self.live = live
        self._shift: float | None = None
        self._start: float | None = None
        self._anchor = 0.0
        self._newest: dict[int, float] = {}
        self.moves = 0
        "How often the source was put somewhere else."
        self.end = 0.0
        "When all that came so far has been shown, in seconds of the mix."

    def begin(self, start: float | None, picture: float | None = None) -> None:
        """The source was opened; its timestamps begin at `start`, its pictures at `picture`."""
        self._start, self._shift = start, None
        self._anchor = (picture if picture is not None else start) or 0.0
        self._newest.clear()

    def lap(self) -> None:
        """A paced source was wound back to its start."""
        self._newest.clear()
        self._shift = None
        if self._start is not None:
            self._put(self.end - self._start)

    def due(
        self, track: int, stamp: float, duration: float, now: float, *, picture: bool = False
    ) -> float:
        """When what is stamped so is due, given that it is read at `now`."""
        if self._shift is None:
            base = stamp if self.live or self._start is None else min(self._start, stamp)
            self._put(max(now + (JITTER if self.live else LEAD), self.end) - base)
        if self.live and picture and track not in self._newest:
            # Only now is it known where the pictures lie.
            self._anchor = stamp
            self._put(self._shift or 0.0)
        due = self.at(stamp)
        if self._newest and abs(due - max(self._newest.values())) > JUMP:
            due = self._move(max(now + LEAD, self.end) - due, stamp)
        if self.live:
            due = self._follow(track, stamp, due, now)
        elif due < now - LATE:
            due = self._move(now + LEAD - due, stamp)
        self._newest[track] = max(self._newest.get(track, due), due)
        self.end = max(self.end, due + duration)
        return due

    def at(self, stamp: float) -> float:
        """When what is stamped so is due, if `due` was asked for its packet before."""
        return stamp + (self._shift or 0.0)

    @property
    def ready_until(self) -> float:
        """Up to when all tracks that still come have been read."""
        newest = max(self._newest.values(), default=0.0)
        return min(
            (due for due in self._newest.values() if due > newest - SILENT_TRACK), default=0.0
        )

    def _follow(self, track: int, stamp: float, due: float, now: float) -> float:
        if due < now:
            return self._move(now + JITTER - due, stamp)
        early = min([due, *(at for other, at in self._newest.items() if other != track)]) - now
        if early > JITTER + EARLY:
            return self._move(JITTER - early, stamp)
        return due

    def _move(self, by: float, stamp: float) -> float:
        before = self._shift or 0.0
        self._put(before + by)
        moved = (self._shift or 0.0) - before
        self._newest = {track: due + moved for track, due in self._newest.items()}
        self.end = 0.0
        return self.at(stamp)

    def _put(self, shift: float) -> None:
        """Shift by about so much: so that pictures lie on the grid."""
        self._shift = _on_grid(self._anchor + shift) - self._anchor
        self.moves += 1


def _on_grid(seconds: float) -> float:
    return round(seconds / GRID) * GRID
