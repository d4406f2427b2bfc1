"""What may be configured, and how it is shown."""

from typing import Any

import msgspec
import pytest

from proto.config import (
    AutomaticParticipant,
    Conference,
    ConferenceAlias,
    GatewayRoutingRule,
    Global,
    IvrTheme,
    SystemLocation,
)
from proto.urls import SealedUrl
from services.gateway.core.configuration import Configuration, uri
from services.gateway.core.paging import Window, page, window
from services.gateway.core.requests import Errors
from services.gateway.core.resources import (
    Moment,
    Write,
    changed,
    created,
    new_key,
    removed,
    shape,
)

TOWN_HALL = Conference(
    "Town Hall",
    id=1,
    key="town-hall-1",
    aliases=[ConferenceAlias("town-hall", 1000), ConferenceAlias("th", 5003, "short")],
)
DMZ = SystemLocation("DMZ", id=2)
RULE = GatewayRoutingRule("Streaming", 10, "rtmps?://(.*)", id=3, outgoing_location="DMZ")
THEME = IvrTheme("Plain", id=4, uuid="u-4")
TUBE = AutomaticParticipant("rtmp://host/live/***", id=5, conference=[1], system_location="DMZ")
KNOWN = Configuration({1: TOWN_HALL}, {3: RULE}, {2: DMZ}, {4: THEME}, {5: TUBE})
MOMENT = Moment(KNOWN, frozenset({"cloud"}), 9, "new-uuid")
EXAMPLES: dict[str, dict[str, Any]] = {
    "conference": {"name": "Board"},
    "conference_alias": {"alias": "hall", "conference": uri("conference", 1)},
    "automatic_participant": {"alias": "rtmp://host/live/***"},
    "gateway_routing_rule": {"name": "R", "priority": 1, "match_string": "x"},
    "system_location": {"name": "Edge"},
    "ivr_theme": {"name": "Fancy"},
    "global": {},
}
"""A good body of each kind, with what is required and nothing else."""


def make(kind: str, given: dict[str, Any], before: Any = None, *, whole: bool = True) -> Any:
    """The resource that is stored, or what is wrong with it."""
    if before is None:
        decided = created(kind, given, MOMENT)
    else:
        decided = changed(kind, given, before, MOMENT, whole=whole)
    return decided.resource if isinstance(decided, Write) else decided


def refused(kind: str, given: dict[str, Any], before: Any = None) -> Errors:
    made = make(kind, given, before)
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
    made = make("conference", {"name": "All Hands", "key": "evil", "id": 77}, TOWN_HALL)
    assert (made.name, made.key, made.id) == ("All Hands", "town-hall-1", 1)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_what_is_required_is_enough(kind: str) -> None:
    assert not isinstance(make(kind, EXAMPLES[kind]), dict)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("conference", {"pin": "1234", "allow_guests": True, "guest_pin": "4321"}),
        ("conference", {"pin": "123#", "allow_guests": True, "guest_pin": "43210#"}),
        ("conference", {"pin": "1234", "guest_pin": ""}),
        ("conference", {"service_type": "lecture", "guests_can_see_guests": "always"}),
        ("conference", {"crypto_mode": "on", "max_pixels_per_second": "fullhd"}),
        ("conference", {"crypto_mode": None, "participant_limit": 0}),
        ("conference", {"ivr_theme": uri("ivr_theme", 4), "max_callrate_out": 128}),
        ("conference", {"automatic_participants": [uri("automatic_participant", 5)]}),
        ("automatic_participant", {"conference": [uri("conference", 1)], "retry": "once"}),
        ("automatic_participant", {"system_location": uri("system_location", 2)}),
        ("gateway_routing_rule", {"match_source_location": "cloud", "crypto_mode": "off"}),
        ("gateway_routing_rule", {"ivr_theme": 4, "outgoing_location": ""}),
        ("system_location", {"overflow_location1": uri("system_location", 2), "mtu": 1400}),
        ("global", {"crypto_mode": "on", "rtmps_default_port": 1935, "guests_only_timeout": 0}),
    ],
)
def test_a_good_body_is_stored(kind: str, more: dict[str, Any]) -> None:
    assert not isinstance(make(kind, {**EXAMPLES[kind], **more}), dict)


