"""Two runs are the same if the same was decided, whatever their ids, times and workers."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cli.log.alike import FIGURES, NAMES, TIMES
from cli.log.diff import compare
from cli.log.read import Entry, Export, Log, read
from cli.log.story import story
from proto.base import Event
from tests.support.logs import lines_of, renamed, shifted

NAMES_OF_LOGS = ("2026-11-lecture", "2026-11-dual", "2026-11-transfer", "2026-11-gateway")
LOGS = {name: lines_of(name) for name in NAMES_OF_LOGS}
READ = {name: read(lines) for name, lines in LOGS.items()}


@settings(max_examples=15)
@given(
    st.sampled_from(NAMES_OF_LOGS),
    st.randoms(use_true_random=False),
    st.timedeltas(timedelta(days=-9000), timedelta(days=9000)),
)
def test_a_run_is_the_same_under_other_ids_at_another_time(
    name: str, random: Any, by: timedelta
) -> None:
    numbers = list(range(10_000_000, 10_000_400))
    random.shuffle(numbers)
    other = renamed(shifted(LOGS[name], by), lambda n: b"x-%d" % numbers[n])

    assert other != LOGS[name]
    assert compare(READ[name], read(other)) == []


def with_event(export: Export, which: int, entry: int, events: list[Event]) -> Export:
    log = export.logs[which]
    entries = [*log.entries]
    entries[entry] = Entry(entries[entry].line, events)
    logs = [*export.logs]
    logs[which] = msgspec.structs.replace(log, entries=entries)
    return msgspec.structs.replace(export, logs=logs)


def drawn(data: st.DataObject, *families: str) -> tuple[Export, int, int, int]:
    """One event of a log: which log, which entry, which of its events."""
    export = READ[data.draw(st.sampled_from(NAMES_OF_LOGS))]
    which = data.draw(st.integers(0, len(export.logs) - 1))
    entries = export.logs[which].entries
    wanted = [n for n, e in enumerate(entries) if e.family in families]
    entry = data.draw(st.sampled_from(wanted))
    index = data.draw(st.integers(0, len(entries[entry].events) - 1))
    return export, which, entry, index


@settings(max_examples=25)
@given(st.data())
def test_any_one_field_that_was_decided_otherwise_is_found(data: st.DataObject) -> None:
    families = ("conference", "routing", "scheduler", "egress", "mixer")
    export, which, entry, index = drawn(data, *families)
    events = list(export.logs[which].entries[entry].events)
    event = events[index]
    fields = [
        f
        for f in event.__struct_fields__
        if f not in TIMES | FIGURES | set(NAMES) and isinstance(getattr(event, f), str | int)
    ]
    assume(fields)
    field = data.draw(st.sampled_from(fields))
    before = getattr(event, field)
    after = not before if isinstance(before, bool) else before + type(before)("1")
    events[index] = msgspec.structs.replace(event, **{field: after})

    assert compare(export, with_event(export, which, entry, events))
    assert compare(with_event(export, which, entry, events), export)


@settings(max_examples=25)
@given(st.data())
def test_any_one_decision_that_was_not_made_is_found(data: st.DataObject) -> None:
    export, which, entry, index = drawn(data, "conference", "routing", "scheduler")
    events = list(export.logs[which].entries[entry].events)
    del events[index]

    assert compare(export, with_event(export, which, entry, events))


@settings(max_examples=25)
@given(st.data())
def test_any_one_decision_about_somebody_else_is_found(data: st.DataObject) -> None:
    export, which, entry, index = drawn(data, "conference", "routing", "egress")
    log = export.logs[which]
    events = list(log.entries[entry].events)
    before = getattr(events[index], "participant", "")
    others = {getattr(e, "participant", "") for known in log.entries for e in known.events} - {
        before,
        "",
    }
    assume(before and others)
    somebody = data.draw(st.sampled_from(sorted(others)))
    events[index] = msgspec.structs.replace(events[index], participant=somebody)

    assert compare(export, with_event(export, which, entry, events))


def lane(log: Log, name: str) -> list[str]:
    found = next(lines for lane, lines in story(log).lanes.items() if " ".join(lane) == name)
    return [told.line for told in found]


def test_the_history_of_a_destination_is_told_with_states_reasons_and_attempts() -> None:
    [log] = READ["2026-11-dual"].logs

    assert lane(log, "destination participant#3 presentation") == [
        "destination_changed session=session#2 worker=worker#2 state=connecting",
        "destination_changed session=session#2 worker=worker#2 state=publishing",
        "destination_changed session=session#2 worker=worker#2 state=recovering"
        " code=server-closed reason=the server ended the stream attempt=2",
        "destination_changed session=session#2 worker=worker#2 state=publishing attempt=2",
    ]


def test_what_was_shown_is_told_layout_by_layout() -> None:
    [log] = READ["2026-11-lecture"].logs

    assert lane(log, "layout single 1280x720 30 all")[1:4] == [
        "1:7 main=participant#1 pip=participant#2",
        "1:7 presentation=participant#2 inset=participant#1",
        "1:7 presentation=participant#2 inset=participant#3",
    ]


def test_a_difference_is_shown_between_what_surrounds_it_with_the_name_of_whom_it_is_about() -> (
    None
):
    export = READ["2026-11-dual"]
    [log] = export.logs
    number, ended = next(
        (n, e.events[0])
        for n, e in enumerate(log.entries)
        if type(e.events[0]).__name__ == "CallEnded"
    )
    events = [msgspec.structs.replace(ended, code="full")]
    [change] = compare(export, with_event(export, 0, number, events))

    assert change.title == "call participant#3 (Tube)"
    assert [sign for sign, _ in change.lines] == [" ", " ", "-", "+"]


def test_a_conference_that_is_in_one_export_only_is_a_difference() -> None:
    export = READ["2026-11-transfer"]
    alone = msgspec.structs.replace(export, logs=export.logs[:1])
    [change] = compare(export, alone)

    assert change.lines == [("-", "Lounge")]


@pytest.mark.parametrize("name", NAMES_OF_LOGS)
def test_every_log_is_the_same_as_itself_and_none_as_another(name: str) -> None:
    assert compare(READ[name], READ[name]) == []
    assert all(compare(READ[name], READ[other]) for other in NAMES_OF_LOGS if other != name)
