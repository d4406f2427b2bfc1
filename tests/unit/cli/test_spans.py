"""A trace as a tree."""

from cli.spans import Span, by_trace, tree

GET = Span("t1", "a", "", "gateway", "POST /dial", 0, 9_000_000)
SEND = Span("t1", "b", "a", "gateway", "send", 1_000_000, 8_000_000)
DIAL = Span("t1", "c", "b", "rtmp-egress", "dial", 20_000_000, 30_500_000, "dns", ("t0",))


def test_what_caused_what_is_seen_by_its_place() -> None:
    lines = tree([DIAL, GET, SEND])

    assert lines[0] == "trace t1"
    assert [line[18:].split(" ")[0:5:2] for line in lines[2:]] == [
        ["POST", "", ""],
        ["", "send", ""],
        ["", "", "dial"],
    ]
    assert lines[4].split() == [
        "20.0",
        "10.5",
        "dial",
        "rtmp-egress",
        "failed:",
        "dns",
        "after",
        "t0",
    ]


def test_spans_whose_cause_is_unknown_are_not_lost() -> None:
    assert len(tree([DIAL, GET])) == 4


def test_each_trace_is_by_itself() -> None:
    other = GET._replace(trace="t2")

    assert by_trace([GET, other, SEND]) == {"t1": [GET, SEND], "t2": [other]}
