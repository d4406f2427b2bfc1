"""FLV as libavformat writes it, cut into tags; a tag's body is the payload of an RTMP message."""

import struct
from collections.abc import Callable

import msgspec

AUDIO = 8
VIDEO = 9
SCRIPT = 18

FILE_HEADER = 9
"""Bytes: `FLV`, version, flags, own size. The first tag's `previous size` follows."""
TAG_HEADER = 11
PREVIOUS_SIZE = 4

WRAP = 1 << 31
"""libavformat masks the timestamps' top bit: they start again from 0 after 24.8 days."""


ENHANCED = 0x80
"""In a picture's first byte: the codec is named by four letters, and the low half says what it is:
0 the codec's configuration, 1 and 3 a picture."""


class FlvTag(msgspec.Struct, frozen=True):
    kind: int
    "8 audio, 9 video, 18 script data: the type of the RTMP message."
    timestamp: int
    "Milliseconds; goes on beyond 2^31."
    payload: bytes
    key_frame: bool = False
    header: bool = False
    "What a player needs before anything else: onMetaData, the codecs' configurations."


class BadFlv(Exception):
    """The muxer wrote what is not FLV."""


class TagCutter:
    """A file to write FLV into; whole tags come out."""

    def __init__(self, emit: Callable[[FlvTag], None]) -> None:
        self._emit = emit
        self._rest = b""
        self._skip = FILE_HEADER + PREVIOUS_SIZE
        self._last = 0
        self._wrapped = 0

    def write(self, data: bytes) -> int:
        """Take any piece of the file."""
        stream = self._rest + data if self._rest else data
        at = min(self._skip, len(stream))
        self._skip -= at
        while len(stream) - at >= TAG_HEADER:
            size = int.from_bytes(stream[at + 1 : at + 4], "big")
            end = at + TAG_HEADER + size + PREVIOUS_SIZE
            if end > len(stream):
                break
            self._cut(stream[at:end], size)
            at = end
        self._rest = stream[at:]
        return len(data)

    def _cut(self, tag: bytes, size: int) -> None:
        kind = tag[0]
        if kind not in (AUDIO, VIDEO, SCRIPT):
            raise BadFlv(f"a tag of type {kind}")
        payload = tag[TAG_HEADER : TAG_HEADER + size]
        timestamp = self._unwrap(tag[7] << 24 | int.from_bytes(tag[4:7], "big"))
        header = kind == SCRIPT or (size > 1 and _configures(kind, payload))
        key_frame = kind == VIDEO and not header and payload[:1] != b"" and _is_key(payload[0])
        self._emit(FlvTag(kind, timestamp, payload, key_frame, header))

    def _unwrap(self, timestamp: int) -> int:
        if self._last - timestamp > WRAP // 2:
            self._wrapped += WRAP
        elif timestamp - self._last > WRAP // 2 and self._wrapped:
            return timestamp + self._wrapped - WRAP  # a straggler from before
        self._last = timestamp
        return timestamp + self._wrapped


def resized(metadata: bytes, width: int, height: int) -> bytes:
    """onMetaData as it was, of pictures of another size."""
    for name, value in ((b"width", width), (b"height", height)):
        # A property is its name, with its length before it, then the type of its value: a number.
        before, found, after = metadata.partition(bytes((0, len(name))) + name + b"\0")
        if found:
            metadata = before + found + struct.pack(">d", value) + after[8:]
    return metadata


def _configures(kind: int, payload: bytes) -> bool:
    """Whether this is the sequence header of AVC (codec 7), AAC (format 10) or a newer codec."""
    if kind == VIDEO and payload[0] & ENHANCED:
        return payload[0] & 0x0F == 0
    codec = payload[0] & 0x0F if kind == VIDEO else payload[0] >> 4
    return codec == (7 if kind == VIDEO else 10) and payload[1] == 0


def _is_key(first: int) -> bool:
    """Whether a picture's first byte says that it needs no other."""
    if first & ENHANCED:
        return (first >> 4 & 7, first & 0x0F) in ((1, 1), (1, 3))
    return first >> 4 == 1
