"""When what comes from a browser is due."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mixer.webrtc.arrival import CUSHION, EARLY, HELD_BACK, WATCHED, Arrival

FRAME = 1 / 30


def test_pictures_are_due_a_little_after_they_came_and_as_evenly_as_they_were_taken() -> None:
    arrival = Arrival()
    late = [0.0, 0.02, 0.004, 0.05, 0.0, 0.03]
    dues = [arrival.due("video", n * FRAME, 10 + n * FRAME + extra) for n, extra in enumerate(late)]

    assert dues[0] == pytest.approx(10 + CUSHION)
    assert [b - a for a, b in pairwise(dues)] == pytest.approx([FRAME] * (len(late) - 1))


def test_what_comes_later_than_ever_moves_all_that_follows() -> None:
    arrival = Arrival()
    arrival.due("video", 0.0, 10.0)
    arrival.due("audio", 0.0, 10.0 + HELD_BACK["audio"])
    moves = arrival.moves
    due = arrival.due("video", 1.0, 11.5)

    assert due == pytest.approx(11.5 + CUSHION)
    assert arrival.due("audio", 1.0, 11.5) == pytest.approx(due)
    assert arrival.moves > moves


def test_a_delay_that_is_no_longer_needed_is_given_up() -> None:
    arrival = Arrival()
    arrival.due("video", 0.0, 10.0)
    slow = arrival.due("video", FRAME, 11.0) - FRAME - 10.0
    due, n = 0.0, 0
    for n in range(2, round(3 * WATCHED / FRAME)):
        due = arrival.due("video", n * FRAME, 10.0 + n * FRAME)

    assert slow > EARLY
    assert due - (10.0 + n * FRAME) == pytest.approx(CUSHION, abs=0.001)


def test_what_the_browser_says_of_its_clocks_brings_sound_and_picture_together() -> None:
    """Seen at 5.0 and 5.3 of the browser's clock, whenever they came."""
    arrival = Arrival()
    arrival.due("video", 0.0, 10.0)
    arrival.due("audio", 0.0, 10.5)
    arrival.report("video", 5.0)
    arrival.report("audio", 5.3)

    audio = arrival.due("audio", 0.7, 11.2)
    video = arrival.due("video", 1.0, 11.0)
    assert audio == pytest.approx(video)


def test_reports_that_say_the_same_move_nothing() -> None:
    arrival = Arrival()
    for kind, began in (("video", 5.0), ("audio", 5.3)):
        arrival.due(kind, 0.0, 10.0)
        arrival.report(kind, began)
    moves = arrival.moves
    arrival.report("video", 5.0005)
    arrival.report("audio", 5.301)

    assert arrival.moves == moves


def test_a_track_that_counts_anew_is_found_again() -> None:
    arrival = Arrival()
    arrival.due("video", 1000.0, 10.0)
    due = arrival.due("video", 0.0, 10.1)

    assert 10.1 <= due <= 10.1 + CUSHION + 0.1


@given(st.lists(st.floats(0, 0.4), min_size=2, max_size=200))
def test_nothing_is_due_before_it_is_there(delays: list[float]) -> None:
    arrival = Arrival()
    for n, delay in enumerate(delays):
        now = 5 + n * FRAME + delay
        assert arrival.due("video", n * FRAME, now) >= now - 1e-9
