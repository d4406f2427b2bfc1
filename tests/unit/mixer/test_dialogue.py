"""Speech through the mixer to the stage: what is spoken here are our own prompts."""

import numpy as np
import pytest

from services.mixer.core.stage import Stage, hear, present
from services.mixer.media.prompts import samples
from services.mixer.media.voice import BLOCK, RATE, Voice
from services.mixer.theme import default
from tests.unit.mixer.desk import Desk, Sound, Wave, voice

HISS = np.random.default_rng(3).standard_normal(RATE).astype(np.float32)


def line(said: list[tuple[float, Sound]], room: float = 0.0005) -> Voice:
    """Somebody who says these things at these seconds, in a room with that noise."""

    def wave(at: Wave) -> Wave:
        sample = np.round(at * RATE).astype(int)
        heard = room * HISS[sample % RATE]
        for begin, sound in said:
            place = sample - round(begin * RATE)
            there = (place >= 0) & (place < len(sound))
            heard[there] += sound[place[there]]
        return np.asarray(heard)

    return voice(wave)


def speech(number: int, level: float = 1.0) -> Sound:
    kinds = ("recording", "streaming", "transcribing", "public_streaming")
    kind = kinds[number % len(kinds)]
    recording = default().recording("google_meet", f"{kind}_started")  # type: ignore[arg-type]
    assert recording is not None
    return samples(recording)[::2] * np.float32(level)


def cough(seconds: float) -> Sound:
    """A burst of noise, louder than any speech, that dies away."""
    at = np.arange(round(seconds * RATE)) / RATE
    return (0.6 * HISS[: len(at)] * np.exp(-at / (seconds / 3))).astype(np.float32)


def staged(people: dict[str, Voice], seconds: float) -> list[tuple[float, tuple[str, ...]]]:
    """When the stage became what."""
    desk = Desk(*people.values())
    stage = present(Stage(), people)
    found = [(0.0, stage.order)]
    for block in range(round(seconds * RATE / BLOCK)):
        if desk.mixer.mix(block * BLOCK).news:
            heard = {who: desk.mixer.heard(each) for who, each in people.items()}
            now = (block + 1) * BLOCK / RATE
            stage = hear(stage, {who: v for who, v in heard.items() if v is not None}, now)
            if stage.order != found[-1][1]:
                found.append((now, stage.order))
    return found


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("level", [0.25, 1.0, 3.0])
def test_a_reply_is_seen_within_six_tenths_of_a_second(pause: float, level: float) -> None:
    question, answer = speech(0), speech(1, level)
    begins = 1.0 + len(question) / RATE + pause
    people = {"cat": line([]), "ann": line([(1.0, question)]), "bob": line([(begins, answer)])}
    changes = staged(people, begins + 2)
    firsts = [(at, order[0]) for at, order in changes]
    assert [who for _, who in firsts] == ["cat", "ann", "bob"]
    assert firsts[1][0] - 1.0 <= 0.6
    assert firsts[2][0] - begins <= 0.6


@pytest.mark.parametrize("at", [2.0, 2.033, 2.067])
@pytest.mark.parametrize("seconds", [0.15, 0.3])
def test_a_cough_is_not_seen_neither_in_a_speech_nor_behind_it(at: float, seconds: float) -> None:
    coughs = [(at, cough(seconds)), (at + 4, cough(seconds))]
    people = {"ann": line([(1.0, speech(0)), (3.4, speech(1))]), "bob": line(coughs)}
    assert [order[0] for _, order in staged(people, 9)] == ["ann"]


def test_a_noisy_line_is_on_the_stage_for_a_moment_at_most_and_speech_over_it_is_seen() -> None:
    """A fan of -40 dB comes in; later somebody speaks beside it."""
    people = {
        "ann": line([(1.0, speech(0)), (9.0, speech(1))]),
        "fan": line([(13.0, speech(2))], room=0.01),
    }
    changes = staged(people, 16)
    assert changes[-1][1][0] == "fan"
    assert [order[0] for at, order in changes if 4 < at < 13] in ([], ["ann"])
    assert next(at for at, order in changes if at > 13 and order[0] == "fan") - 13 <= 0.7


def test_a_conversation_of_four_leaves_them_in_the_order_in_which_they_spoke() -> None:
    turns = ("cat", "ann", "dan", "cat", "bob")
    people = {who: [] for who in ("ann", "bob", "cat", "dan")}  # type: dict[str, list[tuple[float, Sound]]]
    at = 1.0
    for number, who in enumerate(turns):
        people[who].append((at, speech(number)))
        at += len(speech(number)) / RATE + 0.2
    changes = staged({who: line(said) for who, said in people.items()}, at + 1)
    assert changes[-1][1] == ("bob", "cat", "dan", "ann")
    firsts = [order[0] for _, order in changes]
    shown = [who for n, who in enumerate(firsts) if n == 0 or who != firsts[n - 1]]
    assert shown == ["ann", *turns]
