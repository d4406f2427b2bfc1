"""The time line: gapless and aligned whatever the mixer does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rtmp_egress.media.clock import (
    CALM,
    CATCH_UP,
    GIVEN_BACK,
    PATIENCE_NS,
    SECOND,
    SLATE_AFTER_NS,
    Cut,
    Owed,
    Timeline,
)

FPS, RATE, BLOCK = 30, 48_000, 960
EPOCH = 5_000 * SECOND


def at(pictures: float, epoch: int = EPOCH) -> int:
    """When so many pictures of the mix have passed, in nanoseconds."""
    return epoch + round(pictures * SECOND / FPS)


def running(first: int = 0) -> Timeline:
    """A time line that has just been given picture `first`."""
    timeline = Timeline(FPS, RATE, BLOCK)
    timeline.attach(EPOCH)
    assert timeline.picture(first, at(first)) == 0
    return timeline


def test_output_begins_with_the_first_picture_and_its_sound() -> None:
    timeline = Timeline(FPS, RATE, BLOCK)
    timeline.attach(EPOCH)
    assert timeline.sound(4) == Cut(silence=0, skip=BLOCK), "from before the first picture"

    assert timeline.picture(3, at(3)) == 0
    # Picture 3 begins with sample 4800, the first of block 5.
    assert timeline.sound(5) == Cut(0, 0)
    assert (timeline.pictures, timeline.samples) == (1, BLOCK)


def test_a_block_that_the_first_picture_cuts_is_taken_from_there() -> None:
    timeline = running(first=1)  # sample 1600, in the middle of block 1

    assert timeline.sound(1) == Cut(silence=0, skip=640)
    assert timeline.samples == 320


@pytest.mark.parametrize("fps", [25, 30, 50, 60])
def test_at_every_frame_rate_sound_stays_with_its_picture_to_the_sample(fps: int) -> None:
    """Also after pictures that were made up, and after a mixer that began anew."""
    timeline = Timeline(fps, RATE, BLOCK)
    shift = 0
    for epoch, first in ((EPOCH, 7), (EPOCH + 3 * SECOND + 1_234_567, 0)):
        timeline.attach(epoch)
        for n in (first, first + 1, first + 4):
            placed = timeline.picture(n, epoch + n * SECOND // fps)
            assert placed is not None
            shift = (timeline.pictures - 1 - n) * RATE // fps
        m = -(-first * RATE // (fps * BLOCK)) + 2
        timeline.sound(m)
        assert timeline.samples == (m + 1) * BLOCK + shift


def test_a_missing_picture_is_the_last_one_again() -> None:
    timeline = running()

    assert timeline.picture(1, at(1)) == 0
    assert timeline.picture(4, at(4)) == 2
    assert timeline.pictures == 5


def test_missing_sound_is_silence() -> None:
    timeline = running()
    timeline.sound(0)

    assert timeline.sound(3) == Cut(silence=2 * BLOCK, skip=0)


def test_what_does_not_come_in_time_is_made_up() -> None:
    timeline = running()
    timeline.sound(0)

    assert timeline.make_up(at(1) + PATIENCE_NS - 1) == Owed(0, 0)
    assert timeline.make_up(at(1) + PATIENCE_NS + 1) == Owed(1, 0)
    assert timeline.make_up(at(10) + PATIENCE_NS + 1) == Owed(9, 15 * BLOCK)


def test_a_mixer_that_is_always_a_little_late_is_waited_for() -> None:
    late = 10 * SECOND
    timeline = Timeline(FPS, RATE, BLOCK)
    timeline.attach(EPOCH)

    for n in range(90):
        assert timeline.make_up(at(n) + late) == Owed(0, 0)
        assert timeline.picture(n, at(n) + late) == 0
        while timeline.samples * FPS < (n + 1) * RATE:
            timeline.sound(timeline.samples // BLOCK)


def test_a_mixer_that_was_late_only_once_is_not_waited_for_as_long_again() -> None:
    timeline = Timeline(FPS, RATE, BLOCK)
    timeline.attach(EPOCH)
    timeline.picture(0, at(10))
    timeline.picture(10, at(10))

    assert timeline.next_due() == pytest.approx(at(11) + PATIENCE_NS, abs=2)


def test_a_picture_that_comes_after_its_place_was_taken_is_not_encoded() -> None:
    timeline = running()
    timeline.make_up(at(9) + PATIENCE_NS + 1)

    assert timeline.picture(5, at(20)) is None
    assert timeline.picture(10, at(20)) == 0


def test_sound_that_comes_late_is_cut_where_silence_was_sent() -> None:
    timeline = running()
    timeline.make_up(at(1) + PATIENCE_NS + 1)
    assert timeline.samples == BLOCK

    assert timeline.sound(0) == Cut(0, BLOCK)
    assert timeline.sound(1) == Cut(0, 0)


def test_a_mixer_that_has_become_slow_is_followed_after_half_a_second() -> None:
    """Rather than showing its newest picture never."""
    timeline = running()
    behind, patience = 30, FPS // 2
    make_up(timeline, behind)

    answers = [timeline.picture(n, at(n + behind) + PATIENCE_NS) for n in range(1, patience + 2)]

    assert answers == [None] * patience + [0]
    assert timeline.picture(patience + 2, at(patience + 2 + behind) + PATIENCE_NS) == 0


def test_a_picture_in_time_now_and_then_does_not_keep_a_slow_mixer_from_being_followed() -> None:
    timeline = running()
    make_up(timeline, 12)
    answers = []
    for n in range(1, 40):
        if n % 5 == 0:
            # It comes as soon as it can.
            answers.append(timeline.picture(timeline.pictures, at(timeline.pictures)))
        else:
            answers.append(timeline.picture(n, at(n + 12) + PATIENCE_NS))

    assert None not in answers[-10:]


def make_up(timeline: Timeline, pictures: int) -> None:
    """Let so many pictures' time go by without any."""
    for n in range(pictures + 1):
        timeline.make_up(at(n) + PATIENCE_NS + 1)


