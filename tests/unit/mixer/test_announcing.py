"""An announcement is played once, and not when it is old; and there is one for every case."""

import wave
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from proto.conference import Announcement, Platform
from proto.views import AnnouncementView
from services.conference_state.core.outside import ANNOUNCED
from services.mixer.core.announcing import Announced, announce
from services.mixer.media.prompts import samples
from services.mixer.media.voice import BLOCK, RATE
from services.mixer.theme import DEFAULT, default

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def asked(ago: float) -> AnnouncementView:
    return AnnouncementView("recording_started", "teams", NOW - timedelta(seconds=ago))


def test_it_is_played_once_however_often_the_view_comes() -> None:
    state, first = announce(Announced(), asked(0.2), NOW)
    assert first == asked(0.2)
    assert announce(state, asked(0.2), NOW + timedelta(seconds=1)) == (state, None)
    assert announce(state, None, NOW) == (state, None)


def test_the_next_one_is_played_too() -> None:
    state, _ = announce(Announced(), asked(1), NOW)
    later = AnnouncementView("recording_stopped", "teams", NOW)
    assert announce(state, later, NOW)[1] == later


@pytest.mark.parametrize("ago", [3.0, 60.0])
def test_whoever_takes_a_conference_over_does_not_play_what_is_old(ago: float) -> None:
    state, played = announce(Announced(), asked(ago), NOW)
    assert played is None
    assert announce(state, asked(ago), NOW)[1] is None


CASES = [
    (platform, announcement)
    for platform, announcement in product(get_args(Platform), get_args(Announcement))
    if announcement.removeprefix("public_").rsplit("_", 1)[0] in ANNOUNCED[platform]
]


@pytest.mark.parametrize(("platform", "announcement"), CASES)
def test_there_is_a_prompt_for_everything_that_is_announced(
    platform: Platform, announcement: Announcement
) -> None:
    """-20 dB, nothing at its ends that clicks, and small."""
    recording = default().recording(platform, announcement)
    assert recording is not None
    assert len(recording) < 300_000
    sound = samples(recording)
    assert len(sound) % (2 * BLOCK) == 0
    assert 1.0 < len(sound) / 2 / RATE < 4.0
    assert 0.05 < np.sqrt(np.mean(sound**2)) < 0.15
    assert np.abs(sound).max() < 0.85
    assert np.abs(sound[:10]).max() < 0.001
    assert np.abs(sound[::2][-RATE // 10 :]).max() < 0.3


def test_there_are_twelve_prompts_and_none_for_skype() -> None:
    assert len(CASES) == len(list(DEFAULT.glob("*.wav"))) == 12
    assert default().recording("skype", "recording_started") is None


def test_what_is_no_48_khz_mono_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 44_100, 0, "NONE", ""))
        file.writeframes(bytes(4000))
    for wrong in (path.read_bytes(), b"RIFF", b""):
        with pytest.raises(ValueError, match="announcement is"):
            samples(wrong)
