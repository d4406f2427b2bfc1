"""AMF0, byte by byte, and there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rtmp_egress.rtmp.amf0 import BadAmf, Value, decode, decode_leading, encode

GOLDEN: dict[str, tuple[Value, str]] = {
    "number": (1.0, "00 3ff0000000000000"),
    "true": (True, "01 01"),
    "false": (False, "01 00"),
    "string": ("live", "02 0004 6c697665"),
    "object": ({"app": "a", "n": 0.0}, "03 0003617070 02000161 00016e 000000000000000000 000009"),
    "null": (None, "05"),
    "array": ([None, "x"], "0a 00000002 05 02000178"),
}

READ_ONLY: dict[str, tuple[Value, str]] = {
    "undefined": (None, "06"),
    "reference": (None, "07 0001"),
    "unsupported": (None, "0d"),
    "associative array": ({"a": True}, "08 00000000 000161 0101 000009"),
    "date": (1000.0, "0b 408f400000000000 0000"),
    "long string": ("ab", "0c 00000002 6162"),
    "XML": ("<a/>", "0f 00000004 3c612f3e"),
    "typed object": ({"a": None}, "10 000154 000161 05 000009"),
    "not UTF-8": ("\ufffd", "02 0001 ff"),
}

BROKEN = {
    "cut number": "00 3ff0",
    "cut string": "02 0005 61",
    "object without an end": "03 000161 05",
    "unknown": "7f",
    "array beyond all measure": "0a ffffffff 05",
    "too deep": "03 000161 " * 40,
}


@pytest.mark.parametrize(("value", "data"), GOLDEN.values(), ids=GOLDEN)
def test_values_are_written_and_read_as_the_book_says(value: Value, data: str) -> None:
    assert encode(value).hex() == data.replace(" ", "")
    assert decode(bytes.fromhex(data)) == [value]


@pytest.mark.parametrize(("value", "data"), READ_ONLY.values(), ids=READ_ONLY)
def test_what_only_servers_write_is_read(value: Value, data: str) -> None:
    assert decode(bytes.fromhex(data)) == [value]


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_told(data: str) -> None:
    with pytest.raises(BadAmf):
        decode(bytes.fromhex(data))


def test_what_comes_before_something_broken_can_still_be_had() -> None:
    assert decode_leading(encode("onStatus", 0, None) + b"\x11\x04") == ["onStatus", 0.0, None]


def test_a_long_text_is_written_as_one() -> None:
    assert decode(encode("x" * 70_000)) == ["x" * 70_000]


values: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        # An empty name is what ends an object.
        | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.lists(values, max_size=5))
def test_what_was_written_is_read(some: list[Value]) -> None:
    assert decode(encode(*some)) == some


@given(st.binary(max_size=200))
def test_any_bytes_are_either_values_or_broken(data: bytes) -> None:
    leading = decode_leading(data)
    try:
        assert repr(decode(data)) == repr(leading), "repr, because nan is not nan"
    except BadAmf:
        return
