"""HEVC and AV1 in FLV, byte by byte and as a player sees them."""

import asyncio
import threading
from typing import Any

import av
import numpy as np
import pytest

from kit.link import Format
from proto.media import Rendition
from proto.urls import Codec
from services.rtmp_egress.media.bus import Bus, Limits
from services.rtmp_egress.media.encoder import Encoder, NoEncoder, names
from services.rtmp_egress.media.encodings import Encodings
from services.rtmp_egress.media.flv import VIDEO, FlvTag
from services.rtmp_egress.media.options import CANDIDATES
from tests.support.watch import file_of

SMALL = Format(160, 90, 30)
PICTURES = 130
SOFTWARE: dict[Codec, str] = {"hevc": "libx265", "av1": "libsvtav1"}
FRAMES = {"hevc": (0x93, 0xA3), "av1": (0x91, 0xA1)}
"""First byte of a key frame and of any other. HEVC's are those without a composition time."""


@pytest.fixture(scope="module", params=["hevc", "av1"])
def codec(request: pytest.FixtureRequest) -> Codec:
    return "hevc" if request.param == "hevc" else "av1"


@pytest.fixture(scope="module")
def tags(codec: Codec) -> list[FlvTag]:
    made: list[FlvTag] = []
    encoder = Encoder(SOFTWARE[codec], SMALL, Rendition(video_kbps=300), made.append)
    canvas = np.full((135, 160), 128, np.uint8)
    for n in range(PICTURES):
        canvas[:90] = luma(n)
        encoder.picture(canvas, n)
        encoder.sound(np.zeros((1600, 2), np.int16), n * 1600)
    encoder.close()
    return made


def luma(n: int) -> int:
    return 30 + n


def pictures(tags: list[FlvTag]) -> list[FlvTag]:
    """Without the description of colours that comes once before them."""
    return [t for t in tags if t.kind == VIDEO and not t.header and t.payload[0] & 0x0F != 4]


def test_the_sequence_header_is_the_codecs_own(codec: Codec, tags: list[FlvTag]) -> None:
    [header] = [tag for tag in tags if tag.kind == VIDEO and tag.header]
    golden = {
        # Version 1, profile Main, compatible with Main and Main 10 ...
        "hevc": b"\x90hvc1" + b"\x01\x01\x60\x00\x00\x00",
        # Marker and version 1, profile 0 level 2.0; 8 bits, 4:2:0; then the sequence header.
        "av1": b"\x90av01" + b"\x81\x00\x0c\x00\x0a",
    }

    assert header.payload.startswith(golden[codec]), header.payload[:16].hex(" ")


def test_pictures_are_enhanced_packets(codec: Codec, tags: list[FlvTag]) -> None:
    first_of = dict(zip((True, False), FRAMES[codec], strict=True))
    fourcc = {"hevc": b"hvc1", "av1": b"av01"}[codec]

    for tag in pictures(tags):
        assert tag.payload[:5] == bytes([first_of[tag.key_frame]]) + fourcc
    assert [n for n, tag in enumerate(pictures(tags)) if tag.key_frame] == [0, 60, 120]


def test_hevc_is_cut_by_lengths_and_av1_into_temporal_units(
    codec: Codec, tags: list[FlvTag]
) -> None:
    for tag in pictures(tags):
        body = tag.payload[5:]
        if codec == "av1":
            assert (body[:2], body.count(b"\x12\x00\x0a") <= 1) == (b"\x12\x00", True)
            continue
        while body:
            size = int.from_bytes(body[:4], "big")
            assert 2 < size <= len(body) - 4
            body = body[4 + size :]


def test_a_player_sees_every_picture(codec: Codec, tags: list[FlvTag]) -> None:
    with av.open(file_of(tags), "r") as container:
        assert container.streams.video[0].codec_context.name in (codec, "libdav1d")
        frames = list(container.decode(video=0))

    assert [round(float(frame.time or 0) * 30) for frame in frames] == list(range(PICTURES))
    for n, frame in enumerate(frames):
        assert float(frame.to_ndarray()[:90].mean()) == pytest.approx(luma(n), abs=4)


@pytest.mark.parametrize("other", ["hevc", "av1"])
def test_hardware_is_tried_first_and_software_only_where_it_may_be(other: Codec) -> None:
    assert names("h264_nvenc", True, other) == list(CANDIDATES[other])
    assert names("auto", False, other) == list(CANDIDATES[other][:-1])


class Paper:
    """A programme that runs until it is told to end, or dies."""

    def __init__(self) -> None:
        self.ended, self.dies = threading.Event(), False
        self.feeds: list[str] = []

    def feed_at(self, socket: str) -> None:
        self.feeds.append(socket)

    def end(self) -> None:
        self.ended.set()

    def run(self) -> None:
        self.ended.wait(10)
        if self.dies:
            raise NoEncoder("unplugged")


class Stage:
    def __init__(self) -> None:
        self.begun: list[Paper] = []
        self.encodings = Encodings(self._begin)

    def _begin(self, codec: Codec) -> tuple[Any, Bus]:
        self.begun.append(Paper())
        return self.begun[-1], Bus(Limits())


async def test_there_is_one_encoding_however_many_take_it_and_none_when_none_does() -> None:
    stage = Stage()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        stage.encodings.run_in(group)
        stage.encodings.feed_at("here")
        one, two = await asyncio.gather(*[stage.encodings.take("hevc") for _ in range(2)])
        other = await stage.encodings.take("av1")
        stage.encodings.feed_at("there")
        assert one is two
        assert one is not other
        stage.encodings.give_back(one)
        assert not stage.begun[0].ended.is_set()
        stage.encodings.give_back(two)
        assert stage.begun[0].ended.is_set()
        again = await stage.encodings.take("hevc")
        stage.encodings.give_back(again)
        stage.encodings.give_back(other)

    assert again is not one
    assert [paper.feeds for paper in stage.begun] == [["here", "there"]] * 2 + [["there"]]


async def test_one_that_dies_is_over_for_those_who_take_it_and_is_not_begun_again() -> None:
    stage = Stage()
    woken = asyncio.Event()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        stage.encodings.run_in(group)
        one = await stage.encodings.take("hevc")
        one.bus.join(woken.set)
        stage.begun[0].dies = True
        stage.begun[0].end()
        await woken.wait()
        assert one.bus.over
        stage.encodings.give_back(one)
        with pytest.raises(NoEncoder, match="died"):
            await stage.encodings.take("hevc")
