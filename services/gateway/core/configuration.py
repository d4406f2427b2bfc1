"""All that is configured at one moment, and how its resources are named."""

from typing import Any

import msgspec

from proto.config import (
    AutomaticParticipant,
    Conference,
    EventSink,
    GatewayRoutingRule,
    Global,
    IvrTheme,
    SystemLocation,
)

ROOT = "/api/admin/configuration/v1"

THE_ONLY = 1
"""Id of the global settings."""

UNCHANGED = Global(max_callrate_out=None)
"""What holds while nothing is set: no limit of the bit rate; Pexip's is less than our full HD."""


class Alias(msgspec.Struct, frozen=True):
    """An alias and the conference that it is of."""

    id: int
    alias: str
    description: str
    conference: int


class Configuration(msgspec.Struct):
    conferences: dict[int, Conference] = {}
    rules: dict[int, GatewayRoutingRule] = {}
    locations: dict[int, SystemLocation] = {}
    themes: dict[int, IvrTheme] = {}
    automatic: dict[int, AutomaticParticipant] = {}
    "Automatically dialled participants."
    settings: dict[int, Global] = {}
    "Empty until somebody changes one."
    sinks: dict[int, EventSink] = {}

    def of(self, kind: str) -> dict[int, Any]:
        """What there is of a kind; aliases and unchanged global settings are made up here."""
        match kind:
            case "conference_alias":
                return {alias.id: alias for alias in self.aliases()}
            case "global":
                return self.settings or {THE_ONLY: UNCHANGED}
            case _:
                return self.stored(kind)

    def stored(self, kind: str) -> dict[int, Any]:
        """The mirror of the keys `<kind>.*`."""
        mirrors: dict[str, dict[int, Any]] = {
            "conference": self.conferences,
            "gateway_routing_rule": self.rules,
            "system_location": self.locations,
            "ivr_theme": self.themes,
            "automatic_participant": self.automatic,
            "global": self.settings,
            "event_sink": self.sinks,
        }
        return mirrors[kind]

    def aliases(self) -> list[Alias]:
        return [
            Alias(alias_id(conference, index), alias.alias, alias.description, conference.id)
            for conference in self.conferences.values()
            for index, alias in enumerate(conference.aliases)
        ]

    def by_alias(self, alias: str) -> Conference | None:
        """The conference that is called by `alias`; case does not matter."""
        wanted = alias.casefold()
        for conference in self.conferences.values():
            if any(given.alias.casefold() == wanted for given in conference.aliases):
                return conference
        return None

    def by_key(self, key: str) -> Conference | None:
        return next((c for c in self.conferences.values() if c.key == key), None)

    def copy(self) -> "Configuration":
        """One of its own, on which changes can be tried."""
        return Configuration(*(dict(getattr(self, name)) for name in self.__struct_fields__))


ALIASES = 1000
"""Most aliases of one conference; what makes an alias's id of a revision and a place in it."""


def alias_id(conference: Conference, index: int) -> int:
    """Ids are given when an alias is written; older ones have theirs by their place."""
    return conference.aliases[index].id or conference.id * ALIASES + index


def uri(kind: str, number: int | None = None) -> str:
    return f"{ROOT}/{kind}/" if number is None else f"{ROOT}/{kind}/{number}/"
