"""Lists are filtered and ordered by what they show."""

from typing import Any

import pytest

from proto.config import Conference, ConferenceAlias, GatewayRoutingRule, SystemLocation
from services.gateway.core.catalogue import CONFIGURED_FIELDS, HISTORY_FIELDS
from services.gateway.core.configuration import Configuration
from services.gateway.core.filters import Related, select
from services.gateway.core.resources import shape

CONFERENCES = [
    Conference(
        "Town Hall",
        id=1,
        description="All of us",
        participant_limit=100,
        aliases=[ConferenceAlias("town-hall"), ConferenceAlias("th")],
    ),
    Conference("alpha", id=2, allow_guests=True, pin="1234", aliases=[ConferenceAlias("a")]),
    Conference("Board", id=3, participant_limit=7),
]
KNOWN = Configuration(
    {one.id: one for one in CONFERENCES},
    {
        8: GatewayRoutingRule("One", 10, "x", id=8, outgoing_location="DMZ"),
        9: GatewayRoutingRule("Two", 10, "x", id=9),
    },
    {5: SystemLocation("DMZ", id=5)},
)


def find(kind: str, number: int) -> dict[str, Any] | None:
    found = KNOWN.of(kind).get(number)
    return shape(found, kind, KNOWN) if found else None


RELATED = Related(CONFIGURED_FIELDS, find)


def ask(query: str, kind: str = "conference") -> Any:
    asked = [(name, value) for name, _, value in (p.partition("=") for p in query.split("&"))]
    objects = [shape(one, kind, KNOWN) for one in KNOWN.of(kind).values()]
    found = select(objects, asked, CONFIGURED_FIELDS[kind], RELATED)
    return found if isinstance(found, dict) else [one["id"] for one in found]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("name=Town Hall", [1]),
        ("name=town hall", []),
        ("name__exact=Board", [3]),
        ("name__iexact=TOWN hall", [1]),
        ("name__contains=oa", [3]),
        ("name__contains=OA", []),
        ("name__icontains=A", [1, 2, 3]),
        ("name__startswith=T", [1]),
        ("name__istartswith=t", [1]),
        ("name__endswith=Hall", [1]),
        ("name__in=Board,alpha", [2, 3]),
        ("id__in=1,3", [1, 3]),
        ("id__gt=1", [2, 3]),
        ("id__gte=2&id__lt=3", [2]),
        ("id__lte=1", [1]),
        ("participant_limit__isnull=true", [2]),
        ("participant_limit__isnull=0", [1, 3]),
        ("participant_limit__gt=7", [1]),
        ("allow_guests=true", [2]),
        ("allow_guests=False", [1, 3]),
        ("name__regex=^[TB]", [1, 3]),
        ("name__regex=^t", []),
        ("name__iregex=^t", [1]),
        ("name__regex=(a+)+$", [2]),
        ("aliases__alias=th", [1]),
        ("aliases__alias__startswith=t", [1]),
        ("description__icontains=US&name__icontains=town", [1]),
        ("format=json", [1, 2, 3]),
        ("order_by=name", [2, 3, 1]),
        ("order_by=-name", [1, 3, 2]),
        ("order_by=participant_limit", [2, 3, 1]),
        ("order_by=allow_guests,-id", [3, 1, 2]),
    ],
)
def test_a_filter_finds(query: str, ids: list[int]) -> None:
    assert ask(query) == ids


@pytest.mark.parametrize(
    ("query", "kind", "ids"),
    [
        ("outgoing_location__name=DMZ", "gateway_routing_rule", [8]),
        ("outgoing_location__name__icontains=dm", "gateway_routing_rule", [8]),
        ("outgoing_location__isnull=true", "gateway_routing_rule", [9]),
        (
            "outgoing_location=/api/admin/configuration/v1/system_location/5/",
            "gateway_routing_rule",
            [8],
        ),
        ("outgoing_location=5", "gateway_routing_rule", [8]),
        ("conference__name=Town Hall", "conference_alias", [1000, 1001]),
        ("conference__participant_limit__gt=1", "conference_alias", [1000, 1001]),
        ("conference__aliases__alias=a", "conference_alias", [2000]),
        ("conference=2&alias=a", "conference_alias", [2000]),
    ],
)
def test_a_filter_goes_through_related_resources(query: str, kind: str, ids: list[int]) -> None:
    assert ask(query, kind) == ids


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("colour=red", "colour"),
        ("key=town-hall-1", "key"),
        ("name__sounds_like=x", "name__sounds_like"),
        ("name__exact__exact=x", "name__exact__exact"),
        ("id=one", "id"),
        ("id__gt=1.5", "id__gt"),
        ("id=\u0661", "id"),
        ("id=" + "9" * 19, "id"),
        ("allow_guests=maybe", "allow_guests"),
        ("allow_guests__gt=true", "allow_guests__gt"),
        ("participant_limit__isnull=perhaps", "participant_limit__isnull"),
        ("aliases=x", "aliases"),
        ("name__regex=((", "name__regex"),
        ("name__regex=" + "a" * 251, "name__regex"),
        ("order_by=colour", "order_by"),
        ("order_by=aliases", "order_by"),
        ("order_by=", "order_by"),
        ("order_by=--name", "order_by"),
    ],
)
def test_what_cannot_be_followed_is_named(query: str, named: str) -> None:
    assert list(ask(query)) == [named]


@pytest.mark.parametrize(
    ("bound", "found"),
    [
        ("2026-01-01", 1),
        ("2026-01-01T10:00:00Z", 1),
        ("2026-01-01T11:00:00Z", 0),
        ("2026-01-01T11:59:59 02:00", 1),
    ],
)
def test_times_are_compared_as_times(bound: str, found: int) -> None:
    past = [{"start_time": "2026-01-01T10:30:00Z"}]
    asked = [("start_time__gte", bound)]
    assert len(select(past, asked, HISTORY_FIELDS["conference"], RELATED)) == found
