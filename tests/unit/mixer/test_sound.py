"""The mix, judged by its spectrum, its peaks and its steps."""

from itertools import pairwise

import numpy as np
import pytest

from services.mixer.core.stage import Voice as Said
from services.mixer.media.levels import BOOST_DB, TARGET_DB
from services.mixer.media.limiter import CEILING
from services.mixer.media.prompts import DUCK, Announcer
from services.mixer.media.voice import BLOCK, RATE, Voice
from tests.support.watch import has_tone, tones
from tests.unit.mixer.desk import Desk, Sound, Wave, float_of, voice

SYLLABLES = 4.0
"""A second."""

USUAL = float(np.sqrt(2 * 10 ** (TARGET_DB / 10)))
"""Amplitude of a sine whose level is left as it is."""


def sine(hertz: float, level: float) -> Voice:
    return voice(lambda at: level * np.sin(2 * np.pi * hertz * at))


def speech(hertz: float, level: float, room: float = 0.0, until: float = 1e9) -> Voice:
    """Bursts with the rhythm of syllables and a pause each second, over the noise of a room."""
    noise = np.random.default_rng(1).standard_normal(RATE)

    def wave(at: Wave) -> Wave:
        swell = np.clip(1.5 * np.sin(2 * np.pi * SYLLABLES / 2 * at) ** 2 - 0.2, 0, 1)
        spoken = swell * (at % 1.0 < 0.8) * (at < until)
        hiss = noise[np.round(at * RATE).astype(int) % RATE]
        said: Wave = level * spoken * np.sin(2 * np.pi * hertz * at) + room * hiss
        return said

    return voice(wave)


def rms_db(sound: Sound) -> float:
    return float(10 * np.log10(np.mean(sound**2) + 1e-12))


def spoken_db(sound: Sound) -> float:
    """Mean power of the blocks in which somebody speaks."""
    powers = np.mean(sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK) ** 2, axis=1)
    return float(10 * np.log10(powers[powers > powers.max() / 100].mean()))


def largest_step(sound: Sound) -> float:
    return float(np.abs(np.diff(sound)).max())


def steepest(hertz: float, level: float) -> float:
    """The largest step of a sine by itself."""
    return level * 2 * np.pi * hertz / RATE


# Levels of speakers.


@pytest.mark.parametrize("level", [0.05, 0.1, 0.3, 0.7])
def test_every_speaker_is_brought_to_the_same_loudness(level: float) -> None:
    desk = Desk(speech(300, level))
    desk.full(8)
    assert spoken_db(desk.full(4)) == pytest.approx(TARGET_DB, abs=1.5)


def test_the_level_moves_slowly_and_without_steps() -> None:
    desk = Desk(speech(300, 0.7))
    heard = desk.full(6)
    assert spoken_db(heard[:RATE]) > TARGET_DB + 5
    assert largest_step(heard) <= steepest(300, 0.75)


def test_what_is_too_quiet_is_raised_by_no_more_than_the_limit() -> None:
    desk = Desk(speech(300, 0.012))
    quiet = spoken_db(desk.full(2))
    desk.full(10)
    assert spoken_db(desk.full(4)) - quiet <= BOOST_DB + 0.5


def test_the_noise_of_a_room_is_not_pumped_up_in_the_pauses() -> None:
    """A quiet speaker gets all of the boost; when they stop, their room gets none of it."""
    desk = Desk(speech(300, 0.05, room=0.001, until=10))
    desk.full(9)
    assert spoken_db(desk.full(1)) > -22
    desk.full(3.5)
    assert rms_db(desk.full(2)) == pytest.approx(-60, abs=1)


def test_a_cough_or_a_beep_does_not_change_the_level() -> None:
    beeps = voice(lambda at: 0.8 * (at % 1.0 < 0.1) * np.sin(2 * np.pi * 1000 * at))
    desk = Desk(beeps)
    desk.full(20)
    assert np.abs(desk.full(2)).max() == pytest.approx(0.8, abs=0.01)


# What the stage is told.


def said(desk: Desk, seconds: float) -> list[Said]:
    """What the first voice said, ten times a second."""
    found = []
    for _ in range(round(seconds * RATE / BLOCK)):
        news = desk.mixer.mix(desk.block * BLOCK).news
        desk.block += 1
        told = desk.mixer.heard(desk.voices[0])
        if news and told is not None:
            found.append(told)
    return found


def test_speech_is_voice_and_its_power_is_what_it_was_before_the_level_was_set() -> None:
    found = said(Desk(speech(300, 0.2, room=0.0005)), 6)
    assert sum(each.voiced for each in found) == pytest.approx(6 * 0.8 * 0.75, rel=0.2)
    assert max(each.power for each in found) == pytest.approx(0.2**2 / 2, rel=0.3)
    assert max(each.level for each in found[20:]) > 80


def test_a_noisy_line_is_not_a_speaker_once_it_is_known() -> None:
    noise = np.random.default_rng(2).standard_normal(RATE)
    line = voice(lambda at: 0.02 * noise[np.round(at * RATE).astype(int) % RATE])
    desk = Desk(line)
    assert any(each.voiced for each in said(desk, 3))
    after = said(desk, 10)
    assert not any(each.voiced for each in after)
    assert {each.level for each in after} == {0}


