"""Fixtures for everyone, and which tests may run beside one another."""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.nats import nats_server, nats_url, nc  # noqa: F401
from tests.support.nats_users import guarded  # noqa: F401

# How long an example takes is no claim of a test, and other work shares the machine.
settings.register_profile("rostrum", deadline=None)
settings.load_profile("rostrum")

QUIET = {
    *("test_admin_page", "test_cluster_doctor", "test_command_line", "test_export"),
    *("test_gateway", "test_gateway_people", "test_gateway_schema", "test_gateway_walk"),
    *("test_life", "test_management_api", "test_nats_users", "test_node", "test_recordings"),
    *("test_routing", "test_rules", "test_themes", "test_transfer", "test_webhooks"),
}
"""Integration tests in which no picture is mixed or encoded."""


@pytest.hookimpl(tryfirst=True)  # Before the names are made of it.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For `-n 2 --dist loadgroup`: pictures and sound come in real time, which takes a core; no two
    tests make any at once, and the others run beside them, a file at a time."""
    for item in items:
        path = item.path.relative_to(Path(__file__).parent)
        live = path.parts[0] == "e2e" or (path.parts[0] == "integration" and path.stem not in QUIET)
        item.add_marker(pytest.mark.xdist_group("live" if live else str(path)))
