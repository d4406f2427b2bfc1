"""AMF0, the notation of RTMP's commands, to and from plain Python values."""

import struct
from collections.abc import Callable, Mapping, Sequence

Value = None | bool | float | str | list["Value"] | dict[str, "Value"]
"""Undefined, null and what cannot be represented are None; dates are milliseconds."""

Encodable = None | bool | float | str | Sequence["Encodable"] | Mapping[str, "Encodable"]

DEPTH_LIMIT = 16
"""Objects within objects; real ones have two or three."""

_OBJECT_END = b"\x00\x00\x09"


class BadAmf(Exception):
    """The bytes are not AMF0."""


def encode(*values: Encodable) -> bytes:
    """`values` one after the other, as the parts of a command."""
    return b"".join(_encode(value) for value in values)


def _encode(value: Encodable) -> bytes:
    match value:
        case None:
            return b"\x05"
        case bool():
            return bytes([1, value])
        case int() | float():
            return b"\x00" + struct.pack(">d", value)
        case str():
            text = value.encode()
            if len(text) > 0xFFFF:
                return b"\x0c" + len(text).to_bytes(4, "big") + text
            return b"\x02" + _name(text)
        case Mapping():
            pairs = (_name(name.encode()) + _encode(item) for name, item in value.items())
            return b"\x03" + b"".join(pairs) + _OBJECT_END
        case _:
            return b"\x0a" + len(value).to_bytes(4, "big") + encode(*value)


def _name(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text


def decode(data: bytes) -> list[Value]:
    """All values in `data`; raises BadAmf."""
    reader, values = _Reader(data), list[Value]()
    while not reader.at_end:
        values.append(reader.value())
    return values


def decode_leading(data: bytes) -> list[Value]:
    """The values in `data` up to the first that cannot be read."""
    reader, values = _Reader(data), list[Value]()
    try:
        while not reader.at_end:
            values.append(reader.value())
    except BadAmf:
        return values
    return values


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._depth = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._data)

    def value(self) -> Value:
        marker = self._take(1)[0]
        match marker:
            case 0x00:
                return self._double()
            case 0x01:
                return self._take(1) != b"\x00"
            case 0x02:
                return self._text(2)
            case 0x03:
                return self._deeper(self._object)
            case 0x05 | 0x06 | 0x0D:  # null, undefined, unsupported
                return None
            case 0x07:  # a reference; nobody sends them in commands
                self._take(2)
                return None
            case 0x08:  # an "associative array": its count is a hint and not to be relied on
                self._take(4)
                return self._deeper(self._object)
            case 0x0A:
                return self._deeper(self._array)
            case 0x0B:
                milliseconds = self._double()
                self._take(2)
                return milliseconds
            case 0x0C | 0x0F:  # long string, XML
                return self._text(4)
            case 0x10:
                self._text(2)
                return self._deeper(self._object)
        raise BadAmf(f"no AMF0 value begins with {marker:#04x}")

    def _deeper(self, read: Callable[[], Value]) -> Value:
        if self._depth == DEPTH_LIMIT:
            raise BadAmf("objects within objects without end")
        self._depth += 1
        value = read()
        self._depth -= 1
        return value

    def _object(self) -> Value:
        pairs: dict[str, Value] = {}
        while True:
            name = self._text(2)
            if not name and self._data[self._at : self._at + 1] == b"\x09":
                self._at += 1
                return pairs
            pairs[name] = self.value()

    def _array(self) -> Value:
        count = int.from_bytes(self._take(4), "big")
        if count > len(self._data) - self._at:
            raise BadAmf("an array with more elements than bytes")
        return [self.value() for _ in range(count)]

    def _double(self) -> float:
        number: float = struct.unpack(">d", self._take(8))[0]
        return number

    def _text(self, size: int) -> str:
        length = int.from_bytes(self._take(size), "big")
        return self._take(length).decode(errors="replace")

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise BadAmf("cut short")
        self._at += count
        return taken
