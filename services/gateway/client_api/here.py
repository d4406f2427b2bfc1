"""Who makes a request: somebody who is in the conference now, by their token."""

import asyncio
from urllib.parse import quote

import msgspec

from proto.config import Conference
from proto.views import ConferenceView, ParticipantView
from services.gateway.calls import Calls
from services.gateway.client_api.answers import FORBIDDEN, INVALID_TOKEN, NOT_FOUND, Failed
from services.gateway.client_api.desk import Desk
from services.gateway.core import rights
from services.gateway.core.client import ClientParticipant, participants
from services.gateway.core.rights import OfParticipant
from services.gateway.live import Live
from services.gateway.problems import AnyRequest, Problem

ROOT = "/api/client/v2"

KNOWN_SOON = 1.0
"""Seconds in which every gateway knows of somebody who has come in through another."""


class Here(msgspec.Struct, frozen=True):
    """Somebody, and their conference as it is now."""

    alias: str
    "As they call it."
    view: ConferenceView
    who: ParticipantView

    @property
    def key(self) -> str:
        return self.view.conference

    def must_run(self) -> None:
        """Raises Failed unless they may do what is for Hosts."""
        if not rights.may_run(self.who):
            raise Failed(403, FORBIDDEN)

    def must(self, what: OfParticipant, whom: str) -> None:
        """Raises Failed unless they may do this about that participant, who is here."""
        if not rights.may(self.view, self.who, what, whom):
            raise Failed(403, FORBIDDEN)
        if self.view.find(whom) is None:
            raise Failed(404, "There is no such participant.")

    def people(self, live: Live) -> list[ClientParticipant]:
        """Whom they may know of: who waits sees nobody else."""
        path = f"{ROOT}/conferences/{quote(self.alias, safe='')}/participants/"
        shown = participants(
            self.view, self.alias, path, self.who.role, live.on_air(self.view.conference)
        )
        if self.who.state != "waiting":
            return shown
        return [one for one in shown if one.uuid == self.who.participant]


def conference(alias: str, calls: Calls) -> Conference:
    try:
        return calls.conference(alias)
    except Problem:
        raise Failed(404, NOT_FOUND) from None


async def here(
    alias: str,
    request: AnyRequest,
    desk: Desk,
    calls: Calls,
    live: Live,
    *,
    in_query: bool = False,
    given: str = "",
    late: bool = False,
) -> Here:
    """Whose token it is, if they are here. Raises Failed. `in_query`: for what cannot set headers;
    `given`: a token that came another way."""
    token = given or request.headers.get("token", "")
    if not token and in_query:
        token = request.query_params.get("token", "")
    shown = desk.shown(token, late=late)
    configured = conference(alias, calls)
    if shown is None or shown.conference != configured.key:
        raise Failed(403, INVALID_TOKEN)
    until = asyncio.get_running_loop().time() + KNOWN_SOON
    while True:
        changes = live.changes
        if found := stands(alias, configured.key, shown.participant, live):
            return found
        left = until - asyncio.get_running_loop().time()
        if left <= 0 or not await live.news(changes, left):
            raise Failed(403, INVALID_TOKEN)


def stands(alias: str, key: str, participant: str, live: Live) -> Here | None:
    """How things are with somebody now; None: they are not here by their browser any more."""
    view = live.views.get(key)
    person = view.find(participant) if view is not None and view.running else None
    if view is None or person is None or not person.by_call():
        return None
    return Here(alias, view, person)
