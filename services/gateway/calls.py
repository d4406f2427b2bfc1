"""Commands to conference_state: URLs sealed first, nothing left behind if the answer is no."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import structlog
from nats.aio.client import Client

from kit.bus import Unanswered, ask
from kit.follow import OUTAGES
from kit.urls import MAX_URL, beside, check_stream_url, redact
from kit.vault import Vault
from proto.base import Accepted, Refused, decode_reply
from proto.conference import (
    ConferenceCommand,
    Dial,
    EndConference,
    Join,
    Leave,
    Role,
    StartPresenting,
    StopPresenting,
    Transfer,
)
from proto.config import Conference
from proto.media import picture_options
from proto.subjects import conference_commands, is_gateway_call
from proto.urls import RECORD, Delivery, Purpose, SealedUrl
from services.gateway.core.incoming import CallRequest
from services.gateway.core.relations import location_name
from services.gateway.core.requests import (
    ROLES,
    DialRequest,
    JoinRequest,
    RecordRequest,
    TransferRequest,
)
from services.gateway.live import Live
from services.gateway.media import wrong_with
from services.gateway.problems import Problem
from services.gateway.store import Store, Unavailable
from services.gateway.workers import Workers

log = structlog.get_logger()

SETTLE = 2.0
"""Seconds in which a conference that was configured just now becomes known to conference_state."""

SETTLE_PAUSE = 0.05
"""Seconds between two tries within that."""

CARRIED = 10.0
"""Seconds for a transfer: it takes milliseconds, or a crash and what that takes to be noticed."""

FRESH = 1.0
"""Seconds to wait for the view that shows what a command did."""


class Calls:
    """Only what needs more than a command has a method of its own here."""

    def __init__(
        self,
        nc: Client,
        vault: Vault,
        store: Store,
        live: Live,
        workers: Workers,
        *,
        new_id: Callable[[], str],
        allow_files: bool,
    ) -> None:
        self._nc = nc
        self._vault = vault
        self._store = store
        self._live = live
        self._workers = workers
        self._new_id = new_id
        self._allow_files = allow_files

    async def dial(self, request: DialRequest) -> str:
        """Call a streaming service; the new participant's id."""
        conference = self._store.now.by_alias(request.conference_alias)
        if conference is None:
            raise _bad("conference_alias", "No conference has this alias.")
        _check_addresses(request)
        location = await self._location(request.system_location)
        node = await self._node(request.node) if request.routing == "manual" else ""
        participant = self._new_id()
        async with self._nothing_left_behind(participant):
            command = Dial(
                conference.key,
                participant,
                await self._destination(request, participant),
                self._new_id(),
                request.remote_display_name,
                routing=request.routing,
                location=location,
                role=request.role,
                streaming=request.streaming,
                keep_conference_alive=request.keeps_alive(),
                presentation_destination=await self._presentation(request, participant),
                picture=picture_options(request),
                node=node,
            )
            await self.tell(command, DIALLED, settle=SETTLE)
        return participant

    async def record(self, conference: Conference, request: RecordRequest) -> str:
        """Keep what the conference shows; the id of the recording's participant."""
        main = f"{RECORD}://{request.name}"
        if reason := check_stream_url(main):
            raise Problem({"name": [f"This {reason}."]}, "recording")
        second = beside(main, f"{RECORD}://") if request.slides else None
        participant = self._new_id()
        async with self._nothing_left_behind(participant):
            command = Dial(
                conference.key,
                participant,
                await self._vault.put(main, participant, "destination"),
                self._new_id(),
                request.display_name or "Recording",
                routing="manual",
                presentation_destination=await self._seal(second, participant, "presentation"),
            )
            await self.tell(command, {}, settle=SETTLE)
        return participant

    async def _destination(self, request: DialRequest, participant: str) -> SealedUrl:
        """The address, sealed, with how it is to be pushed to if that is not as usual."""
        url = await self._vault.put(request.destination, participant, "destination")
        delivery = Delivery(
            request.tls_verify,
            request.tls_ca,
            await self._seal(request.backup_url or None, participant, "backup"),
            request.backup_mode,
            request.codec,
            request.codec_unconfirmed,
        )
        return url if delivery == Delivery() else msgspec.structs.replace(url, delivery=delivery)

    async def _presentation(self, request: DialRequest, participant: str) -> SealedUrl | None:
        """The same for the second leg, which has no spare address."""
        second = beside(request.destination, request.presentation_url)
        url = await self._seal(second or None, participant, "presentation")
        delivery = Delivery(
            request.tls_verify,
            request.tls_ca,
            codec=request.codec,
            codec_unconfirmed=request.codec_unconfirmed,
        )
        if url is None or delivery == Delivery():
            return url
        return msgspec.structs.replace(url, delivery=delivery)

    async def join(self, conference: Conference, request: JoinRequest) -> str:
        """Bring in somebody whose media is read from a URL; the new participant's id."""
        await self.check_media(request.media, request.presentation)
        return await self._join(conference, request, ROLES[request.role])

    async def call_in(self, conference: Conference, request: CallRequest, location: str) -> str:
        """Bring in somebody who calls, and whose PIN decides on their role; the new id."""
        await self.check_media(request.media, request.presentation)
        return await self._join(
            conference,
            request,
            "guest",
            pin=request.pin,
            protocol=request.protocol,
            called=redact(request.alias),
            location=location,
        )

    async def check_media(self, media: str | None, presentation: str | None) -> None:
        """Raises Problem if one of them cannot be read."""
        for field, url in {"media": media, "presentation": presentation}.items():
            if url is not None and (reason := await wrong_with(url, allow_files=self._allow_files)):
                raise _bad(field, f"The {field} {reason}.")

    async def _join(
        self, conference: Conference, request: JoinRequest | CallRequest, role: Role, **call: Any
    ) -> str:
        participant = self._new_id()
        async with self._nothing_left_behind(participant):
            command = Join(
                conference.key,
                participant,
                request.display_name,
                self._new_id(),
                role,
                await self._seal(request.media, participant, "media"),
                await self._seal(request.presentation, participant, "presentation"),
                request.presenting,
                **call,
            )
            await self.tell(command, {}, settle=SETTLE)
        return participant

    async def leave(self, conference: str, participant: str) -> None:
        await self.tell(Leave(conference, participant), {"participant": "participant_id"})

    async def transfer(self, conference: str, request: TransferRequest) -> str:
        """Move somebody to another conference; the new participant's id.

        They stay where they are until they have been let in there.
        """
        there = self._store.now.by_alias(request.conference_alias)
        if there is None:
            raise _bad("conference_alias", "No conference has this alias.")
        who, successor = request.participant_id, self._new_id()
        command = Transfer(
            conference, who, there.key, successor, self._new_id(), request.role, request.pin
        )
        await self.tell(command, TRANSFERRED, settle=SETTLE)
        until = asyncio.get_running_loop().time() + CARRIED
        while (left := until - asyncio.get_running_loop().time()) > 0:
            seen = self._live.changes
            person = self._live.present(conference, who)
            known = person.transfer if person else None
            if known is not None and known.successor == successor and known.code:
                raise _refused(Refused(known.code, known.reason, "target"), TRANSFERRED)
            if person is None and self._live.arrived(there.key, successor):
                return successor
            await self._live.news(seen, left)
        if self._live.present(conference, who) is None:
            raise _bad("participant_id", "The participant left meanwhile.")
        raise Unavailable

    async def present(self, conference: str, participant: str, *, on: bool) -> None:
        command = StartPresenting if on else StopPresenting
        await self.tell(command(conference, participant), {})

    async def end(self, conference: str, reason: str = "") -> None:
        command = EndConference(conference, reason) if reason else EndConference(conference)
        await self.tell(command, {"conference": "conference_id"})

    async def end_if_running(self, conference: str, reason: str) -> None:
        view = self._live.views.get(conference)
        if view is not None and view.running:
            await self.end(conference, reason)

    def conference(self, alias: str) -> Conference:
        """The configured conference with this alias or key."""
        found = self._store.now.by_alias(alias) or self._store.now.by_key(alias)
        if found is None:
            unknown = {"conference": ["There is no such conference."]}
            raise Problem(unknown, "conference", status=404)
        return found

    def alias_of(self, key: str) -> str:
        """By what a conference can be called; its key, if by nothing else."""
        found = self._store.now.by_key(key)
        return found.aliases[0].alias if found and found.aliases else key

    def find(self, alias: str) -> tuple[str, Conference | None]:
        """The key of a conference, or of a gateway call that is on or was lately; what of it is
        configured, if it is a conference."""
        if is_gateway_call(alias) and alias in self._live.views:
            return alias, None
        configured = self.conference(alias)
        return configured.key, configured

    async def _location(self, given: str) -> str:
        if not given:
            return ""
        name = location_name(given, self._store.now, await self._workers.locations())
        if name is None:
            raise _bad("system_location", "There is no such system location.")
        return name

    async def _node(self, given: str) -> str:
        alive = [worker for worker in await self._workers.alive() if worker.kind == "egress"]
        if given and not any(given in (worker.worker, worker.host) for worker in alive):
            raise _bad("node", "There is no such egress worker.")
        return given

    async def _seal(self, url: str | None, participant: str, purpose: Purpose) -> SealedUrl | None:
        return None if url is None else await self._vault.put(url, participant, purpose)

    def _nothing_left_behind(self, participant: str) -> AbstractAsyncContextManager[None]:
        """Whatever was sealed for somebody who does not get in after all is deleted again."""
        return self._vault.provisional(participant)

    async def tell(
        self, command: ConferenceCommand, names: dict[str, str], *, settle: float = 0.0
    ) -> None:
        """Send a command. Raises Problem, with the caller's name of the field, if refused."""
        refused = await self.ask(command, settle=settle)
        if refused is not None:
            raise _refused(refused, names)

    async def ask(self, command: ConferenceCommand, *, settle: float = 0.0) -> Refused | None:
        """Send a command; why it was refused, if it was."""
        subject = conference_commands(command.conference)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + settle
        while True:
            try:
                reply = decode_reply(await ask(self._nc, subject, command))
            except (Unanswered, *OUTAGES) as exc:
                raise Unavailable from exc
            if isinstance(reply, Accepted):
                await self._live.until(command.conference, reply.version, FRESH)
                return None
            unknown = reply.code == "unknown" and reply.field in ("conference", "target")
            if not unknown or loop.time() > deadline:
                return reply
            await asyncio.sleep(SETTLE_PAUSE)


