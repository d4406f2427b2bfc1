"""Which sources are open."""

import msgspec

from services.mixer.core.scene import SourceId
from services.mixer.media.cast import Cast
from services.mixer.media.source import Source
from services.mixer.media.synthetic import SyntheticSource
from tests.unit.mixer.people import person, room, source, stream

ANN, BOB = person("ann", presents=True), person("bob")


class Door:
    """Knows what was opened and closed."""

    def __init__(self, *, replay: bool = False) -> None:
        self.told: list[str] = []
        self.cast = Cast(self._open, replay=replay)

    def _open(self, who: SourceId, address: str) -> Source:
        door, name = self, f"{who.participant}/{who.content}"

        class Noted(SyntheticSource):
            def close(self) -> None:
                door.told.append(f"close {name}")

        self.told.append(f"open {name} {address}".strip())
        return Noted(who)


def test_a_source_opens_once_it_is_wanted_and_its_address_known() -> None:
    door = Door()
    door.cast.address(source("ann"), "a")
    assert door.told == []
    door.cast.show(room(ANN, BOB))
    assert door.told == ["open ann/main a"]
    door.cast.address(source("bob"), "b")
    door.cast.address(source("ann", "presentation"), "p")
    assert door.told[1:] == ["open bob/main b", "open ann/presentation p"]


def test_who_leaves_is_closed_and_who_stays_is_left_alone() -> None:
    door = Door()
    door.cast.show(room(ANN, BOB))
    door.cast.address(source("ann"), "a")
    door.cast.address(source("bob"), "b")
    door.cast.show(room(BOB))
    assert door.told[2:] == ["close ann/main"]
    assert list(door.cast.sources) == [source("bob")]


def test_who_comes_back_needs_a_new_address() -> None:
    door = Door()
    door.cast.show(room(BOB))
    door.cast.address(source("bob"), "b")
    door.cast.show(room())
    door.cast.show(room(BOB))
    assert door.told == ["open bob/main b", "close bob/main"]
    door.cast.address(source("bob"), "b2")
    assert door.told[2:] == ["open bob/main b2"]


def test_a_new_address_is_opened_in_place_of_the_old_one() -> None:
    door = Door()
    door.cast.show(room(BOB))
    door.cast.address(source("bob"), "b")
    door.cast.address(source("bob"), "b")
    door.cast.address(source("bob"), "b2")
    assert door.told == ["open bob/main b", "close bob/main", "open bob/main b2"]


def test_streams_have_no_sources() -> None:
    door = Door(replay=True)
    door.cast.show(room(stream("yt"), person("api", media=False)))
    assert door.told == []


def test_a_replay_needs_no_addresses() -> None:
    door = Door(replay=True)
    door.cast.show(room(ANN))
    assert door.told == ["open ann/main", "open ann/presentation"]


def test_all_are_closed_at_the_end() -> None:
    door = Door(replay=True)
    door.cast.show(room(ANN))
    door.cast.close()
    assert door.told[2:] == ["close ann/main", "close ann/presentation"]
    assert door.cast.sources == {}


def test_who_waits_is_not_opened_until_they_are_let_in() -> None:
    door = Door()
    door.cast.address(source("bob"), "b")
    door.cast.show(room(msgspec.structs.replace(BOB, state="waiting")))
    assert door.told == []
    door.cast.show(room(BOB))

    assert door.told == ["open bob/main b"]
