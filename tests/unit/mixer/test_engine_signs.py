"""Indicators and themes on the clock of a mix."""

from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from kit.link import FeedWriter
from kit.theme import read
from proto.media import FeedSpec
from services.mixer.media.engine import Direction
from services.mixer.theme import Theme, built_in
from tests.support.themes import flat, packed
from tests.support.watch import is_near, mean_colour, rgb
from tests.unit.mixer.people import person, room, source
from tests.unit.mixer.test_engine import PICTURE, Studio, Watched, pictures

SPEC = FeedSpec("c", width=320, height=180)
YELLOW = (250, 220, 20)


@pytest.fixture
def studio() -> Iterator[Studio]:
    made = Studio()
    yield made
    made.close()


def shown(studio: Studio, writer: FeedWriter) -> npt.NDArray[np.uint8]:
    """The next picture."""
    studio.wait(PICTURE)
    assert pictures(studio.came())
    free = writer.begin()
    assert free is not None
    return rgb(free[1].copy())


def direct(studio: Studio, **changes: bool) -> None:
    view = msgspec.structs.replace(room(person("ann"), layout="ac"), **changes)
    sources = studio.sources or {source("ann"): Watched(source("ann"))}
    studio.sources = sources
    studio.engine.direct(Direction(view, sources, ("ann",)))


def test_an_indicator_is_on_within_a_second_and_off_within_a_second(studio: Studio) -> None:
    direct(studio)
    writer = studio.taken(SPEC)
    before = shown(studio, writer)
    direct(studio, streaming_indicator=True)
    on = [shown(studio, writer) for _ in range(29)][-1]
    apart = np.abs(on.astype(int) - before).max(axis=2)
    assert apart[:30, 130:190].max() > 60
    assert apart[30:].max() == 0
    direct(studio)
    off = [shown(studio, writer) for _ in range(30)][-1]
    assert np.array_equal(off, before)


def test_a_theme_is_put_on_between_two_pictures(studio: Studio) -> None:
    studio.direct()
    writer = studio.taken(SPEC)
    before = shown(studio, writer)
    assert mean_colour(before, (0, 0, 320, 30))[0] < 60
    said = {"splash_screens": {"waiting": {"background": {"path": "w"}, "elements": []}}}
    studio.engine.dress(Theme([read(packed(said, {"w": flat(YELLOW)})), built_in()]))
    assert is_near(mean_colour(shown(studio, writer), (0, 0, 320, 180)), YELLOW, 6)
