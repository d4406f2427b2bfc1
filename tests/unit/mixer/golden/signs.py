"""A sheet of every layout with indicators: one and two, with their texts and without."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from proto.views import ConferenceView
from tests.support.signs import painted
from tests.support.watch import RgbPicture
from tests.unit.mixer.golden import sheets
from tests.unit.mixer.golden.sheets import HERE, LAYOUTS, PEOPLE, ROWS, Row

TEXT_OUT, ICON = 3.0, 30.0
"""Seconds after they came on."""


def streamed(view: ConferenceView) -> ConferenceView:
    return msgspec.structs.replace(view, streaming_indicator=True)


def recorded(view: ConferenceView) -> ConferenceView:
    return msgspec.structs.replace(streamed(view), recording_indicator=True)


CASES = (
    (ROWS[0], streamed, TEXT_OUT),
    (ROWS[0], recorded, ICON),
    (ROWS[1], streamed, ICON),
    (ROWS[1], recorded, TEXT_OUT),
)


def cells(layout: str) -> list[list[RgbPicture]]:
    return [
        [cell(row, change(sheets.conference(layout, people)), at) for people in PEOPLE]
        for row, change, at in CASES
    ]


def cell(row: Row, view: ConferenceView, at: float) -> RgbPicture:
    view = row.change(view)
    scene, pictures = sheets.scene_of(view, row.feed), sheets.pictures(view)
    return sheets.small(painted(view, scene, at, pictures=pictures, feed=row.feed))


def path(layout: str) -> Path:
    return HERE / "indicators" / sheets.path(layout).name


def all_sheets() -> Iterator[tuple[Path, RgbPicture]]:
    for layout in LAYOUTS:
        yield path(layout), sheets.sheet(cells(layout))
