"""A conference as a whole: coming in, what it is like, and what Hosts do with it."""

from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency

from proto.base import Refused
from proto.conference import Lock, MuteGuests, TransformLayout
from proto.layouts import ALL
from services.gateway.client_api.door import (
    Caller,
    ClientRefused,
    Door,
    TheDoor,
    body,
    refused,
    success,
)
from services.gateway.core import client
from services.gateway.core.client_requests import DialWanted, TokenWanted, TransformWanted
from services.gateway.core.ice import IceServer, Redacted, ice_servers
from services.gateway.core.tickets import LIFETIME
from services.gateway.core.transforms import transforms_of
from services.gateway.given import Word
from services.gateway.problems import AnyRequest
from services.gateway.snapshots import TheSnapshots, picture


class Ice(NamedTuple):
    """Ways for browsers to get to us."""

    stun: list[str]
    turn: list[str]
    secret: Redacted | None

    def servers(self, who: str, now: float) -> list[IceServer]:
        return ice_servers(self.stun, self.turn, self.secret, who, int(now))


TheIce = NamedDependency[Ice]

ROOT = "/api/client/v2/conferences/{alias:str}"


class ClientConference(Controller):
    path = ROOT

    @post("/request_token", status_code=200)
    async def request_token(
        self, alias: Word, request: AnyRequest, door: TheDoor, ice: TheIce
    ) -> Response[bytes]:
        wanted = await body(request, TokenWanted)
        address = request.client.host if request.client else ""
        pin = request.headers.get("pin")
        participant, token = await door.enter(alias, wanted.display_name, pin, address)
        conference = door.conference(alias)
        person = door.live.present(conference.key, participant)
        if person is None:
            raise ClientRefused(503, "The conference is not known yet; try again.")
        caller = Caller(alias, door.live.views[conference.key], person)
        return success(_let_in(caller, token, ice.servers(participant, door.now())))

    @post("/refresh_token", status_code=200)
    async def refresh_token(
        self, alias: Word, request: AnyRequest, door: TheDoor
    ) -> Response[bytes]:
        caller = await door.caller(alias, request)
        token = await door.seat(caller.conference, caller.who)
        role = _role(caller)
        return success({"token": token, "expires": str(LIFETIME), "role": role})

    @post("/release_token", status_code=200)
    async def release_token(
        self, alias: Word, request: AnyRequest, door: TheDoor
    ) -> Response[bytes]:
        # By query, too: a page that is being closed can send no headers.
        caller = await door.caller(alias, request, by_query=True)
        await door.calls.leave(caller.conference, caller.who)
        return success(True)

    @get("/conference_status")
    async def status(self, alias: Word, request: AnyRequest, door: TheDoor) -> Response[bytes]:
        caller = await door.caller(alias, request)
        return success(client.flags(caller.view, caller.person.role))

    @get("/participants")
    async def participants(
        self, alias: Word, request: AnyRequest, door: TheDoor
    ) -> Response[bytes]:
        caller = await door.caller(alias, request)
        return success(client.participants(caller.view, alias, path_of(alias), caller.person.role))

    @get("/available_layouts")
    async def layouts(self, alias: Word, request: AnyRequest, door: TheDoor) -> Response[bytes]:
        await door.caller(alias, request)
        return success([names.client for names in ALL])

    @post("/dial", status_code=200)
    async def dial(self, alias: Word, request: AnyRequest, door: TheDoor) -> Response[bytes]:
        await _host(alias, request, door)
        wanted = await body(request, DialWanted)
        if recording := wanted.recording():
            return success([await door.calls.record(door.conference(alias), recording)])
        return success([await door.calls.dial(wanted.request(alias))])

    @post(["/lock", "/unlock"], status_code=200)
    async def lock(self, alias: Word, request: AnyRequest, door: TheDoor) -> Response[bytes]:
        caller = await _host(alias, request, door)
        await door.calls.tell(Lock(caller.conference, _last(request) == "lock"), {})
        return success(True)

    @post("/start_conference", status_code=200)
    async def start(self, alias: Word, request: AnyRequest, door: TheDoor) -> Response[bytes]:
        """It starts with its first Host; that holds already."""
        await _host(alias, request, door)
        return success(True)

    @post(["/muteguests", "/unmuteguests"], status_code=200)
    async def mute_guests(self, alias: Word, request: AnyRequest, door: TheDoor) -> Response[bytes]:
        caller = await _host(alias, request, door)
        await door.calls.tell(MuteGuests(caller.conference, _last(request) == "muteguests"), {})
        return success(True)

    @post("/disconnect", status_code=200)
    async def disconnect(self, alias: Word, request: AnyRequest, door: TheDoor) -> Response[bytes]:
        caller = await _host(alias, request, door)
        await door.calls.end(caller.conference, "Conference terminated by another participant")
        return success(True)

    @post("/transform_layout", status_code=200)
    async def transform(self, alias: Word, request: AnyRequest, door: TheDoor) -> Response[bytes]:
        caller = await _host(alias, request, door)
        wanted = await body(request, TransformWanted)
        changed = transforms_of(wanted.transforms)
        await door.calls.tell(TransformLayout(caller.conference, changed), {})
        return success(True)

    @get(["/presentation.jpeg", "/presentation_high.jpeg", "/preview.jpeg"])
    async def snapshot(
        self, alias: Word, request: AnyRequest, door: TheDoor, snapshots: TheSnapshots
    ) -> Response[bytes]:
        caller = await door.caller(alias, request, by_query=True)
        kind: Any = _last(request).removesuffix(".jpeg")
        taken = await snapshots.take(caller.conference, kind)
        if isinstance(taken, Refused):
            if taken.code == "no-presentation":
                raise ClientRefused(404, "Nobody presents at the moment.")
            raise refused(taken)
        return picture(request, taken)


