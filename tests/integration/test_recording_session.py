"""The process of an egress session as a recorder: what is in its files, whatever happens to it."""

import asyncio
import os
import resource
import shutil
import signal
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from services.rtmp_egress.recording.boxes import mend
from services.rtmp_egress.wire import Changed, PartBegun, RemoveDestination, Troubled
from tests.support.faulty_rtmp import faulty_server
from tests.support.nats import free_port
from tests.support.recording import FEED, packets, paper_feed, recording_session
from tests.support.watch import beeps, flashes, inner, offsets, watch

GOP = 60

SYNC = 0.040
"""Seconds that sound and picture may be apart."""

LOST = 36
"""Pictures that a kill may cost, 1.2 s of them: a fragment, ten that the encoder looks ahead at,
two that are handed over together, and what was under way between the processes."""

ROOM = 1 << 30
"""Bytes: more than others use up of the disk while a test runs."""

SLACK = 0.7
"""Seconds by which what is in a file may end before what the session had encoded: the encoder's
lookahead of ten pictures and what waits to be handed over."""


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "run" / "feeds.sock"


def brightness(picture: object) -> float:
    return float(picture[:20].mean())  # type: ignore[index]


async def test_what_the_feed_shows_is_in_the_file(tmp_path: Path, socket: Path) -> None:
    async with paper_feed(socket), recording_session(tmp_path / "kept", socket) as running:
        running.push("bad", f"rtmp://127.0.0.1:{free_port()}/live/KEY")
        running.record("p1", "record://talk-{conference}")
        await running.state("p1", "publishing")
        refused = await running.until(Changed, lambda change: change.code == "connect-refused")
        assert (refused.participant, refused.state) == ("bad", "connecting")
        stats = await running.pictures(150)
        running.child.send(RemoveDestination("p1"))
        await running.state("p1", "stopped")

    [begun], [ended] = running.parts(), running.ended()
    file = tmp_path / "kept" / "p1" / "talk-town-hall-1-001.mp4"
    assert (begun.file, begun.at) == (file.name, 0)
    assert ended.size == file.stat().st_size
    seen = watch(str(file), look=brightness)
    assert seen.keys == list(range(0, len(seen.seen), GOP))
    assert ended.seconds == len(seen.seen) / 30
    assert len(seen.seen) >= stats.pictures - SLACK * 30
    assert {after - before for before, after in pairwise(packets(file).video)} == {1}
    assert {after - before for before, after in pairwise(packets(file).audio)} == {1024}
    apart = offsets(
        inner(flashes(seen.seen, seen.times), seen.times),
        inner(beeps(seen.sound, seen.sound_from), seen.times),
    )
    assert apart
    assert max(map(abs, apart)) <= SYNC
    # Closed, it is a usual MP4: its index says how long it is, and there are no fragments.
    assert b"moof" not in top_level(file)
    assert b"moov" in top_level(file)


OTHERS = ("reset", "kick", "late-gibberish", "close-at-live", "stop-reading", "refuse-denied")


async def test_whatever_becomes_of_others_a_recording_misses_no_picture(
    tmp_path: Path, socket: Path
) -> None:
    async with AsyncExitStack() as others, paper_feed(socket):
        servers = [faulty_server(fault, enough=20_000) for fault in OTHERS]
        bad = await asyncio.gather(*(others.enter_async_context(one) for one in servers))
        async with recording_session(tmp_path / "kept", socket) as running:
            running.record("p1", "record://kept")
            await running.state("p1", "publishing")
            begun = await running.pictures(1)
            for fault, server in zip(OTHERS, bad, strict=True):
                running.push(fault, server.url())
            for fault in OTHERS:
                if fault != "stop-reading":  # which takes eight seconds to be found out
                    await running.until(
                        Changed,
                        lambda told, fault=fault: told.participant == fault and told.code,  # type: ignore[misc]
                    )
            ended = await running.pictures(45)

    numbers = packets(tmp_path / "kept" / "p1" / "kept-001.mp4").video
    assert {after - before for before, after in pairwise(numbers)} == {1}
    assert len(numbers) >= ended.pictures - begun.pictures - SLACK * 30


def top_level(file: Path) -> list[bytes]:
    """The kinds of the file's boxes."""
    data, at, kinds = file.read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kinds.append(data[at + 4 : at + 8])
        at += size or len(data)
    return kinds


