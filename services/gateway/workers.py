"""The media workers that are alive, by their heartbeats in KV `workers`; one may be told to go."""

import msgspec
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext

from kit import bus
from kit.follow import OUTAGES
from kit.kv import Bucket
from proto.base import Refused
from proto.scheduler import Draining, DrainWorker, decode_draining
from proto.subjects import WORKERS, drains
from proto.views import WorkerView, decode_worker

log = structlog.get_logger()

PATIENCE = 2.0
"""Seconds for a worker to answer; it takes milliseconds."""


class Workers:
    """Read anew each time: heartbeats that expire leave no message that could be followed."""

    def __init__(self, nc: Client, js: JetStreamContext) -> None:
        self._nc = nc
        self._js = js

    async def alive(self) -> list[WorkerView]:
        try:
            store = await self._js.key_value(WORKERS)
            found = await Bucket(self._js, WORKERS, store).everything()
        except nats.js.errors.NotFoundError:
            return []
        except OUTAGES as exc:
            log.warning("workers unknown", error=type(exc).__name__)
            return []
        views = []
        for value in found.values():
            try:
                views.append(decode_worker(value))
            except msgspec.MsgspecError:
                log.error("heartbeat cannot be read")
        return sorted(views, key=lambda view: (view.kind, view.worker))

    async def drain(self, worker: str, seconds: float) -> Draining | Refused:
        """Have it take no new work, and end when others have what it did."""
        if all(view.worker != worker for view in await self.alive()):
            return Refused("unknown", f"There is no worker {worker}.", "worker")
        command = DrainWorker(worker, seconds)
        try:
            answer = await bus.ask(self._nc, drains(worker), command, patience=PATIENCE)
        except bus.Unanswered:
            return Refused("unavailable", f"{worker} does not answer.")
        return decode_draining(answer)

    async def locations(self) -> frozenset[str]:
        return frozenset(view.location for view in await self.alive())