@pytest.mark.parametrize(
    ("kind", "more", "field"),
    [
        ("conference", {"name": "TOWN hall"}, "name"),
        ("conference", {"name": ""}, "name"),
        ("conference", {"name": None}, "name"),
        ("conference", {"name": "n" * 251}, "name"),
        ("conference", {"aliases": [{"alias": "Town-Hall"}]}, "aliases"),
        ("conference", {"aliases": [{"alias": "b"}, {"alias": "B"}]}, "aliases"),
        ("conference", {"aliases": [{"alias": "a/b"}]}, "aliases"),
        ("conference", {"aliases": [{"alias": f"a{n}"} for n in range(1001)]}, "aliases"),
        ("conference", {"aliases": "town-hall"}, "aliases"),
        ("conference", {"host_view": "9:9"}, "host_view"),
        ("conference", {"pin": "12"}, "pin"),
        ("conference", {"pin": "12a4"}, "pin"),
        ("conference", {"allow_guests": True}, "pin"),
        ("conference", {"pin": "1234", "guest_pin": "4321"}, "guest_pin"),
        ("conference", {"pin": "1234", "guest_pin": "1234", "allow_guests": True}, "guest_pin"),
        ("conference", {"pin": "1234", "guest_pin": "54321", "allow_guests": True}, "guest_pin"),
        ("conference", {"service_type": "two_stage_dialing"}, "service_type"),
        ("conference", {"participant_limit": -1}, "participant_limit"),
        ("conference", {"max_callrate_out": 127}, "max_callrate_out"),
        ("conference", {"crypto_mode": "maybe"}, "crypto_mode"),
        ("conference", {"ivr_theme": uri("ivr_theme", 99)}, "ivr_theme"),
        ("conference", {"automatic_participants": "x"}, "automatic_participants"),
        (
            "conference",
            {"automatic_participants": [uri("conference", 1)]},
            "automatic_participants",
        ),
        ("conference", {"colour": "red"}, "colour"),
        ("conference_alias", {"alias": "TOWN-HALL"}, "alias"),
        ("conference_alias", {"alias": "a/b"}, "alias"),
        ("conference_alias", {"conference": uri("conference", 99)}, "conference"),
        ("conference_alias", {"conference": None}, "conference"),
        ("automatic_participant", {"conference": uri("conference", 1)}, "conference"),
        ("automatic_participant", {"conference": [True]}, "conference"),
        ("automatic_participant", {"conference": [uri("ivr_theme", 1)]}, "conference"),
        ("automatic_participant", {"role": "host"}, "role"),
        ("automatic_participant", {"keep_conference_alive": "yes"}, "keep_conference_alive"),
        ("automatic_participant", {"system_location": "Mars"}, "system_location"),
        ("gateway_routing_rule", {"priority": 0}, "priority"),
        ("gateway_routing_rule", {"priority": 201}, "priority"),
        ("gateway_routing_rule", {"priority": "1"}, "priority"),
        ("gateway_routing_rule", {"name": "streaming"}, "name"),
        ("gateway_routing_rule", {"match_string": "(("}, "match_string"),
        ("gateway_routing_rule", {"match_string": ""}, "match_string"),
        (
            "gateway_routing_rule",
            {"match_string": "(x)", "replace_string": r"\2"},
            "replace_string",
        ),
        ("gateway_routing_rule", {"outgoing_location": "Mars"}, "outgoing_location"),
        ("gateway_routing_rule", {"outgoing_location": 7.5}, "outgoing_location"),
        ("gateway_routing_rule", {"outgoing_location": ["DMZ"]}, "outgoing_location"),
        ("gateway_routing_rule", {"ivr_theme": "Plain"}, "ivr_theme"),
        ("gateway_routing_rule", {"outgoing_protocol": "http"}, "outgoing_protocol"),
        ("system_location", {"name": "dmz"}, "name"),
        ("system_location", {"mtu": 100}, "mtu"),
        ("ivr_theme", {"name": "PLAIN"}, "name"),
        ("ivr_theme", {"package": "x"}, "package"),
        ("global", {"guests_only_timeout": -1}, "guests_only_timeout"),
        ("global", {"rtmps_default_port": 80}, "rtmps_default_port"),
        ("global", {"crypto_mode": None}, "crypto_mode"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_field(
    kind: str, more: dict[str, Any], field: str
) -> None:
    assert list(refused(kind, {**EXAMPLES[kind], **more})) == [field]


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if EXAMPLES[kind]])
def test_what_is_required_is_missed_by_name(kind: str) -> None:
    assert next(iter(refused(kind, {}))) in EXAMPLES[kind]


def test_a_location_is_given_by_uri_and_stored_by_name() -> None:
    given = EXAMPLES["gateway_routing_rule"]
    rule = make("gateway_routing_rule", {**given, "outgoing_location": uri("system_location", 2)})
    assert rule.outgoing_location == "DMZ"
    shown = shape(rule, "gateway_routing_rule", KNOWN)
    assert shown["outgoing_location"] == uri("system_location", 2)
    live = make("gateway_routing_rule", {**given, "match_source_location": "cloud"})
    assert shape(live, "gateway_routing_rule", KNOWN)["match_source_location"] == "cloud"


def test_a_change_keeps_a_location_whose_workers_are_gone() -> None:
    rule = GatewayRoutingRule("R", 1, "x", id=3, outgoing_location="gone")
    made = make("gateway_routing_rule", {"priority": 2}, rule, whole=False)
    assert (made.priority, made.outgoing_location) == (2, "gone")


def test_a_conference_shows_the_participants_that_hold_it() -> None:
    shown = shape(TOWN_HALL, "conference", KNOWN)
    assert shown["automatic_participants"] == [uri("automatic_participant", 5)]
    tube = shape(TUBE, "automatic_participant", KNOWN)
    assert tube["conference"] == [uri("conference", 1)]


def test_what_was_deleted_is_not_shown() -> None:
    tube = AutomaticParticipant("***", id=6, conference=[1, 99])
    assert shape(tube, "automatic_participant", KNOWN)["conference"] == [uri("conference", 1)]


@pytest.mark.parametrize(
    ("kind", "one", "says"),
    [
        ("system_location", DMZ, "call routing rule “Streaming”"),
        (
            "system_location",
            SystemLocation("Edge", id=8),
            "automatically dialled participant",
        ),
        ("ivr_theme", THEME, "conference “Board”"),
    ],
)
def test_what_is_used_stays(kind: str, one: Any, says: str) -> None:
    known = Configuration(
        {7: Conference("Board", id=7, ivr_theme=4)},
        {3: RULE},
        {2: DMZ},
        {4: THEME},
        {6: AutomaticParticipant("***", id=6, system_location="Edge")},
    )
    refusal = removed(kind, one, Moment(known))
    assert isinstance(refusal, dict)
    assert says in refusal["name"][0]


def test_what_nobody_uses_goes() -> None:
    gone = removed("ivr_theme", THEME, MOMENT)
    assert isinstance(gone, Write)
    assert (gone.kind, gone.key, gone.resource) == ("ivr_theme", 4, None)


def test_a_location_in_use_keeps_its_name_and_may_change_otherwise() -> None:
    assert list(refused("system_location", {"name": "Edge"}, DMZ)) == ["name"]
    assert make("system_location", {"name": "DMZ", "mtu": 1400}, DMZ).mtu == 1400


def test_a_theme_keeps_its_uuid() -> None:
    assert make("ivr_theme", {"name": "New", "uuid": "mine"}).uuid == "new-uuid"
    assert make("ivr_theme", {"name": "Other", "uuid": "mine"}, THEME).uuid == "u-4"


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("conference", TOWN_HALL),
        ("gateway_routing_rule", RULE),
        ("system_location", DMZ),
        ("ivr_theme", THEME),
        ("automatic_participant", TUBE),
        ("global", Global()),
    ],
)
def test_what_is_shown_can_be_stored_again(kind: str, resource: Any) -> None:
    shown = shape(resource, kind, KNOWN)
    assert make(kind, shown, resource) == resource
    assert not {"key", "sealed_alias", "sealed_presentation"} & shown.keys()


