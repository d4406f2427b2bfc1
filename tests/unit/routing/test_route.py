"""Which rule answers which alias."""

from typing import Any

import msgspec
import pytest

from proto.config import GatewayRoutingRule
from services.routing.core.alias import bare, with_port
from services.routing.core.route import NoRoute, Route, explain, route
from services.routing.core.table import FLAGS, Call, Table, ordered, prepare

STREAMING = GatewayRoutingRule(
    name="Streaming",
    priority=10,
    match_string="rtmps?://(.*)",
    match_string_full=True,
    match_outgoing_calls=True,
    outgoing_protocol="rtmp",
    outgoing_location="DMZ",
)
LONG_S = "\u017f"
URL = "rtmps://user:pa%20ss@ingest.example.com:443/live/KEY?x=1"
INCOMING = Call(URL, outgoing=False)


def rule(match: str = STREAMING.match_string, replace: str = "", **more: Any) -> object:
    changes: dict[str, Any] = {"match_string": match, "replace_string": replace, **more}
    return msgspec.structs.replace(STREAMING, **changes)


def flagged(flag: str, *, on: bool) -> object:
    changes: dict[str, Any] = {flag: on}
    return rule(**changes)


def table(*rules: object) -> Table:
    return Table(prepare(one) for one in rules if isinstance(one, GatewayRoutingRule))


def to(alias: str, rule: str = "Streaming", location: str = "DMZ", **more: Any) -> Route:
    return msgspec.structs.replace(Route(rule, alias, location), **more)


def case(name: str, rules: list[object], call: Call | str, then: Route | str) -> object:
    return pytest.param(rules, Call(call) if isinstance(call, str) else call, then, id=name)


PARSED: dict[str, Any] = {"match_string_full": False}
FULL_OR_PARSED = [
    case("full-alias-as-received", [rule()], URL, to(URL)),
    case("full-alias-has-its-scheme", [rule("ingest.*")], URL, "no-rule"),
    case("parsed-alias-has-no-scheme", [rule("ingest/.*", **PARSED)], "rtmp://ingest/a/K",
         to("rtmp://ingest/a/K")),
    case("parsed-alias-with-scheme-in-the-pattern", [rule(**PARSED)], URL, "no-rule"),
    case("parsed-sip", [rule("alice@example\\.com", **PARSED)],
         "sip:alice@example.com;transport=tls", to("sip:alice@example.com;transport=tls")),
    case("parsed-sips", [rule("alice@example\\.com", **PARSED)], "sips:alice@example.com",
         to("sips:alice@example.com")),
    case("parsed-h323", [rule("alice@example\\.com", **PARSED)], "h323:alice@example.com",
         to("h323:alice@example.com")),
    case("parsed-upper-case-scheme", [rule("alice@example\\.com", **PARSED)],
         "SIP:alice@example.com", to("SIP:alice@example.com")),
    case("full-alias-with-parameters", [rule("sip:alice@example\\.com")],
         "sip:alice@example.com;transport=tls", "no-rule"),
    case("parsed-drops-headers", [rule("alice@example\\.com", **PARSED)],
         "sip:alice@example.com?subject=x", to("sip:alice@example.com?subject=x")),
    case("parsed-drops-host-ip", [rule("alice", **PARSED)], "sip:alice@192.0.2.1",
         to("sip:alice@192.0.2.1")),
    case("parsed-drops-host-ip-and-port", [rule("alice", **PARSED)], "sip:alice@192.0.2.1:5060",
         to("sip:alice@192.0.2.1:5060")),
    case("parsed-drops-host-ipv6", [rule("alice", **PARSED)], "sip:alice@[2001:db8::1]:5060",
         to("sip:alice@[2001:db8::1]:5060")),
    case("parsed-keeps-host-name", [rule("alice", **PARSED)], "sip:alice@example.com", "no-rule"),
    case("parsed-keeps-an-address-alone", [rule("192\\.0\\.2\\.1", **PARSED)], "192.0.2.1",
         to("192.0.2.1")),
    case("parsed-colon-is-no-scheme", [rule("example\\.com:5061", **PARSED)], "example.com:5061",
         to("example.com:5061")),
    case("full-host-ip", [rule("rtmp://192\\.0\\.2\\.1/(.*)")], "rtmp://192.0.2.1/a/K",
         to("rtmp://192.0.2.1/a/K")),
    case("blank-replace-gives-the-alias-as-received", [rule("ingest/a/K", **PARSED)],
         "rtmp://ingest/a/K?t=1", to("rtmp://ingest/a/K?t=1")),
    case("parsed-groups-are-of-the-parsed-alias",
         [rule("([^/]+)/(.*)", r"rtmps://\1/\2", **PARSED)], "rtmp://h/a/K?t=1",
         to("rtmps://h/a/K")),
]  # fmt: skip

