"""What bench-compose draws: cameras and slides in rectangles, for the system and for ffmpeg alike.

The rectangles are said here once, so that both make the very same picture.
"""

from pathlib import Path

import msgspec

from bench.inputs import FPS, Films
from services.mixer.core.layouts import Rect, inset, places, whole
from services.mixer.core.palette import BACKDROP
from services.mixer.core.scene import Scene, SourceId, Tile

SLIDE = -1
"""In place of a camera's number."""

SLIDE_FPS = 5


class Shot(msgspec.Struct, frozen=True):
    """One picture to make, again and again."""

    name: str
    lines: int
    "Of the cameras: 360 or 720."
    width: int
    height: int
    tiles: tuple[tuple[int, Rect], ...]
    "Cameras by number and where they go, from back to front."
    goal: float
    "Decoding and composing over ffmpeg's doing the same."
    kbps: int = 0
    "Of the encode that composition is compared with; 0: with none."
    share: float = 0.0
    "Composition over that encode at most."

    @property
    def slides(self) -> bool:
        return self.tiles[0][0] == SLIDE

    def scene(self) -> Scene:
        tiles = tuple(
            Tile(rect, SourceId(str(camera)), "", whole=camera == SLIDE)
            for camera, rect in self.tiles
        )
        return Scene(self.width, self.height, tiles=tiles)

    def inputs(self, films: Films) -> list[Path]:
        """The file behind each tile."""
        cameras = films.of(self.lines)
        return [
            films.slides if camera == SLIDE else cameras[camera % len(cameras)]
            for camera, _ in self.tiles
        ]


def _people(layout: str, count: int, size: tuple[int, int]) -> tuple[tuple[int, Rect], ...]:
    return tuple(enumerate(places(layout, count, *size).people))


def _presenting(width: int, height: int) -> tuple[tuple[int, Rect], ...]:
    return (SLIDE, whole(width, height)), (0, inset(width, height))


HD, FULL_HD = (1280, 720), (1920, 1080)

SHOTS = (
    Shot("1+7 360p to 720p", 360, *HD, _people("1:7", 8, HD), 0.60, 3000, 0.05),
    Shot("1+7 360p to 1080p", 360, *FULL_HD, _people("1:7", 8, FULL_HD), 0.60, 4500, 0.05),
    Shot("1+7 720p to 720p", 720, *HD, _people("1:7", 8, HD), 0.70, 3000, 0.10),
    Shot("1+7 720p to 1080p", 720, *FULL_HD, _people("1:7", 8, FULL_HD), 0.70, 4500, 0.10),
    Shot("slides + inset to 720p", 360, *HD, _presenting(*HD), 0.40),
    Shot("slides + inset to 1080p", 360, *FULL_HD, _presenting(*FULL_HD), 0.40),
    Shot("3x3 360p to 720p", 360, *HD, _people("9:0", 9, HD), 0.60),
    Shot("3x3 720p to 720p", 720, *HD, _people("9:0", 9, HD), 0.70),
)


def graph(shot: Shot) -> str:
    """The same for ffmpeg: scale each into its place, then stack or overlay them."""
    return _overlaid(shot) if shot.slides else _stacked(shot)


def _stacked(shot: Shot) -> str:
    chains = [
        f"[{n}:v]scale={rect.width}:{rect.height}:flags=bicubic[t{n}]"
        for n, (_, rect) in enumerate(shot.tiles)
    ]
    colour = "0x{:02x}{:02x}{:02x}".format(*BACKDROP)
    # xstack is as large as its tiles reach: two pixels in the lower right corner make it whole,
    # which costs less than padding every picture.
    chains.append(f"color={colour}:size=2x2:rate={FPS}[corner]")
    places = [f"{rect.x}_{rect.y}" for _, rect in shot.tiles]
    places.append(f"{shot.width - 2}_{shot.height - 2}")
    tiles = "".join(f"[t{n}]" for n in range(len(shot.tiles)))
    chains.append(
        f"{tiles}[corner]xstack=inputs={len(places)}:layout={'|'.join(places)}"
        f":fill={colour}:shortest=1,format=yuv420p[v]"
    )
    return ";".join(chains)


def _overlaid(shot: Shot) -> str:
    """The slides are scaled as often as they come and repeated afterwards."""
    (_, back), (_, front) = shot.tiles
    return (
        f"[0:v]scale={back.width}:{back.height}:flags=bicubic,fps={FPS}[back];"
        f"[1:v]scale={front.width}:{front.height}:flags=bicubic[front];"
        f"[back][front]overlay={front.x}:{front.y}:shortest=1,format=yuv420p[v]"
    )