def test_who_speaks_over_a_noisy_line_still_does() -> None:
    desk = Desk(speech(300, 0.3, room=0.02))
    said(desk, 8)
    found = said(desk, 4)
    assert sum(each.voiced for each in found) > 1.5


def test_a_muted_voice_is_not_heard_and_its_fan_is_still_learnt() -> None:
    desk = Desk(sine(500, 0.3), sine(700, 0.1))
    desk.direct(desk.voices[1:])
    desk.full(0.1)
    found = tones(desk.full(1))
    assert (has_tone(found, 500), has_tone(found, 700)) == (False, True)


# The sum, and the limiter.


def test_a_quiet_mix_passes_unchanged() -> None:
    desk = Desk(sine(440, 0.1))
    desk.full(0.06)
    first = (desk.block - 1) * BLOCK
    heard = desk.full(0.1)
    at = (first + np.arange(len(heard))) / RATE
    assert np.abs(heard - 0.1 * np.sin(2 * np.pi * 440 * at)).max() < 1e-4


def test_all_voices_are_heard() -> None:
    desk = Desk(sine(300, 0.1), sine(700, 0.1), sine(1100, 0.05))
    desk.full(4)
    found = tones(desk.full(1))
    assert [has_tone(found, hertz) for hertz in (300, 700, 1100)] == [True, True, True]
    assert len(found) == 3


PITCHES = [250 + 90 * n for n in range(25)]


def test_25_loud_voices_do_not_clip_and_are_all_still_there() -> None:
    desk = Desk(*(sine(hertz, 0.9) for hertz in PITCHES))
    parts = desk.play(3, 0)
    for heard in (parts["full"], parts["0"]):
        assert np.abs(heard).max() <= CEILING + 1e-3
    found = tones(desk.full(2), above_db=-60)
    assert all(has_tone(found, hertz) for hertz in PITCHES)
    # What clipping would add lies beside the tones.
    assert [hertz for hertz in found if not any(abs(hertz - own) < 15 for own in PITCHES)] == []


def test_a_sudden_loud_voice_is_caught_before_it_clips() -> None:
    step = voice(lambda at: np.where(at < 0.511, 0.05, 3.0) * np.sin(2 * np.pi * 500 * at))
    assert np.abs(Desk(step).full(2)).max() <= CEILING + 1e-3


def test_the_limiter_does_not_distort_a_steady_tone() -> None:
    desk = Desk(*(sine(440, 0.9) for _ in range(6)))
    desk.full(4)
    assert set(tones(desk.full(2), above_db=-60)) == {440}


# No clicks.


def test_who_comes_in_is_faded_in() -> None:
    desk = Desk(Voice())
    heard = [desk.full(0.2)]
    desk.voices.append(voice(lambda at: 0.3 * np.cos(2 * np.pi * 200 * at)))
    desk.direct(desk.voices)
    heard.append(desk.full(0.2))
    joined = np.concatenate(heard)
    assert np.abs(joined).max() == pytest.approx(0.3, abs=0.01)
    assert largest_step(joined) <= steepest(200, 0.3) + 0.3 / BLOCK


@pytest.mark.parametrize("how", ["mute", "leave", "run dry"])
def test_who_is_muted_leaves_or_stalls_is_faded_out(how: str) -> None:
    """At a crest, where a cut would be a step of 0.3."""
    at = np.arange(50 * BLOCK) / RATE
    wave = (0.3 * np.cos(2 * np.pi * 200 * at)).astype(np.float32)
    leaver = Voice()
    desk = Desk(leaver, sine(0, 0))
    length = 13 * BLOCK + 240 if how == "run dry" else len(wave)
    leaver.write(0, wave[:length], wave[:length])
    heard = [desk.full(0.2)]
    if how == "mute":
        desk.direct(desk.voices[1:])
    if how == "leave":
        leaver.close()
        desk.voices.remove(leaver)
        desk.direct(desk.voices)
    heard.append(desk.full(0.3))
    left = np.concatenate(heard)
    assert np.abs(left[2 * BLOCK : 10 * BLOCK]).max() == pytest.approx(0.3, abs=0.01)
    assert not left[15 * BLOCK :].any()
    # The first word begins with the fade of a voice that begins.
    assert largest_step(left) <= steepest(200, 0.3) + 0.3 / 400


def test_who_is_unmuted_comes_back_without_a_click() -> None:
    desk = Desk(voice(lambda at: 0.3 * np.cos(2 * np.pi * 200 * at)))
    heard = []
    for on in (True, False, True, False, True):
        desk.direct(desk.voices if on else [])
        heard.append(desk.full(0.1))
    assert largest_step(np.concatenate(heard)) <= steepest(200, 0.3) + 0.3 / BLOCK


