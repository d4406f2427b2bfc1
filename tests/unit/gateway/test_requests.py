"""What is wrong with a body is said field by field, and nothing of it is repeated."""

import json

import pytest

from services.gateway.core.requests import (
    DialRequest,
    Errors,
    JoinRequest,
    json_object,
    read,
)

GOOD = {"conference_alias": "town-hall", "destination": "rtmp://host/live/key"}


def dial(**changes: object) -> DialRequest | Errors:
    return read(json.dumps({**GOOD, **changes}).encode(), DialRequest)


def test_pexips_defaults_are_ours() -> None:
    request = dial()
    assert isinstance(request, DialRequest)
    assert (request.protocol, request.routing, request.role) == ("sip", "manual", "guest")
    assert request.streaming is False
    assert request.keeps_alive() == "keep_conference_alive"
    assert request.presentation_url == ""


def test_a_stream_does_not_keep_a_conference_alive_unasked() -> None:
    request = dial(streaming=True)
    assert isinstance(request, DialRequest)
    assert request.keeps_alive() == "keep_conference_alive_never"
    asked = dial(streaming=True, keep_conference_alive="keep_conference_alive_if_multiple")
    assert isinstance(asked, DialRequest)
    assert asked.keeps_alive() == "keep_conference_alive_if_multiple"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"presentation_url": None}, "presentation_url", "Expected `str`"),
        ({"zoom": 1}, "zoom", "no such field"),
        ({"rtmp://h/a/SECRET": 1}, "__all__", "no such field"),
        ({"destination": 7}, "destination", "Expected `str`"),
        ({"streaming": "maybe"}, "streaming", "Expected `bool`"),
        ({"protocol": "rtmp://h/a/SECRET"}, "protocol", "not one of the values"),
        ({"remote_display_name": "n" * 251}, "remote_display_name", "length <= 250"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, object], field: str, says: str) -> None:
    errors = dial(**changes)
    assert isinstance(errors, dict)
    assert list(errors) == [field]
    assert says in errors[field][0]
    assert "SECRET" not in str(errors)


def test_a_missing_field_is_named() -> None:
    assert read(b'{"media": "rtsp://h/1"}', JoinRequest) == {
        "display_name": ["This field is required."]
    }


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff\xfe"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    errors = read(body, JoinRequest)
    assert errors == {"__all__": ["The body must be a JSON object."]}
    assert json_object(body) is None
