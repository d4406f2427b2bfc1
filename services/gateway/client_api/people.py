"""One participant: what is done to them, and the calls of their browser."""

from collections.abc import Callable

from litestar import Controller, Response, post

from proto.base import Refused
from proto.conference import Admit, ConferenceCommand, MuteParticipant, SetRole, SetSpotlight
from proto.mixer import AddCandidate, CallAnswered, ConnectCall, EndCall
from services.gateway.client_api.conference import ROOT
from services.gateway.client_api.door import (
    Caller,
    ClientRefused,
    Door,
    TheDoor,
    body,
    refused,
    success,
)
from services.gateway.core.client_requests import (
    HOST,
    CallWanted,
    CandidateWanted,
    RoleWanted,
    TransferWanted,
)
from services.gateway.core.requests import TransferRequest
from services.gateway.given import TheNewId, Word
from services.gateway.problems import AnyRequest

SIMPLE: dict[str, Callable[[str, str], ConferenceCommand]] = {
    "mute": lambda conference, who: MuteParticipant(conference, who, True),
    "unmute": lambda conference, who: MuteParticipant(conference, who, False),
    "spotlighton": lambda conference, who: SetSpotlight(conference, who),
    "spotlightoff": lambda conference, who: SetSpotlight(conference, who, False),
    "unlock": Admit,
}


class ClientPeople(Controller):
    path = f"{ROOT}/participants/{{participant:str}}"

    @post([f"/{deed}" for deed in SIMPLE], status_code=200)
    async def simple(
        self, alias: Word, participant: Word, request: AnyRequest, door: TheDoor
    ) -> Response[bytes]:
        deed = request.url.path.rstrip("/").rpartition("/")[2]
        caller = await door.caller(alias, request)
        # Whom a Host has muted, a Host unmutes.
        own = deed == "mute" and participant == caller.who
        caller.must("mute_oneself" if own else "manage", participant)
        caller.find(participant)
        await door.calls.tell(SIMPLE[deed](caller.conference, participant), {})
        return success(True)

    @post("/disconnect", status_code=200)
    async def disconnect(
        self, alias: Word, participant: Word, request: AnyRequest, door: TheDoor
    ) -> Response[bytes]:
        caller = await door.caller(alias, request)
        own = participant == caller.who
        caller.must("leave" if own else "manage", participant)
        caller.find(participant)
        await door.calls.leave(caller.conference, participant)
        return success(True)

    @post("/role", status_code=200)
    async def role(
        self, alias: Word, participant: Word, request: AnyRequest, door: TheDoor
    ) -> Response[bytes]:
        caller = await door.caller(alias, request)
        caller.must("manage", participant)
        caller.find(participant)
        wanted = await body(request, RoleWanted)
        await door.calls.tell(SetRole(caller.conference, participant, HOST[wanted.role]), {})
        return success(True)

    @post("/transfer", status_code=200)
    async def transfer(
        self, alias: Word, participant: Word, request: AnyRequest, door: TheDoor
    ) -> Response[bytes]:
        caller = await door.caller(alias, request)
        caller.must("manage", participant)
        caller.find(participant)
        wanted = await body(request, TransferWanted)
        asked = TransferRequest(participant, wanted.conference_alias, HOST[wanted.role], wanted.pin)
        await door.calls.transfer(caller.conference, asked)
        return success(True)

    @post(["/take_floor", "/release_floor"], status_code=200)
    async def floor(
        self, alias: Word, participant: Word, request: AnyRequest, door: TheDoor
    ) -> Response[bytes]:
        caller = await door.caller(alias, request)
        caller.must("present", participant)
        on = request.url.path.rstrip("/").endswith("take_floor")
        await door.calls.present(caller.conference, participant, on=on)
        return success(None)

    @post("/calls", status_code=200)
    async def call(
        self,
        alias: Word,
        participant: Word,
        request: AnyRequest,
        door: TheDoor,
        new_id: TheNewId,
    ) -> Response[bytes]:
        caller = await _self(alias, participant, request, door)
        wanted = await body(request, CallWanted)
        call = new_id()
        command = ConnectCall(caller.conference, caller.who, call, wanted.sdp, wanted.kind())
        answer = _answer(await door.media.ask(command, wait=True))
        return success({"call_uuid": call, "sdp": answer.sdp})

    @post("/calls/{call:str}/ack", status_code=200)
    async def ack(
        self, alias: Word, participant: Word, call: Word, request: AnyRequest, door: TheDoor
    ) -> Response[bytes]:
        """Media starts by itself when the connection is there."""
        del call
        await _self(alias, participant, request, door)
        return success(True)

    @post("/calls/{call:str}/new_candidate", status_code=200)
    async def candidate(
        self, alias: Word, participant: Word, call: Word, request: AnyRequest, door: TheDoor
    ) -> Response[bytes]:
        caller = await _self(alias, participant, request, door)
        wanted = await body(request, CandidateWanted)
        command = AddCandidate(
            caller.conference, caller.who, token(call), wanted.candidate, wanted.mid
        )
        _answer(await door.media.ask(command))
        return success(None)

    @post("/calls/{call:str}/update", status_code=200)
    async def update(
        self, alias: Word, participant: Word, call: Word, request: AnyRequest, door: TheDoor
    ) -> Response[bytes]:
        """Another offer for the same call; of the kind that it was made as."""
        caller = await _self(alias, participant, request, door)
        wanted = await body(request, CallUpdate)
        command = ConnectCall(caller.conference, caller.who, token(call), wanted.sdp, wanted.kind())
        answer = _answer(await door.media.ask(command))
        return success({"call_uuid": call, "sdp": answer.sdp})

    @post("/calls/{call:str}/disconnect", status_code=200)
    async def hang_up(
        self, alias: Word, participant: Word, call: Word, request: AnyRequest, door: TheDoor
    ) -> Response[bytes]:
        caller = await _self(alias, participant, request, door)
        _answer(await door.media.ask(EndCall(caller.conference, caller.who, token(call))))
        return success(None)


class CallUpdate(CallWanted, frozen=True):
    """As the call itself, whose kind has to be said again."""


def token(text: str) -> str:
    """An id out of a path. Raises ClientRefused."""
    if not text.replace("-", "").isalnum() or len(text) > 64 or not text.isascii():
        raise ClientRefused(404, "There is no such call.")
    return text


async def _self(alias: str, participant: str, request: AnyRequest, door: Door) -> Caller:
    caller = await door.caller(alias, request)
    if participant != caller.who:
        raise ClientRefused(403, "Calls are made by whom they are for.")
    return caller


def _answer(answer: CallAnswered | Refused) -> CallAnswered:
    if isinstance(answer, Refused):
        raise refused(answer)
    return answer
