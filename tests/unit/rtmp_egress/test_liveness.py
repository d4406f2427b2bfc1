"""Whether a server still lives: by what it has shown that it does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rtmp_egress.rtmp.errors import Refusal
from services.rtmp_egress.rtmp.liveness import Pulse, Seen, liveness, look, pinged

RATE = 500_000
"""Bytes a second."""
SILENCE = 8.0


def watch(
    seconds: int,
    *,
    pongs: bool = False,
    window: int = 0,
    dies_at: int = 10_000,
    takes_until: int = 10_000,
    delay: int = 0,
) -> tuple[int, Refusal] | None:
    """Publish to a server, a look each second; when it was found dead, and how.

    `window`: it acknowledges each so many bytes; `dies_at`: it says nothing from then on;
    `takes_until`: its kernel takes no more; `delay`: bytes that are always on their way.
    """
    pulse = Pulse()
    acknowledged = outstanding = 0
    for now in range(1, seconds + 1):
        sent = now * RATE
        brought = min(sent, takes_until * RATE) - delay
        alive = now < dies_at
        if window and alive:
            acknowledged = brought // window * window
        answered, outstanding = (outstanding, 0) if pongs and alive else (0, outstanding)
        pulse = look(pulse, Seen(sent, sent - brought, answered, acknowledged), now)
        if refusal := liveness(pulse, now, silence=SILENCE):
            return now, refusal
        pulse = pinged(pulse, sent)
        outstanding += 1
    return None


@pytest.mark.parametrize("pongs", [True, False])
@pytest.mark.parametrize("window", [0, 250_000, 5_000_000])
@pytest.mark.parametrize("delay", [0, 300_000])
def test_a_server_that_lives_is_left_alone_whatever_it_says(
    pongs: bool, window: int, delay: int
) -> None:
    assert watch(600, pongs=pongs, window=window, delay=delay) is None


@pytest.mark.parametrize(
    ("pongs", "window"),
    [
        pytest.param(True, 0, id="by-its-pings"),
        pytest.param(False, 250_000, id="by-its-acknowledgements"),
        pytest.param(True, 250_000, id="by-either"),
    ],
)
def test_a_stopped_server_is_found_though_its_kernel_takes_everything(
    pongs: bool, window: int
) -> None:
    found = watch(100, pongs=pongs, window=window, dies_at=30)

    assert found is not None
    at, refusal = found
    assert at - 30 <= 6
    assert refusal.code == "not-acknowledged"


def test_one_that_never_said_anything_is_found_when_its_kernel_is_full() -> None:
    found = watch(100, takes_until=30)

    assert found is not None
    at, refusal = found
    assert at - 30 <= 10
    assert refusal.code == "stalled"


def test_one_that_acknowledges_rarely_is_given_its_own_time() -> None:
    """Some acknowledge every 5 MB, whatever they are asked for."""
    assert watch(300, window=5_000_000) is None
    found = watch(300, window=5_000_000, dies_at=50)
    assert found is not None


def test_a_server_that_answers_late_is_slow_and_not_dead() -> None:
    """Its answers to old pings still come, one in two seconds."""
    pulse = Pulse()
    for now in range(1, 60):
        pulse = look(pulse, Seen(now * RATE, 0, now % 2, 0), now)
        assert liveness(pulse, now, silence=SILENCE) is None
        pulse = pinged(pulse, now * RATE)


def test_a_ping_that_the_network_has_not_delivered_is_not_missed() -> None:
    pulse = pinged(look(Pulse(), Seen(100, 0, 1, 0), 1), 200)
    for now in range(2, 8):
        pulse = look(pulse, Seen(1000 + now, 900, 0, 0), now)
        assert liveness(pulse, now, silence=SILENCE) is None
    pulse = look(pulse, Seen(2000, 0, 0, 0), 8)
    assert liveness(pulse, 8, silence=SILENCE) is None
    assert liveness(pulse, 11, silence=SILENCE) is not None


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**6), st.integers(0, 3))))
def test_a_connection_with_nothing_on_its_way_is_never_stalled(
    looks: list[tuple[int, int, int]],
) -> None:
    pulse, sent = Pulse(), 0
    for now, (more, acknowledged, pongs) in enumerate(looks):
        sent += more
        pulse = pinged(look(pulse, Seen(sent, 0, pongs, acknowledged), now), sent)
        found = liveness(pulse, now, silence=SILENCE)
        assert found is None or found.code == "not-acknowledged"
