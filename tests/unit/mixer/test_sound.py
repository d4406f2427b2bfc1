"""The mix, judged by its spectrum and its peaks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from services.mixer.media.sound import CEILING, SoundMixer
from services.mixer.media.voice import BLOCK, RATE, Samples, Voice
from tests.support.watch import has_tone, tones

Wave = npt.NDArray[np.floating[Any]]


class Loud:
    """A voice that is a function of time."""

    def __init__(self, wave: Callable[[Wave], Wave]) -> None:
        self._wave = wave

    def add_to(self, total: Samples, first: int) -> float:
        at = (first + np.arange(BLOCK)) / RATE
        samples: Wave = self._wave(at)
        total += samples[:, None].astype(np.float32)
        return float((samples**2).mean())

    def skip(self, first: int) -> None:
        """Nothing is kept."""


def sine(hertz: float, level: float) -> Loud:
    return Loud(lambda at: level * np.sin(2 * np.pi * hertz * at))


def play(voices: list[Loud], blocks: int = 100) -> npt.NDArray[np.float32]:
    mixer = SoundMixer()
    out = [mixer.mix(voices, n * BLOCK)[0] for n in range(blocks + 1)][1:]
    return np.concatenate(out).astype(np.float32) / np.float32(32767)


def test_all_voices_are_heard_at_their_own_level() -> None:
    found = tones(play([sine(300, 0.1), sine(700, 0.1), sine(1100, 0.05)])[:, 0])
    assert [has_tone(found, hertz) for hertz in (300, 700, 1100)] == [True, True, True]
    assert len(found) == 3
    assert found[300] == pytest.approx(-20, abs=0.3)
    assert found[1100] == pytest.approx(-26, abs=0.3)


def test_a_quiet_mix_passes_unchanged() -> None:
    heard = play([sine(440, 0.5)], blocks=10)[:, 0]
    at = np.arange(len(heard)) / RATE
    assert np.abs(heard - 0.5 * np.sin(2 * np.pi * 440 * at)).max() < 1e-4


def test_eight_loud_voices_do_not_clip_and_are_all_still_there() -> None:
    pitches = [250 + 170 * n for n in range(8)]
    heard = play([sine(hertz, 0.9) for hertz in pitches], blocks=150)[:, 0]
    assert np.abs(heard).max() <= CEILING + 1e-3
    found = tones(heard[RATE:], above_db=-45)
    assert all(has_tone(found, hertz) for hertz in pitches)
    # What clipping would add lies beside the tones.
    assert [hertz for hertz in found if not any(abs(hertz - own) < 15 for own in pitches)] == []


def test_the_limiter_does_not_distort_a_steady_tone() -> None:
    found = tones(play([sine(440, 0.9), sine(440, 0.9)], blocks=200)[RATE:, 0], above_db=-60)
    assert set(found) == {440}


def test_a_sudden_loud_voice_is_caught_before_it_clips() -> None:
    step = Loud(lambda at: np.where(at < 0.511, 0.05, 3.0) * np.sin(2 * np.pi * 500 * at))
    assert np.abs(play([step])).max() <= CEILING + 1e-3


def test_the_gain_moves_without_steps() -> None:
    """A constant level shows the gain itself: it goes down quickly and comes back slowly."""
    burst = Loud(lambda at: np.where((at > 0.5) & (at < 0.6), 2.0, 0.4))
    heard = play([burst], blocks=200)[:, 0]
    jumps = np.abs(np.diff(heard))
    edges = np.abs(np.diff(np.where((np.arange(len(heard)) / RATE > 0.5), 1, 0)))
    assert edges.sum() == 1
    assert np.sort(jumps)[-3:][0] < 0.01
    assert heard[int(0.65 * RATE)] < 0.3
    assert heard[-1] == pytest.approx(0.4, abs=0.02)


def test_energies_say_who_speaks() -> None:
    powers = SoundMixer().mix([sine(300, 0.2), sine(500, 0.02)], 0)[1]
    assert powers == pytest.approx([0.02, 0.0002], rel=0.05)


def ramp(first: int, count: int) -> npt.NDArray[np.float32]:
    return ((first + np.arange(count)) / RATE).astype(np.float32)


def take(voice: Voice, block: int) -> Wave:
    total = np.zeros((BLOCK, 2), np.float32)
    voice.add_to(total, block * BLOCK)
    return total[:, 0]


def test_samples_come_out_exactly_where_they_were_laid() -> None:
    voice = Voice()
    voice.write(500, ramp(500, 3000), ramp(500, 3000))
    assert take(voice, 0)[:500].max() == 0
    assert np.array_equal(take(voice, 1), ramp(BLOCK, BLOCK))


def test_what_was_heard_is_not_heard_again() -> None:
    voice = Voice()
    voice.write(0, ramp(1, BLOCK), ramp(1, BLOCK))
    assert take(voice, 0).any()
    assert not take(voice, Voice.BLOCKS).any()


def test_what_comes_too_late_is_dropped() -> None:
    voice = Voice()
    take(voice, 0)
    voice.write(BLOCK - 100, ramp(1, 200), ramp(1, 200))
    heard = take(voice, 1)
    assert np.array_equal(heard[:100], ramp(101, 100))
    assert not heard[100:].any()


def test_a_writer_cannot_run_over_what_is_still_to_be_heard() -> None:
    voice = Voice()
    length = Voice.BLOCKS * BLOCK
    voice.write(0, ramp(1, length + 5000), ramp(1, length + 5000))
    assert np.array_equal(take(voice, 0), ramp(1, BLOCK))


def test_the_ring_goes_round() -> None:
    voice = Voice()
    for block in range(3 * Voice.BLOCKS):
        first = block * BLOCK + 300
        voice.write(first, ramp(first, BLOCK), ramp(first, BLOCK))
        heard = take(voice, block)
        assert np.array_equal(heard[300:], ramp(first, BLOCK - 300))


def test_a_skipped_block_is_gone() -> None:
    voice = Voice()
    voice.write(0, ramp(1, 2 * BLOCK), ramp(1, 2 * BLOCK))
    voice.skip(0)
    assert np.array_equal(take(voice, 1), ramp(BLOCK + 1, BLOCK))
