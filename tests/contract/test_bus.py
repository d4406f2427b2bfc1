"""What services rely on from the bus, on a real nats-server."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from opentelemetry import trace as otel

from kit import boot, bus, consumer, trace
from kit.boot import Jobs
from kit.follow import Follower
from kit.kv import Bucket, Stale
from proto.base import Accepted, Command, Refused, decode_reply, encode
from proto.conference import ConferenceEnded, decode_commit
from tests.support.nats import NatsServer

pytestmark = pytest.mark.nats

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Knock(Command, frozen=True, tag="knock.v1"):
    who: str


async def test_a_command_is_answered_and_its_trace_goes_along(nc: Client) -> None:
    trace.configure("test")
    seen: list[tuple[str, int]] = []

    async def handle(command: Knock) -> Accepted:
        seen.append((command.who, otel.get_current_span().get_span_context().trace_id))
        return Accepted(7)

    async with Jobs(asyncio.Event()) as group:
        await bus.answer(
            nc,
            "door.commands.*",
            queue="door",
            decode=msgspec.json.Decoder(Knock).decode,
            handle=handle,
            group=group,
        )
        with trace.span("test"):
            here = otel.get_current_span().get_span_context().trace_id
            reply = decode_reply(await bus.ask(nc, "door.commands.a", Knock("ann")))
        await group.stop()

    assert reply == Accepted(7)
    assert seen == [("ann", here)]


async def test_nonsense_is_refused_and_a_bug_is_owned_up_to(nc: Client) -> None:
    async def handle(command: Knock) -> Accepted:
        raise ZeroDivisionError

    async with Jobs(asyncio.Event()) as group:
        await bus.answer(
            nc,
            "door.commands.*",
            queue="door",
            decode=msgspec.json.Decoder(Knock).decode,
            handle=handle,
            group=group,
        )
        bad = decode_reply((await nc.request("door.commands.a", b'{"type":"knock.v1"}')).data)
        bug = decode_reply(await bus.ask(nc, "door.commands.a", Knock("ann")))
        await group.stop()

    assert isinstance(bad, Refused)
    assert (bad.code, "who" in bad.reason) == ("invalid", True)
    assert bug == Refused("internal", "the service failed: ZeroDivisionError")


async def test_nobody_there_is_an_error_of_its_own(nc: Client) -> None:
    with pytest.raises(bus.Unanswered, match=r"door\.commands\.a"):
        await bus.ask(nc, "door.commands.a", Knock("ann"), patience=0.2)


async def test_a_question_to_all_gathers_what_comes_in_time(nc: Client) -> None:
    async def say(msg: object) -> None:
        await msg.respond(b"here")  # type: ignore[attr-defined]

    await nc.subscribe("mixer.bids", cb=say)
    await nc.subscribe("mixer.bids", cb=say)

    all_of_them = await bus.scatter(nc, "mixer.bids", Accepted(1), expected=2, patience=2)
    one_missing = await bus.scatter(nc, "mixer.bids", Accepted(1), expected=3, patience=0.2)

    assert (all_of_them, one_missing) == ([b"here"] * 2, [b"here"] * 2)


async def test_while_no_answer_is_useful_the_silent_ones_are_waited_for(nc: Client) -> None:
    async def no(msg: Msg) -> None:
        await msg.respond(b"no")

    async def yes(msg: Msg) -> None:
        await asyncio.sleep(0.3)
        await msg.respond(b"yes")

    await nc.subscribe("mixer.bids", cb=no)
    await nc.subscribe("mixer.bids", cb=yes)

    async def ask(useful: bytes, longest: float) -> list[bytes]:
        return await bus.scatter(
            nc,
            "mixer.bids",
            Accepted(1),
            expected=3,
            patience=0.05,
            useful=lambda answer: answer == useful,
            longest=longest,
        )

    assert await ask(b"no", 60) == [b"no"]
    assert await ask(b"yes", 60) == [b"no", b"yes"]
    assert await ask(b"maybe", 0.1) == [b"no"]


async def test_a_message_that_nobody_can_read_is_parked_and_the_next_one_handled(
    nc: Client,
) -> None:
    js = nc.jetstream()
    await js.add_stream(name="CONFERENCE", subjects=["conference.events.*"])
    handled: asyncio.Queue[tuple[object, int]] = asyncio.Queue()

    async def handle(commit: object, where: bus.Delivered) -> None:
        await handled.put((commit, where.sequence))

    consuming = asyncio.ensure_future(
        consumer.consume(
            js,
            "conference",
            durable="tester",
            decode=decode_commit,
            handle=handle,
        )
    )
    ended = ConferenceEnded(NOW, "i1", "over")
    await js.publish("conference.events.c1", b'[{"type":"from_the_future.v9"}]')
    await js.publish("conference.events.c1", encode([ended]))

    async with asyncio.timeout(10):
        assert await handled.get() == ([ended], 2)
    parked = await js.get_last_msg("PARKED", "parked.tester")
    consuming.cancel()
    await asyncio.wait([consuming])

    assert parked.data == b'[{"type":"from_the_future.v9"}]'
    assert parked.headers is not None
    assert parked.headers["Parked-Subject"] == "conference.events.c1"


async def test_a_failing_handler_sees_the_message_again(nc: Client) -> None:
    js = nc.jetstream()
    await js.add_stream(name="CONFERENCE", subjects=["conference.events.*"])
    tries: list[int] = []
    done = asyncio.Event()

    async def handle(commit: object, where: bus.Delivered) -> None:
        tries.append(where.sequence)
        if len(tries) < 2:
            raise ZeroDivisionError
        done.set()

    consuming = asyncio.ensure_future(
        consumer.consume(
            js,
            "conference",
            durable="tester",
            decode=decode_commit,
            handle=handle,
        )
    )
    await js.publish("conference.events.c1", b"[]")
    async with asyncio.timeout(10):
        await done.wait()
    consuming.cancel()
    await asyncio.wait([consuming])

    assert tries == [1, 1]


async def test_a_stale_write_to_a_bucket_is_told(nc: Client) -> None:
    bucket = await Bucket.ensure(nc.jetstream(), "things")
    first = await bucket.write("a", b"1", revision=0)
    await bucket.write("a", b"2", revision=first)

    with pytest.raises(Stale):
        await bucket.write("a", b"3", revision=first)
    with pytest.raises(Stale):
        await bucket.write("a", b"3", revision=0)

    found = await bucket.get("a")
    assert found is not None
    assert found.value == b"2"


async def test_a_deleted_key_is_gone_and_can_be_made_again(nc: Client) -> None:
    bucket = await Bucket.ensure(nc.jetstream(), "things")
    await bucket.put("a", b"1")
    await bucket.delete("a")

    assert await bucket.get("a") is None
    assert await bucket.everything() == {}
    await bucket.write("a", b"2", revision=0)
    assert await bucket.everything() == {"a": b"2"}


async def test_a_key_that_is_written_while_all_are_read_is_among_them(nc: Client) -> None:
    """Heartbeats are: a worker that lives would be taken for gone."""
    bucket = await Bucket.ensure(nc.jetstream(), "things")
    keys = [f"worker-{n}" for n in range(3)]

    async def beat(key: str) -> None:
        while True:
            await bucket.put(key, b"1")
            await asyncio.sleep(0.005)

    async with Jobs(asyncio.Event()) as group:
        for key in keys:
            await bucket.put(key, b"1")
            group.create_task(beat(key))
        seen = [set(await bucket.everything()) for _ in range(30)]
        await group.stop()

    assert all(found == set(keys) for found in seen)


async def test_reading_all_ends_while_the_server_counts_what_is_gone(
    nc: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nats-server 2.9 goes on counting what was written over before it was delivered."""
    bucket = await Bucket.ensure(nc.jetstream(), "things")
    await bucket.put("a", b"1")
    counted = JetStreamContext.PullSubscription.consumer_info

    async def too_many(sub: JetStreamContext.PullSubscription) -> ConsumerInfo:
        info = await counted(sub)
        info.num_pending = (info.num_pending or 0) + 1
        return info

    monkeypatch.setattr(JetStreamContext.PullSubscription, "consumer_info", too_many)
    async with asyncio.timeout(3):
        assert await bucket.everything() == {"a": b"1"}