PATTERNS = [
    case("any-case-of-the-alias", [rule()], URL.upper(), to(URL.upper())),
    case("any-case-of-the-pattern", [rule("RTMPS://INGEST.*")], "rtmps://ingest/a/K",
         to("rtmps://ingest/a/K")),
    case("case-of-other-letters", [rule("café-(.*)", r"rtmp://h/a/\1")], "CAFÉ-K",
         to("rtmp://h/a/K")),
    case("long-s-is-an-s", [rule("stream", "rtmp://h/a/K")], LONG_S + "tream", to("rtmp://h/a/K")),
    case("beginning-alone-is-no-match", [rule("rtmps?://")], URL, "no-rule"),
    case("middle-alone-is-no-match", [rule("ingest")], URL, "no-rule"),
    case("end-alone-is-no-match", [rule("KEY.x=1")], URL, "no-rule"),
    case("whole-with-one-alternative", [rule("rtmp|rtmps?://.*")], URL, to(URL)),
    case("anchors-may-be-written", [rule("^rtmps://.*$")], URL, to(URL)),
    case("a-dot-is-no-new-line", [rule("a.b")], "a\nb", "no-rule"),
    case("a-trailing-new-line-is-a-character", [rule("ab$")], "ab\n", "no-rule"),
    case("empty-alias", [rule(".+")], "", "no-rule"),
    case("half-a-character", [rule(".*")], "\ud800", "no-rule"),
    case("not-such-a-domain", [rule(r"(?!.*@example\.com$).*", "rtmp://h/a/K")], "a@example.com",
         "no-rule"),
    case("another-domain", [rule(r"(?!.*@example\.com$)(.*)@.*", r"rtmp://h/a/\1")],
         "bob@example.org", to("rtmp://h/a/bob")),
    case("looking-ahead-for-what-must-be",
         [rule(r"^(?=.*-live$)(\w+)-.*$", r"rtmp://h/a/\1")], "hall-live", to("rtmp://h/a/hall")),
    case("ipv6-host", [rule(r"rtmps?://\[2001:db8::[0-9a-f]+\](:\d+)?/.*")],
         "rtmps://[2001:DB8::a]:443/a/K", to("rtmps://[2001:DB8::a]:443/a/K")),
    case("ipv6-host-taken-over", [rule(r"rtmp://(\[[^\]]+\])/(.*)", r"rtmps://\1/\2")],
         "rtmp://[::1]/a/K", to("rtmps://[::1]/a/K")),
    case("another-ipv6-host", [rule(r"rtmps://\[2001:db8::1\]/.*")], "rtmps://[2001:db8::2]/a/K",
         "no-rule"),
    case("credentials-in-the-pattern", [rule(r"rtmps://user:pa%20ss@.*")], URL, to(URL)),
    case("other-credentials", [rule(r"rtmps://root:.*@.*")], URL, "no-rule"),
    case("credentials-of-a-parsed-alias", [rule("user:.*@ingest.*", **PARSED)], URL, to(URL)),
    case("credentials-taken-away", [rule(r"(rtmps://)[^@/]*@(.*)", r"\1\2")],
         "rtmps://u:p@h/a/K", to("rtmps://h/a/K")),
    case("credentials-put-in", [rule(r"rtmps://h/(.*)", r"rtmps://u:p%40ss@h/\1")],
         "rtmps://h/a/K", to("rtmps://u:p%40ss@h/a/K")),
    case("escapes-are-not-decoded", [rule("rtmp://h/a/a%2Fb")], "rtmp://h/a/a/b", "no-rule"),
    case("escapes-match-as-written", [rule("rtmp://h/a/a%2fb")], "rtmp://h/a/a%2Fb",
         to("rtmp://h/a/a%2Fb")),
    case("query-is-part-of-the-full-alias", [rule(r".*\?x=1")], URL, to(URL)),
]  # fmt: skip