@get("/api/client/v2/status", sync_to_thread=False)
def client_status() -> Response[bytes]:
    """That there is somebody to talk to."""
    return success("OK")


def path_of(alias: str) -> str:
    """Where the participants of a conference are."""
    return f"{ROOT.replace('{alias:str}', alias)}/participants/"


def _last(request: AnyRequest) -> str:
    return request.url.path.rstrip("/").rpartition("/")[2]


async def _host(alias: str, request: AnyRequest, door: Door) -> Caller:
    caller = await door.caller(alias, request)
    caller.must("run")
    return caller


def _role(caller: Caller) -> str:
    return "HOST" if caller.person.role == "chair" else "GUEST"


def _let_in(caller: Caller, token: str, servers: list[IceServer]) -> dict[str, Any]:
    view, person = caller.view, caller.person
    turn = [one for one in servers if one.credential]
    stun = [{"url": url} for one in servers if not one.credential for url in one.urls]
    waits = person.state == "waiting"
    return {
        "token": token,
        "expires": str(LIFETIME),
        "participant_uuid": person.participant,
        "display_name": person.display_name,
        "role": _role(caller),
        "current_service_type": "waiting_room" if waits else view.service_type,
        "service_type": view.service_type,
        "conference_name": view.name,
        "service_name": view.name,
        "call_type": view.call_type,
        "chat_enabled": False,
        "guests_can_present": view.guests_can_present,
        "fecc_enabled": False,
        "rtmp_enabled": True,
        "vp9_enabled": False,
        "allow_1080p": False,
        "direct_media": False,
        "breakout_rooms": False,
        "call_tag": "",
        "analytics_enabled": False,
        "trickle_ice_enabled": True,
        "use_relay_candidates_only": False,
        "stun": stun,
        "turn": msgspec.to_builtins(turn),
        "version": {"version_id": version("rostrum"), "pseudo_version": version("rostrum")},
    }
