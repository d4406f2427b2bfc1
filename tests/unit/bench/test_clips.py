"""The sample clips: people talk one after the other, and nothing jumps where a clip repeats."""

from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from cli.clips import voices, wheels
from cli.clips.footage import HEIGHT, WIDTH, cuts, drawn
from cli.clips.voices import TURN, Samples, recordings, voice
from cli.clips.write import RATE, SECONDS, to_and_fro


def loud(samples: Samples) -> Samples:
    """Root mean square of each turn of the loop."""
    turns = samples.reshape(round(SECONDS / TURN), -1)
    return np.asarray(np.sqrt(np.mean(turns**2, axis=1)), np.float32)


@pytest.mark.parametrize("n", range(8))
def test_participant_talks_in_its_own_turn_and_is_quiet_in_the_others(
    n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    hum = voice(n, [])
    assert hum.origin == "hummed"
    assert len(hum.samples) == SECONDS * RATE
    assert list(loud(hum.samples) > 0.05) == [turn == n for turn in range(8)]


def test_a_recording_is_spoken_at_the_same_loudness_as_all_others() -> None:
    faint = np.sin(np.arange(RATE * 3) / 20).astype(np.float32) * 0.01
    spoken = voice(0, [faint])
    assert spoken.origin == "recorded"
    assert loud(spoken.samples)[0] == pytest.approx(voices.LOUDNESS, rel=0.1)


def test_no_two_cuts_show_the_same() -> None:
    shown = cuts(Path("films"))
    assert len(set(shown)) == len(shown) == 8


def test_pictures_go_back_the_way_they_came() -> None:
    pictures = [av.VideoFrame(16, 16, "yuv420p") for _ in range(4)]
    order = [pictures.index(picture) for picture in islice(to_and_fro(pictures), 8)]
    assert order == [0, 1, 2, 3, 2, 1, 0, 1]


def test_a_drawn_participant_moves_and_has_the_size_of_the_others() -> None:
    first, *_, last = drawn(3)
    assert (first.width, first.height) == (WIDTH, HEIGHT)
    assert not np.array_equal(first.to_ndarray(), last.to_ndarray())


def test_without_wheels_there_are_no_recordings() -> None:
    assert recordings(wheels.Wheels().voices) == []
