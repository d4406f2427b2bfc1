"""What there is to tell of a conference: its events, folded, and what each has changed.

The outcome depends on the log alone, so whoever tells it again tells the same, by the same ids.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from proto.conference import (
    AutomaticCallRefused,
    CallConnected,
    CallEnded,
    CallLegChanged,
    CallProgressed,
    CallRequested,
    ConferenceEnded,
    ConferenceEvent,
    ConferenceLocked,
    ConferenceStarted,
    GuestsMuted,
    OutsideReported,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantMuted,
    PresentationStarted,
    PresentationStopped,
    RoleChanged,
    SpotlightChanged,
)
from proto.webhooks import Notice
from services.webhooks.core import shapes
from services.webhooks.core.calls import called
from services.webhooks.core.fold import Fold, Said, derived, duration, without
from services.webhooks.core.shapes import ConferenceData, ParticipantData

replace = msgspec.structs.replace


def tell(fold: Fold, commit: Iterable[ConferenceEvent], version: int) -> tuple[Fold, list[Notice]]:
    """The conference after a commit, and what there is to tell of it."""
    notices: list[Notice] = []
    places = set(fold.locations)
    for event in commit:
        if isinstance(event, ConferenceStarted):
            places = set()
        after, special = evolve(fold, event)
        places |= _places(after)
        seen = after.facts or fold.facts
        for one in [*special, *_differences(fold, after, event)]:
            assert seen is not None
            after = replace(after, seq=after.seq + 1)
            ident = f"{seen.uuid[:50]}_{after.seq}"
            own = [place] if (place := one.data.get("system_location")) else []
            notices.append(
                Notice(
                    *(ident, one.type, event.at, fold.conference, seen.uuid, after.seq, one.data),
                    locations=own,
                )
            )
        fold = after
    everywhere = sorted(places)
    notices = [n if n.locations else replace(n, locations=everywhere) for n in notices]
    return replace(fold, version=version, locations=everywhere), notices


def _places(fold: Fold) -> set[str]:
    """Where anybody is, as far as that is known."""
    people = {one.system_location for one in fold.people.values()}
    return (people | {one.system_location for one in fold.streams.values()}) - {""}


def evolve(fold: Fold, event: ConferenceEvent) -> tuple[Fold, list[Said]]:
    """Fold one fact in; and what it says beyond how it changes conference and participants."""
    if isinstance(event, ConferenceStarted):
        facts = ConferenceData(
            event.name,
            event.service_type,
            event.at.timestamp(),
            guests_muted=event.guests_muted,
            uuid=event.instance,
        )
        started = Said("conference_started", msgspec.to_builtins(facts))
        return Fold(fold.conference, fold.version, fold.seq, facts), [started]
    if fold.facts is None:
        return fold, []  # Of a conference whose start is older than the log.
    match event:
        case ConferenceEnded(at=at, reason=reason):
            over = {"end_time": at.timestamp(), **duration(fold.facts.start_time, at)}
            data = {**msgspec.to_builtins(fold.facts), **over, "end_reason": reason}
            ended = Fold(fold.conference, fold.version, fold.seq)
            return ended, [Said("conference_ended", data)]
        case ConferenceLocked(on=on):
            return replace(fold, facts=replace(fold.facts, is_locked=on)), []
        case GuestsMuted(on=on):
            guests = {w: replace(p, is_muted=on) for w, p in fold.people.items() if _guest(p)}
            facts = replace(fold.facts, guests_muted=on)
            return replace(fold, facts=facts, people=fold.people | guests), []
        case (
            CallRequested() | CallProgressed() | CallConnected() | CallEnded() | CallLegChanged()
        ) as call:
            return called(fold, fold.facts, call)
        case AutomaticCallRefused(display_name=name, code=code, reason=reason):
            data = {
                "conference": fold.facts.name,
                "display_name": name,
                "automatic": event.automatic,
                "code": code,
                "reason": reason,
                "retry_time": event.retry_at.timestamp() if event.retry_at else None,
            }
            return fold, [Said("stream_refused", data)]
        case _:
            return derived(_person(fold, fold.facts, event)), []


def _person(fold: Fold, facts: ConferenceData, event: ConferenceEvent) -> Fold:
    match event:
        case ParticipantJoined(participant=who):
            return replace(fold, people=fold.people | {who: _joined(facts, event)})
        case ParticipantLeft(participant=who):
            return replace(fold, people=without(fold.people, who))
        case PresentationStarted(participant=who):
            fold = replace(fold, facts=replace(facts, presenter=who))
            people = {w: replace(p, is_presenting=w == who) for w, p in fold.people.items()}
            return replace(fold, people=people)
        case PresentationStopped(participant=who) if facts.presenter == who:
            fold = replace(fold, facts=replace(facts, presenter=""))
            people = {w: replace(p, is_presenting=False) for w, p in fold.people.items()}
            return replace(fold, people=people)
        case ParticipantAdmitted(participant=who):
            return _changed(fold, who, service_type=facts.service_type)
        case RoleChanged(participant=who, role=role):
            # Whoever is muted as a Guest is heard as a Host.
            muted = {"is_muted": role == "guest"} if facts.guests_muted else {}
            return _changed(fold, who, role=role, **muted)
        case ParticipantMuted(participant=who, on=on):
            return _changed(fold, who, is_muted=on)
        case SpotlightChanged(participant=who, on=on):
            return _changed(fold, who, spotlight=on)
        case OutsideReported(kind=kind, platform=platform, on=on):
            others = [one for one in fold.outside if one != f"{kind}.{platform}"]
            return replace(fold, outside=[*others, *([f"{kind}.{platform}"] if on else [])])
        case _:
            return fold


def _joined(facts: ConferenceData, event: ParticipantJoined) -> ParticipantData:
    return ParticipantData(
        event.participant,
        event.participant,
        event.participant,
        facts.name,
        event.display_name,
        event.role,
        shapes.protocol_of(event.protocol),
        "in",
        "waiting_room" if event.waiting else facts.service_type,
        event.at.timestamp(),
        source_alias=shapes.shown(event.media),
        destination_alias=event.called,
        has_media=event.media is not None,
        is_muted=facts.guests_muted and event.role == "guest",
        system_location=event.location,
        fingerprint=shapes.fingerprint(event.media),
    )


def _differences(before: Fold, after: Fold, event: ConferenceEvent) -> Iterable[Said]:
    """Who came, changed and went; and the conference, if it is otherwise than before."""
    for who, person in after.people.items():
        was = before.people.get(who)
        if was is None:
            yield Said("participant_connected", msgspec.to_builtins(person))
        elif changed := _changes(was, person):
            data = {**msgspec.to_builtins(person), "changed": changed}
            yield Said("participant_updated", data)
    for who, person in before.people.items():
        if who not in after.people and after.facts is not None:
            yield Said("participant_disconnected", _gone(person, event))
    if before.facts is not None and after.facts is not None:
        same = before.facts.uuid == after.facts.uuid
        if same and (changed := _changes(before.facts, after.facts)):
            data = {**msgspec.to_builtins(after.facts), "changed": changed}
            yield Said("conference_updated", data)


def _gone(person: ParticipantData, event: ConferenceEvent) -> dict[str, Any]:
    reason = event.reason if isinstance(event, ParticipantLeft | CallEnded) else ""
    over = {"end_time": event.at.timestamp(), **duration(person.connect_time, event.at)}
    return {**msgspec.to_builtins(person), **over, "disconnect_reason": reason}


def _changes(before: msgspec.Struct, after: msgspec.Struct) -> list[str]:
    names = before.__struct_fields__
    return [name for name in names if getattr(before, name) != getattr(after, name)]


def _changed(fold: Fold, who: str, **fields: Any) -> Fold:
    if who not in fold.people:
        return fold
    return replace(fold, people=fold.people | {who: replace(fold.people[who], **fields)})


def _guest(person: ParticipantData) -> bool:
    return person.role == "guest" and person.call_direction == "in"
