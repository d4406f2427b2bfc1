"""What was parked is shown, given back and dropped, with the rights that each service has."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from nats.aio.client import Client
from opentelemetry import trace as otel

from kit import bus, consumer, trace
from kit.provision import provision
from kit.tasks import end
from proto.base import encode
from proto.conference import ConferenceEnded, ConferenceEvent, decode_commit
from services.gateway.core.parked import Wanted
from services.gateway.parked import ParkedMessages
from services.gateway.problems import Problem
from services.gateway.store import NoSuchResource, Unavailable
from tests.contract.test_bus import NOW
from tests.support.nats import NatsServer
from tests.support.nats_users import TESTER, connect

pytestmark = pytest.mark.nats

POISON = b'[{"type":"from_the_future.v9"}]'
FINE = encode([ConferenceEnded(NOW, "i1", "over")])
ALL = Wanted()


class Patient:
    """A service that can read what it could not once it has been mended."""

    def __init__(self) -> None:
        self.mended = False
        self.broken = False
        self.heard: list[tuple[str, int]] = []
        self.traces: list[str] = []
        self.came = asyncio.Event()

    def decode(self, data: bytes) -> Sequence[ConferenceEvent]:
        return [] if self.mended and data == POISON else decode_commit(data)

    async def handle(self, commit: Sequence[ConferenceEvent], where: bus.Delivered) -> None:
        if self.broken:
            raise ZeroDivisionError
        self.heard.append((where.id, where.sequence))
        self.traces.append(f"{otel.get_current_span().get_span_context().trace_id:032x}")
        self.came.set()


@asynccontextmanager
async def consuming(nc: Client, service: Patient) -> AsyncIterator[None]:
    task = asyncio.ensure_future(
        consumer.consume(
            nc.jetstream(),
            "conference",
            durable="routing",
            decode=service.decode,
            handle=service.handle,
            nc=nc,
        )
    )
    try:
        yield
    finally:
        await end([task])


class Bench:
    """A consumer and a gateway, each as its own user, and somebody who may do everything."""

    def __init__(self, tester: Client, routing: Client, gateway: Client) -> None:
        self.js = tester.jetstream()
        self.routing = routing
        self.parked = ParkedMessages(gateway, gateway.jetstream())
        self.service = Patient()

    async def publish(self, data: bytes, conference: str = "c1", **headers: str) -> None:
        await self.js.publish(f"conference.events.{conference}", data, headers=headers or None)

    async def ids(self, wanted: Wanted = ALL, after: int = 0, limit: int = 100) -> list[int]:
        return [one.id for one in (await self.parked.some(wanted, after, limit)).parked]


@pytest.fixture
async def bench(guarded: NatsServer) -> AsyncIterator[Bench]:
    trace.configure("test")
    clients = [await connect(guarded, name) for name in (TESTER, "routing", "gateway")]
    try:
        await provision(clients[0].jetstream())
        yield Bench(*clients)
    finally:
        for client in clients:
            await client.close()


async def parked(bench: Bench, *conferences: str) -> None:
    """Have a message of each of them parked, and one more handled."""
    for conference in conferences:
        await bench.publish(POISON, conference)
    await bench.publish(FINE, "after")
    async with asyncio.timeout(10):
        await bench.service.came.wait()


async def test_it_is_given_back_to_who_parked_it_with_its_place_and_its_trace(bench: Bench) -> None:
    service = bench.service
    async with consuming(bench.routing, service):
        with trace.span("test"):
            here = f"{otel.get_current_span().get_span_context().trace_id:032x}"
            await bench.publish(POISON, **trace.outgoing())
        await parked(bench)
        [one] = (await bench.parked.some(ALL, 0, 100)).parked
        service.mended = True
        await bench.parked.give_back(one.id, "ann")

    assert (one.service, one.family, one.conference, one.sequence) == (
        "routing",
        "conference",
        "c1",
        1,
    )
    assert one.trace == here
    assert "from_the_future" in one.reason
    assert service.heard == [("after", 2), ("c1", 1)]
    assert service.traces[1] == here


async def test_it_is_handled_once_however_often_it_is_given_back(bench: Bench) -> None:
    service = bench.service
    async with consuming(bench.routing, service):
        await parked(bench, "c1")
        service.mended = True
        [number] = await bench.ids()
        both = await asyncio.gather(
            bench.parked.give_back(number, ""),
            bench.parked.give_back(number, ""),
            return_exceptions=True,
        )

    assert [type(one) for one in both] == [type(None), NoSuchResource]
    assert service.heard == [("after", 2), ("c1", 1)]
    assert await bench.ids() == []


@pytest.mark.parametrize("broken", [False, True])
async def test_what_cannot_be_handled_now_either_stays(bench: Bench, broken: bool) -> None:
    service = bench.service
    async with consuming(bench.routing, service):
        await parked(bench, "c1")
        service.mended = service.broken = broken
        [number] = await bench.ids()
        with pytest.raises(Problem) as refused:
            await bench.parked.give_back(number, "")

    why = "ZeroDivisionError" if broken else "from_the_future"
    assert why in refused.value.errors["__all__"][0]
    assert refused.value.status == 409
    assert await bench.ids() == [number]


async def test_it_stays_while_nobody_is_there_to_handle_it(bench: Bench) -> None:
    async with consuming(bench.routing, bench.service):
        await parked(bench, "c1")
    [number] = await bench.ids()

    with pytest.raises(Unavailable):
        await bench.parked.give_back(number, "")

    assert await bench.ids() == [number]


async def test_what_an_older_version_parked_can_only_be_looked_at_and_dropped(
    bench: Bench,
) -> None:
    older = {"Parked-Subject": "conference.events.c1", "Parked-Reason": "ValueError"}
    await bench.js.publish("parked.routing", FINE, headers=older)
    async with consuming(bench.routing, bench.service):
        with pytest.raises(Problem, match="parked"):
            await bench.parked.give_back(1, "")
        await bench.parked.drop(1, "")

    assert bench.service.heard == []
    assert await bench.ids() == []


async def test_they_are_listed_oldest_first_page_by_page_as_asked(bench: Bench) -> None:
    async with consuming(bench.routing, bench.service):
        await parked(bench, "c1", "c2", "c1")
    first = await bench.parked.some(Wanted(conference="c1"), 0, 1)
    assert first.next is not None
    second = await bench.parked.some(Wanted(conference="c1"), first.next, 5)

    assert [one.id for one in first.parked + second.parked] == [1, 3]
    assert (first.total, second.total, second.next) == (3, 3, None)
    assert await bench.ids(Wanted("routing", "conference")) == [1, 2, 3]
    assert await bench.ids(Wanted("scheduler")) == []


async def test_what_was_dropped_is_gone_and_the_others_are_not(bench: Bench) -> None:
    async with consuming(bench.routing, bench.service):
        await parked(bench, "c1", "c2")
    await bench.parked.drop(1, "ann")

    assert await bench.ids() == [2]
    for number in (1, 0, 3, 10**30):
        with pytest.raises(NoSuchResource):
            await bench.parked.one(number)
    with pytest.raises(NoSuchResource):
        await bench.parked.drop(1, "ann")
