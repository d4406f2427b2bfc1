"""How long what is kept."""

from datetime import timedelta

import pytest

from kit.config import BadConfig, from_env
from kit.keeping import Keeping, Limit, limits
from proto import subjects


def test_everything_is_kept_for_ever_unless_somebody_says_otherwise() -> None:
    assert set(limits(from_env(Keeping, {})).values()) == {Limit()}


def test_who_streams_what_is_kept_by_a_setting_of_its_own() -> None:
    """A call that is longer than events are kept must still be known to a new scheduler."""
    env = {"ROSTRUM_EVENTS_KEEP_DAYS": "30", "ROSTRUM_EVENTS_KEEP_GB": "2.5"}
    found = limits(from_env(Keeping, env))

    assert found[subjects.stream("scheduler")] == Limit()
    assert found[subjects.PARKED_STREAM] == Limit()
    others = {subjects.stream(family) for family in subjects.FAMILIES if family != "scheduler"}
    assert {found[stream] for stream in others} == {Limit(timedelta(days=30), 2_500_000_000)}


@pytest.mark.parametrize("name", ["EVENTS", "SCHEDULE", "PARKED"])
def test_what_a_service_might_miss_in_a_short_night_is_not_thrown_away(name: str) -> None:
    with pytest.raises(BadConfig, match=f"ROSTRUM_{name}_KEEP_DAYS"):
        from_env(Keeping, {f"ROSTRUM_{name}_KEEP_DAYS": "0.5"}).checked()
