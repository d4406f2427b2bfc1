"""RTMP's chunk stream: messages cut into chunks, and put together again.

Both ways, with every kind of header, so that what one end writes the other reads; the client
itself writes full headers only, which makes the bytes of a media message independent of what
was sent before, and the same for every destination with the same stream id.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum

import msgspec

DEFAULT_CHUNK = 128
"""Bytes of payload per chunk until a Set Chunk Size says otherwise."""

CHUNK_LIMIT = 0xFFFFFF
"""A message cannot be longer, so a chunk need not be."""

MESSAGE_LIMIT = 4 * 1024 * 1024
"""Bytes; a key frame of 4K has a few hundred thousand."""

STREAMS_LIMIT = 64
"""Chunk streams that a peer may have open, which bounds what unfinished messages can hold."""

EXTENDED = 0xFFFFFF
"""In a timestamp's 24 bits: the real one follows in 32."""

CLOCK = 1 << 32
"""Timestamps are milliseconds modulo this."""


class Kind(IntEnum):
    """Message types that something here knows by name."""

    SET_CHUNK_SIZE = 1
    ABORT = 2
    ACKNOWLEDGEMENT = 3
    USER_CONTROL = 4
    WINDOW_SIZE = 5
    PEER_BANDWIDTH = 6
    AUDIO = 8
    VIDEO = 9
    COMMAND_AMF3 = 17
    DATA = 18
    COMMAND = 20


class Message(msgspec.Struct, frozen=True):
    """One RTMP message."""

    kind: int
    timestamp: int
    "Milliseconds modulo 2**32."
    stream: int
    payload: bytes


class BadChunk(Exception):
    """The bytes are not a chunk stream; the connection is of no more use."""


class ChunkWriter:
    """Cuts messages into chunks."""

    def __init__(self, *, compact: bool = False) -> None:
        self.size = DEFAULT_CHUNK
        self._compact = compact
        "Whether headers leave out what the last message on their chunk stream had already."
        self._last: dict[int, tuple[Message, int | None]] = {}

    def write(self, message: Message, channel: int) -> bytes:
        """The bytes of `message` on chunk stream `channel`.

        A Set Chunk Size counts from the next message on.
        """
        form, delta = self._form(message, channel)
        head, extension = _header(form, message, channel, delta)
        if self._compact:
            self._last[channel] = (message, delta if form else None)
        data = cut(head, _basic(3, channel) + extension, message.payload, self.size)
        if message.kind == Kind.SET_CHUNK_SIZE:
            self.size = int.from_bytes(message.payload, "big")
        return data

    def _form(self, message: Message, channel: int) -> tuple[int, int]:
        """Which of the four header forms will do, and the timestamp or difference it carries."""
        before, last_delta = self._last.get(channel, (None, None))
        if before is None or before.stream != message.stream:
            return 0, message.timestamp
        if message.timestamp < before.timestamp:
            return 0, message.timestamp
        delta = message.timestamp - before.timestamp
        if (len(before.payload), before.kind) != (len(message.payload), message.kind):
            return 1, delta
        # After a full header, peers disagree on what an empty one adds to the clock.
        return (3 if delta == last_delta else 2), delta


def cut(head: bytes, between: bytes, payload: bytes | memoryview, size: int) -> bytes:
    """`payload` after `head`, with `between` before each further `size` bytes."""
    if len(payload) <= size:
        return b"".join((head, payload))
    view = memoryview(payload)
    parts: list[bytes | memoryview] = [head, view[:size]]
    for start in range(size, len(view), size):
        parts += (between, view[start : start + size])
    return b"".join(parts)


def whole(
    kind: int, timestamp: int, stream: int, payload: bytes | memoryview, channel: int, size: int
) -> bytes:
    """A message with a full header, whatever went before it on its chunk stream."""
    timestamp %= CLOCK
    field = min(timestamp, EXTENDED)
    extension = timestamp.to_bytes(4, "big") if field == EXTENDED else b""
    length = len(payload)
    head = struct.pack(">BHBHBB", channel, field >> 8, field & 255, length >> 8, length & 255, kind)
    head += stream.to_bytes(4, "little") + extension
    return cut(head, bytes([0xC0 | channel]) + extension, payload, size)


def _basic(form: int, channel: int) -> bytes:
    assert 2 <= channel <= 65_599, "a chunk stream id"
    if channel < 64:
        return bytes([form << 6 | channel])
    if channel < 320:
        return bytes([form << 6, channel - 64])
    return bytes([form << 6 | 1]) + (channel - 64).to_bytes(2, "little")


def _header(form: int, message: Message, channel: int, delta: int) -> tuple[bytes, bytes]:
    """A chunk header, and the extended timestamp that its continuations repeat."""
    field = min(delta, EXTENDED)
    extension = delta.to_bytes(4, "big") if field == EXTENDED else b""
    head = _basic(form, channel)
    if form < 3:
        head += field.to_bytes(3, "big")
    if form < 2:
        head += len(message.payload).to_bytes(3, "big") + bytes([message.kind])
    if form < 1:
        head += message.stream.to_bytes(4, "little")
    return head + extension, extension


