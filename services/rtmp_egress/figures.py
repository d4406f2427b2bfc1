"""What an egress worker counts of one session, from what its process says."""

from collections.abc import Sequence
from datetime import datetime

from kit import metrics
from kit.metrics import Growth, declared
from proto.egress import Measure
from proto.media import Content
from proto.urls import Codec
from services.rtmp_egress import wire

OVER = ("failed", "stopped")
"""States of a destination after which there is none."""


class Figures:
    def __init__(self, conference: str, session: str) -> None:
        """`conference` as metrics call it."""
        self._conference = conference
        self._session = session
        self._grown = Growth()
        self._encoder = ""
        self._state = ""
        self._is = {"state": ""}
        "What it is counted as."
        self._legs: dict[str, Content] = {}
        self._assigned: dict[str, datetime] = {}
        "Destinations that have not been on the air yet, since when."
        self._attempts: dict[str, int] = {}
        self._measures: dict[Codec, Sequence[Measure]] = {}
        self._become("starting")

    def add(self, participant: str, leg: Content, at: datetime) -> None:
        """A destination was assigned then."""
        self._legs[participant] = leg
        self._assigned[participant] = at
        metrics.add(declared.RETRIES, 0, **self._destination(participant), reason="")

    def hear(self, report: wire.Reports, now: datetime) -> None:
        match report:
            case wire.Started(codec=codec) if codec != "h264":
                if report.reason:
                    metrics.add(declared.TOOK_OVER, encoder=report.encoder)
            case wire.Started(encoder=encoder) if self._state == "running":
                # The same process, which counts on.
                metrics.add(declared.TOOK_OVER, encoder=encoder)
                self._become("running", encoder)
            case wire.Started(encoder=encoder):
                self._grown.begin()
                self._become("running", encoder)
            case wire.Degraded(measures=measures, codec=codec):
                self._measures[codec] = measures
                self._degrade()
            case wire.Stopped(code=code):
                self._become("failed", reason=code)
            case wire.Stats():
                self._count(report)
            case wire.Dialled(participant=who, code=code):
                metrics.observe(declared.DIAL, report.ended - report.begun, outcome=code or "ok")
                if not code and (since := self._assigned.pop(who, None)) is not None:
                    seconds = max(0.0, (now - since).total_seconds())
                    metrics.observe(declared.ON_AIR, seconds)
            case _:
                pass

    def changed(self, changed: wire.Changed) -> None:
        """What the world is told of a destination."""
        who, state, reason = changed.participant, changed.state, changed.code
        if who not in self._legs:
            return
        one = self._destination(who)
        metrics.drop(declared.DESTINATIONS, **one)
        if changed.attempt > self._attempts.get(who, 1):
            metrics.add(declared.RETRIES, **one, reason=reason)
        self._attempts[who] = changed.attempt
        if state in OVER:
            self.over(who, state, reason)
        else:
            metrics.put(declared.DESTINATIONS, 1, **one, state=state, reason=reason)

    def over(self, participant: str, state: str = "stopped", reason: str = "") -> None:
        """A destination is no more, or nobody wants to know."""
        if participant in self._legs:
            metrics.add(declared.ENDED, state=state, reason=reason)
            self._gone(participant)

    def died(self) -> None:
        self._become("recovering", reason="worker-restart")
        self._measures.clear()
        self._degrade()

    def end(self) -> None:
        """The session is over; the conference may have others."""
        for who in list(self._legs):
            self.over(who)
        self._become("")
        self._measures.clear()
        self._degrade()
        metrics.drop(declared.SKEW, session=self._session)
        metrics.forget(conference=self._conference)

    def _degrade(self) -> None:
        """What is in force now, for one of its codecs at least, and nothing else."""
        one = {"conference": self._conference, "session": self._session}
        metrics.drop(declared.DEGRADED, **one)
        for measure in {one for measures in self._measures.values() for one in measures}:
            metrics.put(declared.DEGRADED, 1, **one, measure=measure)

    def _gone(self, participant: str) -> None:
        one = self._destination(participant)
        metrics.drop(declared.DESTINATIONS, **one)
        metrics.drop(declared.QUEUE, **one)
        metrics.forget(**one)
        self._legs.pop(participant)
        self._attempts.pop(participant, None)
        self._assigned.pop(participant, None)

    def _become(self, state: str, encoder: str = "", reason: str = "") -> None:
        """One session less in the state before, one more in this one."""
        before, self._is = self._is, {"state": state, "encoder": encoder, "reason": reason}
        for known, by in ((before, -1.0), (self._is, 1.0)):
            if known["state"]:
                metrics.shift(declared.SESSIONS, by, conference=self._conference, **known)
        self._state, self._encoder = state, encoder

    def _destination(self, participant: str) -> dict[str, str]:
        leg = self._legs[participant]
        return {"conference": self._conference, "destination": participant, "leg": leg}

    def _count(self, stats: wire.Stats) -> None:
        mix, of = {"conference": self._conference}, self._grown.of
        fresh = stats.pictures - stats.repeated - stats.slates
        for picture, count in (
            ("fresh", fresh),
            ("repeated", stats.repeated),
            ("slate", stats.slates),
        ):
            metrics.add(declared.ENCODED, of(picture, count), **mix, picture=picture)
        metrics.add(declared.LATE_ENCODED, of("late", stats.late), **mix)
        metrics.add(declared.SILENCE, of("silence", stats.silence) / RATE, **mix)
        encoding = self._grown.spread("encoding", stats.encoding)
        metrics.merge(declared.ENCODE, encoding, **mix, encoder=self._encoder)
        metrics.put(declared.SKEW, stats.skew, **mix, session=self._session)
        for sent in stats.destinations:
            if sent.participant not in self._legs:
                continue  # it hangs up
            one = self._destination(sent.participant)
            who = sent.participant
            metrics.add(declared.SENT, of((who, "bytes"), sent.bytes_out), **one)
            metrics.add(declared.DROPPED, of((who, "dropped"), sent.dropped_frames), **one)
            metrics.put(declared.QUEUE, sent.backlog_ms / 1000, **one)


RATE = 48_000
"""Samples a second."""
