"""`…/conferences/{alias}/preview.jpeg` and its like: single pictures, made while somebody asks."""

from hashlib import blake2b

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.response import Response
from nats.aio.client import Client

from kit.bus import Unanswered, ask
from kit.kv import Bucket
from proto.base import Refused
from proto.mixer import SnapshotKind, TakeSnapshot, decode_snapshot
from proto.subjects import snapshots
from proto.views import decode_feed
from services.gateway.given import TheCalls, Word
from services.gateway.problems import AnyRequest, json

PATIENCE = 2.5
"""Seconds to wait for a mixer: somewhat longer than it waits for its conference's process."""

AGE = 2
"""Seconds for which a picture holds; the mixer makes no other before."""


class Snapshots:
    """Asks the worker that mixes, which makes one picture for all who ask within two seconds."""

    def __init__(self, nc: Client, feeds: Bucket) -> None:
        self._nc = nc
        self._feeds = feeds

    async def take(self, conference: str, kind: SnapshotKind) -> bytes | Refused:
        entry = await self._feeds.get(conference)
        if entry is None or not entry.value:
            return Refused("unavailable", "no mixer runs for the conference")
        worker = decode_feed(entry.value).worker
        try:
            command = TakeSnapshot(conference, kind)
            data = await ask(self._nc, snapshots(worker), command, patience=PATIENCE)
        except Unanswered:
            return Refused("unavailable", "the mixer of the conference does not answer")
        try:
            reply = decode_snapshot(data)
        except msgspec.MsgspecError:
            return Refused("unavailable", "the mixer's answer cannot be read")
        return reply if isinstance(reply, Refused) else reply.jpeg


TheSnapshots = NamedDependency[Snapshots]


class SnapshotController(Controller):
    path = "/api/rostrum/v1/conferences/{alias:str}"

    @get("/preview.jpeg")
    async def preview(
        self, alias: Word, request: AnyRequest, calls: TheCalls, snapshots: TheSnapshots
    ) -> Response[bytes]:
        key = calls.conference(alias).key
        return picture(request, await snapshots.take(key, "preview"))

    @get("/presentation.jpeg")
    async def presentation(
        self, alias: Word, request: AnyRequest, calls: TheCalls, snapshots: TheSnapshots
    ) -> Response[bytes]:
        key = calls.conference(alias).key
        return picture(request, await snapshots.take(key, "presentation"))

    @get("/presentation_high.jpeg")
    async def presentation_high(
        self, alias: Word, request: AnyRequest, calls: TheCalls, snapshots: TheSnapshots
    ) -> Response[bytes]:
        key = calls.conference(alias).key
        return picture(request, await snapshots.take(key, "presentation_high"))


def picture(request: AnyRequest, taken: bytes | Refused) -> Response[bytes]:
    if isinstance(taken, Refused):
        sentence = f"{taken.reason[:1].upper()}{taken.reason[1:]}."
        if taken.code == "no-presentation":
            return json({"error": sentence}, 404)
        return json({"error": sentence}, 503, {"Retry-After": str(AGE)})
    tag = f'"{blake2b(taken, digest_size=12).hexdigest()}"'
    # Faces are nobody's business on the way: only the browser may keep it.
    headers = {"Cache-Control": f"private, max-age={AGE}", "ETag": tag}
    if request.headers.get("If-None-Match") == tag:
        return Response(b"", status_code=304, headers=headers)
    return Response(taken, media_type="image/jpeg", headers=headers)