async def test_what_a_deleted_key_left_is_swept_away_and_no_more(nc: Client) -> None:
    js = nc.jetstream()
    bucket = await Bucket.ensure(js, "things")
    for key in ("gone", "back", "there"):
        await bucket.put(key, b"1")
    await bucket.delete("gone")
    await bucket.delete("back")
    await bucket.put("back", b"2")

    async def messages() -> int:
        state: Any = (await js.stream_info("KV_things")).state
        return int(state.messages)

    await bucket.sweep(datetime.now(UTC) - timedelta(hours=1))
    assert await messages() == 3
    await bucket.sweep(datetime.now(UTC) + timedelta(hours=1))
    assert await messages() == 2
    assert await bucket.everything() == {"back": b"2", "there": b"1"}


async def test_readers_and_watchers_go_on_after_the_server_was_killed(
    nats_server: NatsServer,
) -> None:
    nc = await boot.connect("test", [nats_server.url])
    js = nc.jetstream(timeout=2)
    bucket = await Bucket.ensure(js, "things")
    await bucket.put("a", b"1")
    await js.add_stream(name="CONFERENCE", subjects=["conference.events.*"])
    await js.publish("conference.events.c1", b"before")
    follower = Follower(js, "CONFERENCE", "conference.events.*")
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    async def follow() -> None:
        async for msg in follower.messages():
            await seen.put(msg.data)

    async def watch() -> None:
        async for entry in bucket.watch().entries():
            await seen.put(entry.value or b"")

    jobs = [asyncio.ensure_future(follow()), asyncio.ensure_future(watch())]
    async with asyncio.timeout(30):
        assert {await seen.get(), await seen.get()} == {b"before", b"1"}
        assert follower.caught_up.is_set()
        nats_server.kill()
        nats_server.start()
        while True:
            try:
                await js.publish("conference.events.c1", b"after")
                await bucket.put("a", b"2")
                break
            except Exception:
                await asyncio.sleep(0.1)
        got = {await seen.get(), await seen.get()}
    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs)
    await nc.close()

    assert got == {b"after", b"2"}


