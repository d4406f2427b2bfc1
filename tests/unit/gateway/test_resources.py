"""What may be configured, and how it is shown."""

from typing import Any

import pytest

from proto.config import Conference, ConferenceAlias, GatewayRoutingRule, SystemLocation
from services.gateway.core.requests import Errors
from services.gateway.core.resources import (
    Configuration,
    candidate,
    new_key,
    page,
    shape,
    used_by,
)

TOWN_HALL = Conference("Town Hall", id=1, key="town-hall-1", aliases=[ConferenceAlias("town-hall")])
DMZ = SystemLocation("DMZ", id=2)
RULE = GatewayRoutingRule("Streaming", 10, "rtmps?://(.*)", id=3, outgoing_location="DMZ")
KNOWN = Configuration({1: TOWN_HALL}, {3: RULE}, {2: DMZ})


def make(kind: str, given: dict[str, Any], number: int = 9, before: Any = None) -> Any:
    return candidate(kind, given, number, before, KNOWN, frozenset({"cloud"}))


def refused(kind: str, given: dict[str, Any], number: int = 9, before: Any = None) -> Errors:
    made = make(kind, given, number, before)
    assert isinstance(made, dict)
    return made


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Rostrum Town Hall", "rostrum-town-hall-7"),
        ("Réunion d'été", "reunion-d-ete-7"),
        ("会議", "conference-7"),
        ("a.b>*", "a-b-7"),
        ("x" * 250, "x" * 40 + "-7"),
    ],
)
def test_a_conferences_key_is_safe_on_the_bus(name: str, key: str) -> None:
    assert new_key(name, 7) == key


def test_a_conference_keeps_its_key_when_it_is_renamed() -> None:
    changed = make("conference", {"name": "All Hands", "key": "evil"}, 1, TOWN_HALL)
    assert (changed.name, changed.key, changed.id) == ("All Hands", "town-hall-1", 1)


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        ("conference", {"name": "TOWN hall"}, "name"),
        ("conference", {"name": ""}, "name"),
        ("conference", {}, "name"),
        ("conference", {"name": "B", "aliases": [{"alias": "Town-Hall"}]}, "aliases"),
        ("conference", {"name": "B", "aliases": [{"alias": "b"}, {"alias": "B"}]}, "aliases"),
        ("conference", {"name": "B", "aliases": [{"alias": "a/b"}]}, "aliases"),
        ("conference", {"name": "B", "host_view": "9:9"}, "host_view"),
        ("conference", {"name": "B", "pin": "1234"}, "pin"),
        ("gateway_routing_rule", {"name": "R", "priority": 0, "match_string": "x"}, "priority"),
        (
            "gateway_routing_rule",
            {"name": "R", "priority": 1, "match_string": "(("},
            "match_string",
        ),
        (
            "gateway_routing_rule",
            {"name": "R", "priority": 1, "match_string": "(x)", "replace_string": r"\2"},
            "replace_string",
        ),
        (
            "gateway_routing_rule",
            {"name": "R", "priority": 1, "match_string": "x", "outgoing_location": "Mars"},
            "outgoing_location",
        ),
        ("system_location", {"name": "dmz"}, "name"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_field(
    kind: str, given: dict[str, Any], field: str
) -> None:
    assert list(refused(kind, given)) == [field]


def test_a_location_is_given_by_uri_and_stored_by_name() -> None:
    given = {"name": "R", "priority": 1, "match_string": "x"}
    uri = "/api/admin/configuration/v1/system_location/2/"
    rule = make("gateway_routing_rule", {**given, "outgoing_location": uri})
    assert rule.outgoing_location == "DMZ"
    assert shape(rule, "gateway_routing_rule", KNOWN)["outgoing_location"] == uri
    live = make("gateway_routing_rule", {**given, "match_source_location": "cloud"})
    assert shape(live, "gateway_routing_rule", KNOWN)["match_source_location"] == "cloud"


def test_a_location_that_a_rule_uses_stays() -> None:
    assert "Streaming" in used_by("DMZ", KNOWN)["name"][0]
    assert list(refused("system_location", {"name": "Edge"}, 2, DMZ)) == ["name"]
    assert used_by("Elsewhere", KNOWN) == {}


def test_what_is_shown_can_be_stored_again() -> None:
    for kind, resource in (("conference", TOWN_HALL), ("gateway_routing_rule", RULE)):
        shown = shape(resource, kind, KNOWN)
        assert make(kind, shown, resource.id, resource) == resource
        assert "key" not in shown


def test_an_alias_is_found_whatever_its_case() -> None:
    assert KNOWN.by_alias("TOWN-HALL") == TOWN_HALL
    assert KNOWN.by_alias("town") is None


@pytest.mark.parametrize(
    ("limit", "offset", "count", "following", "before"),
    [
        (20, 0, 5, None, None),
        (2, 0, 2, "/x/?limit=2&offset=2", None),
        (2, 2, 2, "/x/?limit=2&offset=4", "/x/?limit=2&offset=0"),
        (2, 4, 1, None, "/x/?limit=2&offset=2"),
        (0, 0, 5, None, None),
    ],
)
def test_a_list_is_paged(
    limit: int, offset: int, count: int, following: str | None, before: str | None
) -> None:
    paged = page("/x/", [{"id": n} for n in range(5)], limit, offset)
    assert len(paged["objects"]) == count
    assert paged["meta"] == {
        "limit": limit,
        "offset": offset,
        "total_count": 5,
        "next": following,
        "previous": before,
    }
