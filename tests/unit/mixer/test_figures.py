"""What is counted of a conference that is mixed."""

from uuid import uuid4

import pytest

from kit import metrics
from kit.libsrt import Reception
from kit.metrics import Distribution, declared
from services.mixer import wire
from services.mixer.core.line import Lines
from services.mixer.figures import Figures


def stats(pictures: int, lost: int) -> wire.Stats:
    counts = [0] * (len(declared.PICTURE) + 1)
    counts[0] = pictures
    spread = Distribution(counts, pictures * 0.0005)
    srt = Reception(1000, lost, 1)
    return wire.Stats(1.0, pictures, 3, 0, 1, 2, 0.5, spread, srt)


@pytest.fixture
def mark() -> str:
    return uuid4().hex[:8]


def shown(metric: declared.Metric, mark: str) -> dict[tuple[str, ...], float]:
    families = [family for family in metrics.REGISTRY.collect() if family.metric == metric]
    return {p.key[1:]: p.value for f in families for p in f.points if p.key[0] == mark}


def test_counts_go_on_when_the_process_is_another(mark: str) -> None:
    figures = Figures(mark)
    figures.hear(wire.Ready("socket"))
    figures.hear(stats(30, 5))
    figures.hear(stats(60, 7))
    figures.hear(wire.Ready("socket"))
    figures.hear(stats(10, 1))

    assert shown(declared.DRAWN, mark) == {(): 70}
    assert shown(declared.SRT_LOST, mark) == {(): 8}
    assert shown(declared.COMPOSE, mark)[()] == pytest.approx(70 * 0.0005)


def test_calls_of_browsers_are_counted_and_forgotten(mark: str) -> None:
    figures = Figures(mark)
    figures.hear(wire.Ready("socket"))
    calls = Lines(3, 2, 1, received=100, received_lost=4, sent=90, sent_lost=2, jitter=0.004)
    figures.hear(wire.Stats(1.0, 0, 0, 0, 1, 1, 0.5, calls=calls))

    assert shown(declared.CALLS, mark) == {("connected",): 2, ("connecting",): 1}
    assert shown(declared.CALL_RECEIVED_LOST, mark) == {(): 4}
    assert shown(declared.CALL_JITTER, mark) == {(): 0.004}
    figures.end()
    assert shown(declared.CALLS, mark) == {}


def test_the_stage_switches_when_another_is_heard_first(mark: str) -> None:
    figures = Figures(mark)
    for stage in (["ann"], ["ann", "ben"], ["ben", "ann"], []):
        figures.hear(wire.StageChanged(stage))

    assert shown(declared.STAGE, mark) == {(): 2}


def test_sources_are_counted_by_state_while_they_are_there(mark: str) -> None:
    figures = Figures(mark)
    figures.hear(wire.SourceChanged("ann", "main", "live"))
    figures.hear(wire.SourceChanged("ben", "main", "broken"))
    assert shown(declared.SOURCES, mark)[("live",)] == 1

    figures.keep({("ben", "main")})
    assert shown(declared.SOURCES, mark)[("live",)] == 0
    assert shown(declared.SOURCES, mark)[("broken",)] == 1

    figures.end()
    assert shown(declared.SOURCES, mark) == {}