REPLACEMENTS = [
    case("one-group", [rule("rtmp://[^/]+/(.*)", r"rtmp://cdn/\1")], "rtmp://x/a/K",
         to("rtmp://cdn/a/K")),
    case("two-groups-turned-round", [rule("(.*)-(.*)", r"rtmp://h/\2/\1")], "k-app",
         to("rtmp://h/app/k")),
    case("short-alias", [rule(r"yt-(\w+)", r"rtmp://yt/live2/\1")], "yt-KEY",
         to("rtmp://yt/live2/KEY")),
    case("constant", [rule("yt-main", "rtmps://yt/a/K")], "yt-main", to("rtmps://yt/a/K")),
    case("a-group-keeps-its-case", [rule("(.*)", r"rtmp://h/a/\1")], "KeY", to("rtmp://h/a/KeY")),
    case("a-group-that-took-no-part", [rule("a(b)?(.*)", r"rtmp://h/a/\1\2")], "ac",
         to("rtmp://h/a/c")),
    case("nine-groups", [rule("(.)" * 9, r"rtmp://h/a/\9\8\7\6\5\4\3\2\1")], "123456789",
         to("rtmp://h/a/987654321")),
    case("one-digit-a-reference", [rule("(.)" * 10, r"rtmp://h/a/\10")], "abcdefghij",
         to("rtmp://h/a/a0")),
    case("the-tenth-group", [rule("(.)" * 10, r"rtmp://h/a/\g<10>")], "abcdefghij",
         to("rtmp://h/a/j")),
    case("a-group-ahead-counts", [rule(r"(?=(.).*)(.*)", r"rtmp://h/\1/\2")], "ab",
         to("rtmp://h/a/ab")),
    case("no-such-group", [rule(replace=r"\9")], URL, "bad-transform"),
    case("bad-escape", [rule(replace=r"rtmp://h/\d")], URL, "bad-transform"),
]  # fmt: skip

CALLS = [
    case("disabled", [rule(enable=False)], URL, "no-rule"),
    case("not-for-outgoing", [rule(match_outgoing_calls=False)], URL, "no-rule"),
    case("not-for-incoming", [rule(match_incoming_calls=False)], INCOMING, "no-rule"),
    case("incoming", [rule()], INCOMING, to(URL)),
    case("incoming-only-is-not-for-outgoing", [rule(match_outgoing_calls=False), rule(name="b")],
         URL, to(URL, "b")),
    case("from-elsewhere", [rule(match_source_location="Oslo")], Call(URL, location="Rome"),
         "no-rule"),
    case("from-nowhere", [rule(match_source_location="Oslo")], URL, "no-rule"),
    case("from-there", [rule(match_source_location="Oslo")], Call(URL, location="Oslo"), to(URL)),
    case("from-anywhere", [rule()], Call(URL, location="Oslo"), to(URL)),
    case("incoming-from-there", [rule(match_source_location="Oslo")],
         Call(URL, outgoing=False, location="Oslo"), to(URL)),
    case("location-of-the-second-rule",
         [rule(match_source_location="Oslo"), rule(name="b", match_source_location="Rome")],
         Call(URL, location="Rome"), to(URL, "b")),
    case("automatic-location", [rule(outgoing_location=None)], Call(URL, location="Oslo"),
         to(URL, location="")),
    *(
        case(f"{name}-{'on' if on else 'off'}", [flagged(flag, on=on)],
             Call(URL, outgoing=False, protocol=name), to(URL) if on else "no-rule")
        for name, flag in FLAGS.items()
        for on in (True, False)
    ),
    case("teams-unless-asked-for", [rule()], Call(URL, outgoing=False, protocol="teams"),
         "no-rule"),
    case("flags-are-not-for-outgoing", [rule(match_incoming_webrtc=False)], URL, to(URL)),
    case("registered-only", [rule(match_incoming_only_if_registered=True)], INCOMING, "no-rule"),
    case("registered", [rule(match_incoming_only_if_registered=True)],
         Call(URL, outgoing=False, registered=True), to(URL)),
    case("registration-is-not-for-outgoing", [rule(match_incoming_only_if_registered=True)], URL,
         to(URL)),
]  # fmt: skip

