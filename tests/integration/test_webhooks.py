"""Event sinks over real HTTP and a real nats-server, with receivers that misbehave."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nats.aio.client import Client

from kit import bus
from kit.bus import Delivered
from kit.eventlog import JetStreamLog
from kit.kv import Bucket
from kit.provision import provision
from kit.secrets import Sealer
from proto import subjects
from proto.base import encode
from proto.conference import (
    CallConnected,
    CallEnded,
    CallProgressed,
    CallRequested,
    ConferenceEnded,
    ConferenceEvent,
    ConferenceStarted,
    ParticipantJoined,
)
from proto.config import EventSink, SystemLocation
from proto.recording import Part, Recording
from proto.urls import SealedUrl
from proto.webhooks import (
    Notice,
    Probed,
    ProbeSink,
    Redeliver,
    Redelivered,
    SinkState,
    WebhookCommand,
    decode_notices,
    decode_reply,
    decode_state,
    secret_of,
    state_key,
)
from services.webhooks.core.fold import Fold
from services.webhooks.members import owner
from services.webhooks.teller import Teller, decode_fold, fold_key
from tests.support.certs import make_certificates
from tests.support.gateway import SEALER, gateway
from tests.support.nats import NatsServer
from tests.support.nats_users import TESTER, connect, credentials
from tests.support.receiver import Receiver, Request, is_signed, receiving
from tests.support.services import environment, running

pytestmark = pytest.mark.nats

SECRET = secret_of(b"s" * 32)
TUBE = SealedUrl("tube.destination", "rtmp://tube/live/***", "rtmp", "0badcafe")


class Bench:
    """Replicas of the service, and what they are fed."""

    def __init__(self, nc: Client, env: dict[str, str]) -> None:
        self.nc = nc
        self.js = nc.jetstream()
        self.env = env
        self.sealer = Sealer.from_env(env)
        self.stack = AsyncExitStack()
        self.replicas: dict[str, asyncio.subprocess.Process] = {}

    async def open(self) -> None:
        self.log = (await JetStreamLog.ensure_all(self.js))["conference"]
        self.config = await Bucket.ensure(self.js, subjects.CONFIG)
        self.states = await Bucket.ensure(self.js, subjects.WEBHOOKS)

    async def start(self, name: str = "one", **more: str) -> None:
        env = {**self.env, "ROSTRUM_WEBHOOKS_REPLICA": name, **more}
        process = await self.stack.enter_async_context(running("services.webhooks", env))
        self.replicas[name] = process

    async def sink(self, number: int, url: str, **more: Any) -> None:
        sink = EventSink(
            f"Sink {number}",
            "http://***",
            number,
            sealed_url=self.sealer.seal(url),
            sealed_secret=self.sealer.seal(SECRET),
            **more,
        )
        await self.config.put(f"event_sink.{number}", encode(sink))

    async def happens(self, conference: str, *events: ConferenceEvent) -> None:
        subject = subjects.events("conference", conference)
        await self.log.append(subject, encode(list(events)), expected=None)

    async def state(self, number: int) -> SinkState | None:
        entry = await self.states.get(state_key(number))
        return None if entry is None else decode_state(entry.value or b"")

    async def until(self, number: int, true: Any) -> SinkState:
        async with asyncio.timeout(20):
            while True:
                state = await self.state(number)
                if state is not None and true(state):
                    return state
                await asyncio.sleep(0.05)

    async def known(self, *numbers: int) -> None:
        """Wait until these sinks are delivered to."""
        for number in numbers:
            await self.until(number, lambda _: True)

    async def ask(self, command: WebhookCommand) -> Any:
        subject = subjects.webhook_commands(command.sink)
        return decode_reply(await bus.ask(self.nc, subject, command, patience=15))


@pytest.fixture
async def bench(
    guarded: NatsServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> AsyncIterator[Bench]:
    """With the service's own user of the bus, and no more rights than that has."""
    nc = await connect(guarded, TESTER)
    more = {"ROSTRUM_WEBHOOKS_PRIVATE": "true", "ROSTRUM_WEBHOOKS_TIMEOUT": "0.7"}
    env = environment(guarded.url, tmp_path, **credentials("webhooks"), **more)
    one = Bench(nc, env)
    await provision(one.js)
    await one.open()
    async with one.stack:
        yield one
    await nc.close()
    logged = capfd.readouterr().err
    assert "nats refused" not in logged
    assert "CANARY" not in logged


