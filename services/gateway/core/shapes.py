"""Views as the APIs show them."""

from collections.abc import Iterable
from typing import Any

import msgspec

from proto.config import Conference
from proto.mixer import LayoutChanged
from proto.urls import SealedUrl
from proto.views import ConferenceView, ParticipantView


def conference(
    configured: Conference | None,
    view: ConferenceView | None,
    key: str = "-",
) -> dict[str, Any]:
    """A conference in our own API: what is configured and what is going on, in one."""
    if view is None and configured is not None:
        view = ConferenceView(configured.key, 0, service_type=configured.service_type)
    view = view or ConferenceView(key, 0)
    return {
        "conference": view.conference,
        "name": configured.name if configured else view.name,
        "aliases": [a.alias for a in configured.aliases] if configured else [],
        "service_type": view.service_type,
        "version": view.version,
        "running": view.running,
        "instance": view.instance,
        "started_at": _time(view.started_at),
        "ended_at": _time(view.ended_at),
        "end_reason": view.end_reason,
        "layout": view.layout,
        "transforms": msgspec.to_builtins(view.transforms),
        "presenter": view.presenter,
        "streaming": view.streaming,
        "participants": [participant(view, p) for p in view.participants],
    }


def participant(view: ConferenceView, one: ParticipantView) -> dict[str, Any]:
    return {
        "participant": one.participant,
        "display_name": one.display_name,
        "role": "host" if one.role == "chair" else "guest",
        "state": one.state,
        "detail": one.detail,
        "joined_at": _time(one.joined_at),
        "presenting": view.presenter == one.participant,
        "is_streaming": one.is_streaming,
        "encrypted": one.encrypted,
        "media": _url(one.media),
        "presentation": _url(one.presentation),
        "destination": _url(one.destination),
        "protocol": one.protocol or None,
        "called": one.called or None,
        "location": one.location or None,
    }


def layout(stage: Iterable[str], layouts: Iterable[LayoutChanged]) -> dict[str, Any]:
    """Who is heard, and who is where in each feed."""
    return {
        "stage": list(stage),
        "layouts": [
            {
                "content": change.feed.content,
                "streaming": change.feed.streaming,
                "view": change.view,
                "slots": msgspec.to_builtins(change.slots),
            }
            for change in layouts
        ],
    }


def _url(url: SealedUrl | None) -> dict[str, str] | None:
    if url is None:
        return None
    return {"url": url.redacted, "scheme": url.scheme, "fingerprint": url.fingerprint}


def _time(at: Any) -> str | None:
    return None if at is None else str(msgspec.to_builtins(at))
