"""What is done to and known of a conference as a whole, by those who are in it."""

from typing import get_args

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.response import Response, ServerSentEvent

from proto.conference import Lock, MuteGuests, TransformLayout
from proto.layouts import ALL
from proto.mixer import SnapshotKind
from services.gateway.calls import Calls
from services.gateway.client_api.answers import HANDLERS, ILLEGAL, Failed, success
from services.gateway.client_api.desk import Desk
from services.gateway.client_api.events import Audience, told
from services.gateway.client_api.given import TheDesk
from services.gateway.client_api.here import Here, here
from services.gateway.core import client, client_requests
from services.gateway.core.layout_svgs import SVGS
from services.gateway.core.requests import check, json_object
from services.gateway.core.transforms import TransformRequest, transforms
from services.gateway.given import TheCalls, TheLive, TheRecords, Word
from services.gateway.live import Live
from services.gateway.problems import AnyRequest, Problem
from services.gateway.snapshots import Snapshots, picture

TheSnapshots = NamedDependency[Snapshots]
TheAudience = NamedDependency[Audience]

ENDED = "Conference terminated by another participant"

PICTURES: dict[str, SnapshotKind] = {kind: kind for kind in get_args(SnapshotKind)}

OTHER_NAMES = {"ac": "5:7"}
"""How a client is told of a layout that Pexip's lists by another name than its events."""


class ConferenceController(Controller):
    path = "/api/client/v2/conferences/{alias:str}"
    exception_handlers = HANDLERS

    @get("/conference_status")
    async def status(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        me = await here(alias, request, desk, calls, live)
        return success(client.flags(me.view, me.who.role))

    @get("/participants")
    async def participants(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        return success((await here(alias, request, desk, calls, live)).people(live))

    @get("/available_layouts")
    async def layouts(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        await here(alias, request, desk, calls, live)
        return success([OTHER_NAMES.get(one.client, one.client) for one in ALL])

    @get("/layout_svgs")
    async def svgs(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        await here(alias, request, desk, calls, live)
        return success({OTHER_NAMES.get(name, name): svg for name, svg in SVGS.items()})

    @post("/dial", status_code=200)
    async def dial(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        await _host(alias, request, desk, calls, live)
        known = calls.conference(alias).aliases
        called = known[0].alias if known else alias
        wanted = client_requests.dial(await request.body(), called)
        if isinstance(wanted, dict):
            raise Problem(wanted, "participant")
        return success([await calls.dial(wanted)])

    @post("/lock", status_code=200)
    async def lock(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        await calls.tell(Lock((await _host(alias, request, desk, calls, live)).key, True), {})
        return success()

    @post("/unlock", status_code=200)
    async def unlock(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        await calls.tell(Lock((await _host(alias, request, desk, calls, live)).key, False), {})
        return success()

    @post("/muteguests", status_code=200)
    async def mute(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        await calls.tell(MuteGuests((await _host(alias, request, desk, calls, live)).key, True), {})
        return success()

    @post("/unmuteguests", status_code=200)
    async def unmute(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        await calls.tell(
            MuteGuests((await _host(alias, request, desk, calls, live)).key, False), {}
        )
        return success()

    @post(["/start_conference", "/clearallbuzz", "/set_guests_can_unmute"], status_code=200)
    async def nothing(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        """A Host who is in has started the conference; the others we have not."""
        await _host(alias, request, desk, calls, live)
        return success()

    @post("/disconnect", status_code=200)
    async def disconnect(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        await calls.end((await _host(alias, request, desk, calls, live)).key, ENDED)
        return success()

    @post("/transform_layout", status_code=200)
    async def transform(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        me = await _host(alias, request, desk, calls, live)
        given = json_object(await request.body())
        if given is None:
            raise Failed(400, ILLEGAL, word="success")
        wanted = check({**given, "conference_id": me.view.instance}, TransformRequest)
        if isinstance(wanted, dict):
            raise Failed(400, ILLEGAL, word="success")
        await calls.tell(TransformLayout(me.key, transforms(wanted)), {})
        return success()

    @get([f"/{kind}.jpeg" for kind in PICTURES])
    async def snapshot(
        self,
        alias: Word,
        request: AnyRequest,
        calls: TheCalls,
        live: TheLive,
        desk: TheDesk,
        snapshots: TheSnapshots,
    ) -> Response[bytes]:
        me = await here(alias, request, desk, calls, live, in_query=True)
        if me.who.state == "waiting":
            raise Failed(403, "Whoever waits sees nothing yet.")
        kind = PICTURES[request.url.path.rstrip("/").rsplit("/", 1)[-1].removesuffix(".jpeg")]
        return picture(request, await snapshots.take(me.key, kind))

    @get("/events")
    async def events(
        self,
        alias: Word,
        request: AnyRequest,
        calls: TheCalls,
        live: TheLive,
        desk: TheDesk,
        records: TheRecords,
        audience: TheAudience,
    ) -> ServerSentEvent:
        me = await here(alias, request, desk, calls, live, in_query=True)
        return ServerSentEvent(told(me, live, desk, records, calls, audience))


async def _host(alias: str, request: AnyRequest, desk: Desk, calls: Calls, live: Live) -> Here:
    found = await here(alias, request, desk, calls, live)
    found.must_run()
    return found