async def test_a_killed_process_costs_a_second_and_the_next_one_goes_on(
    tmp_path: Path, socket: Path
) -> None:
    kept = tmp_path / "kept"
    async with paper_feed(socket):
        async with recording_session(kept, socket, clean=False) as first:
            first.record("p1", "record://talk")
            await first.state("p1", "publishing")
            stats = await first.pictures(150)
            os.kill(first.child.pid, signal.SIGKILL)
        async with recording_session(kept, socket) as second:
            second.record("p1", "record://talk")
            await second.state("p1", "publishing")
            await second.pictures(75)

    [one], [two] = first.parts(), second.parts()
    cut = watch(str(kept / "p1" / one.file), look=brightness)
    assert len(cut.seen) >= stats.pictures - LOST
    assert (two.number, two.file) == (2, "talk-002.mp4")
    assert (two.started_ns, two.started_at) == (one.started_ns, one.started_at)
    # Both parts are on one time line: a flash is at a whole second of the mix in each.
    rest = watch(str(kept / "p1" / two.file), look=brightness)
    early = inner(flashes(cut.seen, cut.times), cut.times)
    late = inner(flashes(rest.seen, rest.times), rest.times)
    phases = [
        round((at + part.at) % 1, 3) for part, ats in ((one, early), (two, late)) for at in ats
    ]
    assert len(early) >= 2
    assert late
    assert max(phases) - min(phases) <= 0.002 or max(phases) - min(phases) >= 0.998


async def test_whenever_it_is_killed_no_more_is_lost(tmp_path: Path, socket: Path) -> None:
    """The file as it would be left, looked at again and again."""
    kept = tmp_path / "kept"
    left: list[tuple[int, Path]] = []
    async with paper_feed(socket), recording_session(kept, socket) as running:
        running.record("p1", "record://talk")
        await running.state("p1", "publishing")
        for n in range(24):
            stats = await running.pictures(5)
            copy = Path(shutil.copy(kept / "p1" / "talk-001.mp4", tmp_path / f"{n}.mp4"))
            left.append((stats.pictures, copy))

    for encoded, file in left:
        if encoded > LOST + GOP:
            mend(file)
            assert len(watch(str(file), look=brightness).seen) >= encoded - LOST


async def test_files_that_follow_one_another_miss_no_picture(tmp_path: Path, socket: Path) -> None:
    kept = tmp_path / "kept"
    async with (
        paper_feed(socket),
        recording_session(kept, socket, part_minutes=0.06) as running,
    ):
        running.record("p1", "record://long")
        await running.state("p1", "publishing")
        await running.until(PartBegun, lambda part: part.number == 3)
        await running.pictures(30)

    parts, ended = running.parts(), running.ended()
    assert [part.file for part in parts] == ["long-001.mp4", "long-002.mp4", "long-003.mp4"]
    found = [packets(kept / "p1" / part.file) for part in parts]
    video = [
        round(part.at * 30) + n
        for part, in_it in zip(parts, found, strict=True)
        for n in in_it.video
    ]
    audio = [
        round(part.at * 48_000) + n
        for part, in_it in zip(parts, found, strict=True)
        for n in in_it.audio
    ]
    assert video == list(range(len(video)))
    assert {after - before for before, after in pairwise(audio)} == {1024}
    assert [part.at + end.seconds for part, end in zip(parts, ended, strict=True)][:2] == [
        part.at for part in parts[1:]
    ]
    for part in parts:
        assert watch(str(kept / "p1" / part.file), look=brightness).keys[0] == 0


async def test_both_halves_of_a_dual_recording_share_their_time_line(
    tmp_path: Path, socket: Path
) -> None:
    """Two processes, begun a second and a half apart; a flash is at the same second in both."""
    kept = tmp_path / "kept"
    slides = msgspec.structs.replace(FEED, content="presentation")
    async with paper_feed(socket), recording_session(kept, socket) as main:
        main.record("p1", "record://talk")
        await main.state("p1", "publishing")
        await main.pictures(45)
        async with recording_session(kept, socket, slides) as second:
            second.record("p1", "record://talk-slides", "presentation")
            await second.state("p1", "publishing")
            await second.pictures(90)

    halves = [
        watch(str(kept / "p1" / "talk-001.mp4"), look=brightness),
        watch(str(kept / "p1.presentation" / "talk-slides-001.mp4"), look=brightness),
    ]
    assert [half.times[0] for half in halves] == [0, 0]
    one, other = (inner(flashes(half.seen, half.times), half.times) for half in halves)
    assert len(other) >= 2
    assert max(map(abs, offsets(one, other))) < 0.001
    assert main.parts()[0].started_ns == second.parts()[0].started_ns
    heard = [inner(beeps(half.sound, half.sound_from), half.times) for half in halves]
    assert max(map(abs, offsets(*heard))) < 0.001


