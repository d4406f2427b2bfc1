"""What a request shows of itself, and what it may do."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.core.access import Shown, may, shown


def basic(text: bytes) -> bytes:
    return b"Basic " + base64.b64encode(text)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (basic(b"ada:pass:word"), Shown("basic", "ada", b"pass:word")),
        (basic("zoë:é".encode()), Shown("basic", "zoë", "é".encode())),
        (basic(b":"), Shown("basic", "", b"")),
        (b"bAsIc " + base64.b64encode(b"ada:x"), Shown("basic", "ada", b"x")),
        (b"Bearer robot.secret", Shown("bearer", "robot", b"robot.secret")),
        (b"Bearer t0ken", Shown("bearer", "t0ken", b"t0ken")),
        (b"", None),
        (b"Bearer ", None),
        (b"Basic ???", None),
        (basic(b"no colon"), None),
        (basic(b"\xff:x"), None),
        (basic(b"a:" + b"x" * 5000), None),
        (b"Bearer " + b"x" * 5000, None),
        (b"Digest x", None),
    ],
)
def test_a_header_is_understood_or_not(header: bytes, wanted: Shown | None) -> None:
    assert shown(header) == wanted


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_header_at_all_can_be_read(header: bytes) -> None:
    shown(header)
    shown(b"Basic " + header)
    shown(b"Bearer " + header)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/admin/configuration/v1/conference/", True),
        ("HEAD", "/api/rostrum/v1/conferences/", True),
        ("POST", "/api/admin/configuration/v1/conference/", False),
        ("PATCH", "/api/admin/configuration/v1/global/1/", False),
        ("DELETE", "/api/rostrum/v1/users/ada/", False),
        ("POST", "/api/admin/command/v1/participant/dial/", False),
        ("POST", "/api/rostrum/v1/rules/test/", True),
        ("PUT", "/api/rostrum/v1/rules/test/", False),
    ],
)
def test_who_may_look_only_changes_nothing(method: str, path: str, allowed: bool) -> None:
    assert may("read-only", method, path) is allowed
    assert may("read-write", method, path)
