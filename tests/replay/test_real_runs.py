"""Logs of real runs, decided anew by the pure cores, come to what they came to.

They are in `tests/e2e/replays`, some of them by older versions (`…-by-COMMIT`); what is expected of
them is renewed on purpose, by `python -m tests.replay.accept`, and read before it is committed.
"""

import json
from pathlib import Path

import msgspec
import pytest

from cli.log.diff import compare
from cli.log.read import DECODERS, Entry, Export, load
from proto.subjects import FAMILIES
from tests.replay.accept import expected, recorded, stem, summary
from tests.replay.again import again

RECORDED = recorded()
OLD = [path for path in RECORDED if "-by-" in path.name]


@pytest.mark.parametrize("path", RECORDED, ids=stem)
def test_a_real_run_comes_to_what_it_came_to(path: Path) -> None:
    """If this fails on purpose, run `python -m tests.replay.accept` and read the diff."""
    assert summary(path) == json.loads(expected(path).read_text())


@pytest.mark.parametrize("path", RECORDED, ids=stem)
def test_every_decision_of_a_real_run_is_made_again_by_its_own_clock(path: Path) -> None:
    for log in load(path).logs:
        decided = again(log)
        assert decided.differently == []
        assert decided.anew == decided.commits > 0


@pytest.mark.parametrize("path", OLD, ids=stem)
def test_what_an_older_version_did_not_write_down_has_its_default(path: Path) -> None:
    """These were recorded by the code of that commit: events have got fields since."""
    older: dict[str, set[str]] = {}
    for log in load(path).logs:
        for entry in log.entries:
            raw = msgspec.json.decode(entry.line.commit)
            for written, event in zip(raw, entry.events, strict=True):
                missing = set(event.__struct_fields__) - set(written)
                defaults = {f.name: f for f in msgspec.structs.fields(event)}
                for field in missing:
                    assert not defaults[field].required
                older.setdefault(written["type"], set()).update(missing)

    assert "streaming" not in older
    assert {"frame_rate", "enable_overlay_text"} <= older["conference_started.v1"]


def test_the_first_version_knew_neither_roles_in_waiting_nor_sessions_of_calls() -> None:
    [log] = load(next(path for path in OLD if "19e1c0c" in path.name)).logs
    text = b"".join(bytes(entry.line.commit) for entry in log.entries)

    assert b'"waiting"' not in text
    assert b'"allow_guests"' not in text
    assert log.settings is None


def test_real_runs_are_of_every_kind() -> None:
    kinds = {
        event.__struct_config__.tag
        for path in RECORDED
        for log in load(path).logs
        for entry in log.entries
        for event in entry.events
    }
    families = {e.family for path in RECORDED for log in load(path).logs for e in log.entries}

    assert families == set(FAMILIES)
    assert kinds >= {
        *("conference_locked.v1", "participant_admitted.v1", "presentation_started.v1"),
        *("call_leg_changed.v1", "transfer_requested.v1", "outside_reported.v1"),
        *("destination_changed.v1", "layout_changed.v1", "call_routed.v1", "guests_muted.v1"),
    }


def test_a_timer_that_goes_off_at_another_time_is_noticed() -> None:
    """The Host goes, and three seconds later Guests are shown out: not after ten."""
    [log] = load(next(path for path in RECORDED if stem(path) == "2026-11-lecture")).logs
    last = next(n for n, e in enumerate(log.entries) if b"conference_ended" in bytes(e.line.commit))
    late = log.entries[last]
    moved = late.line.time.replace(year=late.line.time.year + 1)
    raw = bytes(late.line.commit).replace(b"2026-", b"2027-")
    line = msgspec.structs.replace(late.line, time=moved, commit=msgspec.Raw(raw))
    entries = [*log.entries]
    entries[last] = Entry(line, DECODERS["conference"](raw))
    changed = msgspec.structs.replace(log, entries=sorted(entries, key=lambda e: e.line.time))

    [said] = again(changed).differently
    assert "a timer is over" in said


def test_a_decision_that_nothing_leads_to_is_noticed() -> None:
    path = next(path for path in RECORDED if stem(path) == "2026-11-lecture")
    [log] = load(path).logs
    entries = [e for e in log.entries if b"conference_locked" not in bytes(e.line.commit)]
    changed = msgspec.structs.replace(log, entries=entries)

    assert any("participant_joined" in line for line in again(changed).differently)
    assert compare(Export([log]), Export([changed]))
