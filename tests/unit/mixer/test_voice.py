"""The ring of a voice, and the bank in which many lie."""

import threading
import time
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from services.mixer.media.sound import SoundMixer
from services.mixer.media.voice import BLOCK, FADE, RATE, RING, ROWS, Bank, Voice

Wave = npt.NDArray[np.floating[Any]]


def ramp(first: int, count: int) -> npt.NDArray[np.float32]:
    return ((first + np.arange(count)) / RATE).astype(np.float32)


def adopted(*voices: Voice) -> Bank:
    bank = Bank()
    for voice in voices:
        bank.adopt(voice)
    return bank


def take(bank: Bank, voice: Voice, block: int) -> Wave:
    with bank.block(block * BLOCK) as voices:
        return voices[voice.row, ::2].copy()


def test_samples_come_out_exactly_where_they_were_laid() -> None:
    voice = Voice()
    voice.write(500, ramp(500, 3000), ramp(500, 3000))
    bank = adopted(voice)
    assert take(bank, voice, 0)[:500].max() == 0
    heard = take(bank, voice, 1)
    assert np.array_equal(heard[FADE:], ramp(BLOCK, BLOCK)[FADE:])


def test_what_was_heard_is_not_heard_again() -> None:
    voice = Voice()
    bank = adopted(voice)
    voice.write(0, ramp(1, BLOCK), ramp(1, BLOCK))
    assert take(bank, voice, 0).any()
    assert not take(bank, voice, RING).any()


def test_what_comes_too_late_is_dropped() -> None:
    voice = Voice()
    bank = adopted(voice)
    take(bank, voice, 0)
    voice.write(BLOCK - 100, ramp(1, 200), ramp(1, 200))
    heard = take(bank, voice, 1)
    assert heard[:100].any()
    assert not heard[100:].any()


def test_a_writer_cannot_run_over_what_is_still_to_be_heard() -> None:
    voice = Voice()
    bank = adopted(voice)
    length = RING * BLOCK
    voice.write(0, ramp(1, length + 5000), ramp(1, length + 5000))
    assert np.array_equal(take(bank, voice, 0)[FADE:], ramp(1, BLOCK)[FADE:])


def test_the_ring_goes_round() -> None:
    voice = Voice()
    bank = adopted(voice)
    voice.write(0, ramp(0, BLOCK + 300), ramp(0, BLOCK + 300))
    take(bank, voice, 0)
    for block in range(1, 3 * RING):
        first = block * BLOCK + 300
        voice.write(first, ramp(first, BLOCK), ramp(first, BLOCK))
        assert np.array_equal(take(bank, voice, block), ramp(block * BLOCK, BLOCK))


def test_a_voice_that_stops_and_comes_back_fades_at_both_ends() -> None:
    """Live sound with a hole of half a second in it: no step is larger than the fade allows."""
    voice, flat = Voice(), np.full(20 * BLOCK, 0.8, np.float32)
    bank = adopted(voice)
    voice.write(100, flat, flat)
    voice.write(45 * BLOCK + 333, flat, flat)
    heard = np.concatenate([take(bank, voice, block) for block in range(60)])
    assert heard.max() == np.float32(0.8)
    assert np.abs(np.diff(heard)).max() <= 0.8 / (FADE - 1) + 1e-6


def test_rounded_timestamps_are_not_taken_for_holes() -> None:
    voice, flat = Voice(), np.full(BLOCK, 0.8, np.float32)
    bank = adopted(voice)
    voice.write(0, flat, flat)
    voice.write(BLOCK + 40, flat, flat)
    take(bank, voice, 0)
    assert take(bank, voice, 1)[41] == np.float32(0.8)


def test_a_bank_has_room_for_all_who_come_and_uses_the_places_of_those_who_went() -> None:
    voices = [Voice() for _ in range(ROWS + 3)]
    bank = adopted(*voices)
    assert [voice.row for voice in voices] == list(range(ROWS + 3))
    flat = np.full(BLOCK, 0.5, np.float32)
    for voice in voices:
        voice.write(0, flat, flat)
    bank.release(5)
    with bank.block(0) as taken:
        assert np.flatnonzero(taken.any(axis=1)).tolist() == [
            n for n in range(ROWS + 3) if n != 5
        ]  # fmt: skip
    newcomer = Voice()
    bank.adopt(newcomer)
    assert newcomer.row == 5
    voices[5].write(BLOCK, flat, flat)
    assert not take(bank, newcomer, 1).any()


def test_what_was_written_before_the_mix_knew_of_it_is_heard() -> None:
    voice, bank = Voice(), Bank()
    voice.write(0, ramp(0, 3 * BLOCK), ramp(0, 3 * BLOCK))
    with bank.block(0):
        pass
    bank.adopt(voice)
    assert np.array_equal(take(bank, voice, 1), ramp(BLOCK, BLOCK))


def test_voices_may_come_and_go_in_other_threads_while_they_are_mixed() -> None:
    """Nothing is lost or left: in the end the bank is empty."""
    mixer, ending, coming = SoundMixer(), threading.Event(), deque[Voice]()
    flat = np.full(3 * BLOCK, 0.1, np.float32)

    def crowd() -> None:
        while not ending.is_set():
            voice = Voice()
            voice.write(0, flat, flat)
            coming.append(voice)
            time.sleep(0)
            voice.close()

    threads = [threading.Thread(target=crowd) for _ in range(3)]
    for thread in threads:
        thread.start()
    for block in range(400):
        voices = [coming.popleft() for _ in range(len(coming))][:20]
        mixer.direct(voices, voices, {})
        mixer.mix(block * BLOCK)
    ending.set()
    for thread in threads:
        thread.join()
    mixer.direct([], [], {})
    for block in range(400, 403):
        mixer.mix(block * BLOCK)
    assert mixer.voices() == 0
