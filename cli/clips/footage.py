"""The pictures of a participant: a cut out of a film, or a drawn face."""

import math
from pathlib import Path

import av
import av.filter
import msgspec
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 640, 360

DRAWN = 90
"""Pictures after which a drawn face has moved once round."""


class Cut(msgspec.Struct, frozen=True):
    """Pictures `first` to `last` of a film, of each the box `x, y, width, height`."""

    film: Path
    first: int
    last: int
    box: tuple[int, int, int, int]
    mirrored: bool = False


def cuts(films: Path) -> list[Cut]:
    """Eight that look different; `bikes` is a sequence of shots, taken apart where they change."""
    phone, bikes, bunny = (
        films / name for name in ("carphone_pristine.mp4", "bikes.mp4", "bigbuckbunny.mp4")
    )
    return [
        Cut(phone, 0, 120, (0, 14, 176, 98)),
        Cut(bunny, 0, 132, (0, 0, 1280, 720)),
        Cut(bikes, 31, 58, (156, 0, 482, 272)),
        Cut(bikes, 138, 186, (0, 0, 482, 272)),
        Cut(phone, 0, 120, (28, 14, 136, 76), mirrored=True),
        Cut(bikes, 90, 136, (156, 0, 482, 272)),
        Cut(bunny, 0, 132, (240, 40, 640, 360), mirrored=True),
        Cut(bikes, 188, 241, (80, 0, 482, 272)),
    ]


def filmed(cut: Cut, width: int = WIDTH, height: int = HEIGHT) -> list[av.VideoFrame]:
    """Every picture of the film is one of the clip, whatever the film's own rate: no doubles."""
    with av.open(str(cut.film)) as film:
        stream = film.streams.video[0]
        graph = _graph(stream, cut, width, height)
        pictures = []
        for n, frame in enumerate(film.decode(stream)):
            if n >= cut.last:
                break
            if n >= cut.first:
                graph.push(frame)
                pictures.append(_pulled(graph))
    return pictures


def _graph(stream: av.VideoStream, cut: Cut, width: int, height: int) -> av.filter.Graph:
    x, y, across, down = cut.box
    graph = av.filter.Graph()
    chain = [
        graph.add_buffer(template=stream),
        graph.add("crop", f"{across}:{down}:{x}:{y}"),
        *([graph.add("hflip")] if cut.mirrored else []),
        graph.add("scale", f"{width}:{height}:flags=bicubic"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*chain).configure()
    return graph


def _pulled(graph: av.filter.Graph) -> av.VideoFrame:
    frame = graph.pull()
    assert isinstance(frame, av.VideoFrame)
    return frame


def drawn(n: int) -> list[av.VideoFrame]:
    """A face of participant `n` that nods and talks before a grainy wall."""
    rng = np.random.default_rng(n)
    hue = n * 47 % 256
    wall = Image.new("HSV", (WIDTH, HEIGHT), (hue, 90, 130)).convert("RGB")
    grain = Image.fromarray(rng.integers(96, 160, (HEIGHT, WIDTH), np.uint8)).convert("RGB")
    wall = Image.blend(wall, grain.filter(ImageFilter.GaussianBlur(1)), 0.35)
    coat = Image.new("HSV", (1, 1), ((hue + 128) % 256, 140, 110)).convert("RGB").getpixel((0, 0))
    return [_face(wall, coat, 2 * math.pi * k / DRAWN) for k in range(DRAWN)]


def _face(wall: Image.Image, coat: object, phase: float) -> av.VideoFrame:
    picture = wall.copy()
    pen = ImageDraw.Draw(picture)
    x, y = WIDTH // 2 + round(40 * math.sin(phase)), 165 + round(12 * math.sin(2 * phase))
    mouth = 4 + round(8 * abs(math.sin(4 * phase)))
    pen.rounded_rectangle((x - 130, y + 90, x + 130, HEIGHT + 60), 70, fill=coat)  # type: ignore[arg-type]
    pen.ellipse((x - 75, y - 100, x + 75, y + 100), fill=(222, 184, 150))
    for eye in (x - 30, x + 30):
        pen.ellipse((eye - 9, y - 30, eye + 9, y - 14), fill=(40, 40, 48))
    pen.ellipse((x - 28, y + 45 - mouth, x + 28, y + 45 + mouth), fill=(130, 50, 55))
    return av.VideoFrame.from_ndarray(np.asarray(picture), "rgb24").reformat(format="yuv420p")
