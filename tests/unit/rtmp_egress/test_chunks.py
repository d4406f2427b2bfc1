"""The chunk stream, byte by byte, and there and back."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rtmp_egress.rtmp.chunks import (
    EXTENDED,
    BadChunk,
    ChunkReader,
    ChunkWriter,
    Kind,
    Message,
    whole,
)

AUDIO = Message(Kind.AUDIO, 1000, 1, b"\xaf\x01sound")


def test_a_full_header_says_everything() -> None:
    assert ChunkWriter().write(AUDIO, 4).hex(" ", 1) == (
        "04 00 03 e8 00 00 07 08 01 00 00 00 af 01 73 6f 75 6e 64"
    )


def test_a_message_is_cut_to_the_chunk_size() -> None:
    written = ChunkWriter().write(Message(Kind.VIDEO, 0, 1, bytes(300)), 6)
    assert written[12 + 128] == written[12 + 128 + 129] == 0xC6
    assert len(written) == 12 + 300 + 2


def test_a_late_timestamp_is_extended_and_repeated_in_every_chunk() -> None:
    late = Message(Kind.VIDEO, 0x01020304, 1, bytes(129))
    assert ChunkWriter().write(late, 6) == bytes.fromhex(
        "06 ffffff 000081 09 01000000 01020304" + "00" * 128 + "c6 01020304 00"
    )


def test_the_first_timestamp_that_is_extended() -> None:
    for timestamp in (EXTENDED - 1, EXTENDED, 2**32 - 1):
        message = Message(Kind.AUDIO, timestamp, 1, b"x")
        assert list(ChunkReader().receive(ChunkWriter().write(message, 4))) == [message]


def test_large_chunk_stream_ids_take_two_or_three_bytes() -> None:
    writer = ChunkWriter()
    assert writer.write(AUDIO, 63)[:1].hex() == "3f"
    assert writer.write(AUDIO, 64)[:2].hex() == "0000"
    assert writer.write(AUDIO, 319)[:2].hex() == "00ff"
    assert writer.write(AUDIO, 320)[:3].hex() == "010001"


def test_headers_leave_out_what_was_said_before_where_that_is_wanted() -> None:
    writer = ChunkWriter(compact=True)
    times_and_texts = [(0, b"ab"), (20, b"abc"), (40, b"abd"), (70, b"abe"), (60, b"abf")]
    forms = [
        writer.write(Message(Kind.AUDIO, time, 1, text), 4)[0] >> 6
        for time, text in times_and_texts
    ]
    assert forms == [0, 1, 3, 2, 0]


def test_a_whole_message_is_what_a_writer_writes() -> None:
    writer = ChunkWriter()
    for message in (AUDIO, Message(Kind.VIDEO, EXTENDED + 5, 3, bytes(1000))):
        cut = whole(
            message.kind, message.timestamp, message.stream, memoryview(message.payload), 6, 128
        )
        assert cut == writer.write(message, 6)


def test_timestamps_wrap() -> None:
    [message] = ChunkReader().receive(whole(Kind.AUDIO, 2**32 + 7, 1, b"x", 4, 128))
    assert message.timestamp == 7


def test_chunks_of_several_streams_may_alternate() -> None:
    video = Message(Kind.VIDEO, 5, 1, b"v" * 200)
    long, short = ChunkWriter().write(video, 6), ChunkWriter().write(AUDIO, 4)
    mixed = long[: 12 + 128] + short + long[12 + 128 :]
    assert list(ChunkReader().receive(mixed)) == [AUDIO, video]


def test_an_aborted_message_is_forgotten() -> None:
    video = ChunkWriter().write(Message(Kind.VIDEO, 5, 1, b"v" * 200), 6)[: 12 + 128]
    abort = ChunkWriter().write(Message(Kind.ABORT, 0, 0, (6).to_bytes(4, "big")), 2)
    audio = ChunkWriter().write(AUDIO, 6)
    assert list(ChunkReader().receive(video + abort + audio))[1:] == [AUDIO]


BROKEN = {
    "a continuation of nothing": b"\xc3",
    "chunks of no size": ChunkWriter().write(Message(Kind.SET_CHUNK_SIZE, 0, 0, bytes(4)), 2),
    "a message beyond all measure": b"\x03" + bytes(3) + b"\xff\xff\xff\x14" + bytes(4),
    "more streams than anybody needs": b"".join(
        ChunkWriter().write(AUDIO, channel) for channel in range(2, 100)
    ),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_not_a_chunk_stream_is_told(data: bytes) -> None:
    with pytest.raises(BadChunk):
        list(ChunkReader().receive(data))


def test_what_came_before_something_broken_is_heard() -> None:
    stream = ChunkReader().receive(ChunkWriter().write(AUDIO, 4) + b"\xff")
    assert next(stream) == AUDIO
    with pytest.raises(BadChunk):
        next(stream)


def chunk_size(size: int) -> Message:
    return Message(Kind.SET_CHUNK_SIZE, 0, 0, size.to_bytes(4, "big"))


timestamps = (
    st.integers(0, 100) | st.integers(0, 2**32 - 1) | st.integers(EXTENDED - 2, EXTENDED + 2)
)
messages = st.builds(
    Message,
    st.sampled_from((Kind.AUDIO, Kind.VIDEO, Kind.COMMAND)),
    timestamps,
    st.integers(0, 2) | st.integers(0, 2**32 - 1),
    st.binary(max_size=300),
)
channels = st.integers(3, 6) | st.integers(2, 65_599)
written = st.lists(
    st.tuples(messages | st.builds(chunk_size, st.integers(1, 200)), channels), max_size=12
)


@given(written, st.booleans(), st.lists(st.integers(0, 5000)))
def test_any_messages_in_any_chunks_in_any_pieces_come_out_as_they_went_in(
    sent: list[tuple[Message, int]], compact: bool, cuts: list[int]
) -> None:
    writer, reader = ChunkWriter(compact=compact), ChunkReader()
    data = b"".join(writer.write(message, channel) for message, channel in sent)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    heard = [
        message
        for start, end in itertools.pairwise(edges)
        for message in reader.receive(data[start:end])
    ]
    assert heard == [message for message, _ in sent]


@given(st.binary(max_size=400))
def test_any_bytes_are_either_messages_or_broken(data: bytes) -> None:
    try:
        list(ChunkReader().receive(data))
    except BadChunk:
        return