def now() -> datetime:
    return datetime.now(UTC)


def started(conference: str, at: datetime | None = None) -> ConferenceStarted:
    return ConferenceStarted(at or now(), conference, f"{conference}-i", conference.title())


def requested(who: str = "tube") -> CallRequested:
    return CallRequested(
        *(now(), who, who.title(), "guest", TUBE, "rtmp", "routing_rule", "", True),
        keep_conference_alive="keep_conference_alive_never",
    )


def numbers(receiver: Receiver, conference: str) -> list[int]:
    """Of what arrived for the first time."""
    found = [e["seq"] for e in receiver.events() if e["conference"] == conference]
    return list(dict.fromkeys(found))


async def test_faults_of_one_sink_cost_only_time_and_nothing_of_another(bench: Bench) -> None:
    faults: dict[str, Any] = {"a": "500", "b": "hang", "c": "reset", "d": "redirect"}
    async with receiving() as bad, receiving() as good:
        failed: set[str] = set()

        def fault(request: Request) -> Any:
            """Once for each conference, at its second event."""
            event = request.json
            if event["seq"] != 2 or event["conference"] in failed:
                return "slow" if event["conference"] == "a" else ""
            failed.add(event["conference"])
            return faults[event["conference"]]

        bad.fault = fault
        good.fault = lambda request: "flood" if request.json["seq"] == 1 else ""
        await bench.sink(1, bad.url())
        await bench.sink(2, good.url(), events=["conference_started", "stream_requested"])
        await bench.start()
        await bench.known(1, 2)
        for conference in faults:
            await bench.happens(conference, started(conference), requested())
            await bench.happens(conference, CallProgressed(now(), "tube", "routed"))
        await good.until(lambda: len(good.taken) == 8)
        await bad.until(lambda: len(bad.taken) == 12)

        assert failed == set(faults)
        for conference in faults:
            assert numbers(bad, conference) == [1, 2, 3]
            assert numbers(good, conference) == [1, 2]
            tries = [r for r in bad.asked if r.json["conference"] == conference]
            second = [r for r in tries if r.json["seq"] == 2]
            assert len(second) == 2
            assert second[0].body == second[1].body
            assert second[0].headers["webhook-id"] == second[1].headers["webhook-id"]
        assert all(is_signed(r, SECRET) for r in [*bad.asked, *good.asked])
        assert all(r.path == "/hook/PATH-CANARY" for r in bad.asked), "a redirect was followed"
        state = await bench.until(1, lambda s: not s.lanes)
        assert state.delivered == 12
        assert state.last_error is not None


async def test_a_replica_that_is_killed_is_stood_in_for_from_where_it_was(bench: Bench) -> None:
    async with receiving() as receiver:
        holding = True
        receiver.fault = lambda r: "busy" if holding and r.json["seq"] == 2 else ""
        for number in range(1, 5):
            await bench.sink(number, receiver.url(f"/{number}"))
        assert {owner(number, ["one", "two"]) for number in range(1, 5)} == {"one", "two"}
        await bench.start("one")
        await bench.start("two")
        await bench.known(1, 2, 3, 4)
        await bench.happens("a", started("a"), requested())
        # All are told of the first, and none is taken the second from.
        await receiver.until(
            lambda: len({r.path for r in receiver.asked if r.json["seq"] == 2}) == 4
        )
        holding = False
        bench.replicas["one"].kill()
        await bench.happens("a", CallEnded(now(), "tube", "no-rule", "no rule"))
        await bench.happens("a", ConferenceEnded(now(), "a-i", "over"))

        def told(path: str) -> list[int]:
            return list(dict.fromkeys(r.json["seq"] for r in receiver.taken if r.path == path))

        paths = [f"/{number}" for number in range(1, 5)]
        await receiver.until(lambda: all(len(told(path)) == 4 for path in paths))
        assert all(told(path) == [1, 2, 3, 4] for path in paths)
        ids = {(r.json["seq"], r.headers["webhook-id"]) for r in receiver.asked}
        assert len(ids) == 4, "the same event has the same id, whoever sends it"