DIALLED = {"conference": "conference_alias", "presentation_destination": "presentation_url"}
TRANSFERRED = {"target": "conference_alias", "participant": "participant_id"}
"""What the caller named what the command names."""


def _check_addresses(request: DialRequest) -> None:
    """Raises Problem. What a rule is to make an address of may be any text that is no address."""
    given = {"destination": request.destination, "presentation_url": request.presentation_url}
    if request.routing == "manual" and request.protocol != "rtmp":
        raise _bad("protocol", "Only rtmp can be dialled without a call routing rule.")
    for field, url in given.items():
        wanted = request.routing == "manual" and (url or field == "destination")
        if (wanted or "://" in url) and (reason := check_stream_url(url)):
            raise _bad(field, f"The {field} {reason}.")
    if request.backup_url and (reason := check_stream_url(request.backup_url)):
        raise _bad("backup_url", f"The backup_url {reason}.")
    for field, text in given.items():
        if not text.isprintable() or len(text) > MAX_URL:
            raise _bad(field, f"At most {MAX_URL} characters without control characters.")
    if not request.destination:
        raise _bad("destination", "This may not be empty.")


def _refused(reply: Refused, names: dict[str, str]) -> Exception:
    log.info("command refused", code=reply.code, field=reply.field)
    if reply.code in ("busy", "internal"):
        return Unavailable()
    field = names.get(reply.field, reply.field) or "__all__"
    sentence = f"{reply.reason[:1].upper()}{reply.reason[1:].rstrip('.')}."
    return Problem({field: [sentence]}, "participant", 403 if reply.code == "pin" else 400)


def _bad(field: str, sentence: str) -> Problem:
    return Problem({field: [sentence]}, "participant")
