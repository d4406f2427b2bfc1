"""What a client is told of its conference, as events of Pexip's client API. Pure.

A client gets the whole of what has changed, never a difference, so that one that reads slowly may
be told the newest only.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from proto.mixer import LayoutChanged
from proto.views import ConferenceView
from services.gateway.core import shapes
from services.gateway.core.client import ClientParticipant, ConferenceFlags

Said = tuple[str, Any]
"""An event's name and its data."""


class Seen(msgspec.Struct, frozen=True):
    """All that one client may know at one moment."""

    people: dict[str, ClientParticipant]
    "In order of joining."
    flags: ConferenceFlags
    stage: list[dict[str, Any]] = []
    layout: dict[str, Any] | None = None
    presenter: str = ""


def seen(
    view: ConferenceView,
    people: Iterable[ClientParticipant],
    flags: ConferenceFlags,
    order: Sequence[str],
    levels: Mapping[str, int],
    layouts: Iterable[LayoutChanged],
) -> Seen:
    return Seen(
        {one.uuid: one for one in people},
        flags,
        shapes.stage(order, levels),
        _layout(view, layouts),
        view.presenter,
    )


def news(before: Seen | None, now: Seen) -> list[Said]:
    """What is to be told to whoever knows `before`; None: nothing yet."""
    told: list[Said] = []
    if before is None:
        told.append(("participant_sync_begin", None))
        told += [("participant_create", one) for one in now.people.values()]
        told.append(("participant_sync_end", None))
    else:
        told += _people(before, now)
    if before is None or before.flags != now.flags:
        told.append(("conference_update", now.flags))
    known = "" if before is None else before.presenter
    if now.presenter != known:
        told.append(_presentation(now))
    if now.stage and (before is None or before.stage != now.stage):
        told.append(("stage", now.stage))
    if now.layout and (before is None or before.layout != now.layout):
        told.append(("layout", now.layout))
    return told


def _people(before: Seen, now: Seen) -> Iterable[Said]:
    for uuid in before.people.keys() - now.people.keys():
        yield "participant_delete", {"uuid": uuid}
    for uuid, one in now.people.items():
        known = before.people.get(uuid)
        if known is None:
            yield "participant_create", one
        elif known != one:
            yield "participant_update", one


def _presentation(now: Seen) -> Said:
    who = now.people.get(now.presenter)
    if not now.presenter:
        return "presentation_stop", None
    name, uri = (who.display_name, who.uri) if who else ("", "")
    told = {"presenter_name": name, "presenter_uri": uri, "presenter_uuid": now.presenter}
    return "presentation_start", told


def _layout(view: ConferenceView, layouts: Iterable[LayoutChanged]) -> dict[str, Any] | None:
    """What people see: not what is made for streams, and not a presentation by itself."""
    shown = [one for one in layouts if one.feed.content != "presentation"]
    if not shown:
        return None
    best = min(shown, key=lambda one: (one.feed.streaming, one.feed.layout))
    asked = {"chair_layout": view.layout, "guest_layout": view.guest_layout or view.layout}
    return {
        "view": best.view,
        "participants": [slot.participant for slot in best.slots if slot.kind != "presentation"],
        "requested_layout": {"primary_screen": asked},
        "overlay_text_enabled": view.enable_overlay_text,
        "pres_slot_coords": None,
    }