ORDER = [
    case("lower-priority-number-first", [rule(name="2nd", priority=20), rule(name="1st")], URL,
         to(URL, "1st")),
    case("ties-by-name", [rule(name="b"), rule(name="a")], URL, to(URL, "a")),
    case("priority-before-name", [rule(name="a", priority=11), rule(name="b")], URL, to(URL, "b")),
    case("disabled-lets-the-next-one-in", [rule(name="a", enable=False), rule(name="b")], URL,
         to(URL, "b")),
    case("no-match-lets-the-next-one-in", [rule("x", name="a"), rule(name="b")], URL, to(URL, "b")),
    case("unreadable-lets-the-next-one-in", [rule("rtmp(", name="a"), rule(name="b")], URL,
         to(URL, "b")),
    case("wrong-protocol-does-not", [rule(name="a", outgoing_protocol="sip"), rule(name="b")], URL,
         "protocol"),
    case("wrong-target-does-not", [rule(name="a", called_device_type="teams_user"),
         rule(name="b")], URL, "target"),
    case("bad-transform-does-not", [rule(replace=r"\9", name="a"), rule(name="b")], URL,
         "bad-transform"),
    case("no-rules-at-all", [], URL, "no-rule"),
]  # fmt: skip

MADE_OF_IT = [
    case("not-by-rtmp", [rule(outgoing_protocol="sip")], URL, "protocol"),
    case("theme", [rule(ivr_theme=3)], URL, to(URL, theme=3)),
    case("quality", [rule(max_pixels_per_second="sd")], URL, to(URL, quality="sd")),
    case("bandwidth-of-a-gateway-call", [rule(max_callrate_out=500)], INCOMING,
         to(URL, max_callrate_out=500)),
    case("bandwidth-out-of-a-conference-is-the-conference's", [rule(max_callrate_out=500)], URL,
         to(URL)),
    case("encryption-required-and-there", [rule(crypto_mode="on")], URL, to(URL, crypto_mode="on")),
    case("encryption-required-and-missing", [rule(crypto_mode="on")], "RTMP://h/a/K",
         "encryption-required"),
    case("encryption-required-and-rewritten-away",
         [rule("rtmps(.*)", r"rtmp\1", crypto_mode="on")], URL, "encryption-required"),
    case("encryption-required-and-rewritten-in",
         [rule("rtmp(:.*)", r"rtmps\1", crypto_mode="on")], "rtmp://h/a/K",
         to("rtmps://h/a/K", crypto_mode="on")),
    case("encryption-if-possible", [rule(crypto_mode="besteffort")], "rtmp://h/a/K",
         to("rtmp://h/a/K", crypto_mode="besteffort")),
    case("encryption-off", [rule(crypto_mode="off")], "rtmp://h/a/K",
         to("rtmp://h/a/K", crypto_mode="off")),
    case("encryption-as-the-global-setting", [rule(crypto_mode="")], URL, to(URL)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "call", "then"),
    [*FULL_OR_PARSED, *PATTERNS, *REPLACEMENTS, *CALLS, *ORDER, *MADE_OF_IT],
)
def test_route(rules: list[object], call: Call, then: Route | str) -> None:
    found = route(table(*rules), call)

    assert (found.code if isinstance(found, NoRoute) else found) == then


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [rule(outgoing_protocol="sip")],
        [rule(replace=r"\9")],
        [rule(called_device_type="teams_user")],
        [rule(crypto_mode="on")],
    ],
)
def test_no_refusal_shows_the_alias(rules: list[object]) -> None:
    found = route(table(*rules), Call("rtmp://user:pa%20ss@h/live/KEY"))

    assert isinstance(found, NoRoute)
    assert "KEY" not in found.reason
    assert "pa%20ss" not in found.reason


