"""Messages that nobody could handle, as they are shown."""

from datetime import UTC, datetime

import pytest

from services.gateway.core.parked import LONGEST, Wanted, brief, matches, whole

AT = datetime(2026, 1, 1, tzinfo=UTC)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {
    "Parked-Subject": "routing.events.town-hall-1",
    "Parked-Reason": "ValueError",
    "Parked-Sequence": "17",
    "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
}


def test_it_says_who_could_not_handle_what_and_where_it_stood() -> None:
    body = b'[{"type":"call_routed.v1"},{"type":"call_refused.v1"}]'
    one = whole(3, "parked.conference-state", HEADERS, body, AT)

    assert (one.id, one.service, one.durable) == (3, "conference_state", "conference-state")
    assert (one.family, one.conference, one.sequence) == ("routing", "town-hall-1", 17)
    assert (one.reason, one.trace, one.parked_at) == ("ValueError", TRACE, AT)
    assert one.events == ["call_routed.v1", "call_refused.v1"]
    assert one.body == [{"type": "call_routed.v1"}, {"type": "call_refused.v1"}]
    assert not hasattr(brief(one), "body")


def test_what_an_older_version_parked_has_no_place_in_its_stream() -> None:
    older = {name: said for name, said in HEADERS.items() if name != "Parked-Sequence"}

    assert whole(3, "parked.conference-state", older, b"[]", AT).sequence is None


@pytest.mark.parametrize("body", [b"\xff no json", b'["' + b"x" * LONGEST + b'"]', b""])
def test_what_is_no_json_or_too_large_is_told_by_its_size_alone(body: bytes) -> None:
    one = whole(3, "parked.conference-state", HEADERS, body, AT)

    assert (one.body, one.events, one.size) == (None, [], len(body))


@pytest.mark.parametrize("headers", [{}, {"Parked-Subject": "nowhere"}])
def test_one_of_unknown_origin_is_shown_all_the_same(headers: dict[str, str]) -> None:
    one = whole(3, "parked.somebody", headers, b"[]", None)

    assert (one.service, one.durable, one.family, one.conference) == ("", "somebody", "", "")


@pytest.mark.parametrize(
    ("wanted", "is_meant"),
    [
        (Wanted(), True),
        (Wanted("conference_state"), True),
        (Wanted("conference-state"), True),
        (Wanted("scheduler"), False),
        (Wanted(family="routing"), True),
        (Wanted(family="egress"), False),
        (Wanted(conference="town-hall-1"), True),
        (Wanted(conference="town-hall-2"), False),
        (Wanted("conference-state", "routing", "town-hall-2"), False),
    ],
)
def test_they_are_looked_for_by_all_that_is_asked(wanted: Wanted, is_meant: bool) -> None:
    one = whole(3, "parked.conference-state", HEADERS, b"[]", AT)

    assert matches(one, wanted) is is_meant
