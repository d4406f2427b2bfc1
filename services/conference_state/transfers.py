"""Transfers carried out: in there first, out here then.

Every step may be done again, by whichever replica hears of the request next, so that a crash
between any two of them leaves nobody in both conferences, and nobody in none.
"""

from collections.abc import Awaitable, Callable

import structlog

from kit.kv import Bucket
from kit.vault import copied
from proto.base import Refused, Reply
from proto.conference import (
    ConferenceCommand,
    Join,
    Leave,
    Origin,
    SettleTransfer,
    TransferRequested,
)
from proto.urls import SealedUrl, secrets_of
from proto.views import ConferenceView, ParticipantView
from services.conference_state import core

log = structlog.get_logger()


class Busy(Exception):
    """Other writers were faster, again and again."""


class Transfers:
    def __init__(
        self,
        tell: Callable[[ConferenceCommand], Awaitable[Reply]],
        look: Callable[[str], Awaitable[ConferenceView]],
        secrets: Bucket,
    ) -> None:
        self._tell = tell
        self._look = look
        self._secrets = secrets

    async def carry(self, here: str, asked: TransferRequested) -> None:
        """Do what is left to be done. Raises Busy to be told again."""
        person = (await self._look(here)).find(asked.participant)
        if person is not None and _wanted(person, asked):
            refused = await self._bring(here, person, asked)
            if refused is None:
                await self._let_go(here, asked)
            else:
                log.info("transfer refused", code=refused.code)
                who, successor = asked.participant, asked.successor
                await self._told(SettleTransfer(here, who, successor, refused.code, refused.reason))
        if (await self._look(asked.target)).find(asked.successor) is None:
            # Not let in, or gone again: there is nobody whose departure would delete these.
            for secret in secrets_of(asked.successor):
                await self._secrets.delete(secret)

    async def _bring(
        self, here: str, person: ParticipantView, asked: TransferRequested
    ) -> Refused | None:
        """Have them let in there, unless they have been already; why they are not."""
        bucket, who = self._secrets, asked.successor
        media = await copied(bucket, person.media, who, "media")
        presentation = await copied(bucket, person.presentation, who, "presentation")
        if _lost(person.media, media) or _lost(person.presentation, presentation):
            return Refused("gone", "the participant left meanwhile")
        return await self._told(
            Join(
                asked.target,
                asked.successor,
                person.display_name,
                asked.instance,
                asked.role,
                media,
                presentation,
                # Whoever is here by their browser is there by it, too; all others are read.
                protocol="webrtc" if person.by_call() else "",
                called=person.called if person.by_call() else "",
                origin=Origin(here, asked.participant),
            )
        )

    async def _let_go(self, here: str, asked: TransferRequested) -> None:
        who, successor = asked.participant, asked.successor
        if await self._told(SettleTransfer(here, who, successor)) is not None:
            # It has been told meanwhile that they stay, and that must remain true.
            await self._told(Leave(asked.target, successor, core.TRANSFERRED))

    async def _told(self, command: ConferenceCommand) -> Refused | None:
        reply = await self._tell(command)
        if not isinstance(reply, Refused):
            return None
        if reply.code == "busy":
            raise Busy(command.conference)
        return reply


def _wanted(person: ParticipantView, asked: TransferRequested) -> bool:
    """Whether the transfer is still undecided, and not another one than this."""
    known = person.transfer
    return known is not None and known.pending() and known.successor == asked.successor


def _lost(before: SealedUrl | None, after: SealedUrl | None) -> bool:
    return before is not None and after is None
