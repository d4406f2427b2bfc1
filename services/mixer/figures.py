"""What a mixer counts of one conference, from what its process says."""

from kit import metrics
from kit.metrics import Growth, declared
from services.mixer import wire


class Figures:
    def __init__(self, conference: str) -> None:
        """`conference` as metrics call it."""
        self._conference = conference
        self._grown = Growth()
        self._sources: dict[tuple[str, str], str] = {}
        self._first = ""
        "Who was heard first."

    def hear(self, report: wire.AnyReport) -> None:
        match report:
            case wire.Ready():
                # A new process, which counts from nothing and has opened nothing.
                self._grown.begin()
                self._sources.clear()
                self._tell_sources()
            case wire.SourceChanged(participant=who, content=content, state=state):
                self._sources[who, content] = state
                self._tell_sources()
            case wire.StageChanged(stage=stage):
                if stage and stage[0] != self._first:
                    self._first = stage[0]
                    metrics.add(declared.STAGE, conference=self._conference)
            case wire.Stats():
                self._count(report)
            case _:
                pass

    def keep(self, sources: set[tuple[str, str]]) -> None:
        """The participants' media that there are now; what is gone says nothing more."""
        self._sources = {key: state for key, state in self._sources.items() if key in sources}
        self._tell_sources()

    def end(self) -> None:
        for gauge in GAUGES:
            metrics.drop(gauge, conference=self._conference)
        metrics.forget(conference=self._conference)

    def _count(self, stats: wire.Stats) -> None:
        mix, calls = {"conference": self._conference}, stats.calls
        for metric, count in (
            (declared.DRAWN, stats.pictures),
            (declared.LATE, stats.late),
            (declared.MISSED, stats.missed),
            (declared.MIX_CPU, stats.cpu_seconds),
            (declared.SRT_RECEIVED, stats.srt.packets),
            (declared.SRT_LOST, stats.srt.lost),
            (declared.SRT_DROPPED, stats.srt.dropped),
            (declared.CALL_PICTURES, calls.pictures),
            (declared.CALL_KEY_FRAMES, calls.key_frames),
            (declared.CALL_RECEIVED, calls.received),
            (declared.CALL_RECEIVED_LOST, calls.received_lost),
            (declared.CALL_SENT, calls.sent),
            (declared.CALL_SENT_LOST, calls.sent_lost),
        ):
            metrics.add(metric, self._grown.of(metric, count), **mix)
        composing = self._grown.spread(declared.COMPOSE, stats.composing)
        metrics.merge(declared.COMPOSE, composing, **mix)
        metrics.put(declared.FEEDS, stats.feeds, **mix)
        metrics.put(declared.TAKERS, stats.takers, **mix)
        metrics.put(declared.CALLS, calls.connected, **mix, state="connected")
        metrics.put(declared.CALLS, calls.calls - calls.connected, **mix, state="connecting")
        metrics.put(declared.CALL_ENCODINGS, calls.encodings, **mix)
        metrics.put(declared.CALL_JITTER, calls.jitter, **mix)
        metrics.put(declared.CALL_ROUND_TRIP, calls.round_trip, **mix)

    def _tell_sources(self) -> None:
        states = list(self._sources.values())
        for state in STATES:
            metrics.put(
                declared.SOURCES, states.count(state), conference=self._conference, state=state
            )


GAUGES = (
    declared.FEEDS,
    declared.TAKERS,
    declared.SOURCES,
    declared.CALLS,
    declared.CALL_ENCODINGS,
    declared.CALL_JITTER,
    declared.CALL_ROUND_TRIP,
)

STATES = ("connecting", "live", "stalled", "broken", "ended")