async def test_a_sink_that_is_gone_is_left_alone_until_it_is_configured_anew(
    bench: Bench,
) -> None:
    async with receiving() as receiver, receiving() as watcher:
        receiver.fault = lambda _: "gone"
        await bench.sink(1, receiver.url())
        await bench.sink(2, watcher.url(), events=["event_sink_disabled"])
        await bench.start()
        await bench.known(1, 2)
        await bench.happens("a", started("a"))
        await watcher.until(lambda: len(watcher.taken) == 1)
        await bench.until(1, lambda s: s.disabled_at is not None)
        await bench.happens("a", requested())
        await bench.until(1, lambda s: s.lanes and s.lanes["a"].newest > s.lanes["a"].after + 1)

        [event] = watcher.events()
        assert event["data"]["name"] == "Sink 1"
        assert event["data"]["status"] == 410
        assert len(receiver.asked) == 1
        receiver.fault = lambda _: ""
        await bench.sink(1, receiver.url())
        await receiver.until(lambda: numbers(receiver, "a") == [1, 2])


async def test_what_was_given_up_can_be_seen_and_delivered_again(bench: Bench) -> None:
    async with receiving() as receiver:
        await bench.sink(1, receiver.url(), max_age_hours=1)
        await bench.start()
        await bench.known(1)
        await bench.happens("a", started("a", now() - timedelta(hours=2)))
        state = await bench.until(1, lambda s: s.dead)

        assert [(d.conference, d.type) for d in state.dead] == [("a", "conference_started")]
        assert receiver.asked == []
        receiver.fault = lambda _: "500"
        assert await bench.ask(Redeliver(1)) == Redelivered(0, 1, code="status")
        receiver.fault = lambda _: ""
        assert await bench.ask(Redeliver(1)) == Redelivered(1, 0)
        assert receiver.events()[0]["id"] == state.dead[0].id
        assert (await bench.until(1, lambda s: not s.dead)).given_up == 1
        # Whoever delivers to the sink has noticed, and goes on.
        await bench.happens("a", ConferenceEnded(now(), "a-i", "over"))
        await receiver.until(lambda: len(receiver.taken) == 2)