def test_an_alias_keeps_its_id_while_others_come_and_go() -> None:
    given = {"name": "Town Hall", "aliases": [{"alias": "new"}, {"alias": "TH", "id": 7}]}
    made = make("conference", given, TOWN_HALL)
    assert [(a.alias, a.id) for a in made.aliases] == [("new", 9000), ("TH", 5003)]


def test_an_alias_is_a_resource_of_its_own() -> None:
    alias = KNOWN.of("conference_alias")[5003]
    assert shape(alias, "conference_alias", KNOWN) == {
        "id": 5003,
        "alias": "th",
        "description": "short",
        "conference": uri("conference", 1),
        "resource_uri": uri("conference_alias", 5003),
    }
    renamed = make("conference_alias", {"alias": "hall"}, alias, whole=False)
    assert [(a.alias, a.id) for a in renamed.aliases] == [("town-hall", 1000), ("hall", 5003)]
    added = created("conference_alias", EXAMPLES["conference_alias"], MOMENT)
    assert isinstance(added, Write)
    assert (added.kind, added.key, added.number) == ("conference", 1, 9002)
    gone = removed("conference_alias", alias, MOMENT)
    assert isinstance(gone, Write)
    assert isinstance(gone.resource, Conference)
    assert [a.id for a in gone.resource.aliases] == [1000]


