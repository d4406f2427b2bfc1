"""What there is to tell of a recording, whenever somebody looks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from proto.recording import Part, Recording
from proto.webhooks import Notice
from services.webhooks.core.fold import Fold
from services.webhooks.core.recorded import GRACE, Told, news, notice, settled
from services.webhooks.core.tell import tell
from tests.unit.webhooks.test_tell import requested, started

replace = msgspec.structs.replace

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIRST = Part(1, "talk.mp4", 0.0)
CLOSED = replace(FIRST, ended=True, seconds=60.0, size=1000)
SECOND = Part(2, "talk-2.mp4", 61.5)
CUT = replace(SECOND, ended=True, cut=True)
MENDED = replace(CUT, seconds=8.5, size=200, sha256="0" * 64)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def recording(*parts: Part, **more: Any) -> Recording:
    return Recording(
        *("tape", "tape", "town-hall-1", "Town Hall", "i-1", "single", "host-a"),
        name="talk",
        started_at=START,
        parts=list(parts),
        **more,
    )


OVER: dict[str, Any] = {"state": "complete", "ended_at": at(70)}


def told(*looks: Recording, now: datetime = START) -> list[str]:
    """The ids of what is told when somebody looks that often."""
    known, found = Told(), []
    for look in looks:
        more, known = news(look, known, now)
        found += [one.id for one in more]
    return found


LIFE = (
    recording(),
    recording(FIRST),
    recording(CLOSED),
    recording(CLOSED, SECOND),
    recording(CLOSED, CUT),
    recording(CLOSED, MENDED, **OVER),
)
ALL = ["tape_started_1", "tape_part_1", "tape_part_2", "tape_ended_2"]


@pytest.mark.parametrize("looks", [LIFE, LIFE[-1:], LIFE * 2, (LIFE[2], LIFE[-1])])
def test_it_is_all_told_once_in_order_however_seldom_somebody_looks(
    looks: tuple[Recording, ...],
) -> None:
    assert told(*looks[: len(LIFE)]) == ALL


def test_what_never_had_a_picture_is_not_told() -> None:
    assert told(replace(recording(**OVER), started_at=None)) == []


def test_its_end_waits_for_a_file_that_was_cut_but_not_for_ever() -> None:
    lost = recording(CLOSED, CUT, **OVER, code="worker-lost", reason="the process was lost")
    waiting = Told(1, [1])

    assert news(lost, waiting, at(70) + GRACE)[0] == []
    assert not settled(lost, waiting)
    [failed], then = news(lost, waiting, at(71) + GRACE)
    assert failed.type == "recording_failed"
    assert settled(lost, then)
    [late], _ = news(recording(CLOSED, MENDED, **OVER, code="worker-lost"), then, at(9999))
    assert late.id == "tape_part_2"


def test_a_recording_that_goes_on_elsewhere_begins_and_ends_once_more() -> None:
    ended = recording(CLOSED, **OVER)
    again = recording(CLOSED, SECOND)
    over = recording(CLOSED, MENDED, **OVER)

    assert told(ended, again, over) == [
        "tape_started_1",
        "tape_part_1",
        "tape_ended_1",
        "tape_started_2",
        "tape_part_2",
        "tape_ended_2",
    ]


def test_what_is_told_says_how_large_how_long_and_where_to_get_it() -> None:
    [begun, part, _, end], _ = news(LIFE[-1], Told(), START)
    whole = {
        "recording": "tape",
        "uuid": "tape",
        "conference": "Town Hall",
        "name": "talk",
        "leg": "single",
        "start_time": START.timestamp(),
        "url": "/api/rostrum/v1/recordings/tape/",
    }

    assert (begun.type, begun.at, begun.data) == ("recording_started", START, whole)
    assert (part.type, part.at) == ("recording_part_finished", at(60))
    assert part.data["part"] == {
        "number": 1,
        "file": "talk.mp4",
        "start": 0.0,
        "duration": 60.0,
        "size": 1000,
        "cut": False,
        "lost_pictures": 0,
        "url": "/api/rostrum/v1/recordings/tape/parts/1/",
    }
    assert (end.type, end.at) == ("recording_finished", at(70))
    assert end.data == whole | {
        "end_time": at(70).timestamp(),
        "duration": 70.0,
        "size": 1200,
        "parts": 2,
        "code": "",
        "reason": "",
    }


def test_why_it_failed_is_told() -> None:
    full = recording(CLOSED, **OVER, code="disk-full", reason="the disk is full")
    [*_, end], _ = news(full, Told(), START)

    assert end.type == "recording_failed"
    assert (end.data["code"], end.data["reason"]) == ("disk-full", "the disk is full")


def test_the_halves_of_a_dual_recording_have_ids_of_their_own() -> None:
    main = replace(LIFE[-1], leg="main")
    second = replace(LIFE[-1], recording="tape.presentation", leg="presentation")

    assert not set(told(main)) & set(told(second))
    for one in news(replace(second, participant="p" * 64), Told(), START)[0]:
        made = notice(second, one, 7, Fold("town-hall-1"))
        msgspec.convert(msgspec.to_builtins(made), Notice)


def test_it_is_of_the_location_of_its_call_or_of_its_conference() -> None:
    fold, _ = tell(Fold("town-hall-1"), [started(), requested()], 1)
    placed = replace(fold, locations=["Oslo"])
    stream = replace(fold.streams["tube"], system_location="Molde")
    dialled = replace(placed, streams={"tape": stream})
    [begun], _ = news(LIFE[1], Told(), START)

    assert notice(LIFE[1], begun, 7, placed).locations == ["Oslo"]
    assert notice(LIFE[1], begun, 7, dialled).locations == ["Molde"]
    assert notice(LIFE[1], begun, 7, fold).locations == []
