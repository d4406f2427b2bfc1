"""Who knocks: PINs, tokens, and what all endpoints of the client API have in common."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import structlog
from litestar import Response
from litestar.di import NamedDependency

from kit.vault import Vault
from proto.base import Refused
from proto.config import Conference
from proto.views import ConferenceView, ParticipantView
from services.gateway.calls import Calls
from services.gateway.core.client_requests import NO_PIN
from services.gateway.core.incoming import NO_GATEWAY
from services.gateway.core.requests import read
from services.gateway.core.rights import Deed, objection
from services.gateway.core.throttle import Throttle
from services.gateway.core.tickets import Ticket
from services.gateway.live import Live
from services.gateway.media_calls import MediaCalls
from services.gateway.problems import AnyRequest, Problem, json
from services.gateway.seats import Seats

log = structlog.get_logger()

T = TypeVar("T")

INVALID_TOKEN = "Invalid token"
INVALID_PIN = "Invalid PIN"

TRIES = 10
"""Wrong PINs of one address for one conference at once."""

PAUSE = 10.0
"""Seconds until one more."""

KNOWN_SOON = 1.0
"""Seconds in which every gateway knows of somebody who has come in through another."""


class ClientRefused(Exception):
    """In the words of the client API."""

    def __init__(self, status: int, result: str, *, wait: int = 0) -> None:
        self.status = status
        self.result = result
        self.wait = wait
        super().__init__(result)


class PinWanted(Exception):
    """Not a refusal: the caller has not been asked yet."""

    def __init__(self, guest_pin: bool) -> None:
        self.guest_pin = guest_pin
        super().__init__()


class Caller(NamedTuple):
    """Somebody who takes part, and has shown it."""

    alias: str
    view: ConferenceView
    person: ParticipantView

    @property
    def who(self) -> str:
        return self.person.participant

    @property
    def conference(self) -> str:
        return self.view.conference

    def must(self, deed: Deed, whom: str = "") -> None:
        """Raises ClientRefused."""
        if why := objection(self.view, self.person, deed, whom):
            raise ClientRefused(403, why)

    def find(self, participant: str) -> ParticipantView:
        found = self.view.find(participant)
        if found is None:
            raise ClientRefused(404, "There is no such participant.")
        return found


class Door:
    def __init__(
        self,
        vault: Vault,
        live: Live,
        calls: Calls,
        seats: Seats,
        media: MediaCalls,
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        """`now` is the time of day in seconds since 1970; `clock` never goes back."""
        self.live = live
        self.calls = calls
        self.seats = seats
        self.media = media
        self.now = now
        self._vault = vault
        self._clock = clock
        self._pins = Throttle(TRIES, PAUSE)

    def conference(self, alias: str) -> Conference:
        try:
            return self.calls.conference(alias)
        except Problem:
            raise ClientRefused(404, NO_GATEWAY) from None

    async def enter(
        self, alias: str, display_name: str, pin: str | None, address: str
    ) -> tuple[str, str]:
        """The new participant's id, and their token."""
        conference = self.conference(alias)
        if pin is None and conference.pin:
            raise PinWanted(conference.allow_guests and bool(conference.guest_pin))
        given = "" if pin in (None, NO_PIN) else str(pin)
        if len(given) > 20:
            raise ClientRefused(403, INVALID_PIN)
        key = f"{address} {conference.key}"
        if wait := self._pins.take(key, self._clock()):
            log.warning("too many wrong PINs", conference=conference.key)
            raise ClientRefused(429, "Too many wrong PINs; wait.", wait=wait)
        try:
            participant = await self.calls.enter(conference, display_name, given, alias)
        except Problem as exc:
            if exc.status == 403:
                raise ClientRefused(403, INVALID_PIN) from None
            self._pins.give_back(key, self._clock())
            raise
        self._pins.give_back(key, self._clock())
        return participant, await self.seat(conference.key, participant)

    async def seat(self, conference: str, participant: str) -> str:
        """A token for them, from now on."""
        await self.seats.keep(conference, participant)
        return Ticket.issue(conference, participant, self.now()).text(self._vault.sign)

    async def caller(self, alias: str, request: AnyRequest, *, by_query: bool = False) -> Caller:
        """Raises ClientRefused."""
        text = request.headers.get("token", "")
        if by_query and not text:
            text = request.query_params.get("token", "")
        ticket = Ticket.read(text, self._vault.is_signed, self.now())
        if ticket is None or self.conference(alias).key != ticket.conference:
            raise ClientRefused(403, INVALID_TOKEN)
        view = await self._view(ticket)
        person = view.find(ticket.participant) if view is not None else None
        if view is None or person is None:
            raise ClientRefused(403, INVALID_TOKEN)
        return Caller(alias, view, person)

    async def _view(self, ticket: Ticket) -> ConferenceView | None:
        loop = asyncio.get_running_loop()
        until = loop.time() + KNOWN_SOON
        while True:
            seen = self.live.changes
            if self.live.present(ticket.conference, ticket.participant) is not None:
                return self.live.views[ticket.conference]
            left = until - loop.time()
            if left <= 0 or not await self.live.news(seen, left):
                return None


TheDoor = NamedDependency[Door]


def success(result: Any) -> Response[bytes]:
    return json({"status": "success", "result": result})


async def body(request: AnyRequest, kind: type[T]) -> T:
    """Raises ClientRefused."""
    wanted = read(await request.body() or b"{}", kind)
    if isinstance(wanted, dict):
        field, sentences = next(iter(wanted.items()))
        raise ClientRefused(400, f"{field}: {sentences[0]}")
    return wanted


def refused(answer: Refused) -> ClientRefused:
    """What a mixer says no with."""
    status = {"unknown": 404, "waiting": 403, "offer": 400}.get(answer.code, 503)
    return ClientRefused(status, f"{answer.reason[:1].upper()}{answer.reason[1:]}.")


def client_refused(_: AnyRequest, exc: ClientRefused) -> Response[bytes]:
    headers = {"Retry-After": str(exc.wait)} if exc.wait else None
    return json({"status": "failed", "result": exc.result}, exc.status, headers)


def pin_wanted(_: AnyRequest, exc: PinWanted) -> Response[bytes]:
    guest = "required" if exc.guest_pin else "none"
    return json({"status": "success", "result": {"pin": "required", "guest_pin": guest}}, 403)
