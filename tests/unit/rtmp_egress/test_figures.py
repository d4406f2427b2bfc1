"""What is counted of a session and its destinations."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from kit import metrics
from kit.metrics import Distribution, declared
from services.rtmp_egress import wire
from services.rtmp_egress.figures import Figures

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def stats(pictures: int, sent: int, *, late: int = 0) -> wire.Stats:
    counts = [0] * (len(declared.PICTURE) + 1)
    counts[3] = pictures
    return wire.Stats(
        pictures=pictures,
        repeated=2,
        slates=1,
        late=late,
        silence=4800,
        feeds=1,
        destinations=[wire.Sent("tube", sent, 0, 1500)],
        encoding=Distribution(counts, pictures * 0.005),
        skew=-0.02,
    )


@pytest.fixture
def mark() -> str:
    """A conference of its own for each test, as all share the process's figures."""
    return uuid4().hex[:8]


@pytest.fixture
def figures(mark: str) -> Figures:
    figures = Figures(mark, f"session-{mark}")
    figures.hear(wire.Started("libx264"), NOW)
    figures.add("tube", "single", NOW)
    return figures


def shown(metric: declared.Metric, mark: str) -> dict[tuple[str, ...], float]:
    """What is shown of a conference now: without its own name."""
    families = [family for family in metrics.REGISTRY.collect() if family.metric == metric]
    return {p.key[1:]: p.value for f in families for p in f.points if p.key[0] == mark}


def test_a_destination_is_in_one_state_at_a_time(figures: Figures, mark: str) -> None:
    figures.changed(wire.Changed("tube", "connecting"))
    figures.changed(wire.Changed("tube", "publishing"))
    figures.changed(wire.Changed("tube", "recovering", "connection-lost", attempt=2))

    assert shown(declared.DESTINATIONS, mark) == {
        ("tube", "single", "recovering", "connection-lost"): 1
    }
    assert shown(declared.RETRIES, mark)[("tube", "single", "connection-lost")] == 1


def test_a_retry_is_counted_once_however_often_it_is_told(figures: Figures, mark: str) -> None:
    for _ in range(3):
        figures.changed(wire.Changed("tube", "recovering", "dns", attempt=2))

    assert shown(declared.RETRIES, mark) == {
        ("tube", "single", ""): 0,
        ("tube", "single", "dns"): 1,
    }


def test_a_destination_that_is_over_is_in_no_state(figures: Figures, mark: str) -> None:
    figures.changed(wire.Changed("tube", "publishing"))
    figures.hear(stats(30, 1000), NOW)

    figures.changed(wire.Changed("tube", "failed", "publish-denied"))

    assert shown(declared.DESTINATIONS, mark) == {}
    assert shown(declared.QUEUE, mark) == {}
    assert shown(declared.SENT, mark) == {("tube", "single"): 1000}


def test_one_that_is_hung_up_is_counted_and_not_shown_again(figures: Figures, mark: str) -> None:
    def stopped() -> float:
        families = [f for f in metrics.REGISTRY.collect() if f.metric == declared.ENDED]
        return sum(p.value for f in families for p in f.points if p.key == ("stopped", ""))

    figures.changed(wire.Changed("tube", "publishing"))
    before = stopped()

    figures.over("tube")
    figures.hear(stats(60, 2500), NOW)
    figures.changed(wire.Changed("tube", "stopped"))

    assert shown(declared.DESTINATIONS, mark) == shown(declared.QUEUE, mark) == {}
    assert stopped() == before + 1


def test_what_a_process_counts_is_added_to_what_one_before_counted(
    figures: Figures, mark: str
) -> None:
    figures.hear(stats(30, 1000), NOW)
    figures.hear(stats(60, 2500), NOW)
    figures.died()
    figures.hear(wire.Started("libx264"), NOW)
    figures.hear(stats(10, 500), NOW)

    assert shown(declared.SENT, mark) == {("tube", "single"): 3000}
    assert shown(declared.ENCODED, mark)[("fresh",)] == 57 + 7
    assert shown(declared.ENCODE, mark)[("libx264",)] == pytest.approx(70 * 0.005)


def test_a_session_is_counted_where_it_is(figures: Figures, mark: str) -> None:
    assert shown(declared.SESSIONS, mark) == {("running", "libx264", ""): 1}
    figures.died()
    assert shown(declared.SESSIONS, mark) == {("recovering", "", "worker-restart"): 1}
    figures.end()
    assert shown(declared.SESSIONS, mark) == {}


def test_the_end_of_one_session_takes_nothing_from_another(figures: Figures, mark: str) -> None:
    other = Figures(mark, "other")
    other.hear(wire.Started("libx264"), NOW)
    other.add("slides", "presentation", NOW)
    other.changed(wire.Changed("slides", "publishing"))
    figures.changed(wire.Changed("tube", "publishing"))

    figures.end()

    assert shown(declared.SESSIONS, mark) == {("running", "libx264", ""): 1}
    assert list(shown(declared.DESTINATIONS, mark)) == [
        ("slides", "presentation", "publishing", "")
    ]
    other.end()


def test_the_way_to_the_air_is_measured_once(figures: Figures) -> None:
    def on_air() -> int:
        families = metrics.REGISTRY.collect()
        return sum(sum(p.counts) for f in families if f.metric == declared.ON_AIR for p in f.points)

    before, later = on_air(), NOW + timedelta(seconds=2)
    figures.hear(wire.Dialled("tube", 1.0, 2.0, "dns"), later)
    assert on_air() == before
    figures.hear(wire.Dialled("tube", 1.0, 2.0), later)
    figures.hear(wire.Dialled("tube", 1.0, 2.0), later)
    assert on_air() == before + 1


def test_an_encoder_that_takes_over_counts_on(figures: Figures, mark: str) -> None:
    figures.hear(stats(30, 1000), NOW)
    figures.hear(wire.Started("libx265", "libx264 died"), NOW)
    figures.hear(stats(60, 2500), NOW)

    assert shown(declared.SENT, mark) == {("tube", "single"): 2500}
    assert shown(declared.SESSIONS, mark) == {("running", "libx265", ""): 1}


def test_only_the_measures_in_force_are_shown(figures: Figures, mark: str) -> None:
    figures.hear(wire.Degraded(["preset", "size"], "slow"), NOW)
    figures.hear(wire.Degraded(["preset"], "better"), NOW)

    assert shown(declared.DEGRADED, mark) == {(f"session-{mark}", "preset"): 1}
    figures.hear(wire.Degraded([], "well"), NOW)
    assert shown(declared.DEGRADED, mark) == {}
