"""In which trace a destination's news goes: that of its call until it is on the air, then others.

A stream may live for days. Were all its trouble part of one trace, no trace would ever end.
"""

from opentelemetry.trace import SpanKind

from kit import trace
from kit.stage import Stage
from services.rtmp_egress import wire

FIRST_DIALS = 5
"""Dials that may be part of the call's own trace, while none of them gets through."""


class Traces:
    def __init__(self) -> None:
        self._calls: dict[str, trace.Headers] = {}
        "What a destination's first dials belong to."
        self._now: dict[str, trace.Headers] = {}
        "What its news belong to."
        self._dials: dict[str, int] = {}

    def add(self, participant: str) -> None:
        """It is assigned in the current trace."""
        self._calls[participant] = self._now[participant] = trace.outgoing()
        self._dials[participant] = 0

    def of(self, participant: str) -> trace.Headers:
        return self._now.get(participant, {})

    def changed(self, changed: wire.Changed) -> None:
        """News that is about to be told."""
        who = changed.participant
        if changed.state == "recovering" and self._dials.get(who, 0) >= FIRST_DIALS:
            self._now[who] = trace.anew("recover destination", because=self._calls[who])

    def dialled(self, dialled: wire.Dialled) -> None:
        """A dial has come to something."""
        who = dialled.participant
        if who not in self._now:
            return
        trace.record(
            Stage("dial", dialled.begun, dialled.ended),
            dialled.stages,
            headers=self._now[who],
            kind=SpanKind.CLIENT,
            failure=dialled.code,
        )
        # Once it is on the air, whatever comes next is another story.
        self._dials[who] = FIRST_DIALS if not dialled.code else self._dials[who] + 1

    def forget(self, participant: str) -> None:
        for known in (self._calls, self._now):
            known.pop(participant, None)
        self._dials.pop(participant, None)