def test_a_place_that_was_left_is_as_new() -> None:
    """Another voice does not inherit the level of the one that had the place before."""
    desk = Desk(speech(300, 0.03))
    desk.full(8)
    desk.voices[0].close()
    desk.voices.clear()
    desk.direct([])
    desk.full(0.1)
    desk.voices.append(sine(500, 0.1))
    desk.direct(desk.voices)
    assert np.abs(desk.full(0.2)).max() == pytest.approx(0.1, abs=0.005)


# Without one's own voice.


def test_each_listener_hears_all_others_and_not_themselves() -> None:
    desk = Desk(*(sine(hertz, 0.05) for hertz in PITCHES))
    desk.play(2, *range(25))
    heard = desk.play(1, *range(25))
    for n, own in enumerate(PITCHES):
        found = tones(heard[str(n)], above_db=-80)
        assert not has_tone(found, own), n
        assert all(has_tone(found, other) for other in PITCHES if other != own), n
    assert len(tones(heard["full"], above_db=-60)) == 25


def test_own_voice_is_left_out_while_its_level_moves_and_it_is_muted() -> None:
    desk = Desk(speech(400, 0.7), Voice())
    heard = [desk.play(5, 0)["0"]]
    desk.direct(desk.voices[1:])
    heard.append(desk.play(0.5, 0)["0"])
    # -70 dB of it need not be taken out.
    assert np.abs(np.concatenate(heard)).max() < 0.0005


def test_neither_main_nor_presented_sound_of_ones_own_comes_back() -> None:
    desk = Desk(sine(300, 0.1), sine(500, 0.1), sine(700, 0.1))
    own = {"ann": desk.voices[:2], "bob": desk.voices[2:], "cat": []}
    desk.mixer.direct(desk.voices, desk.voices, own)
    heard: dict[str, list[Sound]] = {"ann": [], "bob": [], "cat": [], "stranger": []}
    for block in range(100):
        for who, sound in desk.mixer.mix(block * BLOCK, heard.keys()).private.items():
            heard[who].append(float_of(sound))
    found = {who: tones(np.concatenate(blocks)[RATE // 2 :]) for who, blocks in heard.items()}
    pitches = {who: {hz for hz in (300, 500, 700) if has_tone(f, hz)} for who, f in found.items()}
    assert pitches == {
        "ann": {700},
        "bob": {300, 500},
        "cat": {300, 500, 700},
        "stranger": {300, 500, 700},
    }


# Announcements.


def prompt(seconds: float, level: float = 0.2) -> Sound:
    at = np.arange(round(seconds * RATE / BLOCK) * BLOCK) / RATE
    return np.repeat((level * np.sin(2 * np.pi * 900 * at)).astype(np.float32), 2)


def level_of(sound: Sound, hertz: float) -> float:
    found = tones(sound, above_db=-90)
    return max((db for peak, db in found.items() if abs(peak - hertz) <= 4), default=-100.0)


def test_an_announcement_is_heard_once_by_those_who_take_part_and_by_no_stream() -> None:
    desk = Desk(sine(300, USUAL), Voice())
    desk.play(1, 1)
    desk.mixer.announcer.add(prompt(1.0, 0.5))
    heard = desk.play(4, 1)
    full, private = heard["full"], heard["1"]
    loud = np.abs(private) > 0.3
    assert loud.any()
    first, last = np.flatnonzero(loud)[[0, -1]]
    assert (last - first) / RATE == pytest.approx(1.0, abs=0.02)
    assert not has_tone(tones(full, above_db=-90), 900)
    assert np.abs(full).max() == pytest.approx(USUAL, abs=0.005)


def test_the_voices_go_down_for_it_by_12_db_and_come_back_without_a_click() -> None:
    desk = Desk(sine(300, USUAL), Voice())
    before = desk.play(2, 1)["1"][RATE:]
    desk.mixer.announcer.add(prompt(2.0, 0.0))
    during = desk.play(3, 1)["1"]
    after = desk.play(1, 1)["1"]
    under = during[RATE // 2 : 2 * RATE]
    assert level_of(under, 300) - level_of(before, 300) == pytest.approx(-12, abs=0.3)
    assert level_of(after, 300) == pytest.approx(level_of(before, 300), abs=0.3)
    assert largest_step(np.concatenate([before, during, after])) <= steepest(300, USUAL * 1.02)


def test_nobody_hears_themselves_under_an_announcement_either() -> None:
    desk = Desk(sine(300, USUAL))
    desk.play(1, 0)
    desk.mixer.announcer.add(prompt(1.0, 0.0))
    assert np.abs(desk.play(3, 0)["0"]).max() < 2 / 32767


def test_one_announcement_follows_the_other_while_the_voices_stay_down() -> None:
    announcer = Announcer()
    announcer.add(prompt(0.4))
    announcer.add(prompt(0.4))
    blocks = [announcer.block() for _ in range(100)]
    sounding = [n for n, block in enumerate(blocks) if block.sound is not None]
    assert len(sounding) == 40
    assert all(blocks[n].after == DUCK for n in range(sounding[0], sounding[-1] + 1))
    assert blocks[-1].after == 1.0
    assert all(a.after == b.before for a, b in pairwise(blocks))
