"""Views as the APIs show them."""

from collections.abc import Iterable
from typing import Any

import msgspec

from proto.config import Conference
from proto.mixer import LayoutChanged
from proto.urls import SealedUrl
from proto.views import ConferenceView, ParticipantView

STATUS = "/api/admin/status/v1"


def conference_status(view: ConferenceView) -> dict[str, Any]:
    """One running conference in `status/v1/conference/`."""
    return {
        "id": view.instance,
        "name": view.name,
        "service_type": "conference",
        "start_time": _time(view.started_at),
        "is_started": True,
        "is_locked": False,
        "guests_muted": False,
        "tag": "",
        "resource_uri": f"{STATUS}/conference/{view.instance}/",
    }


def participant_status(view: ConferenceView, participant: ParticipantView) -> dict[str, Any]:
    """One participant in `status/v1/participant/`."""
    shown = participant.destination or participant.media
    url = shown.redacted if shown else ""
    calling = participant.destination is not None
    return {
        "id": participant.participant,
        "call_uuid": participant.participant,
        "conference": view.name,
        "display_name": participant.display_name,
        "protocol": "RTMP" if calling else "URL",
        "role": participant.role,
        "call_direction": "out" if calling else "in",
        "connect_time": _time(participant.joined_at) if participant.state == "connected" else None,
        "encryption": "On" if participant.encrypted else "Off",
        "is_streaming": participant.is_streaming,
        "is_recording": False,
        "is_transcribing": False,
        "is_presenting": view.presenter == participant.participant,
        "is_muted": False,
        "is_disconnect_supported": True,
        "is_mute_supported": False,
        "is_transfer_supported": False,
        "service_type": "conference",
        "source_alias": "" if calling else url,
        "destination_alias": url if calling else "",
        "participant_alias": url,
        "resource_uri": f"{STATUS}/participant/{participant.participant}/",
    }


def conference(
    configured: Conference | None,
    view: ConferenceView | None,
) -> dict[str, Any]:
    """A conference in our own API: what is configured and what is going on, in one."""
    assert configured is not None or view is not None
    view = view or ConferenceView(configured.key if configured else "-", 0)
    return {
        "conference": view.conference,
        "name": configured.name if configured else view.name,
        "aliases": [a.alias for a in configured.aliases] if configured else [],
        "version": view.version,
        "running": view.running,
        "instance": view.instance,
        "started_at": _time(view.started_at),
        "ended_at": _time(view.ended_at),
        "end_reason": view.end_reason,
        "layout": view.layout,
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
    }


def layout(stage: Iterable[str], layouts: Iterable[LayoutChanged]) -> dict[str, Any]:
    """Who is heard, and who is where in each feed."""
    return {
        "stage": list(stage),
        "layouts": [
            {
                "content": change.feed.content,
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
