"""Which rule answers which alias."""

import msgspec
import pytest

from proto.config import GatewayRoutingRule
from services.routing.core import Call, NoRoute, Route, bare, ordered, route

STREAMING = GatewayRoutingRule(
    name="Streaming",
    priority=10,
    match_string="rtmps?://(.*)",
    match_string_full=True,
    match_outgoing_calls=True,
    outgoing_protocol="rtmp",
    outgoing_location="DMZ",
)
URL = "rtmps://user:pa%20ss@ingest.example.com:443/live/KEY?x=1"


def rule(**changes: object) -> GatewayRoutingRule:
    return msgspec.structs.replace(STREAMING, **changes)


@pytest.mark.parametrize(
    ("rules", "call", "then"),
    [
        pytest.param([STREAMING], Call(URL), Route("Streaming", URL, "DMZ"), id="as-received"),
        pytest.param(
            [STREAMING], Call(URL.upper()), Route("Streaming", URL.upper(), "DMZ"), id="any-case"
        ),
        pytest.param(
            [rule(match_string="rtmps?://")], Call(URL), "no-rule", id="the-whole-alias-must-match"
        ),
        pytest.param([rule(enable=False)], Call(URL), "no-rule", id="disabled"),
        pytest.param(
            [rule(match_outgoing_calls=False)], Call(URL), "no-rule", id="not-for-outgoing"
        ),
        pytest.param(
            [rule(match_incoming_calls=False)],
            Call(URL, outgoing=False),
            "no-rule",
            id="not-for-incoming",
        ),
        pytest.param(
            [rule(match_source_location="Oslo")],
            Call(URL, location="Bergen"),
            "no-rule",
            id="from-elsewhere",
        ),
        pytest.param(
            [rule(match_source_location="Oslo")],
            Call(URL, location="Oslo"),
            Route("Streaming", URL, "DMZ"),
            id="from-there",
        ),
        pytest.param(
            [rule(match_string=r"rtmps://([^/]+)/live/(\w+)", replace_string=r"rtmp://cdn/\2")],
            Call("rtmps://ingest/live/KEY"),
            Route("Streaming", "rtmp://cdn/KEY", "DMZ"),
            id="rewritten",
        ),
        pytest.param(
            [rule(match_string=r"yt-(\w+)", replace_string=r"rtmp://yt/live2/\1")],
            Call("yt-KEY"),
            Route("Streaming", "rtmp://yt/live2/KEY", "DMZ"),
            id="a-short-alias",
        ),
        pytest.param([rule(replace_string=r"\9")], Call(URL), "bad-transform", id="bad-transform"),
        pytest.param([rule(match_string="rtmp(")], Call(URL), "no-rule", id="bad-pattern"),
        pytest.param([rule(outgoing_protocol="sip")], Call(URL), "protocol", id="not-by-rtmp"),
        pytest.param(
            [rule(name="second", priority=20), rule(name="first", priority=5)],
            Call(URL),
            Route("first", URL, "DMZ"),
            id="lower-priority-number-first",
        ),
        pytest.param(
            [rule(name="b"), rule(name="a")], Call(URL), Route("a", URL, "DMZ"), id="ties-by-name"
        ),
        pytest.param(
            [rule(name="a", outgoing_protocol="sip"), rule(name="b")],
            Call(URL),
            "protocol",
            id="the-first-match-is-the-only-one",
        ),
        pytest.param(
            [rule(match_string_full=False, match_string=r"ingest\.example\.com/live/KEY")],
            Call("rtmp://ingest.example.com/live/KEY;transport=tls"),
            Route("Streaming", "rtmp://ingest.example.com/live/KEY;transport=tls", "DMZ"),
            id="parsed-alias",
        ),
        pytest.param([], Call(URL), "no-rule", id="no-rules-at-all"),
    ],
)
def test_route(rules: list[GatewayRoutingRule], call: Call, then: Route | str) -> None:
    found = route(rules, call)

    assert (found.code if isinstance(found, NoRoute) else found) == then


def test_no_refusal_shows_the_alias() -> None:
    for rules in ([], [rule(outgoing_protocol="sip")], [rule(replace_string=r"\9")]):
        found = route(rules, Call(URL))
        assert isinstance(found, NoRoute)
        assert "KEY" not in found.reason
        assert "pa%20ss" not in found.reason


def test_rules_have_one_order_whatever_order_they_come_in() -> None:
    rules = [rule(name=name, priority=p) for name, p in (("a", 2), ("b", 1), ("c", 2), ("d", 1))]

    assert [r.name for r in ordered(rules)] == ["b", "d", "a", "c"]
    assert ordered(reversed(rules)) == ordered(rules)


def test_a_bare_alias_has_no_scheme_and_no_parameters() -> None:
    assert bare("sip:alice@example.com;transport=tls") == "alice@example.com"
    assert bare("meet.alice") == "meet.alice"
