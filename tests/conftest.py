"""Fixtures for everyone, and which tests may run beside one another."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler.loadscope import LoadScopeScheduling

from tests.support.nats import nats_server, nats_url, nc  # noqa: F401
from tests.support.nats_users import guarded  # noqa: F401

# How long an example takes is no claim of a test, and other work shares the machine.
settings.register_profile("rostrum", deadline=None)
settings.load_profile("rostrum")

QUIET = {
    *("test_admin_page", "test_cluster_doctor", "test_command_line", "test_export"),
    *("test_gateway", "test_gateway_people", "test_gateway_schema", "test_gateway_walk"),
    *("test_life", "test_management_api", "test_nats_users", "test_node", "test_recordings"),
    *("test_backup", "test_fault_matrix", "test_publisher", "test_reception", "test_standalone"),
    *("test_routing", "test_rules", "test_themes", "test_transfer", "test_webhooks"),
    *("test_client_api", "test_places", "test_turn"),
}
"""Integration tests that take little of a core: hardly a picture is mixed or encoded in them."""


LIVE = "live"


def _is_live(nodeid: str) -> bool:
    file = Path(nodeid.partition("::")[0])
    kind = file.parts[1]
    return kind == "e2e" or (kind == "integration" and file.stem not in QUIET)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What streams comes last, when nothing runs beside it any more."""
    items.sort(key=lambda item: _is_live(item.nodeid))


class Beside(LoadScopeScheduling):  # type: ignore[misc]  # It has no types.
    """For `-n 4 --no-loadscope-reorder`: pictures and sound come in real time, which takes a core
    or more, so that one process makes them all, when the others have ended; these wait more than
    they work, and are shared out by file."""

    def _split_scope(self, nodeid: str) -> str:
        return LIVE if _is_live(nodeid) else nodeid.partition("::")[0]

    def _assign_work_unit(self, node: Any) -> None:
        others = [other for other in self.nodes if other is not node and not other.shutting_down]
        if others and next(iter(self.workqueue)) == LIVE:
            node.shutdown()  # the last of them has what is live
        else:
            super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Beside:
    return Beside(config, log)
