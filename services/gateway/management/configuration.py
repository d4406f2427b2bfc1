"""`/api/admin/configuration/v1/<resource>/`: what is configured."""

from typing import Any

from litestar import Controller, delete, get, patch, post, put
from litestar.response import Response

from proto.config import RESOURCES
from services.gateway.core.requests import NO_OBJECT, json_object
from services.gateway.core.resources import ROOT, page, shape, uri
from services.gateway.given import Number, TheCalls, TheStore, TheWorkers, Word
from services.gateway.management.paging import Window
from services.gateway.problems import AnyRequest, Problem, json
from services.gateway.store import NoSuchResource, Store
from services.gateway.workers import Workers

DELETED = "The conference was deleted"


class ConfigurationController(Controller):
    path = ROOT

    @get("/{kind:str}", sync_to_thread=False)
    def all(self, kind: Word, request: AnyRequest, store: TheStore) -> Response[bytes]:
        _known(kind)
        window = Window.of(request, kind)
        found = sorted(store.now.of(kind).items())
        objects = [shape(resource, kind, store.now) for _, resource in found]
        return json(page(f"{ROOT}/{kind}/", objects, window.limit, window.offset))

    @get("/{kind:str}/{number:int}", sync_to_thread=False)
    def one(self, kind: Word, number: Number, store: TheStore) -> Response[bytes]:
        _known(kind)
        return json(shape(store.find(kind, number), kind, store.now))

    @post("/{kind:str}")
    async def create(
        self,
        kind: Word,
        request: AnyRequest,
        store: TheStore,
        workers: TheWorkers,
    ) -> Response[bytes]:
        _known(kind)
        given = await _body(request, kind)
        made = await store.create(kind, given, await workers.locations())
        if isinstance(made, dict):
            raise Problem(made, kind)
        return Response(b"", status_code=201, headers={"Location": uri(kind, made)})

    @patch("/{kind:str}/{number:int}")
    async def change(
        self,
        kind: Word,
        number: Number,
        request: AnyRequest,
        store: TheStore,
        workers: TheWorkers,
    ) -> Response[bytes]:
        return await _change(kind, number, request, store, workers, whole=False)

    @put("/{kind:str}/{number:int}")
    async def replace(
        self,
        kind: Word,
        number: Number,
        request: AnyRequest,
        store: TheStore,
        workers: TheWorkers,
    ) -> Response[bytes]:
        return await _change(kind, number, request, store, workers, whole=True)

    @delete("/{kind:str}/{number:int}", status_code=204)
    async def remove(self, kind: Word, number: Number, store: TheStore, calls: TheCalls) -> None:
        _known(kind)
        gone = store.find(kind, number)
        removed = await store.remove(kind, number)
        if isinstance(removed, dict):
            raise Problem(removed, kind)
        if kind == "conference":
            await calls.end_if_running(gone.key, DELETED)


async def _change(
    kind: str,
    number: int,
    request: AnyRequest,
    store: Store,
    workers: Workers,
    *,
    whole: bool,
) -> Response[bytes]:
    _known(kind)
    given = await _body(request, kind)
    changed = await store.change(kind, number, given, await workers.locations(), whole=whole)
    if isinstance(changed, dict):
        raise Problem(changed, kind)
    return Response(b"", status_code=204 if whole else 202)


def _known(kind: str) -> None:
    if kind not in RESOURCES:
        raise NoSuchResource


async def _body(request: AnyRequest, kind: str) -> dict[str, Any]:
    given = json_object(await request.body())
    if given is None:
        raise Problem(NO_OBJECT, kind)
    return given