def test_a_restarted_mixer_goes_on_where_the_output_has_got_to() -> None:
    timeline = running()
    back = at(60) + SECOND // 200
    made_up = 60 - PATIENCE_NS * FPS // SECOND
    make_up(timeline, made_up)
    assert timeline.pictures == made_up + 1

    timeline.attach(back)

    assert timeline.picture(0, back) == 59 - made_up
    assert timeline.pictures == 61


def test_a_restarted_mixer_that_is_late_at_first_costs_the_output_no_time() -> None:
    """It was starved while it began, and left out what it was late with."""
    timeline = running()
    timeline.sound(0)
    made_up = 60
    make_up(timeline, made_up)
    back, late, slow = at(50), 20, 11
    timeline.attach(back)

    for n in range(slow):
        timeline.picture(n, at(n + late, back))
        timeline.make_up(at(n + late, back))
    for n in range(late + slow, late + 60):
        timeline.picture(n, at(n, back))
        timeline.make_up(at(n, back))

    assert timeline.moment(timeline.pictures - 1) == pytest.approx(at(late + 59, back), abs=2)
    assert timeline.pictures == 50 + late + 60, "as many as there was time for"


def test_a_restarted_mixer_that_stays_late_is_followed() -> None:
    timeline = running()
    make_up(timeline, 60)
    back, late = at(50), 30
    timeline.attach(back)

    placed = []
    for n in range(60):
        placed.append(timeline.picture(n, at(n + late, back)))
        timeline.make_up(at(n + late, back))

    assert placed[-30:] == [0] * 30


