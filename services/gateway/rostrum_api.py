"""`/api/rostrum/v1/…`: our own API, for the page and the command line."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.response import Response, ServerSentEvent, ServerSentEventMessage, Stream

from proto.base import Refused
from proto.conference import ReportOutside, SetSpotlight
from proto.config import Conference
from proto.views import ConferenceView
from services.gateway.calls import Calls
from services.gateway.core import client, shapes
from services.gateway.core.incoming import CallRequest
from services.gateway.core.period import period
from services.gateway.core.requests import DrainRequest, JoinRequest, OutsideRequest, read
from services.gateway.core.windows import Window
from services.gateway.given import (
    TheCalls,
    TheExporter,
    TheIncoming,
    TheLive,
    TheStore,
    TheWorkers,
    Word,
)
from services.gateway.history import Exporter, TooMany
from services.gateway.live import Live
from services.gateway.problems import AnyRequest, Problem, json

HEARTBEAT = 15.0
"""Seconds of silence after which a comment shows that the connection lives."""


class RostrumController(Controller):
    path = "/api/rostrum/v1"

    @get("/conferences", sync_to_thread=False)
    def conferences(self, store: TheStore, live: TheLive) -> Response[bytes]:
        """All that are configured, and what runs though it is not: gateway calls, above all."""
        configured = list(store.now.conferences.values())
        keys = {conference.key for conference in configured}
        orphans = [view for view in live.running() if view.conference not in keys]
        return json(
            {
                "conferences": [
                    *(_merged(conference.key, conference, live) for conference in configured),
                    *(_merged(view.conference, None, live) for view in orphans),
                ]
            }
        )

    @get("/conferences/{alias:str}", sync_to_thread=False)
    def conference(self, alias: Word, calls: TheCalls, live: TheLive) -> Response[bytes]:
        return json(_merged(*calls.find(alias), live))

    @get("/conferences/{alias:str}/conference_status", sync_to_thread=False)
    def status(self, alias: Word, calls: TheCalls, live: TheLive) -> Response[bytes]:
        """As Pexip's client API has it."""
        return json(client.flags(_view(calls, alias, live)))

    @get("/conferences/{alias:str}/participants", sync_to_thread=False)
    def participants(self, alias: Word, calls: TheCalls, live: TheLive) -> Response[bytes]:
        """The same."""
        view = _view(calls, alias, live)
        path = f"{self.path}/conferences/{quote(alias, safe='')}/participants/"
        return json(client.participants(view, alias, path, on_air=live.on_air(view.conference)))

    @post("/conferences/{alias:str}/participants")
    async def join(self, alias: Word, request: AnyRequest, calls: TheCalls) -> Response[bytes]:
        conference = calls.conference(alias)
        wanted = read(await request.body(), JoinRequest)
        if isinstance(wanted, dict):
            raise Problem(wanted, "participant")
        return json({"participant": await calls.join(conference, wanted)}, 201)

    @post("/calls")
    async def call(self, request: AnyRequest, incoming: TheIncoming) -> Response[bytes]:
        """Somebody calls: into a conference, or to somebody outside if a rule says so."""
        wanted = read(await request.body(), CallRequest)
        problem = wanted if isinstance(wanted, dict) else wanted.problem()
        if isinstance(wanted, dict) or problem:
            raise Problem(problem, "call")
        return json(msgspec.to_builtins(await incoming.call(wanted)), 201)

    @post("/conferences/{alias:str}/outside", status_code=204)
    async def outside(self, alias: Word, request: AnyRequest, calls: TheCalls) -> None:
        """Told by whoever stands in a meeting of another system for this conference."""
        key, _ = calls.find(alias)
        wanted = read(await request.body(), OutsideRequest)
        if isinstance(wanted, dict):
            raise Problem(wanted, "conference")
        told = ReportOutside(key, wanted.kind, wanted.platform, wanted.on, wanted.public)
        await calls.tell(told, {})

    @delete("/conferences/{alias:str}/participants/{participant:str}", status_code=204)
    async def leave(
        self,
        alias: Word,
        participant: Word,
        calls: TheCalls,
        live: TheLive,
    ) -> None:
        await calls.leave(_in(alias, participant, calls, live), participant)

    @put("/conferences/{alias:str}/participants/{participant:str}/presenting", status_code=204)
    async def present(
        self,
        alias: Word,
        participant: Word,
        calls: TheCalls,
        live: TheLive,
    ) -> None:
        await calls.present(_in(alias, participant, calls, live), participant, on=True)

    @delete("/conferences/{alias:str}/participants/{participant:str}/presenting", status_code=204)
    async def stop_presenting(
        self,
        alias: Word,
        participant: Word,
        calls: TheCalls,
        live: TheLive,
    ) -> None:
        await calls.present(_in(alias, participant, calls, live), participant, on=False)

    @put("/conferences/{alias:str}/participants/{participant:str}/spotlight", status_code=204)
    async def spotlight(
        self, alias: Word, participant: Word, calls: TheCalls, live: TheLive
    ) -> None:
        await calls.tell(SetSpotlight(_in(alias, participant, calls, live), participant), {})

    @delete("/conferences/{alias:str}/participants/{participant:str}/spotlight", status_code=204)
    async def spotlight_off(
        self, alias: Word, participant: Word, calls: TheCalls, live: TheLive
    ) -> None:
        await calls.tell(SetSpotlight(_in(alias, participant, calls, live), participant, False), {})

    @get("/conferences/{alias:str}/events")
    async def events(self, alias: Word, calls: TheCalls, live: TheLive) -> ServerSentEvent:
        return ServerSentEvent(_events(*calls.find(alias), live))

    @get("/conferences/{alias:str}/log.jsonl")
    async def log(
        self,
        alias: Word,
        calls: TheCalls,
        exporter: TheExporter,
        request: AnyRequest,
    ) -> Stream:
        key, _ = calls.find(alias)
        return await _exported(exporter, request, key)

    @get("/log.jsonl")
    async def logs(self, exporter: TheExporter, request: AnyRequest) -> Stream:
        """Of every conference that ran between `from` and `to`."""
        return await _exported(exporter, request)

    @get("/workers")
    async def workers(self, workers: TheWorkers) -> Response[bytes]:
        return json({"workers": msgspec.to_builtins(await workers.alive())})

    @post("/workers/{worker:str}/drain")
    async def drain(
        self, worker: Word, request: AnyRequest, workers: TheWorkers
    ) -> Response[bytes]:
        """Answered at once; the worker is gone from the list when it has ended."""
        wanted = read(await request.body() or b"{}", DrainRequest)
        if isinstance(wanted, dict):
            raise Problem(wanted, "worker")
        answer = await workers.drain(worker, wanted.seconds)
        if isinstance(answer, Refused):
            return json({"error": answer.reason}, 404 if answer.code == "unknown" else 503)
        return json({"worker": answer.worker, "used": answer.used}, 202)


