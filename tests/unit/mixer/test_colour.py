"""Colours as a viewer sees them, whatever a source calls Y, U and V."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from kit.link import Format
from proto.media import Rendition
from services.mixer.core import layouts
from services.mixer.core.scene import Scene, Tile
from services.mixer.media.cards import Cards
from services.mixer.media.colour import BT601, BT709, Recolour
from services.mixer.media.compositor import Compositor
from services.mixer.media.picture import Picture
from services.rtmp_egress.media.encoder import Encoder
from services.rtmp_egress.media.flv import FlvTag
from tests.support.clips import clip
from tests.support.watch import Rgb, file_of, is_near, mean_colour, rgb, watch
from tests.unit.mixer.people import source

RED, GREEN, BLUE = (200, 30, 30), (30, 160, 40), (40, 60, 200)
WITHIN = 6
"""What 8 bits lose in four conversions, and a clip's own encoder."""

ANN = source("ann")
OUT = (320, 180)

SENT: dict[str, dict[str, Any]] = {
    "601": {"matrix": Colorspace.ITU601},
    "709": {"matrix": Colorspace.ITU709},
    "2020": {"matrix": Colorspace.BT2020},
    "HD that says it is 601": {"matrix": Colorspace.ITU601, "size": (1280, 720)},
    "SD that does not say": {"tagged": False},
    "HD that does not say": {"tagged": False, "size": (1280, 720)},
    "full range": {"full_range": True},
    "full range, 709": {"full_range": True, "matrix": Colorspace.ITU709},
    "VP8": {"suffix": ".webm"},
}


def first(path: Path) -> Picture:
    with av.open(str(path)) as container:
        return Picture.of(next(iter(container.decode(video=0))))


def composed(picture: Picture, size: tuple[int, int] = OUT) -> np.ndarray[Any, np.dtype[np.uint8]]:
    canvas = np.zeros((size[1] * 3 // 2, size[0]), np.uint8)
    scene = Scene(*size, tiles=(Tile(layouts.whole(*size), ANN, "Ann"),))
    Compositor(Cards()).draw(0, canvas, scene, {ANN: picture})
    return canvas


def seen(picture: Picture, size: tuple[int, int] = OUT) -> Rgb:
    return mean_colour(rgb(composed(picture, size)), (0, 0, *size))


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT.keys())
@pytest.mark.parametrize("colour", [RED, GREEN, BLUE], ids=["red", "green", "blue"])
def test_a_source_is_seen_in_its_own_colour(
    tmp_path: Path, sent: dict[str, Any], colour: Rgb
) -> None:
    more = dict(sent)
    path = tmp_path / f"clip{more.pop('suffix', '.mp4')}"
    picture = first(clip(path, colour=colour, seconds=0.1, audio=False, **more))
    for size in (OUT, (1920, 1080)):
        assert is_near(seen(picture, size), colour, WITHIN)


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE], ids=["red", "green", "blue"])
def test_a_viewer_of_the_stream_sees_the_colour_that_was_sent(tmp_path: Path, colour: Rgb) -> None:
    picture = first(clip(tmp_path / "clip.mp4", colour=colour, seconds=0.1, audio=False))
    tags: list[FlvTag] = []
    encoder = Encoder("libx264", Format(*OUT, 30), Rendition(video_kbps=500), tags.append)
    for n in range(5):
        encoder.picture(composed(picture), n)
    encoder.sound(np.zeros((960, 2), np.int16), 0)
    encoder.close()
    (tmp_path / "stream.flv").write_bytes(file_of(tags).getvalue())
    watched = watch(str(tmp_path / "stream.flv"), look=lambda p: mean_colour(p, (0, 0, *OUT)))
    assert is_near(watched.seen[-1], colour, WITHIN)


@pytest.mark.parametrize("format", ["rgb24", "gbrp", "yuv444p", "yuv422p10le", "nv12", "rgba"])
def test_any_pixel_format_has_its_colours(format: str) -> None:
    image = av.VideoFrame.from_ndarray(np.full((180, 320, 3), RED, np.uint8), "rgb24")
    to = {"dst_colorspace": Colorspace.ITU601, "dst_color_range": ColorRange.MPEG}
    frame = image.reformat(format=format, **({} if "b" in format else to))
    assert is_near(seen(Picture.of(frame)), RED, WITHIN)


def test_a_gradient_keeps_its_shades() -> None:
    """Dark and light ends neither wrap nor clip, and colours next to each other stay apart."""
    shades = np.linspace(0, 255, 320).astype(np.uint8)
    wheel = np.stack([np.tile(shades, (180, 1)), np.tile(shades[::-1], (180, 1))], axis=2)
    image = np.dstack([wheel, np.repeat(np.linspace(0, 255, 180), 320).reshape(180, 320)])
    frame = av.VideoFrame.from_ndarray(image.astype(np.uint8), "rgb24")
    sd = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=1)
    made = rgb(composed(Picture.of(sd))).astype(int)
    assert np.abs(made - image).mean() < 1.5
    assert np.abs(made - image).max() <= 10


def test_grey_is_the_same_in_every_matrix() -> None:
    grey = Picture.flat((77, 128, 128), 64, 36)
    target = Picture.flat((0, 0, 0), 64, 36)
    Recolour().convert(grey.planes, target.planes, BT601)
    assert [set(plane.ravel()) for plane in target.planes] == [{77}, {128}, {128}]


def test_what_a_decoder_still_needs_is_not_written_to() -> None:
    picture = Picture(Picture.flat((77, 90, 200), 64, 36).planes, 16 / 9, BT601)
    before = [plane.copy() for plane in picture.planes]
    composed(picture, (32, 18))
    composed(picture, (640, 360))
    assert all(map(np.array_equal, picture.planes, before))


def test_what_is_in_the_canvas_own_matrix_is_left_as_it_is() -> None:
    picture = Picture.flat((77, 90, 200), 320, 180)
    assert picture.matrix == BT709
    canvas = composed(picture)
    assert (canvas[0, 0], canvas[-60, 0], canvas[-1, -1]) == (77, 90, 200)


@pytest.mark.parametrize("turned", [90, 180, -90])
def test_a_phone_held_upright_is_shown_upright(tmp_path: Path, turned: int) -> None:
    path = clip(tmp_path / "clip.mp4", seconds=0.2, size=(64, 48), turned=turned, audio=False)
    picture = first(path)
    upright = abs(turned) == 90
    assert (picture.width, picture.height) == ((48, 64) if upright else (64, 48))
    assert picture.aspect == pytest.approx(48 / 64 if upright else 64 / 48)


@pytest.mark.parametrize(("turned", "corner"), [(90, "lower left"), (-90, "upper right")])
def test_a_picture_is_turned_the_way_the_phone_says(
    tmp_path: Path, turned: int, corner: str
) -> None:
    """What was in the upper left before."""
    canvas = np.full((96, 64), 128, np.uint8)
    canvas[:64] = 16
    canvas[:16, :16] = 235
    with av.open(str(tmp_path / "phone.mp4"), "w") as out:
        video = out.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        video.set_display_rotation(turned)
        out.mux(video.encode(av.VideoFrame.from_ndarray(canvas, "yuv420p")))
        out.mux(video.encode(None))
    y = first(tmp_path / "phone.mp4").planes[0]
    at = {"lower left": (-4, 4), "upper right": (4, -4)}[corner]
    assert y[at] > 200
    assert sorted(map(int, (y[4, 4], y[4, -4], y[-4, 4], y[-4, -4])))[2] < 40
