"""Which resources refer to which, as URIs outside and as names or ids inside."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from services.gateway.core.configuration import Configuration, uri
from services.gateway.core.requests import Errors


class Relation(msgspec.Struct, frozen=True):
    kind: str
    "Of the resource that is referred to."
    stored: Literal["name", "id", "uri"] = "id"
    many: bool = False
    derived: bool = False
    "Not kept in the resource that shows it, but in the ones that it shows."


LOCATION = Relation("system_location", "name")
"""Stored by name, because workers know the name only of the location that they are in."""

RELATIONS: dict[str, dict[str, Relation]] = {
    "conference": {
        "ivr_theme": Relation("ivr_theme"),
        "automatic_participants": Relation("automatic_participant", many=True, derived=True),
    },
    "conference_alias": {"conference": Relation("conference")},
    "automatic_participant": {
        "conference": Relation("conference", many=True),
        "system_location": LOCATION,
    },
    "gateway_routing_rule": {
        "match_source_location": LOCATION,
        "outgoing_location": LOCATION,
        "ivr_theme": Relation("ivr_theme"),
    },
    "event_sink": {"conferences": Relation("conference", many=True)},
    "global": {"default_theme": Relation("ivr_theme")},
    "system_location": {
        "transcoding_location": LOCATION,
        "overflow_location1": LOCATION,
        "overflow_location2": LOCATION,
        "event_sinks": Relation("event_sink", "uri", many=True),
    },
}

NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


def number_of(value: Any, kind: str) -> int | None:
    """The id in a URI of this kind, with or without the slash at the end; also a bare id."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if not isinstance(value, str):
        return None
    text = value.removeprefix(uri(kind)).removesuffix("/") if value.startswith("/") else value
    return int(text) if NUMBER.fullmatch(text) else None


def stored(
    kind: str, given: Mapping[str, Any], known: Configuration, live: frozenset[str]
) -> dict[str, Any]:
    """A body with its URIs replaced by what is stored. Raises Unrelated.

    `live` are the locations that workers are in, which need not be configured.
    """
    fields = dict(given)
    for field, relation in RELATIONS.get(kind, {}).items():
        if field not in fields:
            continue
        value = fields[field]
        if value in (None, "") and not relation.many:
            fields[field] = None
            continue
        values = value if relation.many else [value]
        if not isinstance(values, list):
            raise Unrelated(field, "This must be a list of resource URIs.")
        found = [_stored(one, relation, known, live) for one in values]
        if None in found:
            raise Unrelated(field, f"There is no such {relation.kind.replace('_', ' ')}.")
        fields[field] = list(dict.fromkeys(found)) if relation.many else found[0]
    return fields


class Unrelated(Exception):
    """A field refers to nothing that there is."""

    def __init__(self, field: str, sentence: str) -> None:
        self.errors: Errors = {field: [sentence]}
        super().__init__(field)


def _stored(
    value: Any, relation: Relation, known: Configuration, live: frozenset[str]
) -> str | int | None:
    if relation.stored == "name":
        return location_name(value, known, live) if isinstance(value, str) else None
    number = number_of(value, relation.kind)
    if number not in known.of(relation.kind):
        return None
    return uri(relation.kind, number) if relation.stored == "uri" else number


def location_name(value: str, known: Configuration, live: frozenset[str]) -> str | None:
    """The name of a location that is given by URI or name; None if there is no such location."""
    names = {location.name for location in known.locations.values()}
    if value in names | live:
        return value
    location = known.locations.get(number_of(value, "system_location") or 0)
    return location.name if location and value.startswith("/") else None


def shown(kind: str, number: int, fields: dict[str, Any], known: Configuration) -> None:
    """Put URIs in place of what is stored."""
    for field, relation in RELATIONS.get(kind, {}).items():
        if relation.derived:
            members = known.of(relation.kind).items()
            fields[field] = [
                uri(relation.kind, n) for n, one in members if number in one.conference
            ]
        elif field not in fields:
            continue
        elif relation.many:
            numbered = (number_of(one, relation.kind) for one in fields[field])
            there = [one for one in numbered if one in known.of(relation.kind)]
            fields[field] = [uri(relation.kind, one) for one in there]
        elif relation.stored == "id" and fields[field] is not None:
            fields[field] = uri(relation.kind, fields[field])
        elif relation.stored == "name":
            numbers = {location.name: n for n, location in known.locations.items()}
            if fields[field] in numbers:
                fields[field] = uri(relation.kind, numbers[fields[field]])
