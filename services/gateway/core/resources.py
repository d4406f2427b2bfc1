"""Configured resources: what may be stored, and how the management API shows it."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import msgspec

from proto.config import (
    RESOURCES,
    Conference,
    GatewayRoutingRule,
    Resource,
    SystemLocation,
)
from services.gateway.core.requests import Errors, check

ROOT = "/api/admin/configuration/v1"

READ_ONLY = ("id", "key", "resource_uri")
"""Shown or kept by us; ignored when they come back in a request."""

LOCATION_FIELDS = ("match_source_location", "outgoing_location")

SLUG_LENGTH = 40
"""Characters of a conference's name in its key, which may have 64."""

BACK_REFERENCE = re.compile(r"\\([1-9][0-9]?)")


class Configuration(msgspec.Struct):
    """All that is configured at one moment."""

    conferences: dict[int, Conference] = {}
    rules: dict[int, GatewayRoutingRule] = {}
    locations: dict[int, SystemLocation] = {}

    def of(self, kind: str) -> dict[int, Any]:
        match kind:
            case "conference":
                return self.conferences
            case "gateway_routing_rule":
                return self.rules
            case _:
                return self.locations

    def by_alias(self, alias: str) -> Conference | None:
        """The conference that is called by `alias`; case does not matter."""
        wanted = alias.casefold()
        for conference in self.conferences.values():
            if any(given.alias.casefold() == wanted for given in conference.aliases):
                return conference
        return None

    def by_key(self, key: str) -> Conference | None:
        return next((c for c in self.conferences.values() if c.key == key), None)


def uri(kind: str, number: int) -> str:
    return f"{ROOT}/{kind}/{number}/"


def new_key(name: str, number: int) -> str:
    """A conference's name on the bus: “Rostrum Town Hall”, 7 → `rostrum-town-hall-7`."""
    ascii_ = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_)[:SLUG_LENGTH].strip("-")
    return f"{slug or 'conference'}-{number}"


def shape(resource: Resource, kind: str, configuration: Configuration) -> dict[str, Any]:
    """A resource as the management API shows it: related ones by their URI."""
    shown: dict[str, Any] = msgspec.to_builtins(resource)
    shown.pop("key", None)
    shown["resource_uri"] = uri(kind, resource.id)
    numbers = {location.name: number for number, location in configuration.locations.items()}
    for field in LOCATION_FIELDS:
        if (name := shown.get(field)) in numbers:
            shown[field] = uri("system_location", numbers[name])
    return shown


def candidate(
    kind: str,
    given: Mapping[str, Any],
    number: int,
    before: Resource | None,
    configuration: Configuration,
    live_locations: frozenset[str],
) -> Resource | Errors:
    """The resource that `given` describes, as it would be stored; or what is wrong with it."""
    fields = {name: value for name, value in given.items() if name not in READ_ONLY}
    named = _name_locations(fields, configuration, live_locations)
    if named:
        return named
    read = check({**fields, "id": number}, RESOURCES[kind])
    if isinstance(read, dict):
        return read
    if isinstance(read, Conference):
        key = before.key if isinstance(before, Conference) else new_key(read.name, number)
        read = msgspec.structs.replace(read, key=key)
    return _conflicts(kind, read, before, configuration) or read


def _name_locations(
    fields: dict[str, Any], configuration: Configuration, live: frozenset[str]
) -> Errors:
    """Replace URIs of locations by the names that the services know them by."""
    for field in LOCATION_FIELDS:
        value = fields.get(field)
        if not isinstance(value, str) or not value:
            if value == "":
                fields[field] = None
            continue
        name = location_name(value, configuration, live)
        if name is None:
            return {field: ["There is no such system location."]}
        fields[field] = name
    return {}


def location_name(value: str, configuration: Configuration, live: frozenset[str]) -> str | None:
    """The name of a location that is given by URI or name; None if there is no such location."""
    if found := re.fullmatch(rf"{ROOT}/system_location/([0-9]{{1,18}})/?", value):
        location = configuration.locations.get(int(found[1]))
        return location.name if location else None
    names = {location.name for location in configuration.locations.values()}
    return value if value in names | live else None


def _conflicts(
    kind: str, wanted: Resource, before: Resource | None, configuration: Configuration
) -> Errors:
    others = [r for number, r in configuration.of(kind).items() if number != wanted.id]
    if any(other.name.casefold() == wanted.name.casefold() for other in others):
        return {"name": [f"A {kind.replace('_', ' ')} with this name already exists."]}
    match wanted:
        case Conference():
            return _alias_conflicts(wanted, others)
        case GatewayRoutingRule():
            return _regex_errors(wanted)
        case SystemLocation():
            if before is not None and before.name != wanted.name:
                return used_by(before.name, configuration)
    return {}


def _alias_conflicts(wanted: Conference, others: list[Conference]) -> Errors:
    taken = {alias.alias.casefold(): other.name for other in others for alias in other.aliases}
    own: set[str] = set()
    for alias in (given.alias.casefold() for given in wanted.aliases):
        if alias in taken:
            return {"aliases": [f"An alias already exists in conference “{taken[alias]}”."]}
        if alias in own:
            return {"aliases": ["An alias is given twice."]}
        if "/" in alias or not alias.isprintable():
            return {"aliases": ["An alias cannot contain slashes or control characters."]}
        own.add(alias)
    return {}


def _regex_errors(rule: GatewayRoutingRule) -> Errors:
    try:
        groups = re.compile(rule.match_string, re.IGNORECASE).groups
    except (re.error, OverflowError, RecursionError):
        return {"match_string": ["This is not a regular expression."]}
    if any(int(number) > groups for number in BACK_REFERENCE.findall(rule.replace_string)):
        return {"replace_string": ["This refers to a group that match_string does not have."]}
    return {}


def used_by(location: str, configuration: Configuration) -> Errors:
    """Why a location cannot be renamed or deleted."""
    for rule in configuration.rules.values():
        if location in (rule.match_source_location, rule.outgoing_location):
            return {"name": [f"The location is used by call routing rule “{rule.name}”."]}
    return {}


def page(path: str, objects: list[dict[str, Any]], limit: int, offset: int) -> dict[str, Any]:
    """The envelope of a list; `limit` 0 means all."""
    total = len(objects)
    window = objects[offset : offset + limit] if limit else objects[offset:]
    more = limit and offset + limit < total
    return {
        "meta": {
            "limit": limit,
            "offset": offset,
            "total_count": total,
            "next": f"{path}?limit={limit}&offset={offset + limit}" if more else None,
            "previous": (
                f"{path}?limit={limit}&offset={max(0, offset - limit)}"
                if limit and offset
                else None
            ),
        },
        "objects": window,
    }
