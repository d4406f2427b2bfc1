"""The media workers that are alive, by their heartbeats in KV `workers`."""

import msgspec
import nats.js.errors
import structlog
from nats.js import JetStreamContext

from kit.follow import OUTAGES
from kit.kv import Bucket
from proto.subjects import WORKERS
from proto.views import WorkerView, decode_worker

log = structlog.get_logger()


class Workers:
    """Read anew each time: heartbeats that expire leave no message that could be followed."""

    def __init__(self, js: JetStreamContext) -> None:
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

    async def locations(self) -> frozenset[str]:
        return frozenset(view.location for view in await self.alive())
