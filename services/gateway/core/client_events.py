"""What a browser is told as a conference changes, in the shapes of Pexip's client API. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from proto.conference import Role
from proto.views import ConferenceView
from services.gateway.core import client
from services.gateway.core.client import ClientParticipant


class Shown(NamedTuple):
    """What somebody has been told of."""

    flags: bytes = b""
    people: dict[str, ClientParticipant] = {}
    presenter: str = ""
    stage: bytes = b""
    layout: bytes = b""


Event = tuple[str, bytes]

NULL = b"null"


def shown(
    view: ConferenceView,
    alias: str,
    path: str,
    to: Role,
    stage: Sequence[dict[str, Any]],
    places: Sequence[str],
) -> Shown:
    """`stage` as it is told; `places`: who is where in the picture, the most prominent first."""
    people = {one.uuid: one for one in client.participants(view, alias, path, to)}
    return Shown(
        msgspec.json.encode(client.flags(view, to)),
        people,
        view.presenter,
        msgspec.json.encode(stage),
        msgspec.json.encode({"view": view.layout, "participants": places}),
    )


def everything(now: Shown) -> Iterator[Event]:
    """For somebody who knows nothing yet."""
    yield "participant_sync_begin", NULL
    for one in now.people.values():
        yield "participant_create", msgspec.json.encode(one)
    yield "participant_sync_end", NULL
    yield "conference_update", now.flags
    yield "stage", now.stage
    yield "layout", now.layout
    if now.presenter:
        yield _presentation(now)


def changes(before: Shown, now: Shown) -> Iterator[Event]:
    for uuid, one in now.people.items():
        known = before.people.get(uuid)
        if known is None:
            yield "participant_create", msgspec.json.encode(one)
        elif known != one:
            yield "participant_update", msgspec.json.encode(one)
    for uuid in before.people.keys() - now.people.keys():
        yield "participant_delete", msgspec.json.encode({"uuid": uuid})
    if before.flags != now.flags:
        yield "conference_update", now.flags
    if before.stage != now.stage:
        yield "stage", now.stage
    if before.layout != now.layout:
        yield "layout", now.layout
    if before.presenter != now.presenter:
        yield _presentation(now) if now.presenter else ("presentation_stop", NULL)


def _presentation(now: Shown) -> Event:
    one = now.people.get(now.presenter)
    told = {
        "presenter_name": one.display_name if one else "",
        "presenter_uri": one.uri if one else "",
        "presenter_uuid": now.presenter,
        "source": "video",
    }
    return "presentation_start", msgspec.json.encode(told)
