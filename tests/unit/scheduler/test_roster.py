"""What the scheduler knows of conferences, and how long it waits to know it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import msgspec

from kit.eventlog import FakeLog
from kit.kv import Watch
from proto.base import encode
from proto.config import SystemLocation
from proto.scheduler import MixAssigned
from proto.subjects import events
from proto.views import ConferenceView, ParticipantView
from services.scheduler.ledger import Ledger
from services.scheduler.places import Places
from services.scheduler.roster import Conferences
from tests.support.conference import START

CALL = ConferenceView("call_1", 7, quality="sd")


class Shelf:
    """What a watch hands out, when it is put there."""

    def __init__(self) -> None:
        self._given: asyncio.Queue[tuple[str, ConferenceView | None]] = asyncio.Queue()

    def put(self, key: str, view: ConferenceView | None) -> None:
        self._given.put_nowait((key, view))

    async def values(
        self, _: Callable[[bytes], Any]
    ) -> AsyncIterator[tuple[str, ConferenceView | None]]:
        while True:
            yield await self._given.get()


async def test_the_view_of_a_conference_that_has_just_begun_is_waited_for() -> None:
    shelf = Shelf()
    known = Conferences(cast(Watch, shelf))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        following = group.create_task(known.follow())
        asking = group.create_task(known.view("call_1", 5))
        await asyncio.sleep(0)
        assert not asking.done()
        shelf.put("call_1", CALL)
        assert await asking == CALL
        following.cancel()


async def test_a_view_that_does_not_know_the_call_yet_is_not_taken_for_one_that_does() -> None:
    """Else a Guest of an auditorium could be sent what Hosts see, and a recording what streams."""
    shelf = Shelf()
    known = Conferences(cast(Watch, shelf))
    called = msgspec.structs.replace(CALL, participants=[ParticipantView("tube", "Tube", "guest")])
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        following = group.create_task(known.follow())
        shelf.put("call_1", CALL)
        asking = group.create_task(known.view("call_1", 5, "tube"))
        await known.view("call_1", 5)
        assert not asking.done()
        shelf.put("call_1", called)
        assert await asking == called
        following.cancel()

    assert await known.view("call_1", 0.01, "nobody") == called


async def test_who_waits_in_vain_is_told_that_nothing_is_known() -> None:
    assert await Conferences(cast(Watch, Shelf())).view("call_1", 0.01) is None


async def test_what_is_forgotten_elsewhere_is_forgotten_here() -> None:
    shelf = Shelf()
    known = Conferences(cast(Watch, shelf))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        following = group.create_task(known.follow())
        shelf.put("call_1", CALL)
        await known.view("call_1", 5)
        shelf.put("call_1", None)
        shelf.put("call_2", CALL)
        await known.view("call_2", 5)
        following.cancel()

    assert list(known.by_key) == ["call_2"]


async def test_a_page_that_was_forgotten_is_read_from_the_log_again() -> None:
    log = FakeLog()
    ledger = Ledger(log)
    page = await ledger.read("call_1")
    await ledger.write("call_1", page, [MixAssigned(START, "call_1", "i1", "mixer-a")])
    # Written by another replica, which a page in memory does not know yet.
    more = encode([MixAssigned(START, "call_1", "i2", "mixer-b")])
    await log.append(events("scheduler", "call_1"), more, expected=None)

    ledger.forget(["call_1"])
    assert (await ledger.read("call_1")).work.mixer == "mixer-a"
    ledger.forget([])
    assert (await ledger.read("call_1")).work.mixer == "mixer-b"


class Pages:
    """What a watch of the configuration hands out, once."""

    def __init__(self, *entries: tuple[str, bytes | None]) -> None:
        self._entries = entries

    async def entries(self) -> AsyncIterator[tuple[str, bytes | None, int]]:
        for key, value in self._entries:
            yield key, value, 1


async def places(*entries: tuple[str, bytes | None]) -> dict[str, SystemLocation]:
    known = Places(cast(Watch, Pages(*entries)))
    await known.follow()
    return known.known


async def test_locations_are_followed_as_they_change() -> None:
    oslo, bergen = SystemLocation("Oslo"), SystemLocation("Bergen")
    assert await places(
        ("system_location.1", encode(oslo)), ("conference.1", b"{}"), ("system_location.2", b"!")
    ) == {"Oslo": oslo}
    assert await places(
        ("system_location.1", encode(oslo)), ("system_location.1", encode(bergen))
    ) == {"Bergen": bergen}
    assert await places(("system_location.1", encode(oslo)), ("system_location.1", None)) == {}


async def test_a_location_that_cannot_be_read_stays_what_it_was() -> None:
    oslo = SystemLocation("Oslo", overflow_location1="Bergen")
    assert await places(
        ("system_location.1", encode(oslo)), ("system_location.1", b'{"name": 7}')
    ) == {"Oslo": oslo}
