"""Fixtures for everyone."""

from tests.support.nats import nats_server, nats_url, nc  # noqa: F401
from tests.support.nats_users import guarded  # noqa: F401
