"""Told who was heard, answered with who is on stage; and when others are told of it."""

from collections.abc import Iterable
from itertools import pairwise

import pytest

from services.mixer.core.stage import (
    ATTACK,
    HOLD,
    SHOT,
    Stage,
    Voice,
    decibels,
    hear,
    present,
)
from services.mixer.core.telling import Telling, tell

TICK = 0.1
LOUD, CLEARLY_LOUDER, SLIGHTLY_LOUDER, MURMUR = 0.01, 0.04, 0.015, 0.0001
"""Mean powers: a voice, one 6 dB above it, one less than 2 dB above it, one 20 dB below it."""


class Room:
    """Plays voices to a stage, a tenth of a second at a time."""

    def __init__(self, *people: str) -> None:
        self.now = 0.0
        self.stage = present(Stage(), people)

    def hears(self, seconds: float, **powers: float) -> tuple[str, ...]:
        """All of these speak for so long, without a pause."""
        left = seconds
        while left > 1e-9:
            part = min(TICK, left)
            self.tick({who: Voice(part, power, 50) for who, power in powers.items()})
            left -= part
        return self.stage.order

    def tick(self, voices: dict[str, Voice]) -> None:
        self.now += TICK
        self.stage = hear(self.stage, voices, self.now)

    def speech(self, who: str, seconds: float, power: float = LOUD) -> Iterable[tuple[str, ...]]:
        """Syllables: four fifths of each tenth of a second, with a gap after every third."""
        for n in range(round(seconds / TICK)):
            self.tick({} if n % 4 == 3 else {who: Voice(0.08, power, 50)})
            yield self.stage.order


def test_in_silence_the_first_who_came_is_shown() -> None:
    assert Room("ann", "bob").hears(5) == ("ann", "bob")


def test_who_speaks_while_all_are_silent_takes_the_stage_after_a_word() -> None:
    room = Room("ann", "bob", "cat")
    assert room.hears(ATTACK - TICK, cat=LOUD) == ("ann", "bob", "cat")
    assert room.hears(TICK, cat=LOUD) == ("cat", "ann", "bob")


@pytest.mark.parametrize("begins", [0.0, 0.02, 0.04, 0.06, 0.08])
def test_one_cough_changes_nothing_wherever_it_begins(begins: float) -> None:
    """A third of a second, loud, at any place in the stage's tenths."""
    room = Room("ann", "bob", "cat")
    room.hears(3, ann=LOUD)
    room.hears(2)
    first = TICK - begins
    room.tick({"bob": Voice(first, CLEARLY_LOUDER, 90)})
    left = 0.34 - first
    while left > 1e-9:
        room.tick({"bob": Voice(min(left, TICK), CLEARLY_LOUDER, 90)})
        left -= TICK
    assert room.hears(3) == ("ann", "bob", "cat")


def test_a_reply_is_seen_within_six_tenths_of_a_second() -> None:
    room = Room("ann", "bob", "cat")
    for _ in room.speech("ann", SHOT):
        pass
    replied = [order[0] for order in room.speech("cat", 0.6)]
    assert replied[-1] == "cat"
    assert replied[0] == "ann"


def test_a_quiet_reply_is_seen_as_soon_but_a_murmur_is_not() -> None:
    for power, seen in ((LOUD / 10, "bob"), (MURMUR, "ann")):
        room = Room("ann", "bob")
        room.hears(3, ann=LOUD)
        assert room.hears(0.6, bob=power)[0] == seen


def test_who_is_hardly_louder_does_not_take_over_from_one_who_speaks() -> None:
    room = Room("ann", "bob")
    assert room.hears(30, ann=LOUD, bob=SLIGHTLY_LOUDER)[0] == "ann"


def test_who_is_clearly_louder_does() -> None:
    room = Room("ann", "bob")
    room.hears(5, ann=LOUD)
    assert room.hears(1, ann=LOUD, bob=CLEARLY_LOUDER) == ("bob", "ann")


def test_a_speaker_who_goes_on_is_held() -> None:
    room = Room("ann", "bob", "cat")
    room.hears(ATTACK, bob=LOUD)
    assert room.hears(HOLD - 2 * TICK, cat=CLEARLY_LOUDER, bob=LOUD)[0] == "bob"
    assert room.hears(1, cat=CLEARLY_LOUDER, bob=LOUD) == ("cat", "bob", "ann")


def test_the_speaker_stays_when_everybody_falls_silent() -> None:
    room = Room("ann", "bob")
    room.hears(2, bob=LOUD)
    assert room.hears(60) == ("bob", "ann")


