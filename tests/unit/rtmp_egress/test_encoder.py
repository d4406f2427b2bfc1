"""What the encoder makes, judged as a player sees it."""

import itertools
from typing import get_args

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from kit.link import Format
from proto.media import FrameRate, Rendition
from services.rtmp_egress.media import encoder
from services.rtmp_egress.media.encoder import Encoder, NoEncoder, choose
from services.rtmp_egress.media.flv import AUDIO, SCRIPT, VIDEO, FlvTag
from tests.support.watch import file_of

SMALL = Format(160, 90, 30)
RENDITION = Rendition(video_kbps=300)


def encode(pictures: int, rendition: Rendition = RENDITION, format: Format = SMALL) -> list[FlvTag]:
    """A picture that gets brighter, and a tone; one canvas drawn over and over."""
    tags: list[FlvTag] = []
    running = Encoder("libx264", format, rendition, tags.append)
    canvas = np.full((format.height * 3 // 2, format.width), 128, np.uint8)
    sounded = 0
    for n in range(pictures):
        canvas[: format.height] = luma(n)
        running.picture(canvas, n)
        while sounded * format.fps < (n + 1) * format.rate:
            running.sound(tone(sounded, format), sounded)
            sounded += format.block
    running.close()
    return tags


def luma(n: int) -> int:
    return 30 + n % 200


def tone(start: int, format: Format) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    times = (start + np.arange(format.block)) / format.rate
    return np.repeat((8000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)[:, None], 2, axis=1)


def media(tags: list[FlvTag], kind: int) -> list[FlvTag]:
    return [tag for tag in tags if tag.kind == kind and not tag.header]


@pytest.fixture(scope="module")
def tags() -> list[FlvTag]:
    return encode(150)


def test_headers_come_first_and_once(tags: list[FlvTag]) -> None:
    assert [tag.kind for tag in tags[:3]] == [SCRIPT, VIDEO, AUDIO]
    assert [tag.header for tag in tags] == [True] * 3 + [False] * (len(tags) - 3)


def test_every_picture_is_there_at_a_constant_rate(tags: list[FlvTag]) -> None:
    stamps = [tag.timestamp for tag in media(tags, VIDEO)]

    assert len(stamps) == 150
    steps = {after - before for before, after in itertools.pairwise(stamps)}
    assert steps == {33, 34}, "FLV counts in milliseconds"


def test_sound_has_no_gap(tags: list[FlvTag]) -> None:
    stamps = [tag.timestamp for tag in media(tags, AUDIO)]
    steps = {after - before for before, after in itertools.pairwise(stamps)}

    assert steps == {21, 22}, "an AAC frame is 21.3 ms"


def test_key_frames_are_exactly_a_group_apart(tags: list[FlvTag]) -> None:
    marked = [n for n, tag in enumerate(media(tags, VIDEO)) if tag.key_frame]

    assert marked == [0, 60, 120]


def test_a_player_sees_what_was_drawn(tags: list[FlvTag]) -> None:
    with av.open(file_of(tags), "r") as container:
        context = container.streams.video[0].codec_context
        frames = list(container.decode(video=0))

    assert (context.profile, context.has_b_frames) == ("High", False)
    assert {frame.format.name for frame in frames} == {"yuv420p"}
    assert {PictureType(frame.pict_type).name for frame in frames} == {"I", "P"}
    assert [n for n, frame in enumerate(frames) if frame.key_frame] == [0, 60, 120]
    colours = {(f.color_range, f.colorspace, f.color_primaries, f.color_trc) for f in frames}
    assert colours == {(1, 1, 1, 1)}, "limited range, BT.709"
    for n, frame in enumerate(frames):
        # Flat pictures survive 300 kbit/s nearly unchanged.
        assert float(frame.to_ndarray()[:90].mean()) == pytest.approx(luma(n), abs=3)


def test_a_player_hears_what_was_sounded(tags: list[FlvTag]) -> None:
    with av.open(file_of(tags), "r") as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.profile == "LC"
        assert (stream.rate, stream.layout.name) == (48_000, "stereo")
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])

    spectrum = np.abs(np.fft.rfft(heard[4800:52_800]))
    assert int(spectrum.argmax()) == 440
    assert float(np.abs(heard[4800:]).max()) == pytest.approx(8000 / 32_768, abs=0.02)


