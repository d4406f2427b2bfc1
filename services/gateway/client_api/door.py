"""In and out: tokens and PINs."""

from importlib import metadata

from litestar import Controller, get, post
from litestar.response import Response

from kit.urls import redact
from proto.base import Refused
from proto.conference import Join, Leave
from proto.config import Conference
from services.gateway.calls import SETTLE, Calls
from services.gateway.client_api.answers import (
    FULL,
    HANDLERS,
    INVALID_PIN,
    OUT,
    Failed,
    success,
)
from services.gateway.client_api.desk import Desk
from services.gateway.client_api.given import Door, TheDesk, TheDoor
from services.gateway.client_api.here import conference, here, stands
from services.gateway.core import tokens
from services.gateway.core.client_requests import ReleaseRequest, TokenRequest, read
from services.gateway.core.tokens import TokenRefreshed, Version
from services.gateway.given import TheCalls, TheLive, Word
from services.gateway.problems import AnyRequest, Problem

VERSION = Version(f"rostrum {metadata.version('rostrum')}")

NO_PIN = "none"
"""What is given for a PIN by a Guest who needs none."""

LONGEST_PIN = 20

NAMELESS = "Guest"

LEFT = "Participant left"

TOO_MANY = "Too many wrong PINs; wait."


class DoorController(Controller):
    path = "/api/client/v2"
    exception_handlers = HANDLERS

    @get("/status")
    async def status(self) -> Response[bytes]:
        return success()

    @post("/conferences/{alias:str}/request_token", status_code=200)
    async def request_token(
        self,
        alias: Word,
        request: AnyRequest,
        calls: TheCalls,
        live: TheLive,
        desk: TheDesk,
        door: TheDoor,
    ) -> Response[bytes]:
        wanted = conference(alias, calls)
        asked = read(await request.body(), TokenRequest)
        if isinstance(asked, dict):
            raise Problem(asked, "participant")
        pin = request.headers.get("pin")
        if pin is None and (prompt := tokens.pin_wanted(wanted, VERSION)):
            raise Failed(403, prompt, word="success")
        who = door.new_id()
        join = Join(
            wanted.key,
            who,
            asked.display_name.strip() or NAMELESS,
            door.new_id(),
            pin="" if pin in (None, NO_PIN) else pin,
            protocol="webrtc",
            called=redact(alias)[:250],
        )
        address = request.client.host if request.client else ""
        token = await _let_in(wanted, join, f"{address} {wanted.key}", calls, door, desk)
        found = stands(alias, wanted.key, who, live)
        if found is None:
            raise Failed(503, OUT)
        given = tokens.given(token, found.view, found.who, door.ways(who), VERSION)
        return success(given)

    @post("/conferences/{alias:str}/refresh_token", status_code=200)
    async def refresh_token(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        me = await here(alias, request, desk, calls, live, late=True)
        token = await desk.give(me.key, me.who.participant)
        return success(TokenRefreshed(token, tokens.role(me.who)))

    @post("/conferences/{alias:str}/release_token", status_code=200)
    async def release_token(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive, desk: TheDesk
    ) -> Response[bytes]:
        asked = read(await request.body(), ReleaseRequest)
        given = "" if isinstance(asked, dict) else asked.token
        me = await here(alias, request, desk, calls, live, in_query=True, given=given)
        await calls.tell(Leave(me.key, me.who.participant, LEFT), {})
        return success()


async def _let_in(
    wanted: Conference, join: Join, payer: str, calls: Calls, door: Door, desk: Desk
) -> str:
    """Have somebody let in, and noted before they are: their token. Raises Failed."""
    pin = join.pin or ""
    if wanted.pin and (wait := door.throttle.take(payer, door.clock())):
        raise Failed(429, TOO_MANY, wait=wait)
    if len(pin) > LONGEST_PIN:
        raise Failed(403, INVALID_PIN)
    token = await desk.give(join.conference, join.participant)
    refused = await calls.ask(join, settle=SETTLE)
    if refused is None or refused.code != "pin":
        door.throttle.give_back(payer, door.clock())
    if refused is not None:
        await desk.take_back(join.conference, join.participant)
        raise _no(refused)
    return token


def _no(refused: Refused) -> Failed:
    match refused.code:
        case "pin":
            return Failed(403, INVALID_PIN)
        case "full":
            return Failed(403, FULL)
        case "busy" | "internal":
            return Failed(503, OUT)
        case _:
            return Failed(403, refused.reason)