def test_pauses_between_words_do_not_lose_the_stage() -> None:
    room = Room("ann", "bob")
    room.hears(3, ann=LOUD)
    for _ in range(20):
        room.hears(0.2, bob=LOUD / 4)
        assert room.hears(0.3, ann=LOUD, bob=LOUD / 4)[0] == "ann"


def test_two_who_shout_in_turn_cannot_change_the_picture_faster_than_a_shot() -> None:
    room, changes = Room("ann", "bob"), [0.0]
    before = "ann"
    for n in range(200):
        loud = "ann" if n % 2 else "bob"
        for _ in range(5):
            room.hears(TICK, **{loud: 1.0})
            if room.stage.order[0] != before:
                before = room.stage.order[0]
                changes.append(room.now)
    assert min(later - earlier for earlier, later in pairwise(changes[1:])) >= SHOT - 1e-6


def test_the_whole_order_is_by_who_spoke_last() -> None:
    room = Room("ann", "bob", "cat", "dan", "eve")
    for who in ("cat", "eve", "bob"):
        room.hears(3, **{who: LOUD})
        room.hears(1)
    assert room.stage.order == ("bob", "eve", "cat", "ann", "dan")


def test_who_speaks_below_the_active_speaker_comes_second() -> None:
    room = Room("ann", "bob", "cat")
    room.hears(3, ann=LOUD)
    assert room.hears(3, ann=LOUD, cat=LOUD / 2) == ("ann", "cat", "bob")


def test_the_one_who_spoke_last_takes_over_when_the_speaker_leaves() -> None:
    room = Room("ann", "bob", "cat")
    room.hears(2, bob=LOUD)
    room.hears(2)
    room.hears(2, cat=LOUD)
    assert present(room.stage, ["ann", "bob"]).order == ("bob", "ann")


def test_newcomers_stand_at_the_end() -> None:
    stage = present(Stage(spoken=("bob", "ann")), ["ann", "bob", "cat"])
    assert stage.order == ("bob", "ann", "cat")


def test_the_spotlit_come_first_in_their_order_and_the_others_by_voice() -> None:
    room = Room("ann", "bob", "cat", "dan")
    room.stage = present(room.stage, room.stage.spoken, spotlit=["cat", "bob"])
    assert room.hears(2, dan=LOUD) == ("cat", "bob", "dan", "ann")
    room.stage = present(room.stage, room.stage.spoken)
    assert room.stage.order == ("dan", "ann", "bob", "cat")


def test_who_is_muted_does_not_take_the_stage_however_loud() -> None:
    room = Room("ann", "bob")
    room.stage = present(room.stage, room.stage.spoken, muted={"bob"})
    assert room.hears(5, bob=1.0) == ("ann", "bob")
    assert room.stage.levels() == (0, 0)


def test_a_muted_speaker_is_replied_to_at_once() -> None:
    room = Room("ann", "bob")
    room.hears(3, ann=LOUD)
    room.stage = present(room.stage, room.stage.spoken, muted={"ann"})
    assert room.hears(0.5, ann=LOUD, bob=LOUD) == ("bob", "ann")


def test_an_empty_room_is_fine() -> None:
    assert Room().hears(1) == ()


def test_decibels() -> None:
    assert (decibels(1.0), decibels(0.1), decibels(0.0)) == (0.0, -10.0, -100.0)


def test_others_are_told_at_most_twice_in_any_second() -> None:
    room, told, times = Room("ann", "bob", "cat", "dan"), Telling(), []
    for n in range(300):
        who = ("ann", "bob", "cat", "dan")[n // 7 % 4]
        level = 90 if n % 2 else 20
        room.tick({who: Voice(TICK, LOUD, level), "ann": Voice(TICK, LOUD / 3, 90 - level)})
        news = tell(told, room.stage, room.now)
        if news is not told:
            times.append(room.now)
            if news.order[:1] != told.order[:1]:
                assert news.order == room.stage.order
        told = news
    assert told.order[0] == room.stage.order[0]
    assert len(times) > 25
    assert all(c - a >= 1 - 1e-6 for a, c in zip(times[1:], times[3:], strict=False))


def test_another_first_is_told_at_once() -> None:
    room = Room("ann", "bob")
    told = tell(Telling(), room.stage, 0.0)
    room.hears(ATTACK, bob=LOUD)
    assert tell(told, room.stage, room.now).order == ("bob", "ann")


def test_nothing_is_told_twice() -> None:
    room = Room("ann", "bob")
    told = tell(Telling(), room.stage, 0.0)
    room.hears(10)
    assert tell(told, room.stage, room.now) is told
