"""Who is there: workers by their heartbeats, conferences by their views."""

import asyncio
from collections.abc import Callable
from typing import get_args

import structlog

from kit import metrics
from kit.kv import Watch
from kit.metrics import declared
from proto.scheduler import WorkerKind
from proto.views import ConferenceView, WorkerView, decode_conference, decode_worker

log = structlog.get_logger()


class Roster:
    """The media workers. One that has been silent for `silence` seconds is taken for lost.

    Silence counts only while the bus is there: when NATS was away everybody was silent.
    """

    def __init__(
        self,
        watch: Watch,
        silence: float,
        clock: Callable[[], float],
        connection: Callable[[], object],
    ) -> None:
        """`connection` tells what the connection to the bus is: another one, another answer."""
        self._watch = watch
        self._silence = silence
        self._clock = clock
        self._connection = connection
        self._known_connection: object = None
        self._heard: dict[str, tuple[WorkerView, float]] = {}

    async def follow(self) -> None:
        async for key, worker in self._watch.values(decode_worker):
            if worker is None:
                if self._heard.pop(key, None):
                    log.info("worker left", worker=key)
                continue
            if key not in self._heard:
                log.info("worker found", worker=key)
            self._heard[key] = (worker, self._clock())

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    def alive(self, kind: WorkerKind) -> dict[str, WorkerView]:
        """By worker, those that were heard of lately."""
        now = self._clock()
        if (connection := self._connection()) != self._known_connection:
            self._known_connection = connection
            self._heard = {key: (worker, now) for key, (worker, _) in self._heard.items()}
        since = now - self._silence
        for key, (_, heard) in list(self._heard.items()):
            if heard < since:
                log.warning("worker lost", worker=key)
                metrics.add(declared.LOST_WORKERS, kind=self._heard[key][0].kind)
                del self._heard[key]
        return {w.worker: w for w, _ in self._heard.values() if w.kind == kind}

    def counts(self) -> dict[tuple[str, ...], float]:
        """How many there are, by kind."""
        return {(kind,): len(self.alive(kind)) for kind in get_args(WorkerKind)}


class Conferences:
    """The newest view of every conference."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._news = asyncio.Condition()
        self.by_key: dict[str, ConferenceView] = {}

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    async def follow(self) -> None:
        async for key, view in self._watch.values(decode_conference):
            if view is not None:
                self.by_key[key] = view
            else:
                self.by_key.pop(key, None)
            async with self._news:
                self._news.notify_all()

    async def view(self, key: str, patience: float, participant: str = "") -> ConferenceView | None:
        """The newest view; one that has a conference, or a call, that has just begun may still be
        on its way."""

        def there() -> bool:
            view = self.by_key.get(key)
            return view is not None and (not participant or view.find(participant) is not None)

        try:
            async with asyncio.timeout(patience), self._news:
                await self._news.wait_for(there)
        except TimeoutError:
            log.warning("view is late", conference=key)
        return self.by_key.get(key)