class Vanishing:
    """A stream out of which a message goes while a reader of it has just been told of it."""

    def __init__(self, js: JetStreamContext, bucket: Bucket) -> None:
        self._js, self._bucket = js, bucket

    def __getattr__(self, name: str) -> Any:
        return getattr(self._js, name)

    async def pull_subscribe(self, *given: Any, **more: Any) -> Any:
        sub = await self._js.pull_subscribe(*given, **more)
        ask = sub.consumer_info

        async def asked() -> ConsumerInfo:
            info = await ask()
            await self._js.purge_stream("KV_things")
            return info

        sub.consumer_info = asked  # type: ignore[method-assign]
        return sub


async def test_a_reader_catches_up_also_with_what_is_gone_before_it_is_read(nc: Client) -> None:
    js = nc.jetstream(timeout=2)
    bucket = await Bucket.ensure(js, "things")
    await bucket.put("a", b"1")
    shrinking: Any = Vanishing(js, bucket)
    follower = Follower(shrinking, "KV_things", "$KV.things.>", last_per_subject=True)

    async def follow() -> None:
        async for _ in follower.messages():
            raise AssertionError("it is gone")

    job = asyncio.ensure_future(follow())
    async with asyncio.timeout(10):
        await follower.caught_up.wait()
    job.cancel()
    await asyncio.wait([job])


STUCK = """
import asyncio, os
from kit import boot
from kit.config import BaseConfig, from_env

async def main():
    async with boot.started("stuck", from_env(BaseConfig)) as app:
        print("here", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_service_that_is_told_to_stop_while_it_starts_does(nats_server: NatsServer) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        STUCK,
        env={**os.environ, "ROSTRUM_NATS_URL": nats_server.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 20) == b"here\n"
    process.terminate()
    _, said = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 0, said
    assert b"Traceback" not in said


async def test_a_service_that_starts_first_waits_for_nats(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "jetstream")
    connecting = asyncio.ensure_future(boot.connect("test", [server.url]))
    done, _ = await asyncio.wait([connecting], timeout=1.0)
    server.start()
    async with asyncio.timeout(10):
        nc = await connecting
    await nc.close()
    server.kill()

    assert not done
