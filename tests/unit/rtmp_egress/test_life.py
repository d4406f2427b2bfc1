"""The life of a destination, told and done."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rtmp_egress.core import (
    Action,
    Connected,
    Destination,
    Dial,
    Failed,
    HangUp,
    Input,
    Overflowed,
    Removed,
    Tell,
    WakeAt,
    Woken,
    react,
    start,
)
from services.rtmp_egress.core.life import LASTING, SHRUGS, STEADY

REFUSED = Failed("connect-refused", "nothing listens there")
LOST = Failed("connection-lost", "the connection broke")
DENIED = Failed("publish-denied", "the server does not permit the stream")
IN_USE = Failed("stream-key-in-use-or-invalid", "the stream key is already in use, or wrong")
SHRUG = Failed("rejected", "the server closed the connection without a reason")
KICKED = Failed("refused-after-start", "the server ended the stream as soon as it had begun")


def play(*told: tuple[float, Input], addresses: int = 1, seen: bool = False) -> list[list[Action]]:
    """All that a destination does in answer, answer by answer; nothing is left to chance."""
    destination, actions = start(0, addresses=addresses, seen=seen)
    done = [actions]
    for now, event in told:
        destination, actions = react(destination, event, now, 0)
        done.append(actions)
    return done


def run(answer: Input, seconds: float, chance: float, destination: Destination) -> list[float]:
    """When a server that always gives the same answer is dialled, until the time is over."""
    now, dials = 0.0, list[float]()
    actions: list[Action] = [Dial()]
    while now <= seconds and destination.phase != "over":
        if any(isinstance(action, Dial) for action in actions):
            dials.append(now)
            destination, actions = react(destination, answer, now, chance)
        else:
            [now] = [action.at for action in actions if isinstance(action, WakeAt)]
            destination, actions = react(destination, Woken(), now, chance)
    return dials


def live_for(seconds: float) -> Destination:
    destination, _ = start(-seconds)
    return react(destination, Connected(), -seconds, 0)[0]


def test_a_stream_that_is_sent_as_another_codec_than_was_asked_for_says_why() -> None:
    [told] = play((1, Connected("", "h264", "sent as H.264: it takes no HEVC")))[-1]
    assert told == Tell("publishing", "codec-fallback", "sent as H.264: it takes no HEVC")

    [told] = play((1, Connected("", "hevc")))[-1]
    assert told == Tell("publishing", codec="hevc")


def test_a_stream_that_works() -> None:
    assert play((1, Connected("TLSv1.3")), (9, Removed())) == [
        [Tell("connecting"), Dial()],
        [Tell("publishing", tls_version="TLSv1.3")],
        [HangUp(), Tell("stopped")],
    ]


def test_a_server_that_is_not_up_yet_is_dialled_again_later_and_later() -> None:
    assert play((1, REFUSED), (1.5, Woken()), (2, REFUSED), (3, Woken()), (3, REFUSED)) == [
        [Tell("connecting"), Dial()],
        [
            Tell("connecting", REFUSED.code, REFUSED.reason, 2, next_retry_in=0.5),
            WakeAt(1.5),
        ],
        [Dial()],
        [Tell("connecting", REFUSED.code, REFUSED.reason, 3, next_retry_in=1.0), WakeAt(3)],
        [Dial()],
        [Tell("connecting", REFUSED.code, REFUSED.reason, 4, next_retry_in=2.0), WakeAt(5)],
    ]


def test_a_stream_that_breaks_is_got_back_and_told_as_recovering_meanwhile() -> None:
    assert play(
        (1, Connected()),
        (41, LOST),
        (41.5, Woken()),
        (42, REFUSED),
        (43, Woken()),
        (44, Connected()),
    )[2:] == [
        [Tell("recovering", LOST.code, LOST.reason, 1, next_retry_in=0.5), WakeAt(41.5)],
        [Dial()],
        [Tell("recovering", REFUSED.code, REFUSED.reason, 2, next_retry_in=1.0), WakeAt(43)],
        [Dial()],
        [Tell("publishing", attempt=2)],
    ]


def test_one_that_breaks_again_and_again_waits_longer_each_time_until_it_has_been_steady() -> None:
    destination, _ = start(0)
    now, pauses = 0.0, []
    for lasts in (1, 1, 1, STEADY, 1):
        destination, _ = react(destination, Connected(), now, 0)
        now += lasts
        destination, [told, _] = react(destination, LOST, now, 0)
        assert isinstance(told, Tell)
        assert told.next_retry_in is not None
        pauses.append(told.next_retry_in)
        now += told.next_retry_in
        destination, _ = react(destination, Woken(), now, 0)

    assert pauses == [0.5, 1, 2, 0.5, 1]


@given(st.floats(0, 1))
def test_a_dead_host_is_asked_soon_but_not_often(chance: float) -> None:
    """At most once in half a minute in the end, and for as long as the conference lives."""
    dials = run(REFUSED, 3600, chance, start(0)[0])
    gaps = [round(after - before, 6) for before, after in pairwise(dials)]

    assert 0.5 <= gaps[0] <= 1.5
    assert gaps == sorted(gaps)
    assert 20 <= gaps[-1] <= 30
    assert len([dial for dial in dials if dial < 600]) <= 36
    assert dials[-1] > 3600 - 30


def test_a_dead_host_is_asked_thirty_times_in_ten_minutes() -> None:
    assert len(run(REFUSED, 600, 0.5, start(0)[0])) <= 30


@given(st.floats(0, 1))
def test_a_server_that_is_restarted_is_asked_until_it_is_there(chance: float) -> None:
    """Away for ten seconds or less, it waits no longer than 2.5 for what had been steady."""
    dials = run(REFUSED, 600, chance, live_for(STEADY))
    gaps = [round(after - before, 6) for before, after in pairwise([0.0, *dials])]
    asked_soon = [gap for gap, dial in zip(gaps, dials, strict=True) if dial - gap < 10]

    assert max(asked_soon) <= 2.4
    assert gaps == sorted(gaps)
    assert len(dials) <= 40


def test_one_that_does_not_stay_is_not_asked_so_soon() -> None:
    gaps = [after - before for before, after in pairwise(run(LOST, 60, 0, live_for(STEADY - 1)))]

    assert max(gaps[:4]) > 2.4


def test_chance_keeps_destinations_apart() -> None:
    early, late = (run(LOST, 60, chance, start(0)[0]) for chance in (0, 1))

    assert all(before < after for before, after in zip(early[1:], late[1:], strict=False))


@pytest.mark.parametrize("code", sorted(LASTING))
def test_what_only_people_can_mend_ends_a_first_attempt_at_once(code: str) -> None:
    assert play((1, Failed(code, "no")))[-1] == [Tell("failed", code, "no", 1)]


@pytest.mark.parametrize("code", sorted(LASTING))
def test_the_same_is_asked_again_slowly_once_it_has_been_live(code: str) -> None:
    dials = run(Failed(code, "no"), 3600, 0.5, live_for(60))
    gaps = [round(after - before, 6) for before, after in pairwise(dials)]

    assert 10 <= gaps[0] <= 15
    assert 200 <= gaps[-1] <= 300
    assert len(dials) < 25


def test_being_live_for_a_moment_proves_nothing() -> None:
    """Some servers let everybody begin, and judge then."""
    assert play((1, Connected()), (1.5, DENIED))[-1] == [Tell("failed", DENIED.code, DENIED.reason)]


def test_a_key_in_use_is_waited_for_after_our_own_drop_but_not_for_ever() -> None:
    destination, _ = react(live_for(60), LOST, 0, 0)
    destination, _ = react(destination, Woken(), 0.5, 0)
    dials = run(IN_USE, 1000, 0.5, destination)

    assert 120 <= dials[-1] <= 130
    assert max(after - before for before, after in pairwise(dials)) <= 7.5, "it is free any moment"


def test_a_key_in_use_at_the_first_attempt_is_waited_for_shorter() -> None:
    """It may be our own worker that has just died, but mostly it is somebody else."""
    assert 30 <= run(IN_USE, 1000, 0.5, start(0)[0])[-1] <= 40


def test_a_key_that_is_free_again_is_taken_and_forgotten() -> None:
    destination, _ = react(live_for(60), IN_USE, 0, 0)
    destination, _ = react(destination, Woken(), 100, 0)
    destination, _ = react(destination, Connected(), 100, 0)
    destination, _ = react(destination, IN_USE, 200, 0)

    assert destination.phase == "waiting"


@pytest.mark.parametrize("shrug", [SHRUG, KICKED], ids=lambda shrug: shrug.code)
def test_a_server_that_closes_without_a_word_is_asked_a_few_times(shrug: Failed) -> None:
    assert len(run(shrug, 1000, 0.5, start(0)[0])) == 3


def test_one_that_does_so_after_it_was_live_is_asked_slowly_after_a_few_times() -> None:
    dials = run(SHRUG, 3600, 0.5, live_for(60))
    gaps = [round(after - before, 6) for before, after in pairwise(dials)]

    assert gaps[1] < 2
    assert gaps[2] >= 10
    assert gaps[-1] >= 200


def test_a_slow_connection_is_warned_of_and_after_a_second_time_made_anew() -> None:
    first = "bit rate too high for the connection; 4 s of picture and sound were dropped"
    done = play((1, Connected()), (60, Overflowed(4)), (80, Overflowed(8)))

    assert done[2] == [Tell("publishing", "overflow", first), WakeAt(90)]
    hang_up, told, wake = done[3]
    assert isinstance(told, Tell)
    assert (hang_up, told.state, told.code) == (HangUp(), "recovering", "overflow")
    assert wake == WakeAt(80.5)


def test_the_warning_stays_until_the_connection_has_been_fast_enough_for_a_while() -> None:
    done = play(
        (1, Connected()),
        (60, Overflowed(4)),
        (70, Overflowed(8)),
        (71, Woken()),
        (72, Connected()),
        (102, Woken()),
    )
    told = done[5][0]
    assert isinstance(told, Tell)
    assert (told.state, told.code, done[5][1]) == ("publishing", "overflow", WakeAt(102))
    assert done[6] == [Tell("publishing", attempt=1)]


def test_two_overflows_long_after_one_another_are_two_warnings() -> None:
    done = play((1, Connected()), (60, Overflowed(4)), (90, Woken()), (100, Overflowed(8)))

    assert done[3] == [Tell("publishing")]
    assert [type(action) for action in done[4]] == [Tell, WakeAt]


@pytest.mark.parametrize("before", [(), ((1, REFUSED),)], ids=["connecting", "waiting"])
def test_one_that_is_not_wanted_any_more_is_let_go_of(
    before: tuple[tuple[float, Input], ...],
) -> None:
    hang_up = [] if before else [HangUp()]
    assert play(*before, (2, Removed()))[-1] == [*hang_up, Tell("stopped", attempt=1 + len(before))]


def test_what_is_over_stays_over() -> None:
    over = Destination("over")

    for late in (Connected(), REFUSED, Removed(), Woken(), Overflowed(1)):
        assert react(over, late, 9, 0) == (over, [])


def test_one_that_was_live_in_a_process_that_died_is_to_be_got_back() -> None:
    assert play((1, DENIED), seen=True) == [
        [Tell("recovering"), Dial()],
        [Tell("recovering", DENIED.code, DENIED.reason, 2, next_retry_in=10), WakeAt(11)],
    ]


def test_with_two_addresses_they_are_tried_by_turns() -> None:
    done = play(
        (1, Connected()),
        (60, LOST),
        (60.5, Woken()),
        (61, REFUSED),
        (62, Woken()),
        (63, Connected()),
        addresses=2,
    )
    assert [action for actions in done for action in actions if isinstance(action, Dial)] == [
        Dial(0),
        Dial(1),
        Dial(0),
    ]


def test_an_address_that_will_never_do_is_left_for_the_other() -> None:
    done = play((1, DENIED), (2, Woken()), (3, REFUSED), (4, Woken()), (5, DENIED), addresses=2)

    assert done[2] == [Dial(1)]
    assert done[4] == [Dial(1)]
    assert done[5] == [Tell("failed", DENIED.code, DENIED.reason, 3, address=1)]


INPUTS = st.one_of(
    st.just(Connected()),
    st.just(Woken()),
    st.just(Overflowed(3)),
    st.just(Removed()),
    st.builds(
        Failed,
        st.sampled_from([*sorted(LASTING), *SHRUGS, IN_USE.code, LOST.code, REFUSED.code]),
        st.just("why"),
    ),
)


@given(st.lists(st.tuples(st.floats(0, 100), INPUTS, st.floats(0, 1))), st.integers(1, 2))
def test_whatever_happens_it_waits_dials_lives_or_is_over(
    told: list[tuple[float, Input, float]], addresses: int
) -> None:
    """It is never left without something that will go on with it, nor dialled twice at once."""
    destination, actions = start(0, addresses=addresses)
    now, dialling = 0.0, True
    for later, event, chance in told:
        now += later
        before = destination
        destination, actions = react(destination, event, now, chance)
        dials = [action for action in actions if isinstance(action, Dial)]
        alarms = [action.at for action in actions if isinstance(action, WakeAt)]
        if isinstance(event, Failed) and before.phase in ("connecting", "publishing"):
            dialling = False
        if any(isinstance(action, HangUp) for action in actions):
            dialling = False
        assert not (dials and dialling)
        dialling = dialling or bool(dials)
        match destination.phase:
            case "connecting" | "publishing":
                assert dialling
            case "waiting" if destination is not before:
                [alarm] = alarms
                assert 0 < alarm - now <= 300
            case "over" if before.phase != "over":
                assert any(
                    isinstance(a, Tell) and a.state in ("failed", "stopped") for a in actions
                )
