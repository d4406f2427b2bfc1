"""`/api/admin/command/v1/…`: things to be done now."""

from typing import Any, TypeVar

from litestar import Controller, post
from litestar.response import Response

from services.gateway.core.requests import (
    DialRequest,
    DisconnectConference,
    DisconnectParticipant,
    read,
)
from services.gateway.given import TheCalls, TheLive
from services.gateway.problems import AnyRequest, Problem, json

T = TypeVar("T")


class CommandController(Controller):
    path = "/api/admin/command/v1"

    @post("/participant/dial")
    async def dial(self, request: AnyRequest, calls: TheCalls) -> Response[bytes]:
        wanted = await _read(request, DialRequest, "participant")
        return _success({"participant_id": await calls.dial(wanted)})

    @post("/participant/disconnect")
    async def disconnect(
        self, request: AnyRequest, calls: TheCalls, live: TheLive
    ) -> Response[bytes]:
        wanted = await _read(request, DisconnectParticipant, "participant")
        found = live.find(wanted.participant_id)
        if found is None:
            raise Problem({"participant_id": ["There is no such participant."]}, "participant")
        await calls.leave(found[0].conference, wanted.participant_id)
        return _success()

    @post("/conference/disconnect")
    async def disconnect_all(
        self, request: AnyRequest, calls: TheCalls, live: TheLive
    ) -> Response[bytes]:
        wanted = await _read(request, DisconnectConference, "conference")
        for view in live.running():
            if view.instance == wanted.conference_id:
                await calls.end(view.conference)
                return _success()
        raise Problem({"conference_id": ["No such conference is running."]}, "conference")


async def _read(request: AnyRequest, kind: type[T], resource: str) -> T:
    wanted = read(await request.body(), kind)
    if isinstance(wanted, dict):
        raise Problem(wanted, resource)
    return wanted


def _success(data: dict[str, Any] | None = None) -> Response[bytes]:
    return json({"status": "success", **({"data": data} if data else {})})
