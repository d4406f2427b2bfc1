"""The configured conferences, always as they are now, in the words of the core."""

from collections import defaultdict

import msgspec
import structlog

from kit.kv import Watch
from proto.config import AutomaticParticipant, Conference, Global
from proto.layouts import CLIENT_NAMES
from proto.subjects import is_gateway_call
from proto.urls import SealedUrl
from services.conference_state.core import Automatic, Vmr

log = structlog.get_logger()

DEFAULTS = Global(max_callrate_out=None)
"""While nothing is set. Pexip's limit of the bit rate, less than our full HD, holds once it is."""


class Vmrs:
    """Follows KV `config`."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._conferences: dict[int, Conference] = {}
        self._automatic: defaultdict[int, dict[int, AutomaticParticipant]] = defaultdict(dict)
        "By conference, then by id."
        self._global = DEFAULTS
        self._keys: dict[int, str] = {}
        self._by_key: dict[str, Vmr] = {}
        self._gateway = gateway_call(DEFAULTS)

    def find(self, key: str) -> Vmr | None:
        """What holds for a conference, or for any gateway call; None: nothing has this key."""
        return self._gateway if is_gateway_call(key) else self._by_key.get(key)

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    async def follow(self) -> None:
        async for key, value, _ in self._watch.entries():
            kind, _, ident = key.rpartition(".")
            if kind in ("conference", "automatic_participant", "global") and ident.isdigit():
                try:
                    changed = self._take(kind, int(ident), value)
                except msgspec.MsgspecError:
                    log.error("cannot read what is configured", key=key)
                else:
                    for number in changed:
                        self._work_out(number)

    def _take(self, kind: str, ident: int, value: bytes | None) -> list[int]:
        """Keep what is configured; returns the conferences that this is about."""
        match kind:
            case "conference":
                self._conferences.pop(ident, None)
                if value is not None:
                    self._conferences[ident] = msgspec.json.decode(value, type=Conference)
                return [ident]
            case "automatic_participant":
                before = [n for n, known in self._automatic.items() if known.pop(ident, None)]
                if value is None:
                    return before
                automatic = msgspec.json.decode(value, type=AutomaticParticipant)
                for number in automatic.conference:
                    self._automatic[number][ident] = automatic
                return [*before, *automatic.conference]
            case _:
                self._global = msgspec.json.decode(value, type=Global) if value else DEFAULTS
                self._gateway = gateway_call(self._global)
                return list(self._conferences)

    def _work_out(self, number: int) -> None:
        self._by_key.pop(self._keys.pop(number, ""), None)
        conference = self._conferences.get(number)
        if conference is not None:
            self._keys[number] = conference.key
            automatic = self._automatic[number]
            self._by_key[conference.key] = effective(
                conference, self._global, [automatic[ident] for ident in sorted(automatic)]
            )


def effective(
    conference: Conference, general: Global, automatic: list[AutomaticParticipant]
) -> Vmr:
    """What holds for a conference: its own settings, and where it has none the global ones."""
    return Vmr(
        conference.name,
        CLIENT_NAMES[conference.host_view],
        conference.max_pixels_per_second or general.max_pixels_per_second,
        conference.participant_limit,
        conference.service_type,
        conference.pin,
        conference.guest_pin,
        conference.allow_guests,
        CLIENT_NAMES[conference.guest_view] if conference.service_type == "lecture" else "",
        conference.guests_can_present,
        conference.guests_can_see_guests,
        conference.mute_all_guests,
        conference.crypto_mode or general.crypto_mode,
        conference.max_callrate_out or general.max_callrate_out,
        general.enable_dialout,
        general.enable_rtmp,
        general.guests_only_timeout,
        general.waiting_for_chair_timeout,
        general.eject_last_participant_backstop_timeout,
        tuple(_automatic(a, sealed) for a in automatic if (sealed := a.sealed_alias) is not None),
        conference.enable_overlay_text,
        conference.enable_active_speaker_indication,
        conference.call_type,
    )


def gateway_call(general: Global) -> Vmr:
    """What holds for a gateway call where its rule says nothing."""
    return Vmr(
        "",
        quality=general.max_pixels_per_second,
        service_type="gateway",
        crypto_mode=general.crypto_mode,
        max_callrate_out=general.max_callrate_out,
        enable_dialout=general.enable_dialout,
        enable_rtmp=general.enable_rtmp,
    )


def _automatic(a: AutomaticParticipant, alias: SealedUrl) -> Automatic:
    return Automatic(
        a.id,
        a.remote_display_name,
        alias,
        a.sealed_presentation,
        a.protocol,
        a.routing,
        a.system_location or "",
        a.role,
        a.streaming,
        a.keep_conference_alive,
        a.retry == "backoff",
    )
