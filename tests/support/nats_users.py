"""A nats-server that knows our users, as deploy/ and `rostrum up` set it up."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from kit import natsconf
from proto import subjects
from proto.access import USERS, Rights
from tests.support.nats import NatsServer

TESTER = "tester"
"""Somebody who may do everything."""


def password(user: str) -> str:
    return f"the-password-of-{user}"


def credentials(user: str) -> dict[str, str]:
    """Settings of a service that is this user."""
    return {"ROSTRUM_NATS_USER": user, "ROSTRUM_NATS_PASSWORD": password(user)}


async def connect(server: NatsServer, user: str, **more: Any) -> Client:
    prefix = subjects.inbox(user).encode()
    return await nats.connect(
        server.url, user=user, password=password(user), inbox_prefix=prefix, **more
    )


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[NatsServer]:
    rights = {TESTER: Rights(publish=(">",), subscribe=(">",)), **USERS}
    config = tmp_path / "nats.conf"
    config.write_text(natsconf.users(lambda user: json.dumps(password(user)), rights))
    server = NatsServer(tmp_path / "jetstream", config)
    server.start()
    yield server
    server.kill()
