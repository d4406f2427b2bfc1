"""Event sinks: what is secret about them is sealed, and how far they are is asked for."""

import os
from typing import Any

from nats.aio.client import Client

from kit.bus import Unanswered, ask
from kit.follow import OUTAGES
from kit.kv import Bucket
from kit.secrets import Sealer
from kit.urls import HIDDEN, check_url, redact
from proto.base import Refused
from proto.config import EventSink, sinks_of
from proto.subjects import webhook_commands
from proto.webhooks import (
    Probed,
    ProbeSink,
    Redeliver,
    Redelivered,
    decode_reply,
    decode_state,
    key_of,
    secret_of,
    state_key,
)
from services.gateway.core.requests import Errors
from services.gateway.core.sinks import SCHEMES, SinkStatus, sink_status
from services.gateway.problems import Problem
from services.gateway.store import Given, NoSuchResource, Store, Unavailable

SECRET_BYTES = 32

LONGEST = 250
"""Characters of a URL in the configuration; Pexip's."""

PATIENCE = 20.0
"""Seconds for a question about a sink: a test, or several deliveries."""


def sealed_sink(sealer: Sealer, fields: dict[str, Any], before: Any) -> Given:
    """The body with its secrets sealed; what is shown again as it was is kept."""
    was = before if isinstance(before, EventSink) else None
    if wrong := _wrong(fields, was):
        raise Problem(wrong, "event_sink")
    kept: dict[str, Any] = {}
    url = fields.get("url")
    if was is not None and url in (None, was.url):
        kept |= {"url": was.url, "sealed_url": was.sealed_url}
    elif url is not None:
        kept |= {"url": redact(url), "sealed_url": sealer.seal(url)}
    if (password := fields.get("password")) not in (None, HIDDEN):
        shown = {"password": HIDDEN, "sealed_password": sealer.seal(password)}
        kept |= shown if password else {"password": "", "sealed_password": ""}
    elif password == HIDDEN or "password" not in fields:
        kept |= {"sealed_password": was.sealed_password if was else ""}
        kept |= {"password": HIDDEN if kept["sealed_password"] else ""}
    secret = fields.get("secret") or HIDDEN
    if secret != HIDDEN:
        kept |= rotated(sealer, was, secret)
    elif was is None:
        kept |= rotated(sealer, None, secret_of(os.urandom(SECRET_BYTES)))
    else:
        kept |= {"sealed_secret": was.sealed_secret, "sealed_old_secret": was.sealed_old_secret}
    return Given(fields, kept | {"secret": HIDDEN})


def rotated(sealer: Sealer, was: EventSink | None, secret: str) -> dict[str, str]:
    """What is kept of a new secret; the one before signs as well from now on."""
    return {
        "sealed_secret": sealer.seal(secret),
        "sealed_old_secret": was.sealed_secret if was else "",
    }


def _wrong(fields: dict[str, Any], was: EventSink | None) -> Errors:
    for field in ("url", "password", "secret"):
        value = fields.get(field, "")
        if not isinstance(value, str):
            return {field: ["Expected `str`."]}
        if len(value) > LONGEST:
            return {field: [f"Expected `str` of length <= {LONGEST}."]}
    url, secret = fields.get("url"), fields.get("secret")
    if url is None and was is None:
        return {"url": ["This field is required."]}
    if url is not None and (was is None or url != was.url):
        if problem := check_url(url, SCHEMES):
            return {"url": [f"The address {problem}."]}
        if "@" in url.partition("://")[2].partition("/")[0]:
            return {"url": ["User and password have fields of their own."]}
    if secret and secret != HIDDEN and key_of(secret) is None:
        return {"secret": ["A secret is whsec_ and 24 to 64 bytes in base64."]}
    return {}


class SinkStates:
    """How far the event sinks are, and what can be asked of who delivers to them."""

    def __init__(self, nc: Client, store: Store, bucket: Bucket, sealer: Sealer) -> None:
        self._nc = nc
        self._store = store
        self._bucket = bucket
        self._sealer = sealer

    async def all(self) -> list[SinkStatus]:
        return [await self.one(number) for number in sorted(self._store.now.sinks)]

    async def one(self, number: int) -> SinkStatus:
        sink = self._find(number)
        try:
            entry = await self._bucket.get(state_key(number))
        except OUTAGES as exc:
            raise Unavailable from exc
        state = decode_state(entry.value) if entry is not None and entry.value else None
        located = self._store.now.locations.values()
        return sink_status(sink, state, sorted(p.name for p in located if number in sinks_of(p)))

    async def test(self, number: int) -> Probed:
        answer = await self._ask(number, ProbeSink(number))
        assert isinstance(answer, Probed)
        return answer

    async def redeliver(self, number: int) -> Redelivered:
        answer = await self._ask(number, Redeliver(number))
        assert isinstance(answer, Redelivered)
        return answer

    async def rotate(self, number: int) -> str:
        """A new secret, never to be seen again."""
        secret = secret_of(os.urandom(SECRET_BYTES))
        await self._change(number, rotated(self._sealer, self._find(number), secret))
        return secret

    async def drop(self, number: int) -> None:
        self._find(number)
        await self._change(number, {"sealed_old_secret": ""})

    async def _change(self, number: int, kept: dict[str, str]) -> None:
        wrong = await self._store.change(
            "event_sink", number, Given({}, dict(kept)), frozenset(), whole=False
        )
        if isinstance(wrong, dict):
            raise Problem(wrong, "event_sink")

    def _find(self, number: int) -> EventSink:
        sink: EventSink = self._store.find("event_sink", number)
        return sink

    async def _ask(self, number: int, question: ProbeSink | Redeliver) -> Probed | Redelivered:
        self._find(number)
        try:
            subject = webhook_commands(number)
            answer = decode_reply(await ask(self._nc, subject, question, patience=PATIENCE))
        except (Unanswered, *OUTAGES) as exc:
            raise Unavailable from exc
        if isinstance(answer, Refused):
            raise NoSuchResource if answer.code == "unknown" else Unavailable
        return answer
