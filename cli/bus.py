"""The bus, for those commands that look at it themselves and not through the API.

Which one is in the environment, as for the services: `ROSTRUM_NATS_URL`, `ROSTRUM_NATS_USER` (that
is `operator`) and `ROSTRUM_NATS_PASSWORD_FILE`; without it, the bus of the stack that runs here.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats.errors
from nats.aio.client import Client

from cli.failure import Failure
from cli.place import running_data, stacks
from kit import bus
from kit.config import BadConfig, BaseConfig, Credentials, from_env
from kit.secrets import BadKey, Sealer
from proto import subjects
from proto.presence import Ping, Presence, decode_presence

REFUSED = re.compile(r"permissions violation for \w+ to \W*?(?P<subject>[\w$][^\"' ]*)", re.I)
"""How nats-server says that a user may not do that; the client tells it in lower case."""

CONNECT = 3.0
"""Seconds to reach the server."""

ANSWER = 5.0
"""Seconds for one JetStream request."""

PATIENCE = 1.0
"""Seconds in which every service says that it is there: an answer takes milliseconds."""


class Bus:
    """A connection, and what its user was refused on it."""

    def __init__(self, nc: Client, refused: list[str]) -> None:
        self.nc = nc
        self.js = nc.jetstream(timeout=ANSWER)
        self.refused = refused

    async def presences(self) -> list[tuple[Presence, float, float]]:
        """Who answers, with the loop's time of the question and of the answer."""
        heard: list[tuple[Presence, float, float]] = []
        loop = asyncio.get_running_loop()
        asked = loop.time()

        def useful(answer: bytes) -> bool:
            heard.append((decode_presence(answer), asked, loop.time()))
            return False

        await bus.scatter(
            self.nc, subjects.PINGS, Ping(), expected=1_000_000, patience=PATIENCE, useful=useful
        )
        return heard


def settings() -> BaseConfig:
    """Where the bus is and who asks. Raises Failure."""
    if "ROSTRUM_NATS_URL" in os.environ:
        try:
            return from_env(BaseConfig)
        except BadConfig as exc:
            raise Failure(str(exc), 2) from None
    for _, known in stacks():
        return BaseConfig(nats_url=Path(known["nats_url_file"]).read_text())
    raise Failure(
        "no stack runs here; say where the bus is with ROSTRUM_NATS_URL, and who asks with"
        " ROSTRUM_NATS_USER=operator and ROSTRUM_NATS_PASSWORD_FILE",
        2,
    )


def sealer(env: Mapping[str, str] | None = None) -> Sealer | None:
    """With the key that the environment names, else of the stack that runs here, if either is."""
    env = os.environ if env is None else env
    try:
        if env.get("ROSTRUM_SECRET_KEY") or env.get("ROSTRUM_SECRET_KEY_FILE"):
            return Sealer.from_env(env)
        key = running_data() / "secret.key"
        if "ROSTRUM_NATS_URL" not in env and key.exists():
            return Sealer.from_env({"ROSTRUM_SECRET_KEY_FILE": str(key)})
    except BadKey as exc:
        raise Failure(str(exc), 2) from None
    except OSError as exc:
        raise Failure(f"the file of ROSTRUM_SECRET_KEY cannot be read: {exc.strerror}", 2) from None
    return None


@asynccontextmanager
async def connected(
    config: BaseConfig, credentials: Credentials | None = None
) -> AsyncIterator[Bus]:
    """Raises Failure if the server is not there, or does not know us."""
    refused: list[str] = []
    denied = False

    async def failed(exc: Exception) -> None:
        nonlocal denied
        if found := REFUSED.search(str(exc)):
            refused.append(found["subject"])
        denied = denied or "authorization" in str(exc).lower()

    who = credentials or config.nats_credentials()
    own: dict[str, Any] = {}
    if who is not None:
        own = {
            "user": who.user,
            "password": who.password.reveal(),
            "inbox_prefix": subjects.inbox(who.user).encode(),
        }
    nc = Client()
    try:
        async with asyncio.timeout(CONNECT):
            await nc.connect(
                config.nats_servers(),
                name="rostrum",
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=int(CONNECT),
                error_cb=failed,
                **own,
            )
    except (nats.errors.Error, OSError, TimeoutError) as exc:
        await nc.close()
        if denied or "authorization" in str(exc).lower():
            raise Failure("NATS does not know this user, or not with this password", 2) from None
        raise Failure(f"NATS cannot be reached ({type(exc).__name__})", 2) from None
    try:
        yield Bus(nc, refused)
    finally:
        await nc.close()
