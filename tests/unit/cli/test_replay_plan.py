"""Destinations fail again where they failed; what is asked again is what was asked."""

from datetime import UTC, datetime

import msgspec
import pytest

from cli.log.causes import causes
from cli.log.read import Entry, Log
from cli.replay.judge import judge
from cli.replay.plan import INSTEAD, Plan, plans
from proto.conference import (
    CallEnded,
    ConferenceCommand,
    ConferenceEnded,
    ConferenceEvent,
    EndConference,
    Leave,
    ParticipantLeft,
    PresentationStarted,
    PresentationStopped,
    SettleTransfer,
    StartPresenting,
    StopPresenting,
)
from proto.egress import DestinationChanged, DestinationState
from proto.mixer import LayoutChanged
from services.conference_state.core import ALONE, HOSTS_LEFT, LAST_LEFT, WAITED_TOO_LONG
from tests.support.logs import lines_of
from tests.unit.cli.test_log_diff import READ

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OVER = ConferenceEnded(NOW, "i", "No participants can keep conference alive")


def change(state: DestinationState, code: str = "") -> DestinationChanged:
    return DestinationChanged(NOW, "c", "s", "w", "tube", state, code)


STORY = Plan(
    changes=(
        change("connecting"),
        change("connecting", "connect-refused"),
        change("publishing"),
        change("recovering", "connection-lost"),
        change("recovering", "tls-certificate"),
        change("publishing"),
        change("recovering", "worker-restart"),
        change("failed", "publish-denied"),
    )
)


def test_each_dial_meets_what_it_met() -> None:
    assert [STORY.fault_after(seen) for seen in range(9)] == [
        *("connect-refused", "connect-refused"),
        "",
        "connection-lost",
        INSTEAD,
        "",
        INSTEAD,
        "publish-denied",
        "",
    ]


def test_a_stream_ends_as_it_ended_and_only_if_it_was_live() -> None:
    assert [STORY.drop_at(index) for index in range(8)] == [
        *("", "", ""),
        "connection-lost",
        *("", ""),
        "connection-lost",
        "",
    ]


def test_what_cannot_be_brought_about_is_known() -> None:
    assert STORY.strange() == {"tls-certificate", "worker-restart"}


def test_both_legs_of_a_dual_stream_have_a_plan() -> None:
    [log] = READ["2026-11-dual"].logs

    assert [(leg, len(plan.changes)) for (_, leg), plan in plans(log).items()] == [
        ("main", 4),
        ("presentation", 4),
    ]


LEFT = ParticipantLeft(NOW, "ann", "Bye")


@pytest.mark.parametrize(
    ("commit", "asked"),
    [
        ([LEFT], Leave("c", "ann", "Bye")),
        ([LEFT, OVER], Leave("c", "ann", "Bye")),
        ([LEFT, ConferenceEnded(NOW, "i", "Bye")], EndConference("c", "Bye")),
        ([PresentationStopped(NOW, "ann")], StopPresenting("c", "ann")),
        ([PresentationStopped(NOW, "ann"), LEFT, OVER], Leave("c", "ann", "Bye")),
        (
            [PresentationStopped(NOW, "ann"), PresentationStarted(NOW, "bob")],
            StartPresenting("c", "bob"),
        ),
        ([PresentationStarted(NOW, "bob")], StartPresenting("c", "bob")),
    ],
)
def test_the_likeliest_cause_of_a_decision_comes_first(
    commit: list[ConferenceEvent], asked: ConferenceCommand
) -> None:
    assert causes("c", commit)[0] == asked


@pytest.mark.parametrize("reason", [ALONE, HOSTS_LEFT, LAST_LEFT, WAITED_TOO_LONG])
def test_what_a_timer_does_is_never_asked_for(reason: str) -> None:
    """Else a replay in which no timer goes off would come out the same."""
    ended = ConferenceEnded(NOW, "i", reason)
    left = ParticipantLeft(NOW, "ann", reason)
    hung_up = CallEnded(NOW, "tube", "conference-ended", reason)

    commits: list[list[ConferenceEvent]] = [[ended], [left], [left, ended], [hung_up, ended]]
    assert [causes("c", commit) for commit in commits] == [[]] * 4


def test_who_was_to_be_transferred_left_because_of_that() -> None:
    assert causes("c", [LEFT], {"ann": "ann-2"})[0] == SettleTransfer("c", "ann", "ann-2")


def shown_otherwise(log: Log, feed_streaming: bool, *, twice: bool) -> Log:
    """Without the second layout of a feed, or with another one in between."""
    entries = list(log.entries)
    of_feed = [
        n
        for n, e in enumerate(entries)
        if isinstance(e.events[0], LayoutChanged) and e.events[0].feed.streaming == feed_streaming
    ]
    entry = entries[of_feed[1]]
    if twice:
        event = entry.events[0]
        assert isinstance(event, LayoutChanged)
        entries.insert(of_feed[1], Entry(entry.line, [msgspec.structs.replace(event, view="9:0")]))
    else:
        del entries[of_feed[1]]
    return msgspec.structs.replace(log, entries=entries)


@pytest.mark.parametrize("twice", [False, True], ids=["missing", "in between"])
@pytest.mark.parametrize("name", ["2026-11-dual", "2026-11-lecture"])
def test_other_layouts_count_in_the_usual_feed_and_may_be_missed_in_one_that_comes_and_goes(
    name: str, twice: bool
) -> None:
    [log] = READ[name].logs

    assert judge(log, log) == []
    assert judge(log, shown_otherwise(log, False, twice=twice))
    assert judge(log, shown_otherwise(log, True, twice=twice)) == []


def test_what_a_replay_is_told_or_has_in_another_way_does_not_count() -> None:
    [log] = READ["2026-11-dual"].logs
    kinds = ("StageChanged", "SourceChanged", "MixStarted", "SessionStarted")
    entries = [e for e in log.entries if type(e.events[0]).__name__ not in kinds]

    assert judge(log, msgspec.structs.replace(log, entries=entries)) == []


def test_a_history_of_a_destination_counts() -> None:
    [log] = READ["2026-11-dual"].logs
    entries = [e for e in log.entries if b"server-closed" not in bytes(e.line.commit)]
    changes = judge(log, msgspec.structs.replace(log, entries=entries))

    assert {c.lane[0] for c in changes} == {"destination"}
    assert len(lines_of("2026-11-dual")) == len(log.entries) + 4
