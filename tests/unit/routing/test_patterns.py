"""What patterns and replacements may say, and that none of them can hold routing up."""

import re
import time

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proto.config import GatewayRoutingRule
from proto.patterns import Bad, compile_pattern, compile_replacement, problems
from services.routing.core.needle import needle
from services.routing.core.route import NoRoute, Route, explain, route
from services.routing.core.table import Call, Table, prepare

unhurried = settings(deadline=None)
"""Wall time says nothing on a busy machine."""

PIECES = ["a", "B", "k", "s", ".", r"\.", "-", "é", "(", ")", "[", "]", "[^", "*", "+", "?"]
PIECES += ["{2}", "{0}", "{", "|", "^", "$", r"\d", r"\w", r"\x41", r"\pN", r"\Q", r"\E", r"\b"]
PIECES += ["(?:", "(?i)", "(?!", "(?=", "(a)", "[ab]", "[[:alpha:]]", ".*", "]"]
written = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
aliases = st.text("abABkKsS\u017f.-é1|{Q", max_size=8)


@unhurried
@given(written, aliases)
@example("a{0}b", "b")
@example(r"\Qa|b\E", "a|b")
@example("a|bc", "a")
@example("(?!a)b.*", "bk")
def test_an_alias_that_matches_holds_the_needle(pattern: str, alias: str) -> None:
    compiled = compile_pattern(pattern)
    if not isinstance(compiled, Bad) and alias.isascii() and compiled.match(alias) is not None:
        assert needle(pattern) in alias.lower()


@pytest.mark.parametrize(
    ("pattern", "then"),
    [
        ("rtmps?://(.*)", "rtmp"),
        (r"rtmps://Ingest\.example\.com/live/(.*)", "rtmps://ingest.example.com/live/"),
        (r"(.*)@example\.com", "@example.com"),
        ("ab+c", "ab"),
        ("abc?", "ab"),
        ("a|b", ""),
        ("(ab)", ""),
        ("[abc]", ""),
        (r"\x41bcd", ""),
        (r"(?!.*@example\.com$).*", ""),
    ],
)
def test_needles(pattern: str, then: str) -> None:
    assert needle(pattern) == then


@unhurried
@given(written)
def test_any_text_is_a_pattern_or_is_told_why_not(pattern: str) -> None:
    compiled = compile_pattern(pattern)

    assert not isinstance(compiled, Bad) or compiled.reason


@unhurried
@given(st.text(r"\g<>0123456789ab", max_size=8), st.integers(0, 12))
def test_any_text_is_a_replacement_or_is_told_why_not(text: str, groups: int) -> None:
    expand = compile_replacement(text, groups)
    if isinstance(expand, Bad):
        assert expand.reason
    else:
        expand(("x",) * (groups + 1))


names = st.sampled_from(["a", "b", "c", "d"])
rules = st.builds(
    GatewayRoutingRule,
    name=names,
    priority=st.integers(1, 3),
    match_string=st.sampled_from(["a.*", "b.*", ".*", "ab", "(?!a).*"]),
    id=st.integers(1, 1000),
    enable=st.booleans(),
    match_incoming_calls=st.booleans(),
    match_outgoing_calls=st.booleans(),
    match_source_location=st.sampled_from([None, "Oslo"]),
    match_string_full=st.just(True),
    outgoing_protocol=st.just("rtmp"),
)
texts = ["hall", "halls?", "town-hall.*", "(.*)hall", "ha.*", "town(.*)", "o.*-h.*", "ll$", ".*"]
wordy = st.builds(
    msgspec.structs.replace,
    rules,
    match_string=st.sampled_from(texts),
    match_string_full=st.booleans(),
)
words = st.builds(
    Call, st.sampled_from(["hall", "HALLS", "town-hall", "sip:town-hall;x=hall", "ha", "h\u00e4ll"])
)


@unhurried
@given(st.lists(wordy, max_size=12, unique_by=lambda rule: rule.id), words)
def test_the_index_leaves_no_match_out(given_: list[GatewayRoutingRule], call: Call) -> None:
    """`explain` asks every rule; `route` only those that its index names."""
    table = made(given_)

    assert explain(table, call)[1] == route(table, call)


tables = st.lists(rules, max_size=6, unique_by=lambda rule: rule.id)
calls = st.builds(
    Call,
    st.sampled_from(["a", "ab", "b", "c", "é"]),
    st.booleans(),
    st.sampled_from(["", "Oslo", "Rome"]),
)


def made(of: list[GatewayRoutingRule]) -> Table:
    return Table(prepare(rule) for rule in of)


def plainly(rule: GatewayRoutingRule, call: Call) -> bool:
    """The rules in other words: no order, no needle, no index, and Python's own engine."""
    wanted = rule.match_outgoing_calls if call.outgoing else rule.match_incoming_calls
    there = rule.match_source_location in (None, call.location)
    match = re.fullmatch(rule.match_string, call.alias, re.IGNORECASE)
    return rule.enable and wanted and there and match is not None


