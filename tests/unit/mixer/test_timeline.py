"""Told timestamps and the time of reading, answered with when they are due."""

import pytest

from services.mixer.media.timeline import EARLY, GRID, JITTER, LEAD, Timeline

VIDEO, AUDIO = 0, 1
PICTURE = 1 / 30


def test_a_file_begins_a_little_after_it_was_opened_and_runs_on_its_timestamps() -> None:
    line = Timeline(live=False)
    line.begin(10.0)
    first = line.due(VIDEO, 10.0, PICTURE, now=5.0)
    assert first == pytest.approx(5 + LEAD, abs=GRID)
    assert line.due(AUDIO, 10.5, 0.02, now=5.0) == pytest.approx(first + 0.5)


def test_pictures_lie_on_the_grid() -> None:
    line = Timeline(live=False)
    line.begin(0.0)
    due = line.due(VIDEO, 0.0, PICTURE, now=1.2345)
    assert due / GRID == pytest.approx(round(due / GRID))


def test_pictures_lie_on_the_grid_even_if_sound_begins_before_them() -> None:
    line = Timeline(live=False)
    line.begin(0.0, picture=0.021)
    sound = line.due(AUDIO, 0.0, 0.02, now=1.0)
    due = line.due(VIDEO, 0.021, PICTURE, now=1.0, picture=True)
    assert due / GRID == pytest.approx(round(due / GRID))
    assert due - sound == pytest.approx(0.021)


def test_the_first_picture_of_a_live_source_puts_it_on_the_grid() -> None:
    line = Timeline(live=True)
    line.begin(None)
    line.due(AUDIO, 5.0, 0.02, now=1.0)
    due = line.due(VIDEO, 5.017, PICTURE, now=1.01, picture=True)
    assert due / GRID == pytest.approx(round(due / GRID))
    assert line.at(5.0) == pytest.approx(due - 0.017)


def test_laps_follow_each_other_without_a_gap() -> None:
    line = Timeline(live=False)
    line.begin(0.0)
    first = line.due(VIDEO, 0.0, PICTURE, now=0.0)
    last = line.due(VIDEO, 59 * PICTURE, PICTURE, now=1.9)
    line.lap()
    assert line.due(VIDEO, 0.0, PICTURE, now=1.95) == pytest.approx(last + PICTURE)
    assert line.due(VIDEO, PICTURE, PICTURE, now=1.95) == pytest.approx(first + 61 * PICTURE)


def test_a_file_that_could_not_be_read_in_time_goes_on_from_now() -> None:
    line = Timeline(live=False)
    line.begin(0.0)
    line.due(VIDEO, 0.0, PICTURE, now=0.0)
    assert line.due(VIDEO, PICTURE, PICTURE, now=3.0) == pytest.approx(3 + LEAD, abs=GRID)


def test_a_jump_of_timestamps_is_closed() -> None:
    line = Timeline(live=False)
    line.begin(0.0)
    first = line.due(VIDEO, 0.0, PICTURE, now=0.0)
    assert line.due(VIDEO, 9000.0, PICTURE, now=0.1) < first + 1


def test_a_live_source_is_shown_a_little_after_it_came() -> None:
    line = Timeline(live=True)
    line.begin(None)
    assert line.due(VIDEO, 77.0, PICTURE, now=3.0) == pytest.approx(3 + JITTER, abs=GRID)


def test_jitter_moves_nothing() -> None:
    line = Timeline(live=True)
    line.begin(None)
    first = line.due(VIDEO, 0.0, PICTURE, now=0.0)
    late = [0.0, 0.15, 0.02, 0.1, 0.0]
    dues = [line.due(VIDEO, n * PICTURE, PICTURE, n * PICTURE + by) for n, by in enumerate(late)]
    assert dues == pytest.approx([first + n * PICTURE for n in range(5)])


def test_a_live_source_that_is_late_moves_as_a_whole() -> None:
    line = Timeline(live=True)
    line.begin(None)
    line.due(VIDEO, 0.0, PICTURE, now=0.0)
    moved = line.due(VIDEO, 1.0, PICTURE, now=2.0)
    assert moved == pytest.approx(2 + JITTER, abs=GRID)
    assert line.due(AUDIO, 1.0, 0.02, now=2.0) == pytest.approx(moved)


def test_an_old_gop_in_advance_is_not_played_from_its_start() -> None:
    """A server that begins with three seconds of the past must not make us three seconds late."""
    line = Timeline(live=True)
    line.begin(None)
    dues = [line.due(VIDEO, n * PICTURE, PICTURE, now=0.01) for n in range(90)]
    assert dues[-1] <= 0.01 + JITTER + EARLY + PICTURE


def test_sound_that_lags_behind_its_picture_does_not_push_it_about() -> None:
    line = Timeline(live=True)
    line.begin(None)
    shifts = set()
    for n in range(300):
        now = n * PICTURE
        due = line.due(VIDEO, n * PICTURE, PICTURE, now)
        if n >= 45:
            line.due(AUDIO, (n - 45) * PICTURE, PICTURE, now)
        shifts.add(round(due - n * PICTURE, 3))
    assert len(shifts) <= 2


def test_what_is_ready_is_what_all_tracks_have() -> None:
    line = Timeline(live=False)
    line.begin(0.0)
    start = line.due(VIDEO, 0.0, PICTURE, now=0.0)
    line.due(AUDIO, 0.3, 0.02, now=0.0)
    assert line.ready_until == pytest.approx(start)


def test_a_track_that_has_ended_is_not_waited_for() -> None:
    line = Timeline(live=False)
    line.begin(0.0)
    start = line.due(AUDIO, 0.0, 0.02, now=0.0)
    line.due(VIDEO, 3.0, PICTURE, now=0.0)
    assert line.ready_until == pytest.approx(start + 3.0)
