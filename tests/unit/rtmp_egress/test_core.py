"""A destination, told and done."""

from services.rtmp_egress.core import (
    Action,
    Connected,
    Destination,
    Dial,
    Failed,
    HangUp,
    Input,
    Removed,
    Tell,
    react,
    start,
)

REFUSED = Failed("connect-refused", "nothing listens on ingest.example.com port 1935")


def play(*told: Input) -> list[list[Action]]:
    """All that a destination does in answer, answer by answer."""
    destination, actions = start(0)
    done = [actions]
    for now, event in enumerate(told, 1):
        destination, actions = react(destination, event, now)
        done.append(actions)
    return done


def test_a_stream_that_works() -> None:
    assert play(Connected("TLSv1.3"), Removed()) == [
        [Tell("connecting"), Dial()],
        [Tell("publishing", tls_version="TLSv1.3")],
        [HangUp(), Tell("stopped")],
    ]


def test_a_destination_that_cannot_be_reached_fails_with_its_reason() -> None:
    assert play(REFUSED) == [
        [Tell("connecting"), Dial()],
        [Tell("failed", "connect-refused", REFUSED.reason)],
    ]


def test_a_destination_that_breaks_fails_with_its_reason() -> None:
    lost = Failed("connection-lost", "the connection broke")

    assert play(Connected(), lost)[-1] == [Tell("failed", "connection-lost", lost.reason)]


def test_one_that_is_not_wanted_any_more_is_hung_up_before_it_is_through() -> None:
    assert play(Removed())[-1] == [HangUp(), Tell("stopped")]


def test_what_is_over_stays_over() -> None:
    over = Destination("over")

    for late in (Connected(), REFUSED, Removed()):
        assert react(over, late, 9) == (over, [])


def test_a_phase_knows_when_it_began() -> None:
    destination, _ = start(5)
    publishing, _ = react(destination, Connected(), 7)

    assert (destination.since, publishing.since) == (5, 7)
