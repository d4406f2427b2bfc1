"""The rules are what they are said to be, and the histories are histories."""

import pytest

from bench.commands import LENGTHS, history, key
from bench.routing import Spread, ratios
from bench.rulebook import aliases, rules, textless
from services.conference_state.core.view import replay
from services.routing.core.needle import needle
from services.routing.core.route import Route, route
from services.routing.core.table import Call, Table, prepare


def test_most_aliases_have_a_rule_and_some_have_none() -> None:
    book = rules(400)
    table = Table(prepare(rule) for rule in book)
    found = [route(table, Call(alias, location="Oslo")) for alias in aliases(200, of=400)]
    matched = [one for one in found if isinstance(one, Route)]

    assert 150 < len(matched) < 190
    assert len({one.rule for one in matched}) > 80


def test_textless_rules_hold_no_text_and_match_nothing() -> None:
    table = Table(prepare(rule) for rule in textless(50))

    assert {needle(one.rule.match_string) for one in table.rules} == {""}
    assert not any(isinstance(route(table, Call(alias)), Route) for alias in aliases(50, of=400))


@pytest.mark.parametrize("length", LENGTHS[:2])
def test_a_history_leads_to_a_running_conference(length: int) -> None:
    commits = history(length)
    view = replay(key(length), [event for commit in commits for event in commit])

    assert length - 1 <= len(commits) <= length
    assert view.running
    assert view.presenter == ""


def test_the_limit_is_on_99_of_100() -> None:
    found = Spread.of([0.001] * 98 + [0.004, 0.1])

    assert (found.median, found.p99, found.worst) == pytest.approx((1, 100, 100))
    assert ratios({"decision (CPU), 10,000 rules": [found]}, {}) == {
        "decision_p99_over_limit": pytest.approx(20)
    }
