"""Configured resources: what may be stored, and how the management API shows it."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import msgspec

from proto.config import (
    RESOURCES,
    AutomaticParticipant,
    Conference,
    GatewayRoutingRule,
    IvrTheme,
    Resource,
    SystemLocation,
    pin_problem,
    sinks_of,
)
from proto.media import picture_options, picture_problem
from proto.patterns import problems
from services.gateway.core import aliases
from services.gateway.core.configuration import Alias, Configuration, alias_id, uri
from services.gateway.core.relations import Unrelated, shown, stored
from services.gateway.core.requests import Errors, check

SEALED = (
    *("sealed_alias", "sealed_presentation", "sealed_backup"),
    *("sealed_url", "sealed_password", "sealed_secret", "sealed_old_secret"),
)

PACKAGE = ("package", "package_size")
"""Of a theme: they come with a file, not in words."""

READ_ONLY = ("id", "key", "uuid", "resource_uri", "creation_time", *SEALED, *PACKAGE)
"""Shown or kept by us; ignored when they come back in a request."""

HIDDEN = ("key", *SEALED)
"""Kept by us and nobody's business."""

SLUG_LENGTH = 40
"""Characters of a conference's name in its key, which may have 64."""


class Moment(msgspec.Struct, frozen=True):
    """What a decision about the configuration may know besides the request."""

    known: Configuration
    live: frozenset[str] = frozenset()
    "Locations that workers are in."
    revision: int = 0
    "The number that the write will have, unless somebody writes first."
    uuid: str = ""
    "For a resource that wants a new one."
    sealed: dict[str, Any] = {}
    "Fields that came in as text which must not be stored, as they are stored."


class Write(msgspec.Struct, frozen=True):
    """What is to be stored under a key."""

    kind: str
    key: int
    resource: Resource | None
    "None: delete it."
    number: int
    "Id of what the caller sees changed; differs from `key` for an alias."

    def apply(self, known: Configuration) -> None:
        if self.resource is None:
            known.stored(self.kind).pop(self.key, None)
        else:
            known.stored(self.kind)[self.key] = self.resource


def new_key(name: str, number: int) -> str:
    """A conference's name on the bus: “Rostrum Town Hall”, 7 → `rostrum-town-hall-7`."""
    ascii_ = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_)[:SLUG_LENGTH].strip("-")
    return f"{slug or 'conference'}-{number}"


def shape(resource: Resource | Alias, kind: str, known: Configuration) -> dict[str, Any]:
    """A resource as the management API shows it: related ones by their URI."""
    fields: dict[str, Any] = msgspec.to_builtins(resource)
    for name in HIDDEN:
        fields.pop(name, None)
    shown(kind, resource.id, fields, known)
    if isinstance(resource, Conference):
        own = uri("conference", resource.id)
        for index, alias in enumerate(fields["aliases"]):
            alias |= {"id": alias_id(resource, index), "conference": own}
    fields["resource_uri"] = uri(kind, resource.id)
    return fields


def created(kind: str, given: Mapping[str, Any], moment: Moment) -> Write | Errors:
    return _decided(kind, given, None, moment, {})


def changed(
    kind: str, given: Mapping[str, Any], before: Resource | Alias, moment: Moment, *, whole: bool
) -> Write | Errors:
    """What `given` makes of a resource: it replaces the `whole`, or what it names."""
    kept = {} if whole else msgspec.to_builtins(before)
    return _decided(kind, given, before, moment, kept)


def removed(kind: str, gone: Resource | Alias, moment: Moment) -> Write | Errors:
    if isinstance(gone, Alias):
        left = aliases.without(gone, moment.known, moment.revision)
        return Write("conference", left.id, left, gone.id)
    if used := used_by(kind, gone, moment.known):
        return used
    return Write(kind, gone.id, None, gone.id)


def _decided(
    kind: str,
    given: Mapping[str, Any],
    before: Resource | Alias | None,
    moment: Moment,
    kept: dict[str, Any],
) -> Write | Errors:
    if kind == "ivr_theme" and (wrong := _package_in_words(given, before)):
        return wrong
    fields = {name: value for name, value in given.items() if name not in READ_ONLY}
    try:
        fields = kept | stored(kind, fields, moment.known, moment.live) | moment.sealed
    except Unrelated as exc:
        return exc.errors
    number = before.id if before is not None else moment.revision
    fields["id"] = number
    if kind == "conference_alias":
        return _decided_alias(fields, before, moment)
    fields.pop("automatic_participants", None)
    read = check(fields, RESOURCES[kind])
    if isinstance(read, dict):
        return read
    read = _completed(read, before, moment)
    return conflicts(kind, read, before, moment.known) or Write(kind, number, read, number)