async def test_certificates_passwords_and_private_addresses(bench: Bench, tmp_path: Path) -> None:
    known = make_certificates(tmp_path / "certificates")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "house.pem").write_bytes(known.ca.read_bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(known.good.certificate, known.good.key)
    async with receiving(context) as receiver:
        url = f"https://localhost:{receiver.port}/"
        password = bench.sealer.seal("pw")
        await bench.sink(1, url)
        await bench.sink(2, url, tls_ca="house", username="ann", sealed_password=password)
        await bench.sink(3, url, verify_tls_certificate=False)
        await bench.sink(4, url, tls_ca="nobody")
        await bench.start(ROSTRUM_TLS_CA_DIR=str(tmp_path / "own"))
        await bench.known(1, 2, 3, 4)
        found = [await bench.ask(ProbeSink(number)) for number in range(1, 5)]

        assert [one.code for one in found] == ["tls", "", "", "tls-authority"]
        assert [one.status for one in found] == [0, 204, 204, 0]
        [first, _] = receiver.taken
        assert first.json["type"] == "event_sink_test"
        assert first.headers["authorization"] == "Basic " + base64.b64encode(b"ann:pw").decode()
        assert is_signed(first, SECRET)

        await bench.start("strict", ROSTRUM_WEBHOOKS_PRIVATE="false")
        bench.replicas["one"].terminate()
        await bench.replicas["one"].wait()
        probed = await bench.ask(ProbeSink(3))
        assert isinstance(probed, Probed)
        assert probed.code == "forbidden-address"


async def test_what_happens_at_once_arrives_at_once_where_that_is_asked_for(bench: Bench) -> None:
    async with receiving() as receiver:
        await bench.sink(1, receiver.url(), bulk_support=True)
        await bench.start()
        await bench.known(1)
        await bench.happens("a", started("a"), requested())
        await bench.happens("a", CallConnected(now(), "tube"))
        await receiver.until(lambda: len(receiver.taken) == 2)

        assert [len(request.events) for request in receiver.taken] == [2, 3]
        assert numbers(receiver, "a") == [1, 2, 3, 4, 5]
        assert all(is_signed(request, SECRET) for request in receiver.taken)


async def test_the_api_takes_what_is_secret_and_shows_none_of_it(nc: Client) -> None:
    configured = "/api/admin/configuration/v1/event_sink/"
    url = "https://hooks.example.com/services/PATH-CANARY?k=QUERY-CANARY"
    secret = secret_of(b"k" * 24)
    given = {"name": "Billing", "url": url, "password": "PW-CANARY", "username": "ann"}
    async with gateway(nc) as http:
        made = await http.post(configured, json={**given, "secret": secret})
        assert made.status_code == 201
        one = made.headers["location"]
        shown = (await http.get(one)).json()
        assert shown["url"] == "https://hooks.example.com/***?***"
        assert (shown["password"], shown["secret"]) == ("***", "***")
        bucket = await Bucket.ensure(nc.jetstream(), subjects.CONFIG)

        async def stored() -> EventSink:
            entry = await bucket.get(f"event_sink.{shown['id']}")
            assert entry is not None
            assert b"CANARY" not in (entry.value or b"")
            return msgspec.json.decode(entry.value or b"", type=EventSink)

        first = await stored()
        assert SEALER.open(first.sealed_url).reveal() == url
        assert SEALER.open(first.sealed_secret).reveal() == secret

        # What was shown may come back, and keeps what is secret.
        whole = {k: v for k, v in shown.items() if k not in ("id", "resource_uri")}
        assert (await http.put(one, json={**whole, "bulk_support": True})).status_code == 204
        assert (await http.patch(one, json={"enable": False})).status_code == 202
        again = await stored()
        assert (again.bulk_support, again.enable) == (True, False)
        assert again.sealed_url == first.sealed_url
        assert again.sealed_password == first.sealed_password
        assert again.sealed_secret == first.sealed_secret
        assert (await http.patch(one, json={"password": ""})).status_code == 202
        assert (await stored()).sealed_password == ""

        ours = f"/api/rostrum/v1/event_sinks/{shown['id']}/"
        rotated = await http.post(f"{ours}secret/")
        assert rotated.status_code == 201
        now_ = await stored()
        assert SEALER.open(now_.sealed_secret).reveal() == rotated.json()["secret"]
        assert SEALER.open(now_.sealed_old_secret).reveal() == secret
        assert (await http.get(ours)).json()["rotating"] is True
        assert (await http.delete(f"{ours}secret/old/")).status_code == 204
        assert (await stored()).sealed_old_secret == ""
        listed = (await http.get("/api/rostrum/v1/event_sinks/")).json()["event_sinks"]
        assert [(sink["name"], sink["state"]) for sink in listed] == [("Billing", "off")]


async def test_a_location_names_its_sinks_by_their_addresses(nc: Client) -> None:
    """What an older version let in, when it had no effect, is passed over."""
    bucket = await Bucket.ensure(nc.jetstream(), subjects.CONFIG)
    older = SystemLocation("Older", 7, event_sinks=["anything", "/api/event_sink/99/"])
    await bucket.put("system_location.7", encode(older))
    root = "/api/admin/configuration/v1"
    async with gateway(nc) as http:
        given = {"name": "Billing", "url": "https://hooks.example.com/"}
        one = (await http.post(f"{root}/event_sink/", json=given)).headers["location"]
        number = one.rstrip("/").rpartition("/")[2]
        place = {"name": "Oslo", "event_sinks": [one]}
        oslo = (await http.post(f"{root}/system_location/", json=place)).headers["location"]
        wrong = await http.patch(oslo, json={"event_sinks": [f"{root}/event_sink/99/"]})
        shown = (await http.get(oslo)).json()
        status = (await http.get(f"/api/rostrum/v1/event_sinks/{number}/")).json()
        kept = await http.delete(one)
        assert (await http.delete(oslo)).status_code == 204
        free = (await http.get(f"/api/rostrum/v1/event_sinks/{number}/")).json()
        gone = await http.delete(one)
        assert (await http.get(f"{root}/system_location/7/")).json()["event_sinks"] == []

    assert list(wrong.json()["system_location"]) == ["event_sinks"]
    assert shown["event_sinks"] == [f"{root}/event_sink/{number}/"]
    assert (status["locations"], free["locations"]) == (["Oslo"], [])
    assert (kept.status_code, gone.status_code) == (400, 204)
    assert "Oslo" in kept.text


async def test_a_sink_that_a_location_names_hears_of_that_location(bench: Bench) -> None:
    async with receiving() as oslo, receiving() as everywhere:
        await bench.sink(1, oslo.url())
        await bench.sink(2, everywhere.url())
        place = SystemLocation("Oslo", 3, event_sinks=["/api/x/event_sink/1/"])
        await bench.config.put("system_location.3", encode(place))
        await bench.start()
        await bench.known(1, 2)
        for conference, location in (("a", "Oslo"), ("b", "Bergen"), ("c", "")):
            ann = ParticipantJoined(now(), "ann", "Ann", "guest", location=location)
            await bench.happens(conference, started(conference), ann)
        await everywhere.until(lambda: len(everywhere.taken) == 9)
        await oslo.until(lambda: len(oslo.taken) == 6)

        assert {event["conference"] for event in oslo.events()} == {"a", "c"}
        assert numbers(oslo, "a") == numbers(oslo, "c") == [1, 2, 3]
        await bench.until(1, lambda s: not s.lanes)


WRONG: list[tuple[str, Any]] = [
    ("url", "ftp://CANARY/"),
    ("url", "https://u:CANARY@host/"),
    ("secret", "whsec_CANARY"),
    ("version", 1),
    ("events", ["CANARY"]),
    ("conferences", ["/api/admin/configuration/v1/conference/99/"]),
    ("name", ""),
]


async def test_what_is_wrong_with_a_sink_is_said_without_repeating_it(nc: Client) -> None:
    async with gateway(nc) as http:
        for field, value in WRONG:
            given = {"name": "Billing", "url": "https://hooks.example.com/", field: value}
            refused = await http.post("/api/admin/configuration/v1/event_sink/", json=given)

            assert refused.status_code == 400, field
            assert list(refused.json()["event_sink"]) == [field]
            assert "CANARY" not in refused.text


async def test_a_commit_that_is_handled_twice_is_told_once(nc: Client) -> None:
    """Whoever told it died before the conference was kept, or before the commit was done with."""
    js = nc.jetstream()
    await provision(js)
    bucket = await Bucket.ensure(js, subjects.WEBHOOKS)
    teller = Teller(js, bucket, lambda: True, now=now)
    commits: list[list[ConferenceEvent]] = [
        [started("a"), requested()],
        [CallConnected(now(), "tube")],
    ]
    kept: list[bytes] = []
    for sequence, commit in enumerate(commits, 1):
        await teller.hear(commit, Delivered("a", sequence))
        entry = await bucket.get(fold_key("a"))
        assert entry is not None
        kept.append(entry.value or b"")
    await bucket.put(fold_key("a"), kept[0])
    await teller.hear(commits[1], Delivered("a", 2))
    await teller.hear(commits[1], Delivered("a", 2))

    entry = await bucket.get(fold_key("a"))
    assert entry is not None
    assert entry.value == kept[1]
    assert (await js.stream_info(subjects.WEBHOOK_STREAM)).state.messages == 2


async def test_what_is_told_beside_the_log_counts_on_in_the_same_row(nc: Client) -> None:
    """Whoever told of the recording, or of the commit before it, died before it was kept."""
    js = nc.jetstream()
    await provision(js)
    bucket = await Bucket.ensure(js, subjects.WEBHOOKS)
    teller = Teller(js, bucket, lambda: True, now=now)

    def made(ident: str) -> Callable[[int, Fold], Notice]:
        return lambda seq, _: Notice(ident, "recording_started", now(), "a", "a-i", seq, {})

    async def kept() -> bytes:
        entry = await bucket.get(fold_key("a"))
        assert entry is not None
        return entry.value or b""

    await teller.hear([started("a"), requested()], Delivered("a", 1))
    first = await kept()
    await teller.hear([CallProgressed(now(), "tube", "routed")], Delivered("a", 2))
    second = await kept()
    await bucket.put(fold_key("a"), first)
    for ident in ("tape_started_1", "tape_started_1", "tape_part_1"):
        await teller.add("a", ident, made(ident))
    assert decode_fold(await kept()).seq == 5, "the stream forgets it after eight days"
    await bucket.put(fold_key("a"), first)
    await teller.hear([CallProgressed(now(), "tube", "routed")], Delivered("a", 2))
    third = await kept()
    await bucket.put(fold_key("a"), second)
    await teller.hear([CallConnected(now(), "tube")], Delivered("a", 3))

    history = await JetStreamLog(js, subjects.WEBHOOK_STREAM).load(subjects.webhook_notices("a"))
    told = [one for commit in history.commits for one in decode_notices(commit).notices]
    assert [one.seq for one in told] == list(range(1, len(told) + 1))
    assert [one.type for one in told[:6]] == [
        "conference_started",
        "stream_requested",
        "stream_routed",
        "recording_started",
        "recording_started",
        "stream_connected",
    ]
    assert (decode_fold(second).seq, decode_fold(third).seq) == (3, 5)


def recorded(*parts: Part, **more: Any) -> Recording:
    return Recording(
        *("tape", "tape", "a", "Town Hall", "a-i", "single", "host-a"),
        name="talk",
        started_at=now(),
        parts=list(parts),
        **more,
    )


async def test_a_recording_is_told_of_from_the_first_picture_to_the_last_file(
    bench: Bench,
) -> None:
    """Two replicas look, and are killed; a third one starts on the same catalogue."""
    catalogue = await Bucket.ensure(bench.js, subjects.RECORDINGS)
    first = Part(1, "talk.mp4", 0.0)
    closed = msgspec.structs.replace(first, ended=True, seconds=60.0, size=1000)
    over = {"state": "complete", "ended_at": now() + timedelta(seconds=60)}
    async with receiving() as receiver:
        await bench.sink(1, receiver.url())
        await bench.start("one")
        await bench.start("two")
        await bench.known(1)
        await bench.happens("a", started("a"))
        await receiver.until(lambda: len(receiver.taken) == 1)
        await catalogue.put("tape", encode(recorded(first)))
        await receiver.until(lambda: len(receiver.taken) == 2)
        await bench.happens("a", ConferenceEnded(now(), "a-i", "over"))
        await receiver.until(lambda: len(receiver.taken) == 3)
        bench.replicas["one"].kill()
        await catalogue.put("tape", encode(recorded(closed, **over)))
        await receiver.until(lambda: len(receiver.taken) >= 5)
        bench.replicas["two"].kill()
        await bench.start("three")
        await bench.happens("b", started("b"))
        await receiver.until(lambda: bool(numbers(receiver, "b")))

    # Who is killed may have sent what it had not yet kept as sent.
    came = {(e["id"], e["seq"]): e for e in receiver.events() if e["conference"] == "a"}
    told = list(came.values())
    assert [event["type"] for event in told] == [
        "conference_started",
        "recording_started",
        "conference_ended",
        "recording_part_finished",
        "recording_finished",
    ]
    assert [event["seq"] for event in told] == [1, 2, 3, 4, 5]
    assert (told[4]["data"]["size"], told[4]["data"]["duration"]) == (1000, 60.0)
    assert told[4]["data"]["url"] == "/api/rostrum/v1/recordings/tape/"


async def test_what_was_recorded_before_anybody_told_of_it_is_not_told(bench: Bench) -> None:
    catalogue = await Bucket.ensure(bench.js, subjects.RECORDINGS)
    older = recorded(Part(1, "talk.mp4", 0.0, 60.0, 1000, ended=True), ended_at=now())
    async with receiving() as receiver:
        await bench.sink(1, receiver.url())
        await catalogue.put("older", encode(older))
        await bench.start()
        await bench.known(1)
        newer = msgspec.structs.replace(older, ended_at=now() + timedelta(seconds=60))
        await catalogue.put("newer", encode(msgspec.structs.replace(newer, recording="newer")))
        await receiver.until(lambda: len(receiver.taken) == 3)

    assert {event["data"]["recording"] for event in receiver.events()} == {"newer"}