async def _exported(exporter: Exporter, request: AnyRequest, key: str = "") -> Stream:
    asked = {name: request.query_params.get(name, "") for name in ("from", "to")}
    now = exporter.now()
    given = period(asked["from"], asked["to"], now)
    if isinstance(given, dict):
        raise Problem(given, "export")
    if key and given == (None, None):
        chosen = {key: [Window()]}
    else:
        try:
            chosen = await exporter.chosen(*given, key or "*")
        except TooMany:
            raise Problem({"from": ["Too many conferences ran in this time."]}, "export") from None
    return Stream(exporter.export(chosen, now, *given), media_type="application/x-ndjson")


def _merged(key: str, conference: Conference | None, live: Live) -> dict[str, Any]:
    return {
        **shapes.conference(conference, live.views.get(key), key),
        **shapes.layout(live.stage(key), live.layouts(key)),
        "metrics_id": live.mark(key),
    }


def _view(calls: Calls, alias: str, live: Live) -> ConferenceView:
    key, _ = calls.find(alias)
    return _known(key, live)


def _known(key: str, live: Live) -> ConferenceView:
    """As it is, or as it is before it has ever run."""
    return live.views.get(key) or ConferenceView(key, 0)


def _in(alias: str, participant: str, calls: Calls, live: Live) -> str:
    """The key of the conference, if the participant is in it."""
    key, _ = calls.find(alias)
    view = live.views.get(key)
    if view is None or view.find(participant) is None:
        problem = {"participant": ["No such participant is in the conference."]}
        raise Problem(problem, "participant", 404)
    return key


async def _events(
    key: str, conference: Conference | None, live: Live
) -> AsyncIterator[ServerSentEventMessage]:
    """The conference as it is, and then as it changes; who reads slowly gets the newest only."""
    sent: dict[str, bytes] = {}
    while not live.closed:
        seen = live.changes
        current = {
            "view": msgspec.json.encode(shapes.conference(conference, live.views.get(key), key)),
            "layout": msgspec.json.encode(shapes.layout(live.stage(key), live.layouts(key))),
            "conference_update": msgspec.json.encode(client.flags(_known(key, live))),
        }
        if heard := live.stage(key):
            stage = shapes.stage(heard, live.levels(key))
            current["stage"] = msgspec.json.encode(stage)
        news = {event: data for event, data in current.items() if sent.get(event) != data}
        if news:
            sent = current
            for event, data in news.items():
                yield ServerSentEventMessage(event=event, data=data.decode())
        elif not await live.news(seen, HEARTBEAT):
            yield ServerSentEventMessage(comment="still here")
