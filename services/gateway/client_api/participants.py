"""What is done by somebody who is in, to themselves or to others who are."""

from litestar import Controller, post
from litestar.response import Response

from proto.conference import (
    Admit,
    ConferenceCommand,
    Leave,
    MuteParticipant,
    SetRole,
    SetSpotlight,
    StartPresenting,
    StopPresenting,
)
from services.gateway.client_api.answers import HANDLERS, Failed, success
from services.gateway.client_api.given import TheDesk, TheMedia
from services.gateway.client_api.here import Here, here
from services.gateway.core.client_endpoints import WITHOUT_EFFECT
from services.gateway.core.client_requests import (
    KINDS,
    ROLE,
    ClientRole,
    ClientTransfer,
    NewCall,
    NewCandidate,
    NewOffer,
    T,
    read,
)
from services.gateway.core.requests import TransferRequest
from services.gateway.core.rights import OfParticipant
from services.gateway.given import TheCalls, TheLive, Word
from services.gateway.problems import AnyRequest, Problem

PUT_OUT = "Disconnected by another participant"
LEFT = "Participant left"

SIMPLE: dict[str, OfParticipant] = {
    "disconnect": "disconnect",
    "mute": "mute",
    "unmute": "unmute",
    "spotlighton": "spotlighton",
    "spotlightoff": "spotlightoff",
    "unlock": "unlock",
    "take_floor": "take_floor",
    "release_floor": "release_floor",
}


class ParticipantController(Controller):
    path = "/api/client/v2/conferences/{alias:str}/participants/{participant:str}"
    exception_handlers = HANDLERS

    @post([f"/{name}" for name in SIMPLE], status_code=200)
    async def simple(
        self,
        alias: Word,
        participant: Word,
        request: AnyRequest,
        calls: TheCalls,
        live: TheLive,
        desk: TheDesk,
    ) -> Response[bytes]:
        what = SIMPLE[request.url.path.rstrip("/").rsplit("/", 1)[-1]]
        me = await here(alias, request, desk, calls, live)
        me.must(what, participant)
        await calls.tell(_command(me, what, participant), {})
        return success(None if what.endswith("floor") else True)

    @post([f"/{name}" for name in WITHOUT_EFFECT], status_code=200)
    async def nothing(
        self,
        alias: Word,
        participant: Word,
        request: AnyRequest,
        calls: TheCalls,
        live: TheLive,
        desk: TheDesk,
    ) -> Response[bytes]:
        me = await here(alias, request, desk, calls, live)
        me.must("disconnect", participant)
        return success()

    @post("/role", status_code=200)
    async def role(
        self,
        alias: Word,
        participant: Word,
        request: AnyRequest,
        calls: TheCalls,
        live: TheLive,
        desk: TheDesk,
    ) -> Response[bytes]:
        me = await here(alias, request, desk, calls, live)
        me.must("role", participant)
        wanted = _wanted(await request.body(), ClientRole)
        await calls.tell(SetRole(me.key, participant, ROLE[wanted.role]), {})
        return success()

    @post("/transfer", status_code=200)
    async def transfer(
        self,
        alias: Word,
        participant: Word,
        request: AnyRequest,
        calls: TheCalls,
        live: TheLive,
        desk: TheDesk,
    ) -> Response[bytes]:
        me = await here(alias, request, desk, calls, live)
        me.must("transfer", participant)
        asked = _wanted(await request.body(), ClientTransfer)
        role = ROLE[asked.role]
        wanted = TransferRequest(participant, asked.conference_alias, role, asked.pin)
        await calls.transfer(me.key, wanted)
        return success()

    @post("/calls", status_code=200)
    async def call(
        self,
        alias: Word,
        participant: Word,
        request: AnyRequest,
        calls: TheCalls,
        live: TheLive,
        desk: TheDesk,
        media: TheMedia,
    ) -> Response[bytes]:
        me = await here(alias, request, desk, calls, live)
        me.must("calls", participant)
        wanted = _wanted(await request.body(), NewCall)
        kind = KINDS[wanted.present]
        return success(await media.connect(me.key, participant, wanted.sdp, kind))

    @post("/calls/{call:str}/ack", status_code=200)
    async def ack(
        self,
        alias: Word,
        participant: Word,
        call: Word,
        request: AnyRequest,
        calls: TheCalls,
        live: TheLive,
        desk: TheDesk,
    ) -> Response[bytes]:
        """Media flows as soon as it can; nobody waits for this."""
        _owner(await here(alias, request, desk, calls, live), participant, call)
        return success()

    @post("/calls/{call:str}/new_candidate", status_code=200)
    async def candidate(
        self,
        alias: Word,
        participant: Word,
        call: Word,
        request: AnyRequest,
        calls: TheCalls,
        live: TheLive,
        desk: TheDesk,
        media: TheMedia,
    ) -> Response[bytes]:
        me = _owner(await here(alias, request, desk, calls, live), participant, call)
        wanted = _wanted(await request.body(), NewCandidate)
        await media.candidate(me.key, participant, call, wanted.candidate, wanted.mid)
        return success(None)

    @post("/calls/{call:str}/update", status_code=200)
    async def update(
        self,
        alias: Word,
        participant: Word,
        call: Word,
        request: AnyRequest,
        calls: TheCalls,
        live: TheLive,
        desk: TheDesk,
        media: TheMedia,
    ) -> Response[bytes]:
        me = _owner(await here(alias, request, desk, calls, live), participant, call)
        wanted = _wanted(await request.body(), NewOffer)
        kind = KINDS[wanted.present]
        return success(await media.offer(me.key, participant, call, wanted.sdp, kind))

    @post("/calls/{call:str}/disconnect", status_code=200)
    async def end(
        self,
        alias: Word,
        participant: Word,
        call: Word,
        request: AnyRequest,
        calls: TheCalls,
        live: TheLive,
        desk: TheDesk,
        media: TheMedia,
    ) -> Response[bytes]:
        me = _owner(await here(alias, request, desk, calls, live), participant, call)
        await media.end(me.key, participant, call)
        return success(None)


LONGEST_CALL = 64
NO_CALL = "There is no such call."


def _owner(me: Here, participant: str, call: str) -> Here:
    me.must("calls", participant)
    if len(call) > LONGEST_CALL or not call.replace("-", "").isalnum() or not call.isascii():
        raise Failed(404, NO_CALL)
    return me


def _command(me: Here, what: OfParticipant, whom: str) -> ConferenceCommand:
    own = whom == me.who.participant
    match what:
        case "disconnect":
            return Leave(me.key, whom, LEFT if own else PUT_OUT)
        case "mute" | "unmute":
            return MuteParticipant(me.key, whom, what == "mute")
        case "spotlighton" | "spotlightoff":
            return SetSpotlight(me.key, whom, what == "spotlighton")
        case "unlock":
            return Admit(me.key, whom)
        case "take_floor":
            return StartPresenting(me.key, whom)
        case _:
            return StopPresenting(me.key, whom)


def _wanted(body: bytes, kind: type[T]) -> T:
    found = read(body, kind)
    if isinstance(found, dict):
        raise Problem(found, "participant")
    return found
