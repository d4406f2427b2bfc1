"""`/api/admin/command/v1/…`: things to be done now."""

from typing import Any, TypeVar

from litestar import Controller, post
from litestar.response import Response

from proto.conference import (
    Admit,
    Lock,
    MuteGuests,
    MuteParticipant,
    SetRole,
    TransformLayout,
)
from services.gateway.core.requests import (
    DialRequest,
    OfConference,
    OfParticipant,
    RoleRequest,
    TransferRequest,
    read,
)
from services.gateway.core.transforms import TransformRequest, transforms
from services.gateway.given import TheCalls, TheLive
from services.gateway.live import Live
from services.gateway.problems import AnyRequest, Problem, json

T = TypeVar("T")


class ParticipantCommands(Controller):
    path = "/api/admin/command/v1/participant"

    @post("/dial")
    async def dial(self, request: AnyRequest, calls: TheCalls) -> Response[bytes]:
        wanted = await _read(request, DialRequest, "participant")
        return _success({"participant_id": await calls.dial(wanted)})

    @post("/disconnect")
    async def disconnect(
        self, request: AnyRequest, calls: TheCalls, live: TheLive
    ) -> Response[bytes]:
        wanted = await _read(request, OfParticipant, "participant")
        await calls.leave(_where(live, wanted.participant_id), wanted.participant_id)
        return _success()

    @post("/mute")
    async def mute(self, request: AnyRequest, calls: TheCalls, live: TheLive) -> Response[bytes]:
        who = (await _read(request, OfParticipant, "participant")).participant_id
        await calls.tell(MuteParticipant(_where(live, who), who, True), PARTICIPANT)
        return _success()

    @post("/unmute")
    async def unmute(self, request: AnyRequest, calls: TheCalls, live: TheLive) -> Response[bytes]:
        who = (await _read(request, OfParticipant, "participant")).participant_id
        await calls.tell(MuteParticipant(_where(live, who), who, False), PARTICIPANT)
        return _success()

    @post("/unlock")
    async def unlock(self, request: AnyRequest, calls: TheCalls, live: TheLive) -> Response[bytes]:
        """Let somebody in who waits before a locked conference, or for a Host."""
        who = (await _read(request, OfParticipant, "participant")).participant_id
        await calls.tell(Admit(_where(live, who), who), PARTICIPANT)
        return _success()

    @post("/role")
    async def role(self, request: AnyRequest, calls: TheCalls, live: TheLive) -> Response[bytes]:
        wanted = await _read(request, RoleRequest, "participant")
        who = wanted.participant_id
        await calls.tell(SetRole(_where(live, who), who, wanted.role), PARTICIPANT)
        return _success()

    @post("/transfer")
    async def transfer(
        self, request: AnyRequest, calls: TheCalls, live: TheLive
    ) -> Response[bytes]:
        """Move somebody to another conference, where they are another participant."""
        wanted = await _read(request, TransferRequest, "participant")
        key = _where(live, wanted.participant_id)
        return _success({"participant_id": await calls.transfer(key, wanted)})


class ConferenceCommands(Controller):
    path = "/api/admin/command/v1/conference"

    @post("/disconnect")
    async def disconnect(
        self, request: AnyRequest, calls: TheCalls, live: TheLive
    ) -> Response[bytes]:
        await calls.end(await _running(request, live))
        return _success()

    @post("/lock")
    async def lock(self, request: AnyRequest, calls: TheCalls, live: TheLive) -> Response[bytes]:
        await calls.tell(Lock(await _running(request, live), True), CONFERENCE)
        return _success()

    @post("/unlock")
    async def unlock(self, request: AnyRequest, calls: TheCalls, live: TheLive) -> Response[bytes]:
        await calls.tell(Lock(await _running(request, live), False), CONFERENCE)
        return _success()

    @post("/mute_guests")
    async def mute(self, request: AnyRequest, calls: TheCalls, live: TheLive) -> Response[bytes]:
        await calls.tell(MuteGuests(await _running(request, live), True), CONFERENCE)
        return _success()

    @post("/unmute_guests")
    async def unmute(self, request: AnyRequest, calls: TheCalls, live: TheLive) -> Response[bytes]:
        await calls.tell(MuteGuests(await _running(request, live), False), CONFERENCE)
        return _success()

    @post("/transform_layout")
    async def transform(
        self, request: AnyRequest, calls: TheCalls, live: TheLive
    ) -> Response[bytes]:
        wanted = await _read(request, TransformRequest, "conference")
        key = _instance(live, wanted.conference_id)
        await calls.tell(TransformLayout(key, transforms(wanted)), CONFERENCE)
        return _success()


PARTICIPANT = {"participant": "participant_id", "conference": "participant_id"}
CONFERENCE = {"conference": "conference_id"}
"""What the caller named what the command names."""


async def _running(request: AnyRequest, live: Live) -> str:
    wanted = await _read(request, OfConference, "conference")
    return _instance(live, wanted.conference_id)


def _instance(live: Live, instance: str) -> str:
    """The key of the conference whose running instance has this id. Raises Problem."""
    for view in live.running():
        if view.instance == instance:
            return view.conference
    raise Problem({"conference_id": ["No such conference is running."]}, "conference")


def _where(live: Live, participant: str) -> str:
    """The key of the conference that the participant is in. Raises Problem."""
    found = live.find(participant)
    if found is None:
        raise Problem({"participant_id": ["There is no such participant."]}, "participant")
    return found[0].conference


async def _read(request: AnyRequest, kind: type[T], resource: str) -> T:
    wanted = read(await request.body(), kind)
    if isinstance(wanted, dict):
        raise Problem(wanted, resource)
    return wanted


def _success(data: dict[str, Any] | None = None) -> Response[bytes]:
    return json({"status": "success", **({"data": data} if data else {})})