def test_the_global_settings_are_there_from_the_beginning() -> None:
    settings = Configuration().of("global")[1]
    assert settings == Global(max_callrate_out=None)
    made = make("global", {"crypto_mode": "on"}, settings, whole=False)
    assert (made.crypto_mode, made.max_callrate_out, made.id) == ("on", None, 1)


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
    paged = page("/x/", [{"id": n} for n in range(5)], Window(limit, offset))
    assert len(paged["objects"]) == count
    assert paged["meta"] == {
        "limit": limit,
        "offset": offset,
        "total_count": 5,
        "next": following,
        "previous": before,
    }


def test_the_next_page_is_of_the_same_question() -> None:
    asked = [("limit", "1"), ("name__icontains", "a&b"), ("order_by", "-name")]
    paged = page("/x/", [{}, {}], Window(1, 0), asked)
    assert paged["meta"]["next"] == "/x/?limit=1&offset=1&name__icontains=a%26b&order_by=-name"


@pytest.mark.parametrize(("name", "value"), [("limit", "-1"), ("limit", "x"), ("offset", "\u0661")])
def test_a_window_is_given_in_numbers(name: str, value: str) -> None:
    refusal = window([(name, value)])
    assert isinstance(refusal, dict)
    assert list(refusal) == [name]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"content": "presentation", "layout": "3x3"}, "layout"),
        ({"content": "main", "sealed_presentation": True}, "content"),
        ({"frame_rate": 24}, "frame_rate"),
        ({"layout": "7x7"}, "layout"),
        ({"max_video_kbps": 10}, "max_video_kbps"),
        ({"max_pixels_per_second": "uhd"}, "max_pixels_per_second"),
    ],
)
def test_a_picture_that_cannot_be_is_refused_by_field(given: dict[str, Any], field: str) -> None:
    sealed = SealedUrl("adp-9.presentation", "rtmps://r/***", "rtmps")
    dual = given.pop("sealed_presentation", False)
    moment = msgspec.structs.replace(
        MOMENT, sealed={"sealed_presentation": msgspec.to_builtins(sealed)} if dual else {}
    )
    refused = created("automatic_participant", EXAMPLES["automatic_participant"] | given, moment)

    assert isinstance(refused, dict)
    assert list(refused) == [field]
