"""Told loudness, answered with who is on stage."""

from services.mixer.core.stage import ATTACK, HOLD, Stage, decibels, hear, present

TICK = 0.1
LOUD, CLEARLY_LOUDER, SLIGHTLY_LOUDER, ROOM = 0.01, 0.04, 0.015, 1e-6
"""Mean powers: a voice, one 6 dB above it, one less than 2 dB above it, and a quiet room."""


class Room:
    """Plays loudness to a stage, a tenth of a second at a time."""

    def __init__(self, *people: str) -> None:
        self.now = 0.0
        self.stage = present(Stage(), people)

    def hears(self, seconds: float, **powers: float) -> tuple[str, ...]:
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            self.stage = hear(self.stage, powers, self.now)
        return self.stage.order


def test_in_silence_the_first_who_came_is_shown() -> None:
    assert Room("ann", "bob").hears(5, ann=ROOM, bob=ROOM) == ("ann", "bob")


def test_who_speaks_while_all_are_silent_takes_the_stage_after_a_word() -> None:
    room = Room("ann", "bob", "cat")
    assert room.hears(ATTACK / 2, cat=LOUD) == ("ann", "bob", "cat")
    assert room.hears(ATTACK + TICK, cat=LOUD) == ("cat", "ann", "bob")


def test_a_cough_changes_nothing() -> None:
    room = Room("ann", "bob")
    room.hears(3, ann=LOUD)
    assert room.hears(TICK, ann=LOUD, bob=CLEARLY_LOUDER)[0] == "ann"
    assert room.hears(3, ann=LOUD)[0] == "ann"


def test_who_is_hardly_louder_does_not_take_over() -> None:
    room = Room("ann", "bob")
    assert room.hears(30, ann=LOUD, bob=SLIGHTLY_LOUDER)[0] == "ann"


def test_who_is_clearly_louder_does() -> None:
    room = Room("ann", "bob")
    room.hears(5, ann=LOUD)
    assert room.hears(1, ann=LOUD, bob=CLEARLY_LOUDER) == ("bob", "ann")


def test_a_speaker_is_held() -> None:
    """After a change the next one has to wait."""
    room = Room("ann", "bob", "cat")
    room.hears(ATTACK + 2 * TICK, bob=LOUD)
    assert room.hears(HOLD - 3 * TICK, cat=CLEARLY_LOUDER, bob=LOUD)[0] == "bob"
    assert room.hears(1, cat=CLEARLY_LOUDER, bob=LOUD) == ("cat", "bob", "ann")


def test_the_speaker_stays_when_everybody_falls_silent() -> None:
    room = Room("ann", "bob")
    room.hears(2, bob=LOUD)
    assert room.hears(60, ann=ROOM, bob=ROOM) == ("bob", "ann")


def test_pauses_between_words_do_not_lose_the_stage() -> None:
    room = Room("ann", "bob")
    room.hears(3, ann=LOUD)
    for _ in range(20):
        room.hears(0.3, ann=ROOM, bob=LOUD / 4)
        assert room.hears(0.3, ann=LOUD, bob=LOUD / 4)[0] == "ann"


def test_two_who_shout_in_turn_cannot_change_the_picture_faster_than_the_hold() -> None:
    room, changes, before = Room("ann", "bob"), 0, "ann"
    for n in range(200):
        loud = "ann" if n % 2 else "bob"
        active = room.hears(0.5, **{loud: 1.0})[0]
        changes += active != before
        before = active
    assert changes <= 200 * 0.5 / HOLD


def test_the_next_one_takes_over_when_the_speaker_leaves() -> None:
    room = Room("ann", "bob", "cat")
    room.hears(1, cat=LOUD)
    assert present(room.stage, ["ann", "bob"]).order == ("ann", "bob")


def test_newcomers_stand_at_the_end() -> None:
    stage = present(Stage(order=("bob", "ann")), ["ann", "bob", "cat"])
    assert stage.order == ("bob", "ann", "cat")


def test_an_empty_room_is_fine() -> None:
    assert Room().hears(1) == ()


def test_decibels() -> None:
    assert (decibels(1.0), decibels(0.1), decibels(0.0)) == (0.0, -10.0, -100.0)