def test_a_restarted_mixers_picture_and_sound_stay_aligned_to_the_sample() -> None:
    timeline = running()
    timeline.sound(0)
    epoch = at(77.4)
    timeline.attach(epoch)
    timeline.picture(6, epoch + 6 * SECOND // FPS)
    place = timeline.pictures - 1

    timeline.sound(10)  # sample 9600: the beginning of picture 6

    assert timeline.samples - BLOCK == place * RATE // FPS


def test_a_long_halt_is_left_out_instead_of_made_up() -> None:
    timeline = running()

    owed = timeline.make_up(at(0) + 3600 * SECOND)

    assert owed.pictures <= CATCH_UP * FPS
    assert owed.samples <= CATCH_UP * RATE
    assert timeline.make_up(at(0) + 3600 * SECOND) == Owed(0, 0)


def played(timeline: Timeline, first: int, last: int) -> list[int]:
    """Pictures and sound that come in time; how often the last is shown again before each."""
    again = []
    for n in range(first, last):
        placed = timeline.picture(n, at(n))
        assert placed is not None
        again.append(placed)
        while timeline.samples * FPS < timeline.pictures * RATE:
            shift = timeline.pictures - 1 - n
            timeline.sound((timeline.samples - shift * RATE // FPS) // BLOCK)
    return again


def test_what_was_left_out_is_given_back_when_all_comes_in_time_again() -> None:
    """So that two sessions that were held up at different times say the same of the same moment."""
    timeline, other = running(), running()
    played(other, 1, 400)
    played(timeline, 1, 10)
    halted = 10 + 45
    again = played(timeline, halted, 400)

    assert again[0] == 0, "left out at once, not made up"
    assert sum(again) == 45
    assert max(again) == CATCH_UP * FPS
    assert min(n for n, more in enumerate(again) if more) >= CALM * FPS
    assert timeline.pictures == other.pictures
    assert abs(timeline.samples - other.samples) <= BLOCK


def test_nothing_is_given_back_while_pictures_come_late() -> None:
    timeline = running()
    for n in range(60, 400):
        placed = timeline.picture(n, at(n + (3 if n % 30 == 0 else 0)))
        assert placed == 0


def test_a_sleep_is_not_given_back() -> None:
    timeline = running()
    asleep = round((GIVEN_BACK + 1) * FPS)

    assert set(played(timeline, asleep, asleep + 300)) == {0}


def test_an_hour_lost_between_two_pictures_keeps_sound_and_picture_together() -> None:
    timeline = running()
    timeline.sound(0)
    hour = 3600 * FPS

    assert timeline.picture(hour, at(hour)) == 0
    # The hour's first block stands 1600 samples after the picture before it.
    assert timeline.sound(hour * RATE // FPS // BLOCK) == Cut(silence=640, skip=0)
    assert (timeline.pictures, timeline.samples) == (2, 1600 + BLOCK)


def test_a_session_without_a_mixer_runs_on_its_own_clock() -> None:
    timeline = Timeline(FPS, RATE, BLOCK)
    assert timeline.make_up(EPOCH) == Owed(0, 0)
    assert timeline.next_due() is None

    timeline.begin(EPOCH)

    assert timeline.next_due() == EPOCH + PATIENCE_NS
    assert timeline.make_up(at(10) + PATIENCE_NS + 1) == Owed(11, 16 * BLOCK)
    assert timeline.stale(EPOCH)


def test_the_last_picture_is_shown_for_some_seconds_only() -> None:
    timeline = running()

    assert not timeline.stale(at(0) + SLATE_AFTER_NS)
    assert timeline.stale(at(0) + SLATE_AFTER_NS + 1)


@pytest.mark.parametrize("fps", [1, 7, 24, 25, 30, 50, 60])
def test_nothing_is_made_up_while_all_comes_in_time(fps: int) -> None:
    timeline = Timeline(fps, RATE, BLOCK)
    timeline.attach(EPOCH)
    m = 0
    for n in range(5 * fps):
        now = EPOCH + n * SECOND // fps
        assert timeline.picture(n, now) == 0
        while m * BLOCK * fps < n * RATE:
            assert timeline.sound(m) == Cut(0, 0)
            m += 1
        assert timeline.make_up(now) == Owed(0, 0)


MIXER = st.tuples(
    st.integers(0, 3 * SECOND).map(lambda ns: ("restart", ns)),
    st.lists(
        st.one_of(
            st.just(("picture", 0)),
            st.just(("sound", 0)),
            st.just(("lose picture", 0)),
            st.just(("lose sound", 0)),
            st.integers(0, 8 * SECOND).map(lambda ns: ("halt", ns)),
        ),
        max_size=40,
    ),
)


@given(st.lists(MIXER, min_size=1, max_size=4), st.sampled_from([25, 30, 60]))
def test_whatever_the_mixer_does_sound_and_picture_stay_together(
    mixers: list[tuple[tuple[str, int], list[tuple[str, int]]]], fps: int
) -> None:
    timeline = Timeline(fps, RATE, BLOCK)
    # Until the other is made up for, after the largest halt that the first mixer's first picture
    # can have been late by; and the rounding of both to whole pictures and blocks.
    together = PATIENCE_NS + 8 * SECOND + SECOND // 10
    now = EPOCH
    for (_, pause), events in mixers:
        now += pause
        timeline.attach(now)
        epoch, n, m = now, 0, 0
        for event, halt in events:
            pictures, samples = timeline.pictures, timeline.samples
            match event:
                case "picture":
                    now = max(now, epoch + n * SECOND // fps)
                    again = timeline.picture(n, now)
                    n += 1
                    if again is not None:
                        assert 0 <= again <= CATCH_UP * fps
                        assert timeline.pictures == pictures + again + 1
                case "sound":
                    now = max(now, epoch + m * BLOCK * SECOND // RATE)
                    cut = timeline.sound(m)
                    m += 1
                    assert 0 <= cut.silence <= CATCH_UP * RATE
                    assert timeline.samples == samples + cut.silence + BLOCK - cut.skip
                case "lose picture":
                    n += 1
                case "lose sound":
                    m += 1
                case "halt":
                    now += halt
            pictures, samples = timeline.pictures, timeline.samples
            owed = timeline.make_up(now)
            assert owed.pictures <= CATCH_UP * fps
            assert owed.samples <= (CATCH_UP + 1) * RATE
            assert timeline.pictures == pictures + owed.pictures
            assert timeline.samples == samples + owed.samples
            if timeline.running:
                apart = abs(timeline.pictures * SECOND // fps - timeline.samples * SECOND // RATE)
                assert apart <= together


def test_when_a_picture_was_due_is_known_also_after_something_was_left_out() -> None:
    timeline = running()
    assert Timeline(FPS, RATE, BLOCK).moment(0) is None
    for n in range(1, 10):
        timeline.picture(n, at(n))
    timeline.picture(100, at(100))  # so much was missing that it was left out
    assert timeline.pictures == 11
    assert timeline.moment(9) == at(9)
    assert timeline.moment(10) == pytest.approx(at(100), abs=1)
