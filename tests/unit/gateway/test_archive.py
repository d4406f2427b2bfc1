"""History on disk: what is found there is what would be found in memory, whatever is asked."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proto.conference import ConferenceEvent
from services.gateway.archive import Archive, Log
from services.gateway.core.catalogue import HISTORY_FIELDS
from services.gateway.core.filters import Related, select
from services.gateway.core.paging import Window
from services.gateway.core.past import Change
from services.gateway.core.sql import MOST
from tests.unit.gateway.test_past import Told, a_meeting

ALL = Window(1000)
UNRELATED = Related({}, lambda _kind, _number: None)


def stream(last: int = 1000, *, first: int = 1, identity: str = "made today") -> Log:
    return Log(identity, first, last)


def meetings(count: int) -> list[tuple[str, list[ConferenceEvent]]]:
    """Some of them at the same time, and one that is still going on."""
    found: list[tuple[str, list[ConferenceEvent]]] = []
    for number in range(count):
        key, moved = f"hall-{number % 3}", timedelta(minutes=7 * number, microseconds=number)
        events = [
            msgspec.structs.replace(event, at=event.at + moved)
            for event in a_meeting(f"i{number}", key)
        ]
        if number % 2:
            events[0] = msgspec.structs.replace(events[0], name=f"straße {number}")
        if number % 5 == 0:
            del events[4]  # The call is never answered.
        found.append((key, events[: 3 if number == count - 1 else len(events)]))
    return found


def tell(archive: Archive, told: Told, key: str, event: ConferenceEvent, sequence: int) -> None:
    changes = told.past.learn(key, event)
    told.changes += changes
    archive.keep(changes, sequence)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def archive(tmp_path: Path, told: Told) -> Iterator[Archive]:
    archive = Archive(str(tmp_path), stream())
    sequence = 0
    for key, events in meetings(12):
        for event in events:
            sequence += 1
            tell(archive, told, key, event, sequence)
            archive.reached(sequence, pending=0)
    yield archive
    archive.close()


def shown(archive: Archive, kind: str, *asked: tuple[str, str], at: Window = ALL) -> Any:
    found = archive.page(kind, asked, at)
    if isinstance(found, dict):
        return found
    return [msgspec.json.decode(raw) for raw in found[0]]


def in_memory(told: Told, kind: str, *asked: tuple[str, str]) -> Any:
    """What the filters of every other list find, newest first."""
    records: Any = told.conferences() if kind == "conference" else told.participants()
    newest = [msgspec.to_builtins(one) for one in reversed(records.values())]
    for one in newest:
        if kind == "conference":
            there = [p for p in told.participants().values() if p.conference == one["resource_uri"]]
            there.sort(key=lambda p: p.start_time)
            one["participants"] = [p.resource_uri for p in there]
    return select(newest, asked, HISTORY_FIELDS[kind], UNRELATED)


ASKED: list[tuple[str, list[tuple[str, str]]]] = [
    ("conference", []),
    ("participant", []),
    ("participant", [("order_by", "-start_time")]),
    ("participant", [("order_by", "display_name,-duration")]),
    ("participant", [("order_by", "-connect_time")]),
    ("participant", [("order_by", "connect_time,display_name,-connect_time")]),
    ("conference", [("order_by", "name")]),
    ("conference", [("order_by", "-name,duration")]),
    ("participant", [("is_streaming", "true")]),
    ("participant", [("is_streaming", "false"), ("order_by", "id")]),
    ("participant", [("is_streaming__in", "true,false")]),
    ("participant", [("is_streaming__contains", "ru")]),
    ("participant", [("display_name__icontains", "TU")]),
    ("participant", [("display_name__in", "Ada,Nobody")]),
    ("participant", [("display_name__gt", "B")]),
    ("participant", [("display_name__startswith", "A"), ("role", "chair")]),
    ("participant", [("duration__gte", "60"), ("duration__lt", "100")]),
    ("participant", [("duration__in", "0,60")]),
    ("participant", [("duration__contains", "0")]),
    ("participant", [("connect_time__isnull", "true")]),
    ("participant", [("connect_time__isnull", "no"), ("protocol", "RTMP")]),
    ("participant", [("id", "ada-i3")]),
    ("participant", [("id__regex", "i[0-4]$")]),
    ("participant", [("id__iregex", "^TUBE")]),
    ("participant", [("conference", "/api/admin/history/v1/conference/i4/")]),
    ("participant", [("start_time__gte", "2026-01-01T00:21:00Z")]),
    ("participant", [("start_time__lt", "2026-01-01T01:00:00+01:00")]),
    ("participant", [("start_time", "2026-01-01T00:07:00.000001Z")]),
    ("participant", [("start_time__startswith", "2026-01-01T00:14")]),
    ("participant", [("end_time__in", "2026-01-01T00:01:40Z,2026-01-01T00:01:12Z")]),
    ("participant", [("id__in", ",".join(f"ada-i{n}" for n in range(MOST + 5)))]),
    ("conference", [("name__iexact", "STRASSE 3")]),
    ("conference", [("name__iendswith", "HALL"), ("order_by", "-start_time")]),
    ("conference", [("participant_count", "2")]),
    ("conference", [("participants__isnull", "false")]),
    ("conference", [("participants__isnull", "true")]),
    ("conference", [("disconnect_reason", "")]),
]


@pytest.mark.parametrize(("kind", "asked"), ASKED, ids=lambda value: str(value)[:60])
def test_disk_and_memory_find_the_same(
    archive: Archive, told: Told, kind: str, asked: list[tuple[str, str]]
) -> None:
    assert shown(archive, kind, *asked) == in_memory(told, kind, *asked)


@pytest.mark.parametrize(
    "asked",
    [
        ("zzz", "1"),
        ("display_name__zzz", "1"),
        ("duration", "long"),
        ("start_time__gt", "yesterday"),
        ("is_streaming", "perhaps"),
        ("is_streaming__gt", "true"),
        ("id__regex", "("),
        ("participants", "x"),
        ("order_by", "zzz"),
        ("order_by", "participants"),
        ("duration__isnull", "perhaps"),
    ],
    ids="=".join,
)
def test_disk_and_memory_refuse_the_same(
    archive: Archive, told: Told, asked: tuple[str, str]
) -> None:
    kind = "conference" if "participants" in asked else "participant"
    wrong = shown(archive, kind, asked)
    assert isinstance(wrong, dict)
    assert wrong == in_memory(told, kind, asked)


def test_there_is_an_end_to_filters(archive: Archive) -> None:
    wrong = shown(archive, "participant", *[("role", "chair")] * (MOST + 1))
    assert wrong == {"role": ["There may be at most 100 filters."]}


def test_a_page_is_cut_out_and_all_are_counted(archive: Archive, told: Told) -> None:
    everything = in_memory(told, "participant")
    found = archive.page("participant", [], Window(5, 10))
    assert isinstance(found, tuple)
    assert [msgspec.json.decode(raw) for raw in found[0]] == everything[10:15]
    assert found[1] == len(everything)
    assert archive.page("participant", [], Window(5, 10_000)) == ([], len(everything))


def test_one_is_found_by_its_id(archive: Archive, told: Told) -> None:
    found = archive.one("conference", "i3")
    assert found is not None
    one = msgspec.json.decode(found)
    assert one["participants"] == [
        f"/api/admin/history/v1/participant/{who}-i3/" for who in ("ada", "tube")
    ]
    assert archive.one("conference", "i11") is None, "it is still going on"


def test_a_restart_goes_on_with_what_was_going_on(tmp_path: Path, told: Told) -> None:
    every = [(key, event) for key, events in meetings(6) for event in events]
    straight = Told()
    for key, event in every:
        straight.learn(key, event)
    for sequence, (key, event) in enumerate(every, 1):
        archive = Archive(str(tmp_path), stream())  # A restart between any two messages.
        assert archive.sequence == sequence - 1
        archive.keep(archive.past().learn(key, event), sequence)
        archive.reached(sequence, pending=0)
        archive.close()
    archive = Archive(str(tmp_path), stream())
    for kind in ("conference", "participant"):
        assert shown(archive, kind) == in_memory(straight, kind)
    archive.close()


def test_what_was_not_yet_kept_for_good_is_read_again(tmp_path: Path, told: Told) -> None:
    archive = Archive(str(tmp_path), stream())
    for sequence, event in enumerate(a_meeting(), 1):
        tell(archive, told, "town-hall-1", event, sequence)
        archive.reached(sequence, pending=8 - sequence if sequence < 3 else 5)
    archive.close()
    again = Archive(str(tmp_path), stream())
    assert again.sequence == 0
    assert shown(again, "participant") == []
    again.close()


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(stream(identity="made anew"), id="another-stream"),
        pytest.param(stream(3), id="a-stream-that-lost-its-end"),
    ],
)
def test_an_index_of_another_log_is_made_anew(tmp_path: Path, archive: Archive, now: Log) -> None:
    archive.close()
    again = Archive(str(tmp_path), now)
    assert (again.sequence, shown(again, "conference")) == (0, [])
    again.close()


def test_an_index_that_is_damaged_is_made_anew(tmp_path: Path, archive: Archive) -> None:
    archive.close()
    (tmp_path / "history-0.sqlite").write_bytes(b"nonsense" * 1000)
    again = Archive(str(tmp_path), stream())
    assert (again.sequence, shown(again, "conference")) == (0, [])
    again.close()


def test_what_the_log_no_longer_holds_is_forgotten(tmp_path: Path, archive: Archive) -> None:
    archive.close()
    again = Archive(str(tmp_path), stream(first=20))
    ended = [one["id"] for one in shown(again, "conference", ("order_by", "start_time"))]
    assert ended == [f"i{n}" for n in range(2, 11)]
    again.close()


def test_two_gateways_of_one_machine_have_a_file_each(tmp_path: Path) -> None:
    one, other = Archive(str(tmp_path), stream()), Archive(str(tmp_path), stream())
    change: list[Change] = Told().past.learn("k", a_meeting()[0])
    one.keep(change, 1)
    one.reached(1, pending=0)
    assert len(list(tmp_path.glob("history-*.sqlite"))) == 2
    one.close()
    other.close()


def test_a_reader_does_not_wait_for_the_writer(archive: Archive, told: Told) -> None:
    tell(archive, told, "hall-9", a_meeting("i99", "hall-9")[0], 900)
    assert len(shown(archive, "conference")) == 11
    archive.reached(900, pending=0)


def test_without_a_directory_nothing_is_left() -> None:
    archive = Archive("", stream())
    [temporary] = [archive._temporary]
    assert temporary is not None
    assert temporary.exists()
    archive.close()
    assert not temporary.exists()
    with pytest.raises(sqlite3.Error):
        archive.page("conference", [], ALL)
