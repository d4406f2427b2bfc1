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
        for gauge in (declared.FEEDS, declared.TAKERS, declared.SOURCES):
            metrics.drop(gauge, conference=self._conference)
        metrics.forget(conference=self._conference)

    def _count(self, stats: wire.Stats) -> None:
        mix = {"conference": self._conference}
        for metric, count in (
            (declared.DRAWN, stats.pictures),
            (declared.LATE, stats.late),
            (declared.MISSED, stats.missed),
            (declared.MIX_CPU, stats.cpu_seconds),
            (declared.SRT_RECEIVED, stats.srt.packets),
            (declared.SRT_LOST, stats.srt.lost),
            (declared.SRT_DROPPED, stats.srt.dropped),
        ):
            metrics.add(metric, self._grown.of(metric, count), **mix)
        composing = self._grown.spread(declared.COMPOSE, stats.composing)
        metrics.merge(declared.COMPOSE, composing, **mix)
        metrics.put(declared.FEEDS, stats.feeds, **mix)
        metrics.put(declared.TAKERS, stats.takers, **mix)

    def _tell_sources(self) -> None:
        states = list(self._sources.values())
        for state in STATES:
            metrics.put(
                declared.SOURCES, states.count(state), conference=self._conference, state=state
            )


STATES = ("connecting", "live", "stalled", "broken", "ended")
