"""What one request holds, how it is signed, and that a receiver finds it to be so."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import msgspec
import pytest

from proto.config import EventSink, HookType
from proto.webhooks import Notice, key_of, secret_of
from services.webhooks.core import letters

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
SINK = EventSink("Billing", "https://billing/***", 1)


def notice(seq: int, kind: HookType = "participant_connected", conference: str = "a-1") -> Notice:
    return Notice(f"i-1_{seq}", kind, AT, conference, "i-1", seq, {"uuid": f"p{seq}"})


THREE = [notice(1, "conference_started"), notice(2), notice(3)]


def test_one_event_is_one_request_with_pexips_envelope_and_an_id() -> None:
    letter, reached = letters.next_letter(THREE, 0, SINK, letters.Scope())

    assert letter is not None
    assert reached == 1
    assert letter.id == "i-1_1"
    assert json.loads(letter.body) == {
        "id": "i-1_1",
        "type": "conference_started",
        "event": "conference_started",
        "timestamp": "2026-01-01T12:00:00Z",
        "time": AT.timestamp(),
        "node": "rostrum",
        "version": 2,
        "seq": 1,
        "conference": "a-1",
        "instance": "i-1",
        "data": {"uuid": "p1"},
    }


def test_what_happened_at_once_may_come_at_once() -> None:
    bulk = msgspec.structs.replace(SINK, bulk_support=True)
    letter, reached = letters.next_letter(THREE, 0, bulk, letters.Scope())
    assert letter is not None
    body = json.loads(letter.body)

    assert reached == 3
    assert (body["event"], body["node"], body["seq"]) == ("eventsink_bulk", "127.0.0.1", 0)
    assert [one["seq"] for one in body["data"]] == [1, 2, 3]
    rest, _ = letters.next_letter(THREE, 1, bulk, letters.Scope())
    assert rest is not None
    assert rest.id != letter.id, "a receiver that knows the one must not take the other for it"
    alone, _ = letters.next_letter(THREE, 2, bulk, letters.Scope())
    assert alone is not None
    assert json.loads(alone.body)["event"] == "participant_connected"


def test_a_sink_is_told_what_it_asked_for_and_no_more() -> None:
    picky = msgspec.structs.replace(SINK, events=["participant_connected"])
    letter, reached = letters.next_letter(THREE, 0, picky, letters.Scope())
    assert letter is not None
    assert (letter.id, reached) == ("i-1_2", 2)

    of_one = msgspec.structs.replace(SINK, conferences=[7])
    assert letters.next_letter(THREE, 0, of_one, letters.Scope(frozenset({"b-2"}))) == (None, 3)
    assert letters.next_letter(THREE, 0, of_one, letters.Scope(frozenset({"a-1"})))[0] is not None
    assert letters.next_letter(THREE, 0, of_one, letters.Scope()) == (None, 3)


def test_a_signature_is_what_standard_webhooks_say() -> None:
    """Their own example."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert key is not None
    at = datetime.fromtimestamp(1614265330, UTC)
    found = letters.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at, [key])

    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_secrets_are_changed_both_sign() -> None:
    keys = [b"n" * 32, b"o" * 32]
    found = letters.headers("m", b"{}", AT, keys)
    signed = f"m.{int(AT.timestamp())}.{{}}".encode()

    assert found["webhook-signature"].split(" ") == [
        "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        for key in keys
    ]


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_!!", secret_of(b"k" * 23), secret_of(b"k" * 65), "a" * 40]
)
def test_what_is_no_secret(secret: str) -> None:
    assert key_of(secret) is None


def test_what_is_one() -> None:
    assert key_of(secret_of(b"k" * 24)) == b"k" * 24


@pytest.mark.parametrize(
    ("of", "named_by", "is_told"),
    [
        (["Oslo"], None, True),
        (["Oslo"], ["Oslo"], True),
        (["Oslo"], ["Bergen"], False),
        (["Oslo", "Bergen"], ["Bergen"], True),
        ([], ["Bergen"], True),
    ],
)
def test_a_sink_that_locations_name_is_told_of_those(
    of: list[str], named_by: list[str] | None, is_told: bool
) -> None:
    one = msgspec.structs.replace(notice(1), locations=of)
    scope = letters.Scope(places=None if named_by is None else frozenset(named_by))

    assert letters.wanted(one, SINK, scope) is is_told
