"""Two addresses of one destination, and what they are together."""

import pytest

from services.rtmp_egress.core import Tell, both, either

UP = Tell("publishing", tls_version="TLSv1.3")
DOWN = Tell("recovering", "connection-lost", "the connection broke", 2, next_retry_in=1.0)
DEAD = Tell("failed", "publish-denied", "the server does not permit the stream")
DIALLED = Tell("connecting")


@pytest.mark.parametrize(
    ("primary", "backup", "state", "on_air"),
    [
        pytest.param(UP, UP, "publishing", "both", id="both-live"),
        pytest.param(UP, DOWN, "publishing", "primary", id="the-backup-is-down"),
        pytest.param(DEAD, UP, "publishing", "backup", id="the-primary-will-never-be"),
        pytest.param(DIALLED, DIALLED, "connecting", "", id="neither-yet"),
        pytest.param(DOWN, DEAD, "recovering", "", id="one-is-still-tried"),
        pytest.param(DIALLED, DEAD, "connecting", "", id="one-is-tried-for-the-first-time"),
        pytest.param(DEAD, DEAD, "failed", "", id="neither-will-ever-be"),
        pytest.param(DEAD, Tell("stopped"), "stopped", "", id="not-wanted-any-more"),
    ],
)
def test_a_hot_spare_lives_as_long_as_one_address_does(
    primary: Tell, backup: Tell, state: str, on_air: str
) -> None:
    told, where = both(primary, backup)

    assert (told.state, where) == (state, on_air)


def test_whoever_looks_is_told_which_address_is_down_and_why() -> None:
    told, _ = both(DOWN, UP)

    assert told.reason == (
        "live at the backup address alone; the primary one is recovering: the connection broke"
    )


def test_a_warning_of_one_address_is_a_warning() -> None:
    slow = Tell("publishing", "overflow", "bit rate too high for the connection")

    assert both(UP, slow) == (slow, "both")
    assert both(slow, UP) == (slow, "both")


def test_after_a_fail_over_it_says_so() -> None:
    assert either(UP) == (UP, "primary")
    told, where = either(Tell("publishing", address=1))
    assert (told.reason, where) == ("live at the backup address", "backup")
    assert either(DOWN) == (DOWN, "")