@pytest.mark.parametrize("quality", ["default", "quality", "low_latency"])
@pytest.mark.parametrize(("gop_seconds", "fps"), [(1, 25), (2, 30)])
def test_every_quality_keeps_to_its_key_frames(quality: str, gop_seconds: int, fps: int) -> None:
    rendition = Rendition(video_kbps=300, gop_seconds=gop_seconds, quality=quality)  # type: ignore[arg-type]
    gop = gop_seconds * fps

    made = media(encode(gop + 5, rendition, Format(64, 36, fps)), VIDEO)

    assert [n for n, tag in enumerate(made) if tag.key_frame] == [0, gop]


@pytest.mark.parametrize("fps", get_args(FrameRate))
def test_at_every_frame_rate_key_frames_are_two_seconds_apart_and_sound_keeps_up(fps: int) -> None:
    tags = encode(4 * fps + fps // 2, format=Format(64, 36, fps))
    pictures, sounds = media(tags, VIDEO), media(tags, AUDIO)
    stamps = [tag.timestamp for tag in pictures]

    assert [tag.timestamp for tag in pictures if tag.key_frame] == [0, 2000, 4000]
    assert len(pictures) == 4 * fps + fps // 2
    assert all(abs(stamp - n * 1000 / fps) <= 0.5 for n, stamp in enumerate(stamps))
    assert all(abs(tag.timestamp - n * 1024 / 48) <= 1 for n, tag in enumerate(sounds))
    assert abs(sounds[-1].timestamp - stamps[-1]) < 60
    with av.open(file_of(tags), "r") as container:
        assert float(container.streams.video[0].average_rate or 0) == pytest.approx(fps, rel=0.01)


def test_a_cut_in_the_picture_makes_no_key_frame() -> None:
    tags: list[FlvTag] = []
    running = Encoder("libx264", SMALL, RENDITION, tags.append)
    noise = np.random.default_rng(0).integers(16, 235, (2, 135, 160), dtype=np.uint8)
    for n in range(50):
        running.picture(noise[n // 10 % 2], n)
    running.sound(np.zeros((960, 2), np.int16), 0)
    running.close()

    assert [n for n, tag in enumerate(media(tags, VIDEO)) if tag.key_frame] == [0]


def test_sound_that_begins_late_is_in_its_place() -> None:
    tags: list[FlvTag] = []
    running = Encoder("libx264", SMALL, RENDITION, tags.append)
    for n in range(60):
        running.picture(np.full((135, 160), 128, np.uint8), n)
    for start in range(48_000, 96_000, 960):
        running.sound(np.zeros((960, 2), np.int16), start)
    running.close()

    assert media(tags, VIDEO)[0].timestamp == 0
    assert media(tags, AUDIO)[1].timestamp == 1000


def test_the_bit_rate_is_kept() -> None:
    """Noise would take any bit rate; the buffer allows for two seconds' worth at once."""
    tags: list[FlvTag] = []
    rendition = Rendition(video_kbps=400)
    running = Encoder("libx264", SMALL, rendition, tags.append)
    noise = np.random.default_rng(0).integers(16, 235, (10, 135, 160), dtype=np.uint8)
    for n in range(300):
        running.picture(noise[n % 10], n)
    running.close()

    kbps = sum(len(tag.payload) for tag in media(tags, VIDEO)) * 8 / 10 / 1000
    assert kbps == pytest.approx(400, rel=0.25)


def test_an_encoder_counts_as_working_only_if_it_gives_a_packet_back() -> None:
    assert encoder.works("libx264")
    assert not encoder.works("h264_of_my_dreams")
    assert "libx264" in encoder.proven()


def test_the_encoder_named_is_used_if_it_works() -> None:
    assert choose("libx264", software=False) == "libx264"


def test_without_hardware_software_stands_in_only_where_it_may() -> None:
    hardware = [name for name in encoder.proven() if name != "libx264"]
    if hardware:
        assert choose("auto", software=False) == hardware[0]
        return
    assert choose("auto") == "libx264"
    assert choose("h264_nvenc") == "libx264"
    for wanted in ("auto", "h264_nvenc"):
        with pytest.raises(NoEncoder, match="h264_nvenc"):
            choose(wanted, software=False)


def test_an_unknown_encoder_is_refused() -> None:
    with pytest.raises(NoEncoder, match="h263 is not known"):
        choose("h263")