async def test_a_full_disk_ends_the_recording_and_harms_nobody_else(
    tmp_path: Path, socket: Path
) -> None:
    kept = tmp_path / "kept"
    async with paper_feed(socket), recording_session(kept, socket) as running:
        running.record("p1", "record://small")
        await running.state("p1", "publishing")
        # No file of this process may grow beyond what a few seconds are.
        resource.prlimit(running.child.pid, resource.RLIMIT_FSIZE, (60_000, 60_000))
        failed = await running.state("p1", "failed")
        await running.pictures(30)  # the session goes on

    assert failed.code == "disk-full"
    assert len(watch(str(kept / "p1" / "small-001.mp4"), look=brightness).seen) >= 15


async def test_a_disk_that_fills_up_ends_the_recording_while_it_can_be_closed(
    tmp_path: Path, socket: Path
) -> None:
    kept, large = tmp_path / "kept", tmp_path / "large"
    least = shutil.disk_usage(tmp_path).free - ROOM
    async with (
        paper_feed(socket),
        recording_session(kept, socket, least_free_mb=least // 10**6) as running,
    ):
        running.record("p1", "record://talk")
        await running.state("p1", "publishing")
        await running.pictures(30)
        try:
            with large.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, 2 * ROOM)
            failed = await running.state("p1", "failed")
        finally:
            large.unlink()

    assert failed.code == "disk-full"
    [ended] = running.ended()
    file_of_it = kept / "p1" / "talk-001.mp4"
    assert b"moof" not in top_level(file_of_it)
    assert len(watch(str(file_of_it), look=brightness).seen) == ended.seconds * 30


async def test_recording_stops_before_the_disk_is_full(tmp_path: Path, socket: Path) -> None:
    more_than_there_is = 10**9
    async with (
        paper_feed(socket),
        recording_session(tmp_path, socket, least_free_mb=more_than_there_is) as running,
    ):
        running.record("p1", "record://never")
        failed = await running.state("p1", "failed")
    assert failed.code == "disk-full"
    assert running.parts() == []

    async with (
        paper_feed(socket),
        recording_session(tmp_path, socket, warn_free_mb=more_than_there_is) as running,
    ):
        running.record("p1", "record://warned")
        await running.state("p1", "publishing")
        assert (await running.until(Troubled)).code == "disk-low"


async def test_a_mixer_that_dies_leaves_its_last_picture_in_the_file(
    tmp_path: Path, socket: Path
) -> None:
    kept = tmp_path / "kept"
    async with paper_feed(socket, luma=60) as mixer, recording_session(kept, socket) as running:
        running.record("p1", "record://talk")
        await running.state("p1", "publishing")
        await running.pictures(60)
        mixer.kill()
        await mixer.wait()
        await running.pictures(60)

    file = kept / "p1" / "talk-001.mp4"
    assert {after - before for before, after in pairwise(packets(file).video)} == {1}
    seen = watch(str(file), look=brightness)
    assert len(seen.seen) >= 90


async def test_what_cannot_be_recorded_says_why(tmp_path: Path, socket: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    wanted = {
        "..%2f": "bad-url",
        "../../etc": "bad-url",
        "x" * 101: "bad-url",
        "fine": "disk-error",
    }
    async with recording_session(tmp_path / "file", socket) as running:
        for n, name in enumerate(wanted):
            running.record(f"p{n}", f"record://{name}")
        codes = {
            name: (await running.state(f"p{n}", "failed")).code for n, name in enumerate(wanted)
        }
    assert codes == wanted
    async with recording_session(Path(), socket) as running:
        running.push("p1", "record://without-a-folder")
        assert (await running.state("p1", "failed")).code == "no-recordings"
