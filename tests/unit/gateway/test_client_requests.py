"""Bodies of the client API: what we know of them is checked, and the rest left alone."""

from typing import Any

import msgspec
import pytest

from services.gateway.core.client_requests import NewCall, TokenRequest, dial, read
from services.gateway.core.layout_table import BOXES
from services.gateway.core.requests import DialRequest
from tests.support.layout_table import boxes

URL = "rtmps://ingest.example.com/live/key"


def asked(**body: Any) -> DialRequest | dict[str, list[str]]:
    return dial(msgspec.json.encode({"destination": URL, **body}), "town-hall")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"routing": "routing_rule", "streaming": False, "role": "guest"}),
        ({"protocol": "rtmp", "streaming": "yes"}, {"routing": "manual", "streaming": True}),
        ({"role": "HOST", "text": "Tube"}, {"role": "chair", "remote_display_name": "Tube"}),
        ({"presentation_url": URL, "layout": "1:0"}, {"presentation_url": URL, "layout": "1:0"}),
        ({"source": "x", "dtmf_sequence": "1", "something_new": [1]}, {"destination": URL}),
    ],
)
def test_what_is_dialled(body: dict[str, Any], expected: dict[str, Any]) -> None:
    wanted = asked(**body)
    assert isinstance(wanted, DialRequest)
    assert {name: getattr(wanted, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"protocol": "sip"}, "protocol"),
        ({"destination": 7}, "destination"),
        ({"role": "boss"}, "role"),
        ({"layout": "9:9"}, "layout"),
    ],
)
def test_what_cannot_be_dialled(body: dict[str, Any], field: str) -> None:
    problem = asked(**body)
    assert isinstance(problem, dict)
    assert list(problem) == [field]


def test_no_body_is_an_empty_one() -> None:
    assert read(b"", TokenRequest) == TokenRequest()
    assert isinstance(read(b"[]", TokenRequest), dict)
    assert isinstance(read(b'{"sdp": ""}', NewCall), dict)


def test_the_pictures_of_layouts_are_of_the_mixers() -> None:
    """`python -m tests.support.layout_table` makes them anew."""
    assert {name: boxes(name) for name in BOXES} == BOXES
