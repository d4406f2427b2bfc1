"""How long the supervisor waits before it tries again, and what it hands to whom."""

import pytest

from services.supervisor import FIRST_PAUSE, LONGEST_PAUSE, Program, pause_after


def test_restarts_come_at_once_first_and_never_too_often() -> None:
    pauses = [pause_after(deaths) for deaths in range(1, 9)]
    assert pauses[:4] == [FIRST_PAUSE, 0.4, 0.8, 1.6]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert pause_after(10_000) == LONGEST_PAUSE


@pytest.mark.parametrize("name", ["ROSTRUM_ADMIN_TOKEN", "ROSTRUM_TURN_SECRET_FILE"])
def test_what_opens_the_api_and_the_relays_is_the_gateways_alone(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "CANARY")

    assert name in Program("gateway", []).inherited()
    assert name not in Program("mixer", []).inherited()
    assert name not in Program("nats-server", [], ours=False).inherited()
