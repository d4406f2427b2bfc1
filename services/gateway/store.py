"""The configuration in KV `config`: a mirror in memory, and writes that cannot cross each other.

Names and aliases must be unique over all resources, and a key's own compare-and-set cannot see to
that. So a write expects the last sequence of the whole bucket: whoever wrote anything in between
makes it look again. A new resource's id is the sequence of its first message: none comes twice.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import nats.js.errors
import structlog
from nats.js import JetStreamContext
from nats.js.api import Header

from kit import trace
from kit.eventlog import WRONG_LAST_SEQUENCE
from kit.follow import OUTAGES
from kit.kv import Watch
from proto.base import encode
from proto.config import RESOURCES
from proto.subjects import CONFIG
from services.gateway.core.configuration import Configuration
from services.gateway.core.requests import Errors
from services.gateway.core.resources import Moment, Write, changed, created, removed

log = structlog.get_logger()

PATIENCE = 5.0
"""Seconds to wait for the mirror to have all that is stored: normally a millisecond."""

ATTEMPTS = 20
"""Administrators write seldom and the loser looks again at once."""

Decide = Callable[[Moment], Write | Errors]

EMPTY: Mapping[str, Any] = {}


class Given(msgspec.Struct, frozen=True):
    """The body of a request, and what of it was sealed."""

    fields: dict[str, Any]
    sealed: dict[str, Any] = {}


class Unavailable(Exception):
    """The bus does not answer; the request may be made again."""


class NoSuchResource(Exception):
    """Nothing has that id."""


class Store:
    def __init__(self, js: JetStreamContext, watch: Watch, new_id: Callable[[], str]) -> None:
        self._js = js
        self._new_id = new_id
        self._watch = watch
        self._revision = 0
        self._moved = asyncio.Condition()
        self.now = Configuration()
        "What is configured, as far as the mirror knows."

    async def follow(self) -> None:
        """Keep the mirror true."""
        async for key, value, revision in self._watch.entries():
            self._take(key, value)
            async with self._moved:
                self._revision = revision
                self._moved.notify_all()

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    async def create(self, kind: str, given: Given, live: frozenset[str]) -> int | Errors:
        """Store a new resource; its id, or what is wrong with it."""
        uuid = self._new_id() if kind == "ivr_theme" else ""
        return await self._write(
            lambda moment: created(kind, given.fields, moment), live, uuid, given.sealed
        )

    async def change(
        self, kind: str, number: int, given: Given, live: frozenset[str], *, whole: bool
    ) -> int | Errors:
        """Change what is `given` of a resource, or replace the `whole` of it."""
        return await self._write(
            lambda moment: changed(
                kind, given.fields, self.find(kind, number), moment, whole=whole
            ),
            live,
            sealed=given.sealed,
        )

    async def remove(self, kind: str, number: int) -> int | Errors:
        return await self._write(
            lambda moment: removed(kind, self.find(kind, number), moment), frozenset()
        )

    def find(self, kind: str, number: int) -> Any:
        found = self.now.of(kind).get(number)
        if found is None:
            raise NoSuchResource
        return found

    async def _write(
        self,
        decide: Decide,
        live: frozenset[str],
        uuid: str = "",
        sealed: Mapping[str, Any] = EMPTY,
    ) -> int | Errors:
        for _ in range(ATTEMPTS):
            last = await self._synchronise()
            decided = decide(Moment(self.now, live, last + 1, uuid, dict(sealed)))
            if isinstance(decided, dict):
                return decided
            key = f"{decided.kind}.{decided.key}"
            headers = {**trace.outgoing(), Header.EXPECTED_LAST_SEQUENCE: str(last)}
            if decided.resource is None:
                headers["KV-Operation"] = "DEL"
            body = b"" if decided.resource is None else encode(decided.resource)
            try:
                ack = await self._js.publish(f"$KV.{CONFIG}.{key}", body, headers=headers)
            except nats.js.errors.APIError as exc:
                if exc.err_code in WRONG_LAST_SEQUENCE:
                    continue
                raise
            except OUTAGES as exc:
                raise Unavailable from exc
            await self._until(ack.seq)
            log.info("configured", key=key, gone=decided.resource is None)
            return decided.number
        raise Unavailable

    async def _synchronise(self) -> int:
        """Wait until the mirror has all that is stored; returns the bucket's last sequence."""
        try:
            info = await self._js.stream_info(f"KV_{CONFIG}")
        except OUTAGES as exc:
            raise Unavailable from exc
        last = int(info.state.last_seq or 0)
        await self._until(last)
        return last

    async def _until(self, revision: int) -> None:
        try:
            async with asyncio.timeout(PATIENCE), self._moved:
                await self._moved.wait_for(lambda: self._revision >= revision)
        except TimeoutError as exc:
            raise Unavailable from exc

    def _take(self, key: str, value: bytes | None) -> None:
        kind, _, number = key.partition(".")
        if kind not in RESOURCES or not number.isdecimal():
            return
        known = self.now.stored(kind)
        if value is None:
            known.pop(int(number), None)
            return
        try:
            known[int(number)] = msgspec.json.decode(value, type=RESOURCES[kind])
        except msgspec.MsgspecError:
            log.error("configuration cannot be read", key=key)
