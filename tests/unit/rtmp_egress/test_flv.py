"""FLV bytes in any pieces come out as the tags that they hold."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rtmp_egress.media.flv import AUDIO, SCRIPT, VIDEO, WRAP, BadFlv, FlvTag, TagCutter

FILE_HEADER = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"

METADATA = FlvTag(SCRIPT, 0, b"\x02\x00\x0aonMetaData", header=True)
AVC_HEADER = FlvTag(VIDEO, 0, b"\x17\x00\x00\x00\x00avcC", header=True)
AAC_HEADER = FlvTag(AUDIO, 0, b"\xaf\x00\x11\x90", header=True)
KEY_FRAME = FlvTag(VIDEO, 40, b"\x17\x01\x00\x00\x00I", key_frame=True)
FRAME = FlvTag(VIDEO, 80, b"\x27\x01\x00\x00\x00P")
SOUND = FlvTag(AUDIO, 85, b"\xaf\x01sound")
ALL = [METADATA, AVC_HEADER, AAC_HEADER, KEY_FRAME, FRAME, SOUND]


def written(tag: FlvTag) -> bytes:
    """A tag as it stands in a file; the timestamp's top bit is masked as libavformat does."""
    size = len(tag.payload).to_bytes(3, "big")
    stamp = tag.timestamp % WRAP
    time = (stamp & 0xFFFFFF).to_bytes(3, "big") + bytes((stamp >> 24,))
    whole = bytes((tag.kind,)) + size + time + bytes(3) + tag.payload
    return whole + len(whole).to_bytes(4, "big")


def cut(*pieces: bytes) -> list[FlvTag]:
    tags: list[FlvTag] = []
    cutter = TagCutter(tags.append)
    for piece in pieces:
        assert cutter.write(piece) == len(piece)
    return tags


def test_tags_are_told_apart() -> None:
    assert cut(FILE_HEADER + b"".join(map(written, ALL))) == ALL


HEVC = [
    FlvTag(VIDEO, 0, b"\x90hvc1\x01hvcC", header=True),
    FlvTag(VIDEO, 0, b"\xd4hvc1\x02colours"),
    FlvTag(VIDEO, 0, b"\x91hvc1\x00\x00\x00I", key_frame=True),
    FlvTag(VIDEO, 40, b"\xa1hvc1\x00\x00\x00P"),
    FlvTag(VIDEO, 80, b"\x93hvc1I", key_frame=True),
    FlvTag(VIDEO, 120, b"\xa3hvc1P"),
]
"""As libavformat writes enhanced RTMP."""


def test_tags_of_newer_codecs_are_told_apart() -> None:
    assert cut(FILE_HEADER + b"".join(map(written, HEVC))) == HEVC


@given(st.lists(st.sampled_from(ALL)), st.lists(st.integers(0, 400)))
def test_any_splitting_gives_the_same_tags(tags: list[FlvTag], cuts: list[int]) -> None:
    tags = [FlvTag(t.kind, 0, t.payload, t.key_frame, t.header) for t in tags]
    data = FILE_HEADER + b"".join(map(written, tags))
    edges = [0, *sorted(min(at, len(data)) for at in cuts), len(data)]

    assert cut(*(data[a:b] for a, b in itertools.pairwise(edges))) == tags


def test_time_goes_on_when_the_file_format_runs_out_of_bits() -> None:
    """After 24.8 days, with the sound a little behind the picture."""
    times = [WRAP - 60, WRAP - 20, WRAP + 13, WRAP - 5, WRAP + 46, WRAP + 10_000]
    tags = [FlvTag(AUDIO, time, b"\xaf\x01") for time in times]

    seen = cut(FILE_HEADER + b"".join(map(written, tags)))

    assert [tag.timestamp for tag in seen] == times


def test_a_tag_of_an_unknown_type_is_not_guessed_at() -> None:
    with pytest.raises(BadFlv, match="type 7"):
        cut(FILE_HEADER + written(FlvTag(7, 0, b"?")))
