"""Who fails often must wait."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.core.throttle import Throttle


def test_a_few_failures_are_free_and_then_one_comes_with_time() -> None:
    throttle = Throttle(tries=3, pause=10.0)
    assert [throttle.take("ada", 0.0) for _ in range(5)] == [0, 0, 0, 10, 10]
    assert throttle.take("ada", 4.0) == 6
    assert throttle.take("ada", 10.0) == 0
    assert throttle.take("ada", 10.0) == 10


def test_others_do_not_pay_for_it() -> None:
    throttle = Throttle(tries=1, pause=10.0)
    assert (throttle.take("ada", 0.0), throttle.take("bob", 0.0)) == (0, 0)


def test_what_was_no_failure_costs_nothing() -> None:
    throttle = Throttle(tries=1, pause=10.0)
    for _ in range(100):
        assert throttle.take("ada", 0.0) == 0
        throttle.give_back("ada", 0.0)


def test_only_so_many_names_are_remembered() -> None:
    throttle = Throttle(tries=1, pause=10.0, most=2)
    for name in ("ada", "bob", "cid"):
        assert throttle.take(name, 0.0) == 0
    assert throttle.take("ada", 0.0) == 0
    assert throttle.take("cid", 0.0) == 10


@settings(max_examples=60)
@given(st.lists(st.floats(0, 5), max_size=60))
def test_no_rhythm_gets_more_tries_than_there_are(pauses: list[float]) -> None:
    throttle = Throttle(tries=5, pause=10.0)
    now, got = 0.0, 0
    for pause in pauses:
        now += pause
        got += throttle.take("ada", now) == 0
    assert got <= 5 + now / 10
