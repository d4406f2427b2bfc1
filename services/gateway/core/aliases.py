"""The aliases of conferences: kept in their conference, changed there or one by one."""

from typing import Any

import msgspec

from proto.base import Text
from proto.config import Conference, ConferenceAlias, Name, Reference
from services.gateway.core.configuration import ALIASES, Alias, Configuration, alias_id
from services.gateway.core.requests import Errors, check


class AliasFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One alias as a resource of its own, `conference_alias`."""

    alias: Name
    conference: Reference
    id: int = 0
    description: Text = ""


def with_ids(
    given: list[ConferenceAlias], before: Conference | None, revision: int
) -> list[ConferenceAlias]:
    """The same aliases, each with the id that it had or a new one.

    No two writes have the same `revision`, so no two aliases get the same id.
    """
    aliases = enumerate(before.aliases) if before else ()
    known = {alias.alias.casefold(): alias_id(before, n) for n, alias in aliases if before}
    return [
        msgspec.structs.replace(
            alias, id=known.get(alias.alias.casefold(), revision * ALIASES + index)
        )
        for index, alias in enumerate(given)
    ]


def conflicts(wanted: Conference, others: list[Conference]) -> Errors:
    taken = {alias.alias.casefold(): other.name for other in others for alias in other.aliases}
    own: set[str] = set()
    if len(wanted.aliases) > ALIASES:
        return {"aliases": [f"A conference has at most {ALIASES} aliases."]}
    for alias in (given.alias.casefold() for given in wanted.aliases):
        if alias in taken:
            return {"aliases": [f"An alias already exists in conference “{taken[alias]}”."]}
        if alias in own:
            return {"aliases": ["An alias is given twice."]}
        if "/" in alias or not alias.isprintable():
            return {"aliases": ["An alias cannot contain slashes or control characters."]}
        own.add(alias)
    return {}


def placed(
    given: dict[str, Any], before: Alias | None, known: Configuration, revision: int
) -> tuple[Conference, int] | Errors:
    """The conference with this alias new or changed in it, and the alias's id."""
    read = check(given, AliasFields)
    if isinstance(read, dict):
        return read
    if before is not None and read.conference != before.conference:
        return {"conference": ["An alias cannot be moved; delete it and make it anew."]}
    conference = known.conferences[read.conference]
    kept = with_ids(conference.aliases, conference, revision)
    if before is None:
        number = revision * ALIASES + len(kept)
        kept.append(ConferenceAlias(read.alias, number, read.description))
    else:
        number = before.id
        new = ConferenceAlias(read.alias, number, read.description)
        kept = [new if alias.id == number else alias for alias in kept]
    changed = msgspec.structs.replace(conference, aliases=kept)
    others = [one for one in known.conferences.values() if one.id != conference.id]
    if wrong := conflicts(changed, others):
        return {"alias": wrong["aliases"]}
    return changed, number


def without(gone: Alias, known: Configuration, revision: int) -> Conference:
    conference = known.conferences[gone.conference]
    kept = with_ids(conference.aliases, conference, revision)
    return msgspec.structs.replace(
        conference, aliases=[alias for alias in kept if alias.id != gone.id]
    )
