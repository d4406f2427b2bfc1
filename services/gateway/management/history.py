"""`/api/admin/history/v1/…`: what has been."""

import asyncio

from litestar import Controller, get
from litestar.response import Response

from services.gateway.archive import AT_ONCE, Archive
from services.gateway.core.catalogue import HISTORY_FIELDS, schema
from services.gateway.core.paging import Window, envelope, window
from services.gateway.core.past import HISTORY
from services.gateway.given import TheRecords, Word
from services.gateway.management.lists import kind_of
from services.gateway.problems import AnyRequest, Problem, json
from services.gateway.store import NoSuchResource


class HistoryController(Controller):
    path = HISTORY

    @get("/conference")
    async def conferences(self, request: AnyRequest, records: TheRecords) -> Response[bytes]:
        return await _listed(request, "conference", records.past())

    @get("/conference/{number:str}")
    async def conference(self, number: Word, records: TheRecords) -> Response[bytes]:
        return await _one("conference", number, records.past())

    @get("/participant")
    async def participants(self, request: AnyRequest, records: TheRecords) -> Response[bytes]:
        return await _listed(request, "participant", records.past())

    @get("/participant/{number:str}")
    async def participant(self, number: Word, records: TheRecords) -> Response[bytes]:
        return await _one("participant", number, records.past())

    @get([f"/{kind}/schema" for kind in HISTORY_FIELDS], sync_to_thread=False)
    def schema(self, request: AnyRequest) -> Response[bytes]:
        return json(schema(HISTORY, kind_of(request)))


async def _listed(request: AnyRequest, kind: str, archive: Archive) -> Response[bytes]:
    """A page as every list has it, but none that is longer than memory should hold."""
    asked = [(name, str(value)) for name, value in request.query_params.multi_items()]
    at = window(asked)
    if isinstance(at, dict):
        raise Problem(at, kind)
    at = Window(min(at.limit or AT_ONCE, AT_ONCE), at.offset)
    found = await asyncio.to_thread(archive.page, kind, asked, at)
    if isinstance(found, dict):
        raise Problem(found, kind)
    objects, total = found
    return json(envelope(f"{HISTORY}/{kind}/", objects, total, at, asked))


async def _one(kind: str, ident: str, archive: Archive) -> Response[bytes]:
    found = await asyncio.to_thread(archive.one, kind, ident)
    if found is None:
        raise NoSuchResource
    return json(found)