class _Channel:
    """What the last header on one chunk stream said, and the message begun there."""

    __slots__ = ("delta", "extended", "kind", "length", "payload", "stream", "timestamp")

    def __init__(self) -> None:
        self.timestamp = self.delta = self.length = self.kind = self.stream = 0
        self.extended = False
        self.payload: bytearray | None = None


_FIELDS = (11, 7, 3, 0)
"""Bytes of each header form after its first ones and before an extended timestamp."""


class ChunkReader:
    """Puts messages together from bytes that may come in any pieces."""

    def __init__(self, *, limit: int = MESSAGE_LIMIT) -> None:
        self.size = DEFAULT_CHUNK
        self._limit = limit
        self._buffer = bytearray()
        self._channels: dict[int, _Channel] = {}

    def receive(self, data: bytes) -> Iterator[Message]:
        """Take in `data` and yield the messages that are now whole; raises BadChunk after them."""
        self._buffer += data
        position = 0
        try:
            while (step := self._chunk(position)) is not None:
                position, message = step
                if message is not None:
                    self._obey(message)
                    yield message
        finally:
            del self._buffer[:position]

    def _chunk(self, at: int) -> tuple[int, Message | None] | None:
        """Read the chunk that begins at `at`: where it ends, and the message that it ends."""
        basic = self._basic(at)
        if basic is None:
            return None
        form, number, at = basic
        channel = self._channels.get(number)
        if channel is None:
            if form == 3 or len(self._channels) >= STREAMS_LIMIT:
                raise BadChunk("a chunk stream that was not begun")
            channel = _Channel()
        body = self._fields(form, channel, at)
        if body is None:
            return None
        at, fields = body
        payload = None if form < 3 else channel.payload
        length = fields[0] if payload is None else channel.length
        if length > self._limit:
            raise BadChunk("a message beyond all measure")
        wanted = min(self.size, length - len(payload or b""))
        if len(self._buffer) < at + wanted:
            return None
        if payload is None:
            self._channels[number] = channel
            payload = self._begin(channel, form, fields)
        payload += self._buffer[at : at + wanted]
        at += wanted
        if len(payload) < channel.length:
            return at, None
        channel.payload = None
        return at, Message(channel.kind, channel.timestamp, channel.stream, bytes(payload))

    def _basic(self, at: int) -> tuple[int, int, int] | None:
        """Header form, chunk stream and where the rest of the header begins."""
        buffer = self._buffer
        if len(buffer) <= at:
            return None
        form, number = buffer[at] >> 6, buffer[at] & 63
        if number >= 2:
            return form, number, at + 1
        if len(buffer) < at + 2 + number:
            return None
        rest = int.from_bytes(buffer[at + 1 : at + 2 + number], "little")
        return form, 64 + rest, at + 2 + number

    def _fields(
        self, form: int, channel: _Channel, at: int
    ) -> tuple[int, tuple[int, int, int, int, bool]] | None:
        """Where the payload begins, and length, kind, stream, time or difference, extended."""
        buffer, end = self._buffer, at + _FIELDS[form]
        if len(buffer) < end:
            return None
        length, kind, stream = channel.length, channel.kind, channel.stream
        time, extended = channel.delta, channel.extended
        if form < 3:
            time = int.from_bytes(buffer[at : at + 3], "big")
            extended = time == EXTENDED
        if form < 2:
            length, kind = int.from_bytes(buffer[at + 3 : at + 6], "big"), buffer[at + 6]
        if form < 1:
            stream = int.from_bytes(buffer[at + 7 : at + 11], "little")
        if extended:
            if len(buffer) < end + 4:
                return None
            time = int.from_bytes(buffer[end : end + 4], "big")
            end += 4
        return end, (length, kind, stream, time, extended)

    def _begin(
        self, channel: _Channel, form: int, fields: tuple[int, int, int, int, bool]
    ) -> bytearray:
        channel.length, channel.kind, channel.stream, channel.delta, channel.extended = fields
        start = 0 if form == 0 else channel.timestamp
        channel.timestamp = (start + channel.delta) % CLOCK
        channel.payload = bytearray()
        return channel.payload

    def _obey(self, message: Message) -> None:
        """What the peer says about its own chunks."""
        if message.kind == Kind.SET_CHUNK_SIZE and len(message.payload) >= 4:
            self.size = int.from_bytes(message.payload[:4], "big") & 0x7FFFFFFF
            if self.size == 0:
                raise BadChunk("chunks of no size")
        elif message.kind == Kind.ABORT and len(message.payload) >= 4:
            channel = self._channels.get(int.from_bytes(message.payload[:4], "big"))
            if channel is not None:
                channel.payload = None
