"""A sheet of every layout: so many people from left to right, one case below the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
from PIL import Image, ImageDraw

from proto.conference import StreamingTransforms, Transforms
from proto.layouts import ALL, ClientName
from proto.media import FeedSpec
from proto.views import ConferenceView, ParticipantView
from services.mixer.core import palette
from services.mixer.core.ranking import Ranking, follow, places
from services.mixer.core.scene import Scene, SourceId, scene
from services.mixer.media import lettering
from services.mixer.media.cards import WHITE, Cards
from services.mixer.media.compositor import Compositor
from services.mixer.media.picture import Picture
from tests.support.watch import RgbPicture, rgb
from tests.unit.mixer.golden import cast
from tests.unit.mixer.people import URL

HERE = Path(__file__).parent
LAYOUTS: tuple[ClientName, ...] = tuple(names.client for names in ALL)
PEOPLE = (1, 2, 3, 8, 12, 25, 40)

DRAWN = (640, 360)
SHOWN = (320, 180)
"""Pictures are drawn twice as large as they are kept, so that their texts are as they will be."""

SPACE = 8

OVERVIEW: tuple[tuple[ClientName, int, int], ...] = (
    ("1:0", 8, 0), ("1:1", 2, 0), ("1:7", 12, 0), ("1:21", 30, 0),
    ("2:21", 30, 0), ("1:33", 40, 0), ("4:0", 4, 0), ("9:0", 9, 0),
    ("16:0", 16, 0), ("25:0", 25, 0), ("ac", 12, 0), ("teams", 12, 0),
    ("one_main_nine_around", 10, 0), ("one_main_twelve_around", 13, 0),
    ("two_mains_eight_around", 10, 0), ("1:7", 8, 1),
    ("ac", 9, 1), ("teams", 8, 1), ("1:7", 8, 2), ("9:0", 9, 2),
)  # fmt: skip
"""Layout, people, and which of the rows."""

OVERVIEW_PATH = HERE.parents[3] / "docs" / "pictures" / "layouts.png"
CAPTION = 24
"""Pixels below each picture of the overview."""

Change = Callable[[ConferenceView], ConferenceView]


class Row(msgspec.Struct, frozen=True):
    """One case: what is different about the conference, and which feed is looked at."""

    title: str
    change: Change
    feed: FeedSpec = FeedSpec("c", width=DRAWN[0], height=DRAWN[1])


def presenting(view: ConferenceView) -> ConferenceView:
    return msgspec.structs.replace(view, presenter=view.participants[-1].participant)


def mixed(view: ConferenceView) -> ConferenceView:
    streaming = StreamingTransforms(presentation_in_mix=True)
    return msgspec.structs.replace(presenting(view), transforms=Transforms(streaming=streaming))


ROWS = (
    Row("people", lambda view: view),
    Row("presentation", presenting),
    Row("in the mix", mixed, FeedSpec("c", width=DRAWN[0], height=DRAWN[1], streaming=True)),
)
"""Another case, e.g. with indicators, is another row."""


def conference(layout: str, people: int) -> ConferenceView:
    """Names are written, and the second who came speaks."""
    return ConferenceView(
        "c",
        1,
        name="Town hall",
        running=True,
        layout=layout,
        participants=[
            ParticipantView(f"p{n}", name, "guest", media=URL, presentation=URL)
            for n, name in enumerate(cast.NAMES[:people])
        ],
        enable_overlay_text=True,
        enable_active_speaker_indication=True,
    )


def pictures(view: ConferenceView) -> dict[SourceId, Picture]:
    found = {
        SourceId(p.participant): cast.person(p.display_name)
        for p in view.participants
        if p.display_name not in cast.UNSEEN
    }
    return found | {
        SourceId(p.participant, "presentation"): cast.slide() for p in view.participants
    }


def scene_of(view: ConferenceView, feed: FeedSpec) -> Scene:
    came = [p.participant for p in view.participants]
    stage = tuple(came[1:2] + came[:1] + came[2:])
    ranking = follow(Ranking(), came, stage, 0.0, places=places(view))
    shapes = {source: picture.aspect for source, picture in pictures(view).items()}
    return scene(view, stage, shapes.keys(), feed, order=ranking.order, shapes=shapes)


def draw(view: ConferenceView, feed: FeedSpec) -> RgbPicture:
    """What the feed shows."""
    canvas = np.zeros((feed.height * 3 // 2, feed.width), np.uint8)
    Compositor(Cards()).draw(0, canvas, scene_of(view, feed), pictures(view))
    return rgb(canvas)


def cells(layout: str) -> list[list[RgbPicture]]:
    """All pictures of a sheet, row by row."""
    return [
        [_small(draw(row.change(conference(layout, people)), row.feed)) for people in PEOPLE]
        for row in ROWS
    ]


def sheet(rows: list[list[RgbPicture]]) -> RgbPicture:
    """Pictures of one size on one ground."""
    high, wide, _ = rows[0][0].shape
    size = (len(rows) * (high + SPACE) + SPACE, len(rows[0]) * (wide + SPACE) + SPACE, 3)
    whole = np.full(size, palette.PAD, np.uint8)
    for down, row in enumerate(rows):
        for across, picture in enumerate(row):
            y, x = SPACE + down * (high + SPACE), SPACE + across * (wide + SPACE)
            whole[y : y + high, x : x + wide] = picture
    return whole


def overview() -> RgbPicture:
    """Each layout as it is meant, for people to choose from."""
    shown = []
    for layout, people, row in OVERVIEW:
        picture = _small(draw(ROWS[row].change(conference(layout, people)), ROWS[row].feed))
        caption = Image.new("RGB", (SHOWN[0], CAPTION), palette.PAD)
        text = layout + ("", ", presentation", ", presentation in the mix")[row]
        ImageDraw.Draw(caption).text((2, CAPTION / 2), text, WHITE, lettering.font(13), anchor="lm")
        shown.append(np.concatenate([picture, np.asarray(caption)]))
    return sheet([shown[n : n + 4] for n in range(0, len(shown), 4)])


def path(layout: str) -> Path:
    return HERE / f"{layout.replace(':', '-')}.png"


def all_sheets() -> Iterator[tuple[Path, RgbPicture]]:
    """As they are drawn now, and where they are kept."""
    for layout in LAYOUTS:
        yield path(layout), sheet(cells(layout))
    yield OVERVIEW_PATH, overview()


def accepted(file: Path) -> RgbPicture | None:
    """The sheet that was looked at and found good."""
    try:
        return np.asarray(Image.open(file).convert("RGB"))
    except FileNotFoundError:
        return None


def write(file: Path, picture: RgbPicture) -> None:
    Image.fromarray(picture).save(file, optimize=True)


def mean_squared_error(expected: RgbPicture, now: RgbPicture) -> float:
    """Of the picture of a sheet that differs most."""
    apart = (expected.astype(np.float32) - now) ** 2
    return float(max((apart[y, x].mean() for y, x in _pictures(now)), default=0.0))


def _pictures(whole: RgbPicture) -> Iterator[tuple[slice, slice]]:
    for y in range(SPACE, whole.shape[0] - 1, SHOWN[1] + SPACE):
        for x in range(SPACE, whole.shape[1] - 1, SHOWN[0] + SPACE):
            yield slice(y, y + SHOWN[1]), slice(x, x + SHOWN[0])


def differences(expected: RgbPicture, now: RgbPicture) -> RgbPicture:
    """What was accepted, what is drawn, and where they differ, one below the other."""
    if expected.shape != now.shape:
        return now
    apart = np.abs(expected.astype(int) - now).clip(0, 31).astype(np.uint8) * 8
    return np.concatenate([expected, now, apart])


def _small(picture: RgbPicture) -> RgbPicture:
    return np.asarray(cv2.resize(picture, SHOWN, interpolation=cv2.INTER_AREA), np.uint8)