def test_rules_have_one_order_whatever_order_they_come_in() -> None:
    ready = [
        prepare(msgspec.structs.replace(STREAMING, name=name, priority=p))
        for name, p in (("a", 2), ("b", 1), ("c", 2), ("d", 1))
    ]

    assert [one.rule.name for one in ordered(ready)] == ["b", "d", "a", "c"]
    assert ordered(reversed(ready)) == ordered(ready)


def test_each_rule_is_explained_in_order() -> None:
    tried, outcome = explain(
        table(
            rule(name="a", priority=1, enable=False),
            rule(name="b", priority=2, match_outgoing_calls=False),
            rule(name="c", priority=3, match_source_location="Rome"),
            rule("x", name="d", priority=4),
            rule("rtmp(", name="e", priority=5),
            rule(name="f", priority=6),
            rule(name="g", priority=7),
            rule(name="h", priority=8, enable=False),
        ),
        Call(URL, location="Oslo"),
    )

    assert outcome == to(URL, "f")
    assert [(one.rule.name, one.verdict) for one in tried] == [
        ("a", "disabled"),
        ("b", "direction"),
        ("c", "source-location"),
        ("d", "alias"),
        ("e", "bad-pattern"),
        ("f", "matched"),
        ("g", "not-reached"),
        ("h", "not-reached"),
    ]


def test_flags_of_incoming_calls_are_explained() -> None:
    tried, _ = explain(
        table(
            rule(name="a", match_incoming_calls=False),
            rule(name="b", match_incoming_h323=False),
            rule(name="c", match_incoming_only_if_registered=True),
        ),
        Call(URL, outgoing=False, protocol="h323"),
    )

    assert [one.verdict for one in tried] == ["direction", "source-protocol", "unregistered"]


@pytest.mark.parametrize(
    ("alias", "then"),
    [
        ("sip:alice@example.com;transport=tls", "alice@example.com"),
        ("meet.alice", "meet.alice"),
        ("rtmps://u:p@h.example.com:443/a/K?x=1", "u:p@h.example.com:443/a/K"),
        ("alice@[2001:db8::1]", "alice"),
        ("sip:192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]:5060", "[2001:db8::1]:5060"),
        ("alice@192.0.2.999", "alice@192.0.2.999"),
        ("@192.0.2.1", "@192.0.2.1"),
        ("", ""),
    ],
)
def test_a_bare_alias(alias: str, then: str) -> None:
    assert bare(alias) == then


@pytest.mark.parametrize(
    ("url", "then"),
    [
        ("rtmps://h/a/K", "rtmps://h:1935/a/K"),
        ("RTMPS://u:p@h/a/K?x=1", "RTMPS://u:p@h:1935/a/K?x=1"),
        ("rtmps://[::1]/a/K", "rtmps://[::1]:1935/a/K"),
        ("rtmps://[::1]:443/a/K", "rtmps://[::1]:443/a/K"),
        ("rtmps://u:1@h:443/a/K", "rtmps://u:1@h:443/a/K"),
        ("rtmp://h/a/K", "rtmp://h/a/K"),
        ("yt-main", "yt-main"),
    ],
)
def test_a_port_that_nobody_wrote(url: str, then: str) -> None:
    assert with_port(url, 1935) == then
    assert with_port(url, 443) == url
