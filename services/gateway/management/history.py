"""`/api/admin/history/v1/…`: what has been."""

from litestar import Controller, get
from litestar.response import Response

from services.gateway.core.catalogue import HISTORY_FIELDS, schema
from services.gateway.core.past import HISTORY
from services.gateway.given import TheRecords, Word
from services.gateway.management.lists import UNRELATED, kind_of, listed
from services.gateway.problems import AnyRequest, json
from services.gateway.store import NoSuchResource


class HistoryController(Controller):
    path = HISTORY

    @get("/conference", sync_to_thread=False)
    def conferences(self, request: AnyRequest, records: TheRecords) -> Response[bytes]:
        shown = records.past().conferences()
        return listed(
            request, f"{HISTORY}/conference/", shown, HISTORY_FIELDS["conference"], UNRELATED
        )

    @get("/conference/{number:str}", sync_to_thread=False)
    def conference(self, number: Word, records: TheRecords) -> Response[bytes]:
        found = records.past().conference(number)
        if found is None:
            raise NoSuchResource
        return json(found)

    @get("/participant", sync_to_thread=False)
    def participants(self, request: AnyRequest, records: TheRecords) -> Response[bytes]:
        shown = records.past().participants()
        return listed(
            request, f"{HISTORY}/participant/", shown, HISTORY_FIELDS["participant"], UNRELATED
        )

    @get("/participant/{number:str}", sync_to_thread=False)
    def participant(self, number: Word, records: TheRecords) -> Response[bytes]:
        found = records.past().participant(number)
        if found is None:
            raise NoSuchResource
        return json(found)

    @get([f"/{kind}/schema" for kind in HISTORY_FIELDS], sync_to_thread=False)
    def schema(self, request: AnyRequest) -> Response[bytes]:
        return json(schema(HISTORY, kind_of(request)))
