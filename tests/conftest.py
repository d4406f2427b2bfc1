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
}
"""Integration tests that take little of a core: hardly a picture is mixed or encoded in them."""


class Beside(LoadScopeScheduling):  # type: ignore[misc]  # It has no types.
    """For `-n 2`: pictures and sound come in real time, which takes a core, so no two tests make
    any at once; the others run beside them, a file at a time."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        _, kind, *_ = Path(file).parts
        live = kind == "e2e" or (kind == "integration" and Path(file).stem not in QUIET)
        return "live" if live else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Beside:
    return Beside(config, log)
