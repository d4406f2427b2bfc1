"""Where calls to us go: routing's answer to a caller, by the rules that decide about calls."""

from typing import Any

import msgspec
import pytest
from nats.aio.client import Client

from kit.bus import Delivered
from kit.kv import Bucket
from kit.secrets import Sealer
from proto import subjects
from proto.base import Refused, encode
from proto.conference import CallRequested, IncomingRoute
from proto.config import GatewayRoutingRule
from proto.routing import (
    CallRouted,
    IncomingRouted,
    RouteIncoming,
    RulesTried,
    TryRules,
    decode_commit,
)
from proto.urls import SealedUrl
from services.routing.shell import Reception, Trials
from tests.integration.test_routing import NOW, Desk

pytestmark = pytest.mark.nats

TUBE = GatewayRoutingRule(
    "Tube",
    10,
    r"yt-(\w+)",
    3,
    replace_string=r"rtmps://ingest.example.com/live/\1",
    outgoing_protocol="rtmp",
    match_incoming_teams=True,
)
PROTOCOLS = ("webrtc", "rtmp", "sip", "mssip", "h323", "teams")
FLAGS = ("webrtc", "sip", "mssip", "h323", "teams")


@pytest.fixture
async def desk(nc: Client) -> Desk:
    js = nc.jetstream()
    return Desk(await Bucket.ensure(js, subjects.CONFIG), await Bucket.ensure(js, subjects.SECRETS))


async def answer(desk: Desk, alias: str = "yt-KEY", **more: Any) -> IncomingRouted | Refused:
    """What a caller is answered; the tester must say the same."""
    sealed = desk.sealer.seal(alias)
    found = await Reception(desk.rules, desk.sealer).handle(RouteIncoming(sealed, **more))
    if not more.pop("registered", False):
        trial = await Trials(desk.rules, desk.sealer).handle(TryRules(sealed, False, **more))
        assert isinstance(trial, RulesTried)
        if isinstance(found, Refused):
            assert (found.code, found.reason) == (trial.code, trial.reason)
        else:
            assert (found.redacted, found.fingerprint, found.route.rule) == (
                trial.redacted,
                trial.fingerprint,
                trial.rule,
            )
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("off", FLAGS)
async def test_a_rule_is_for_calls_that_come_in_by_what_it_names(
    desk: Desk, off: str, protocol: Any
) -> None:
    desk.configure(msgspec.structs.replace(TUBE, **{f"match_incoming_{off}": False}))
    found = await answer(desk, protocol=protocol)

    # Pexip's one flag for WebRTC is for RTMP as well.
    matches = ("webrtc" if protocol == "rtmp" else protocol) != off
    assert isinstance(found, IncomingRouted) is matches


@pytest.mark.parametrize(
    ("change", "call", "code"),
    [
        ({}, {}, ""),
        ({"enable": False}, {}, "no-rule"),
        ({"match_incoming_calls": False}, {}, "no-rule"),
        ({"match_incoming_calls": False, "match_outgoing_calls": True}, {}, "no-rule"),
        ({"match_outgoing_calls": True}, {}, ""),
        ({"match_source_location": "Oslo"}, {}, "no-rule"),
        ({"match_source_location": "Oslo"}, {"location": "Bergen"}, "no-rule"),
        ({"match_source_location": "Oslo"}, {"location": "Oslo"}, ""),
        ({"match_incoming_only_if_registered": True}, {}, "no-rule"),
        ({"match_incoming_only_if_registered": True}, {"registered": True}, ""),
        ({"match_incoming_teams": False}, {"protocol": "teams"}, "no-rule"),
        ({"replace_string": r"rtmps://h/live/\9"}, {}, "bad-transform"),
        ({"replace_string": ""}, {}, "bad-url"),
        ({"replace_string": "rtmps://host"}, {}, "bad-url"),
        ({"outgoing_protocol": "sip"}, {}, "protocol"),
        ({"called_device_type": "teams_conference"}, {}, "target"),
        ({"replace_string": r"rtmp://h/live/\1", "crypto_mode": "on"}, {}, "encryption-required"),
        ({"crypto_mode": "on"}, {}, ""),
    ],
)
async def test_what_a_caller_is_answered(
    desk: Desk, change: dict[str, Any], call: dict[str, Any], code: str
) -> None:
    desk.configure(msgspec.structs.replace(TUBE, **change))
    found = await answer(desk, **call)

    if isinstance(found, Refused):
        assert (found.code, found.field) == (code, "alias")
        assert "KEY" not in found.reason
    else:
        assert code == ""
        assert found.redacted == "rtmps://ingest.example.com/live/***"


async def test_the_answer_has_all_that_the_rule_says_and_the_address_sealed(desk: Desk) -> None:
    rule = msgspec.structs.replace(
        TUBE,
        outgoing_location="DMZ",
        crypto_mode="on",
        ivr_theme=4,
        max_pixels_per_second="fullhd",
        max_callrate_out=2048,
    )
    desk.configure(rule, rtmps_default_port=1935)
    found = await answer(desk)

    assert isinstance(found, IncomingRouted)
    assert found.route == IncomingRoute("Tube", "DMZ", "on", 4, "fullhd", 2048)
    assert desk.sealer.open(found.sealed).reveal() == "rtmps://ingest.example.com:1935/live/KEY"
    assert b"KEY" not in encode(found)


async def test_an_alias_that_is_dialled_as_it_came_needs_no_new_seal(desk: Desk) -> None:
    desk.configure(
        msgspec.structs.replace(
            TUBE, match_string="rtmp://.*", match_string_full=True, replace_string=""
        )
    )
    found = await answer(desk, "rtmp://h/live/KEY")

    assert isinstance(found, IncomingRouted)
    assert desk.sealer.open(found.sealed).reveal() == "rtmp://h/live/KEY"


async def test_an_alias_that_is_sealed_under_another_key_is_refused(desk: Desk) -> None:
    wanted = RouteIncoming(Sealer(b"x" * 32).seal("yt-KEY"))
    found = await Reception(desk.rules, desk.sealer).handle(wanted)

    assert isinstance(found, Refused)
    assert found.code == "unsealable"


async def test_what_a_caller_was_answered_holds_though_the_rules_have_changed(desk: Desk) -> None:
    """And it is passed on without a look at the rules or into the vault, which has nothing."""
    desk.configure(msgspec.structs.replace(TUBE, enable=False))
    target = SealedUrl("tube.destination", "rtmps://ingest.example.com/live/***", "rtmps")
    route = IncomingRoute("Tube", "DMZ", "on", 4, "fullhd", 2048)
    request = CallRequested(
        NOW,
        "tube",
        "Tube",
        "guest",
        target,
        "rtmp",
        "routing_rule",
        "Oslo",
        True,
        "keep_conference_alive_never",
        crypto_mode="on",
        incoming=route,
    )
    await desk.routing.hear([request], Delivered("call_1", 1))
    history = await desk.log.load(subjects.events("routing", "call_1"))
    [routed] = decode_commit(history.commits[-1])

    assert routed == CallRouted(
        NOW, "call_1", "tube", target, "DMZ", "Tube", "single", "on", 4, "fullhd", 2048
    )


async def test_a_changed_rule_holds_for_the_next_caller(desk: Desk) -> None:
    desk.configure(TUBE)
    assert isinstance(await answer(desk), IncomingRouted)
    desk.rules.take("gateway_routing_rule.3", None)
    assert isinstance(await answer(desk), Refused)
