"""`/api/admin/status/v1/…`: what is going on."""

from litestar import Controller, get
from litestar.response import Response

from services.gateway.core.catalogue import STATUS_FIELDS, STREAM_FIELDS, schema
from services.gateway.core.status import (
    STATUS,
    conference_status,
    media_streams,
    participant_status,
    worker_status,
)
from services.gateway.given import TheLive, TheRecords, TheStore, TheWorkers, Word
from services.gateway.management.lists import UNRELATED, kind_of, listed
from services.gateway.problems import AnyRequest, json
from services.gateway.store import NoSuchResource, Store
from services.gateway.workers import Workers


class StatusController(Controller):
    path = STATUS

    @get("/conference", sync_to_thread=False)
    def conferences(self, request: AnyRequest, live: TheLive, store: TheStore) -> Response[bytes]:
        shown = [conference_status(view, _tag(store, view.conference)) for view in live.running()]
        return listed(
            request, f"{STATUS}/conference/", shown, STATUS_FIELDS["conference"], UNRELATED
        )

    @get("/conference/{number:str}", sync_to_thread=False)
    def conference(self, number: Word, live: TheLive, store: TheStore) -> Response[bytes]:
        for view in live.running():
            if view.instance == number:
                return json(conference_status(view, _tag(store, view.conference)))
        raise NoSuchResource

    @get("/participant")
    async def participants(
        self, request: AnyRequest, live: TheLive, records: TheRecords, workers: TheWorkers
    ) -> Response[bytes]:
        places = await _places(workers)
        shown = [
            participant_status(v, p, records.sessions(v.conference, p.participant), places)
            for v in live.running()
            for p in v.participants
        ]
        return listed(
            request, f"{STATUS}/participant/", shown, STATUS_FIELDS["participant"], UNRELATED
        )

    @get("/participant/{number:str}")
    async def participant(
        self, number: Word, live: TheLive, records: TheRecords, workers: TheWorkers
    ) -> Response[bytes]:
        found = live.find(number)
        if found is None:
            raise NoSuchResource
        sessions = records.sessions(found[0].conference, number)
        return json(participant_status(*found, sessions, await _places(workers)))

    @get("/participant/{number:str}/media_stream", sync_to_thread=False)
    def media(
        self, number: Word, request: AnyRequest, live: TheLive, records: TheRecords
    ) -> Response[bytes]:
        found = live.find(number)
        if found is None:
            raise NoSuchResource
        path = f"{STATUS}/participant/{number}/media_stream/"
        shown = media_streams(number, records.sessions(found[0].conference, number))
        return listed(request, path, shown, STREAM_FIELDS, UNRELATED)

    @get("/worker_vm")
    async def workers(self, request: AnyRequest, workers: TheWorkers) -> Response[bytes]:
        shown = [worker_status(view) for view in await workers.alive()]
        return listed(request, f"{STATUS}/worker_vm/", shown, STATUS_FIELDS["worker_vm"], UNRELATED)

    @get("/worker_vm/{number:str}")
    async def worker(self, number: Word, workers: TheWorkers) -> Response[bytes]:
        for view in await workers.alive():
            if view.worker == number:
                return json(worker_status(view))
        raise NoSuchResource

    @get([f"/{kind}/schema" for kind in STATUS_FIELDS], sync_to_thread=False)
    def schema(self, request: AnyRequest) -> Response[bytes]:
        return json(schema(STATUS, kind_of(request)))


async def _places(workers: Workers) -> dict[str, str]:
    return {view.worker: view.location for view in await workers.alive()}


def _tag(store: Store, key: str) -> str:
    configured = store.now.by_key(key)
    return configured.tag if configured else ""
