"""Routing's shell: legs, ports, what is sealed anew, and what becomes of the configuration."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from nats.aio.client import Client

from kit.bus import Delivered
from kit.eventlog import FakeLog
from kit.kv import Bucket
from kit.secrets import Sealer
from kit.vault import Vault
from proto import subjects
from proto.base import Refused, encode
from proto.conference import CallRequested
from proto.config import GatewayRoutingRule, Global
from proto.routing import CallRefused, CallRouted, RoutingEvent, RulesTried, TryRules, decode_commit
from proto.urls import Delivery, SealedUrl
from services.routing.rules import Rules
from services.routing.shell import Routing, Trials

pytestmark = pytest.mark.nats

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STREAMING = GatewayRoutingRule(
    "Streaming",
    10,
    r"yt-(\w+)",
    7,
    match_outgoing_calls=True,
    match_string_full=True,
    replace_string=r"rtmps://ingest.example.com/live/\1",
    outgoing_protocol="rtmp",
    outgoing_location="DMZ",
    max_pixels_per_second="sd",
)


class Desk:
    """Routing, with a log in memory and real secrets."""

    def __init__(self, config: Bucket, secrets: Bucket) -> None:
        self.sealer = Sealer(b"k" * 32)
        self.vault = Vault(secrets, self.sealer)
        self.rules = Rules(config.watch())
        self.log = FakeLog()
        self.routing = Routing(self.log, self.vault, self.rules, now=lambda: NOW)

    def configure(self, *rules: GatewayRoutingRule, **settings: Any) -> None:
        for rule in rules:
            self.rules.take(f"gateway_routing_rule.{rule.id}", encode(rule))
        self.rules.take("global.1", encode(Global(**settings)))

    async def call(self, url: str, second: str = "", **more: Any) -> list[RoutingEvent]:
        """What routing writes about a call."""
        request = CallRequested(
            NOW,
            "tube",
            "Tube",
            "guest",
            msgspec.structs.replace(
                await self.vault.put(url, "tube", "destination"),
                delivery=more.pop("delivery", None),
            ),
            "rtmp",
            more.pop("routing", "routing_rule"),
            more.pop("location", ""),
            True,
            "keep_conference_alive_never",
            crypto_mode=more.pop("crypto_mode", "besteffort"),
        )
        if second:
            sealed = await self.vault.put(second, "tube", "presentation")
            request = msgspec.structs.replace(request, presentation_destination=sealed)
        await self.routing.hear([request], Delivered("hall", 1))
        history = await self.log.load(subjects.events("routing", "hall"))
        return decode_commit(history.commits[-1])

    async def opened(self, event: RoutingEvent) -> str:
        assert isinstance(event, CallRouted)
        secret = await self.vault.open(event.destination)
        assert secret is not None
        return secret.reveal()


@pytest.fixture
async def desk(nc: Client) -> Desk:
    js = nc.jetstream()
    return Desk(await Bucket.ensure(js, subjects.CONFIG), await Bucket.ensure(js, subjects.SECRETS))


async def test_a_rewritten_alias_is_sealed_anew(desk: Desk) -> None:
    desk.configure(STREAMING)
    [routed] = await desk.call("yt-SECRET")

    assert isinstance(routed, CallRouted)
    assert await desk.opened(routed) == "rtmps://ingest.example.com/live/SECRET"
    assert (routed.rule, routed.location, routed.quality) == ("Streaming", "DMZ", "sd")
    assert routed.destination.redacted == "rtmps://ingest.example.com/live/***"
    assert b"SECRET" not in encode(routed)


async def test_how_it_is_pushed_to_outlasts_the_rewriting(desk: Desk) -> None:
    desk.configure(STREAMING)
    spare = SealedUrl("tube.backup", "rtmps://spare/live/***", "rtmps")
    delivery = Delivery(tls_ca="ours", backup=spare)
    [routed] = await desk.call("yt-SECRET", delivery=delivery)

    assert isinstance(routed, CallRouted)
    assert routed.destination.delivery == delivery


async def test_a_spare_address_without_encryption_is_none_where_encryption_is_required(
    desk: Desk,
) -> None:
    desk.configure(STREAMING)
    spare = SealedUrl("tube.backup", "rtmp://spare/live/***", "rtmp")
    for mode in ("on", "besteffort"):
        [decided] = await desk.call("yt-SECRET", delivery=Delivery(backup=spare), crypto_mode=mode)
        assert isinstance(decided, CallRefused) is (mode == "on")


async def test_both_legs_of_a_dual_stream_are_routed(desk: Desk) -> None:
    desk.configure(STREAMING)
    main, slides = await desk.call("yt-MAIN", "yt-SLIDES")

    assert isinstance(main, CallRouted)
    assert isinstance(slides, CallRouted)
    assert (main.leg, slides.leg) == ("main", "presentation")
    assert await desk.opened(main) == "rtmps://ingest.example.com/live/MAIN"
    assert await desk.opened(slides) == "rtmps://ingest.example.com/live/SLIDES"


async def test_the_second_leg_may_be_refused_alone(desk: Desk) -> None:
    desk.configure(STREAMING)
    main, slides = await desk.call("yt-MAIN", "vimeo-SLIDES")

    assert isinstance(main, CallRouted)
    assert isinstance(slides, CallRefused)
    assert (slides.leg, slides.code) == ("presentation", "no-rule")


async def test_without_the_first_leg_there_is_no_second(desk: Desk) -> None:
    desk.configure(STREAMING)
    [refused] = await desk.call("vimeo-MAIN", "yt-SLIDES")

    assert isinstance(refused, CallRefused)
    assert refused.leg == "main"


@pytest.mark.parametrize(
    ("alias", "replace", "code"),
    [
        ("yt-KEY", "", "bad-url"),
        ("yt-KEY", "srt://host/live/\\1", "bad-url"),
        ("yt-KEY", "rtmp://host", "bad-url"),
        ("yt-KEY", "rtmp://u@host/live/\\1", "bad-url"),
    ],
)
async def test_only_what_a_worker_can_connect_to_is_routed(
    desk: Desk, alias: str, replace: str, code: str
) -> None:
    desk.configure(msgspec.structs.replace(STREAMING, replace_string=replace))
    [refused] = await desk.call(alias)

    assert isinstance(refused, CallRefused)
    assert refused.code == code
    assert "KEY" not in refused.reason


async def test_a_manual_call_asks_no_rule(desk: Desk) -> None:
    [routed] = await desk.call("rtmps://h/live/KEY", routing="manual", location="Oslo")

    assert isinstance(routed, CallRouted)
    assert (routed.rule, routed.location) == ("", "Oslo")
    assert await desk.opened(routed) == "rtmps://h/live/KEY"


@pytest.mark.parametrize("routing", ["manual", "routing_rule"])
async def test_the_port_that_is_configured_is_put_where_none_is(desk: Desk, routing: str) -> None:
    anything = msgspec.structs.replace(STREAMING, match_string=".*", replace_string="")
    desk.configure(anything, rtmps_default_port=1935)
    [bare] = await desk.call("rtmps://h/live/KEY", routing=routing)
    assert await desk.opened(bare) == "rtmps://h:1935/live/KEY"
    [written] = await desk.call("rtmps://h:444/live/KEY", routing=routing)
    assert await desk.opened(written) == "rtmps://h:444/live/KEY"
    [plain] = await desk.call("rtmp://h/live/KEY", routing=routing)
    assert await desk.opened(plain) == "rtmp://h/live/KEY"
    desk.configure(rtmps_default_port=443)
    [again] = await desk.call("rtmps://h/live/KEY", routing=routing)
    assert await desk.opened(again) == "rtmps://h/live/KEY"


async def test_a_changed_rule_holds_for_the_next_call(desk: Desk) -> None:
    desk.configure(STREAMING)
    assert isinstance((await desk.call("yt-KEY"))[0], CallRouted)
    desk.configure(msgspec.structs.replace(STREAMING, enable=False))
    assert isinstance((await desk.call("yt-KEY"))[0], CallRefused)
    desk.configure(STREAMING)
    desk.rules.take("gateway_routing_rule.7", b'{"name": 1}')
    assert isinstance((await desk.call("yt-KEY"))[0], CallRouted)
    desk.rules.take("gateway_routing_rule.7", None)
    assert isinstance((await desk.call("yt-KEY"))[0], CallRefused)


async def test_a_trial_shows_what_a_call_would_become(desk: Desk) -> None:
    desk.configure(STREAMING, rtmps_default_port=1935)
    trials = Trials(desk.rules, desk.sealer)
    found = await trials.handle(TryRules(desk.sealer.seal("yt-KEY")))

    assert isinstance(found, RulesTried)
    assert [(one.rule, one.verdict) for one in found.tried] == [(7, "matched")]
    assert found.redacted == "rtmps://ingest.example.com:1935/live/***"
    assert b"KEY" not in encode(found)


async def test_an_alias_that_is_sealed_under_another_key_is_refused(desk: Desk) -> None:
    trials = Trials(desk.rules, desk.sealer)
    found = await trials.handle(TryRules(Sealer(b"x" * 32).seal("yt-KEY")))

    assert isinstance(found, Refused)
