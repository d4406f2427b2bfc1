"""Streams that are there already are brought to what is to be kept, and everybody copes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nats.aio.client import Client

from kit import keeping
from kit.eventlog import JetStreamLog
from kit.follow import Follower
from kit.keeping import Limit
from kit.provision import provision
from proto import subjects
from proto.base import encode
from proto.conference import ConferenceEnded, ConferenceEvent, ConferenceStarted
from services.gateway.archive import Archive, log_of
from services.gateway.core.paging import Window
from services.gateway.records import Records

pytestmark = pytest.mark.nats

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CONFERENCE = subjects.stream("conference")


def meeting(number: int) -> list[ConferenceEvent]:
    at = NOW + timedelta(minutes=number)
    return [
        ConferenceStarted(at, "hall-1", f"i{number}", "Hall"),
        ConferenceEnded(at, f"i{number}", "padding " * 100),
    ]


async def look(true: Callable[[], Awaitable[bool]]) -> None:
    """For what has no event to wait for."""
    while True:
        if await true():
            return
        await asyncio.sleep(0.02)


async def test_old_events_go_and_history_and_writers_go_on(nc: Client, tmp_path: Path) -> None:
    js = nc.jetstream()
    await provision(js)
    await keeping.apply(js, {CONFERENCE: Limit()})
    log = JetStreamLog(js, CONFERENCE)
    subject = subjects.events("conference", "hall-1")
    version = 0
    for number in range(50):
        version = await log.append(subject, encode(meeting(number)), expected=version)
    archive = Archive(str(tmp_path), await log_of(js, CONFERENCE))
    conferences = Follower(js, CONFERENCE, subjects.events("conference"), after=0)
    schedule = Follower(js, subjects.stream("scheduler"), subjects.events("scheduler"))
    records = Records(archive, conferences, schedule)

    async def kept_is(wanted: int) -> bool:
        page = archive.page("conference", [], Window(1000))
        assert not isinstance(page, dict)
        return page[1] == wanted

    async def is_empty() -> bool:
        return (await js.stream_info(CONFERENCE)).state.messages == 0

    async def until(wanted: int) -> None:
        await look(lambda: kept_is(wanted))

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        jobs = [group.create_task(records.follow_conferences())]
        await until(50)

        await keeping.apply(js, {CONFERENCE: Limit(size=20_000)})
        held = (await js.stream_info(CONFERENCE)).state
        assert 0 < held.messages < 50
        jobs.append(group.create_task(records.forget(js)))
        await until(held.messages)

        await log.append(subject, encode(meeting(50)), expected=version)
        await until(held.messages + 1)
        await keeping.apply(js, {CONFERENCE: Limit(timedelta(seconds=1))})
        await look(is_empty)
        assert (await log.load(subject)).version == 0
        await log.append(subject, encode(meeting(51)), expected=0)
        while left := [job for job in jobs if not job.done()]:
            left[0].cancel()
            await asyncio.wait(left, timeout=0.1)


async def test_a_stream_is_changed_and_not_made_anew(nc: Client) -> None:
    js = nc.jetstream()
    await provision(js)
    before = await js.stream_info(CONFERENCE)
    wanted = {CONFERENCE: Limit(timedelta(days=30), 1_000_000_000)}

    await keeping.apply(js, wanted)
    await keeping.apply(js, wanted)

    after = await js.stream_info(CONFERENCE)
    assert (after.config.max_age, after.config.max_bytes) == (30 * 86_400, 1_000_000_000)
    assert after.config.deny_purge
    assert after.created == before.created
    await keeping.apply(js, {CONFERENCE: Limit()})
    assert (await js.stream_info(CONFERENCE)).config.max_age in (None, 0)
