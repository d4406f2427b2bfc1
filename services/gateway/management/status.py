"""`/api/admin/status/v1/…`: what is going on."""

from litestar import Controller, get
from litestar.response import Response

from services.gateway.core.resources import page
from services.gateway.core.shapes import STATUS, conference_status, participant_status
from services.gateway.given import TheLive, Word
from services.gateway.management.paging import Window
from services.gateway.problems import AnyRequest, json
from services.gateway.store import NoSuchResource


class StatusController(Controller):
    path = STATUS

    @get("/conference", sync_to_thread=False)
    def conferences(self, request: AnyRequest, live: TheLive) -> Response[bytes]:
        window = Window.of(request, "conference")
        objects = [conference_status(view) for view in live.running()]
        return json(page(f"{STATUS}/conference/", objects, window.limit, window.offset))

    @get("/conference/{number:str}", sync_to_thread=False)
    def conference(self, number: Word, live: TheLive) -> Response[bytes]:
        for view in live.running():
            if view.instance == number:
                return json(conference_status(view))
        raise NoSuchResource

    @get("/participant", sync_to_thread=False)
    def participants(self, request: AnyRequest, live: TheLive) -> Response[bytes]:
        window = Window.of(request, "participant")
        objects = [participant_status(v, p) for v in live.running() for p in v.participants]
        return json(page(f"{STATUS}/participant/", objects, window.limit, window.offset))

    @get("/participant/{number:str}", sync_to_thread=False)
    def participant(self, number: Word, live: TheLive) -> Response[bytes]:
        found = live.find(number)
        if found is None:
            raise NoSuchResource
        return json(participant_status(*found))