def _decided_alias(
    fields: dict[str, Any], before: Resource | Alias | None, moment: Moment
) -> Write | Errors:
    assert before is None or isinstance(before, Alias)
    placed = aliases.placed(fields, before, moment.known, moment.revision)
    if isinstance(placed, dict):
        return placed
    conference, number = placed
    return Write("conference", conference.id, conference, number)


def _completed(read: Any, before: Any, moment: Moment) -> Resource:
    """What was given, and what only we give."""
    replace = msgspec.structs.replace
    if isinstance(read, Conference):
        key = before.key if before else new_key(read.name, read.id)
        named = aliases.with_ids(read.aliases, before, moment.revision)
        return replace(read, key=key, aliases=named)
    if isinstance(read, IvrTheme):
        theme: IvrTheme = replace(read, uuid=before.uuid if before else moment.uuid)
        if before is None or "package" in moment.sealed:
            return theme
        return replace(theme, package=before.package, package_size=before.package_size)
    return read  # type: ignore[no-any-return]


def _package_in_words(given: Mapping[str, Any], before: Any) -> Errors:
    """A package that a body names may be the one that is there, as when it comes back."""
    there = before.package if before else ""
    if given.get("package", there) == there:
        return {}
    return {"package": ["Upload the ZIP file itself: this is a form with a file, or PUT it."]}


def conflicts(kind: str, wanted: Any, before: Any, known: Configuration) -> Errors:
    others = [r for number, r in known.of(kind).items() if number != wanted.id]
    if kind in UNIQUE and any(_same(other.name, wanted.name) for other in others):
        return {"name": [f"A {kind.replace('_', ' ')} with this name already exists."]}
    match wanted:
        case Conference():
            return _pin_errors(wanted) or aliases.conflicts(wanted, others)
        case GatewayRoutingRule():
            return _regex_errors(wanted)
        case AutomaticParticipant():
            return _picture_errors(wanted)
        case SystemLocation():
            if before is not None and before.name != wanted.name:
                return used_by(kind, before, known)
    return {}


UNIQUE = ("conference", "gateway_routing_rule", "system_location", "ivr_theme", "event_sink")
"""Kinds whose names are given once, whatever the case."""


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _pin_errors(wanted: Conference) -> Errors:
    problem = pin_problem(wanted)
    return {problem[0]: [problem[1]]} if problem else {}


def _picture_errors(wanted: AutomaticParticipant) -> Errors:
    dual = wanted.sealed_presentation is not None
    problem = picture_problem(picture_options(wanted), dual=dual)
    return {problem[0]: [f"{problem[1][:1].upper()}{problem[1][1:]}."]} if problem else {}


def _regex_errors(rule: GatewayRoutingRule) -> Errors:
    found = problems(rule.match_string, rule.replace_string)
    return {field: [f"{reason[:1].upper()}{reason[1:]}."] for field, reason in found.items()}


def used_by(kind: str, wanted: Any, known: Configuration) -> Errors:
    """Why something cannot be deleted, or a location renamed."""
    what = kind.replace("_", " ")
    for rule in known.rules.values():
        places = (rule.match_source_location, rule.outgoing_location)
        if (kind == "system_location" and wanted.name in places) or (
            kind == "ivr_theme" and rule.ivr_theme == wanted.id
        ):
            return {"name": [f"The {what} is used by call routing rule “{rule.name}”."]}
    for settings in known.settings.values():
        if kind == "ivr_theme" and settings.default_theme == wanted.id:
            return {"name": [f"The {what} is the default theme."]}
    for conference in known.conferences.values():
        if kind == "ivr_theme" and conference.ivr_theme == wanted.id:
            return {"name": [f"The {what} is used by conference “{conference.name}”."]}
    for sink in known.sinks.values():
        if kind == "conference" and wanted.id in sink.conferences:
            return {"name": [f"The {what} is named by event sink “{sink.name}”."]}
    for location in known.locations.values():
        if kind == "event_sink" and wanted.id in sinks_of(location):
            return {"name": [f"The {what} is named by system location “{location.name}”."]}
    for one in known.automatic.values():
        if kind == "system_location" and one.system_location == wanted.name:
            return {"name": [f"The {what} is used by an automatically dialled participant."]}
    return {}
