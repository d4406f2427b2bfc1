"""Who could carry a call that is only thought of."""

from proto.routing import RulesTried
from proto.views import WorkerView
from services.gateway.core.trials import TestRules, answer

WORKERS = [
    WorkerView("r", "egress", "Rome", "h", 8, 0),
    WorkerView("b", "egress", "Bergen", "h", 8, 0),
    WorkerView("o", "egress", "Oslo", "h", 8, 0),
    WorkerView("m", "mixer", "Oslo", "h", 8, 0),
]
FOUND = RulesTried([], location="Oslo")


def shown(*places: str) -> list[tuple[str, bool]]:
    told = answer(TestRules("x"), "x", "", FOUND, {}, WORKERS, places)
    return [(one["worker"], one["overflow"]) for one in told["workers"]]


def test_workers_are_shown_in_the_order_in_which_they_are_asked() -> None:
    assert shown("Oslo") == [("o", False)]
    assert shown("Oslo", "Rome", "Bergen") == [("o", False), ("r", True), ("b", True)]


def test_a_call_from_anywhere_overflows_nowhere() -> None:
    assert shown() == [("r", False), ("b", False), ("o", False)]
