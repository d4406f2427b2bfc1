"""The question of STUN, by the samples of RFC 5769."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import stun

ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")
SOFTWARE = "8022000b7465737420766563746f7220"
IPV4 = bytes.fromhex(f"0101001c2112a442{ID.hex()}{SOFTWARE}002000080001a147e112a643")
IPV6 = bytes.fromhex(
    f"010100282112a442{ID.hex()}{SOFTWARE}002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
)


@pytest.mark.parametrize(
    ("data", "seen"),
    [(IPV4, "192.0.2.1"), (IPV6, "2001:db8:1234:5678:11:2233:4455:6677")],
    ids=["IPv4", "IPv6"],
)
def test_an_answer_says_where_the_question_came_from(data: bytes, seen: str) -> None:
    assert stun.answer(data, ID) == seen
    assert stun.length(data[: stun.HEADER.size]) == len(data) - stun.HEADER.size


def test_an_answer_to_another_question_is_none() -> None:
    assert stun.answer(IPV4, bytes(12)) is None
    assert stun.answer(stun.request(ID), ID) is None, "a question is no answer"


def test_an_answer_that_is_cut_short_is_none() -> None:
    for end in range(len(IPV4)):
        assert stun.answer(IPV4[:end], ID) is None


@given(st.binary(max_size=80))
def test_nothing_that_comes_is_too_odd(rest: bytes) -> None:
    stun.answer(rest, ID)
    stun.answer(IPV4[:20] + rest, ID)