@unhurried
@given(tables, calls)
def test_the_first_match_in_order_wins(given_: list[GatewayRoutingRule], call: Call) -> None:
    matching = [rule for rule in given_ if plainly(rule, call)]
    found = route(made(given_), call)
    if isinstance(found, NoRoute):
        assert not matching
    else:
        first = min(matching, key=lambda rule: (rule.priority, rule.name, rule.id))
        assert found.rule == first.name


@unhurried
@given(tables, calls)
def test_disabled_rules_never_matter(given_: list[GatewayRoutingRule], call: Call) -> None:
    enabled = [rule for rule in given_ if rule.enable]

    assert route(made(given_), call) == route(made(enabled), call)


@unhurried
@given(tables, calls)
def test_what_is_explained_is_what_is_done(given_: list[GatewayRoutingRule], call: Call) -> None:
    tried, outcome = explain(made(given_), call)
    matched = [one.rule.name for one in tried if one.verdict == "matched"]

    assert outcome == route(made(given_), call)
    assert matched == ([outcome.rule] if isinstance(outcome, Route) else [])
    assert len(tried) == len(given_)


EVIL = [
    "(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*x(.*)*y", "(x+x+)+y", "(a?){100}a{100}", ".*.*.*.*.*.*z",
    r"^(([a-z])+.)+[A-Z]([a-z])+$", "(?!(a+)+b)(a+)+c", "((a{1,10}){1,10}){1,10}b", "(.?){900}b",
    "((a*)*)*b", "(a*?)*?b", "[^x]*[^y]*[^z]*!",
]  # fmt: skip


@pytest.mark.parametrize("pattern", EVIL)
def test_an_evil_pattern_takes_time_that_grows_with_the_alias_alone(pattern: str) -> None:
    """By backtracking, most of these would take years."""
    rule = GatewayRoutingRule("evil", 1, pattern, match_outgoing_calls=True, match_string_full=True)
    table = Table([prepare(rule)])
    before = time.process_time()
    for alias in ("a" * 2000, "é" * 1000, "x" * 60):
        route(table, Call(alias))

    assert time.process_time() - before < 0.5


@unhurried
@given(st.lists(st.sampled_from(["a", "(", ")", "*", "+", "?", "{1,9}", "|", "."]), max_size=30))
def test_no_pattern_takes_long_to_read_or_to_run(pieces: list[str]) -> None:
    before = time.process_time()
    compiled = compile_pattern("".join(pieces))
    if not isinstance(compiled, Bad):
        compiled.match("a" * 500)

    assert time.process_time() - before < 0.5


@pytest.mark.parametrize(
    ("match", "replace", "field", "words"),
    [
        ("rtmp(", "", "match_string", "missing )"),
        (r"(a)\1", "", "match_string", "back-references can be used in the replacement only"),
        ("a(?!b)", "", "match_string", "look-around can be used at the beginning only"),
        ("(?<=a)b", "", "match_string", "look-around can be used at the beginning only"),
        ("(?!a)*", "", "match_string", "a look-ahead cannot be repeated"),
        ("(?!a)b|c", "", "match_string", "alternatives after a look-ahead"),
        ("(?!a", "", "match_string", "a bracket is not closed"),
        (r"(\pL{1,1000}|\p{Han})*", "", "match_string", "it is too large"),
        ("a{5000}", "", "match_string", "invalid repetition size"),
        ("\ud800", "", "match_string", "half a character"),
        ("(a)", r"\2", "replace_string", "a group that match_string does not have"),
        ("(a)", r"\d", "replace_string", "a backslash"),
        ("(a)", "\\", "replace_string", "a backslash"),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(
    match: str, replace: str, field: str, words: str
) -> None:
    found = problems(match, replace)

    assert list(found) == [field]
    assert words in found[field]


@pytest.mark.parametrize(
    ("match", "replace"),
    [
        ("rtmps?://(.*)", ""),
        (r"yt-(\w+)", r"rtmp://yt/live2/\1"),
        (r"(?!.*@example\.com$)(.*)", r"rtmp://h/a/\1"),
        ("a", r"x\\y"),
    ],
)
def test_what_can_be_run_is_taken(match: str, replace: str) -> None:
    assert problems(match, replace) == {}


def test_a_rule_that_was_stored_before_it_would_be_refused_matches_nothing() -> None:
    old = GatewayRoutingRule("old", 1, "(?<=a)b", match_outgoing_calls=True)

    assert prepare(msgspec.structs.replace(old, match_string="(")).pattern is None
    assert isinstance(route(Table([prepare(old)]), Call("b")), NoRoute)
