"""The fake log and JetStream answer the same questions in the same way."""

import pytest
from nats.aio.client import Client

from kit.eventlog import Conflict, EventLog, FakeLog, JetStreamLog


class EventLogContract:
    async def test_an_unwritten_subject_is_empty(self, events: EventLog) -> None:
        history = await events.load("test.a")

        assert (list(history.commits), history.version) == ([], 0)

    async def test_commits_come_back_in_order(self, events: EventLog) -> None:
        first = await events.append("test.a", b"1", expected=0)
        await events.append("test.b", b"other", expected=0)
        second = await events.append("test.a", b"2", expected=first)

        history = await events.load("test.a")

        assert (list(history.commits), history.version) == ([b"1", b"2"], second)

    async def test_only_what_is_newer_is_loaded_when_asked(self, events: EventLog) -> None:
        first = await events.append("test.a", b"1", expected=0)
        second = await events.append("test.a", b"2", expected=first)

        assert await events.load("test.a", after=first) == ([b"2"], second)
        assert (await events.load("test.a", after=second)).version == second
        assert not (await events.load("test.a", after=second)).commits

    async def test_a_stale_writer_is_told(self, events: EventLog) -> None:
        await events.append("test.a", b"1", expected=0)

        with pytest.raises(Conflict, match=r"test\.a is no longer at version 0"):
            await events.append("test.a", b"2", expected=0)

        assert list((await events.load("test.a")).commits) == [b"1"]

    async def test_a_report_needs_no_version(self, events: EventLog) -> None:
        await events.append("test.a", b"1", expected=None)
        await events.append("test.a", b"2", expected=None)

        assert list((await events.load("test.a")).commits) == [b"1", b"2"]

    async def test_a_long_history_is_whole(self, events: EventLog) -> None:
        for n in range(600):
            await events.append("test.long", str(n).encode(), expected=None)

        history = await events.load("test.long")

        assert [int(c) for c in history.commits] == list(range(600))


class TestFakeLog(EventLogContract):
    @pytest.fixture
    def events(self) -> EventLog:
        return FakeLog()


@pytest.mark.nats
class TestJetStreamLog(EventLogContract):
    @pytest.fixture
    async def events(self, nc: Client) -> EventLog:
        return await JetStreamLog.ensure(nc.jetstream(), "TEST", ["test.*"])

    async def test_a_stream_that_is_there_already_is_taken_as_it_is(self, nc: Client) -> None:
        js = nc.jetstream()
        first = await JetStreamLog.ensure(js, "AGAIN", ["again.*"])
        await first.append("again.a", b"1", expected=0)

        second = await JetStreamLog.ensure(js, "AGAIN", ["again.*"])

        assert list((await second.load("again.a")).commits) == [b"1"]

    async def test_reading_leaves_no_consumer_behind(self, nc: Client) -> None:
        js = nc.jetstream()
        events = await JetStreamLog.ensure(js, "CLEAN", ["clean.*"])
        await events.append("clean.a", b"1", expected=0)
        await events.load("clean.a")

        assert (await js.stream_info("CLEAN")).state.consumer_count == 0
