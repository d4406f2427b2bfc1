"""What of a file a request asks for."""

import pytest

from services.gateway.core.ranges import Span, Unsatisfiable, span


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, None),
        ("", None),
        ("bytes=0-", Span(0, 100)),
        ("bytes=0-0", Span(0, 1)),
        ("bytes=10-19", Span(10, 20)),
        ("bytes=90-1000", Span(90, 100)),
        ("bytes=-10", Span(90, 100)),
        ("bytes=-1000", Span(0, 100)),
        ("bytes=99-", Span(99, 100)),
        ("bytes=-", None),
        ("bytes=20-10", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=1e3-", None),
    ],
)
def test_a_range_is_what_the_standard_says(asked: str | None, given: Span | None) -> None:
    assert span(asked, 100) == given


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=1000-2000", "bytes=-0"])
def test_what_is_behind_the_end_is_refused(asked: str) -> None:
    with pytest.raises(Unsatisfiable):
        span(asked, 100)


def test_an_empty_file_has_no_range() -> None:
    with pytest.raises(Unsatisfiable):
        span("bytes=0-", 0)
