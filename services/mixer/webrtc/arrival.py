"""When what a browser sends is due: from the clocks of its tracks to the mix's seconds.

Each track counts from nothing by itself. Until the browser has said how the clocks lie to each
other (RTCP sender reports), what arrives together is taken to have been seen and heard together.
"""

CUSHION = 0.06
"""Seconds that packets may be later than the quickest without being missed."""

EARLY = 0.2
"""Seconds in hand, all the time of `WATCHED`, beyond which the delay is cut."""

WATCHED = 5.0
"""Seconds over which the least delay is looked for."""

HELD_BACK = {"audio": 0.08, "video": 0.0}
"""Seconds that sound has waited in aiortc's jitter buffer when it comes to us: four packets."""

APART = 0.003
"""Seconds by which a new report has to differ; a browser's clocks drift by less in a minute."""

JUMP = 10.0
"""Seconds off the expected arrival from which on a track has begun to count anew."""


class Arrival:
    """Of one call; all its tracks move together, so that lips and words stay together."""

    def __init__(self) -> None:
        self._offsets: dict[str, float] = {}
        "From a track's own seconds to those that all tracks of the call share."
        self._told: dict[str, float] = {}
        "When the track's count began, by the browser's clock."
        self._shift = 0.0
        self._begun = False
        self._slack: float | None = None
        "Least seconds in hand since `_since`."
        self._since = 0.0
        self.moves = 0
        "How often something was put somewhere else."

    def report(self, track: str, began: float) -> None:
        """The browser says when the track's count began, in seconds of a clock of its own."""
        self._told[track] = began
        if track not in self._offsets:
            return
        for other, at in self._told.items():
            if other != track and other in self._offsets:
                wanted = self._offsets[other] + began - at
                if abs(wanted - self._offsets[track]) > APART:
                    self._offsets[track] = wanted
                    self.moves += 1
                return

    def due(self, track: str, stamp: float, now: float) -> float:
        """When what has this stamp is due, in seconds of the mix, given that it arrived `now`."""
        if track not in self._offsets or abs(stamp + self._offsets[track] - now) > JUMP:
            self._begin(track, stamp, now)
        at = stamp + self._offsets[track]
        slack = at + self._shift - now
        if not self._begun or slack < 0:
            self._move(now + CUSHION - at)
        else:
            self._watch(slack, now)
        self._begun = True
        return at + self._shift

    def _begin(self, track: str, stamp: float, now: float) -> None:
        known = self._told.pop(track, None)
        self._offsets.pop(track, None)
        self._offsets[track] = now - HELD_BACK.get(track, 0.0) - stamp
        self.moves += 1
        if known is not None:
            self.report(track, known)

    def _watch(self, slack: float, now: float) -> None:
        if self._slack is None:
            self._slack, self._since = slack, now
        self._slack = min(self._slack, slack)
        if now - self._since < WATCHED:
            return
        if self._slack > EARLY:
            self._move(self._shift + CUSHION - self._slack)
        self._slack = None

    def _move(self, shift: float) -> None:
        self._shift, self._slack = shift, None
        self.moves += 1
