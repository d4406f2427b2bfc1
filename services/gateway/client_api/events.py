"""`GET …/events`: a conference as it changes, for as long as somebody takes part."""

from collections.abc import AsyncIterator

import msgspec
from litestar import Controller, get
from litestar.response import ServerSentEvent, ServerSentEventMessage

from proto.views import ConferenceView, ParticipantView
from services.gateway.client_api.conference import ROOT, path_of
from services.gateway.client_api.door import Caller, Door, TheDoor
from services.gateway.core import shapes
from services.gateway.core.client_events import Shown, changes, everything, shown
from services.gateway.given import Word
from services.gateway.problems import AnyRequest
from services.gateway.rostrum_api import HEARTBEAT

DISCONNECTED = "Disconnected by another participant"


class ClientEvents(Controller):
    path = ROOT

    @get("/events")
    async def events(self, alias: Word, request: AnyRequest, door: TheDoor) -> ServerSentEvent:
        caller = await door.caller(alias, request, by_query=True)
        return ServerSentEvent(_events(caller, door))


async def _events(caller: Caller, door: Door) -> AsyncIterator[ServerSentEventMessage]:
    live, told, person = door.live, None, caller.person
    while not live.closed:
        seen = live.changes
        view = live.views.get(caller.conference)
        found = view.find(caller.who) if view is not None else None
        if view is None or found is None or not view.running:
            for event, data in await _farewell(view, person, door):
                yield ServerSentEventMessage(event=event, data=data.decode())
            return
        person = found
        now = _now(view, person, caller, door)
        news = list(everything(now) if told is None else changes(told, now))
        told = now
        for event, data in news:
            yield ServerSentEventMessage(event=event, data=data.decode())
        if not news and not await live.news(seen, HEARTBEAT):
            yield ServerSentEventMessage(comment="still here")


def _now(view: ConferenceView, person: ParticipantView, caller: Caller, door: Door) -> Shown:
    key = caller.conference
    guests = view.service_type == "lecture" and person.role == "guest"
    audience = "guests" if guests else "all"
    places = next(
        (
            [slot.participant for slot in one.slots if slot.kind in ("main", "pip", "inset")]
            for one in door.live.layouts(key)
            if one.feed.audience == audience and not one.feed.streaming
        ),
        [],
    )
    stage = shapes.stage(door.live.stage(key), door.live.levels(key))
    return shown(view, caller.alias, path_of(caller.alias), person.role, stage, places)


async def _farewell(
    view: ConferenceView | None, person: ParticipantView, door: Door
) -> list[tuple[str, bytes]]:
    """Where they are now, or why they are not here any more."""
    moved = person.transfer
    if moved is not None and door.live.arrived(moved.target, moved.successor):
        token = await door.seat(moved.target, moved.successor)
        return [("refer", msgspec.json.encode({"alias": moved.target, "token": token}))]
    ended = view is None or not view.running or view.instance == ""
    reason = view.end_reason if view is not None and ended else DISCONNECTED
    return [("disconnect", msgspec.json.encode({"reason": reason or DISCONNECTED}))]
