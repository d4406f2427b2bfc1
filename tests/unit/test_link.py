"""The contract of the link: what one side draws the other sees, and nobody holds anybody up."""

import gc
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from kit.link import (
    CREDITS,
    FeedGone,
    FeedReader,
    FeedRefused,
    FeedServer,
    FeedWriter,
    Format,
    Picture,
    Seat,
    Sound,
)
from kit.link.wire import HELLO_LIMIT, SLOTS
from kit.link.writer import PATIENCE

SMALL = Format(64, 36, 30)
EPOCH = 123_456_789


class Link:
    """A writer behind a server, and takers of it."""

    def __init__(self, path: Path, format: Format) -> None:
        self.writer = FeedWriter(format, epoch_ns=EPOCH)
        self.server = FeedServer(path, self._open)
        self.readers: list[FeedReader] = []

    def _open(self, hello: bytes) -> FeedWriter | str:
        return self.writer if hello == b"hello" else f"no feed {hello[:10].decode()}"

    def take(self, hello: bytes = b"hello") -> FeedReader:
        reader = FeedReader.connect(str(self.server.path), hello, timeout=5)
        self.readers.append(reader)
        eventually(lambda: self.writer.takers == len(self.readers))
        return reader

    def show(self, n: int) -> int | None:
        """Publish picture `n`, every byte of which is `n`."""
        drawn = self.writer.begin()
        if drawn is None:
            return None
        slot, canvas = drawn
        canvas[:] = n
        self.writer.picture(slot, n)
        return slot

    def close(self) -> None:
        for reader in self.readers:
            reader.close()
        self.server.close()
        self.writer.close()


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Link]:
    link = Link(tmp_path / "run" / "feeds.sock", SMALL)
    yield link
    link.close()


def test_a_listener_gets_a_sound_of_their_own_and_the_same_pictures(tmp_path: Path) -> None:
    writer = FeedWriter(SMALL, epoch_ns=EPOCH)
    seats = {b"all": Seat(writer), b"ann": Seat(writer, "ann"), b"bob": Seat(writer, "bob")}
    server = FeedServer(tmp_path / "feeds.sock", lambda hello: seats[hello])
    readers = {who: FeedReader.connect(str(server.path), who, timeout=5) for who in seats}
    try:
        eventually(lambda: writer.takers == 3)
        assert writer.listeners == {"ann", "bob"}
        full, own = np.full((960, 2), 1, np.int16), np.full((960, 2), 2, np.int16)
        writer.sound(7, full, {"ann": own})
        drawn = writer.begin()
        assert drawn is not None
        writer.picture(drawn[0], 1)
        heard = {}
        for who, reader in readers.items():
            packet = reader.read(5)
            if isinstance(packet, Sound):
                heard[who] = int(packet.block[0, 0])
                packet = reader.read(5)
            assert isinstance(packet, Picture)
            packet.release()
        # Nobody gets the sound of another: bob's is not there yet.
        assert heard == {b"all": 1, b"ann": 2}
    finally:
        for reader in readers.values():
            reader.close()
        server.close()
        writer.close()


def drain(reader: FeedReader) -> None:
    while reader.read(1):
        pass


def values(picture: Picture) -> set[int]:
    """What bytes its canvas holds."""
    return {int(value) for value in np.unique(picture.canvas)}


def picture(reader: FeedReader) -> Picture:
    got = reader.read(5)
    assert isinstance(got, Picture)
    return got


def test_a_taker_is_told_format_and_epoch(link: Link) -> None:
    reader = link.take()

    assert (reader.format, reader.epoch_ns) == (SMALL, EPOCH)


def test_pictures_and_sound_arrive_as_drawn_and_in_order(link: Link) -> None:
    reader = link.take()
    block = np.arange(1920, dtype=np.int16).reshape(960, 2)
    link.show(7)
    link.writer.sound(11, block)

    seen = picture(reader)
    heard = reader.read(5)

    assert (seen.n, seen.canvas.shape, values(seen)) == (7, (54, 64), {7})
    assert isinstance(heard, Sound)
    assert heard.m == 11
    np.testing.assert_array_equal(heard.block, block)
    assert reader.read(0) is None


def test_a_picture_cannot_be_written_by_its_taker(link: Link) -> None:
    reader = link.take()
    link.show(1)

    with pytest.raises(ValueError, match="read-only"):
        picture(reader).canvas[0, 0] = 9


def test_only_this_user_can_reach_the_socket(link: Link) -> None:
    assert link.server.path.stat().st_mode & 0o777 == 0o600
    assert link.server.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_taker_keeps_at_most_its_credits(link: Link) -> None:
    reader = link.take()
    for n in range(CREDITS + 2):
        link.show(n)

    held = [picture(reader) for _ in range(CREDITS)]
    assert reader.read(0) is None
    assert [p.n for p in held] == list(range(CREDITS))

    held[0].release()
    link.show(9)
    assert picture(reader).n == 9
    assert values(held[1]) == {1}, "a held slot is not drawn over"


def test_releasing_twice_gives_back_one_slot(link: Link) -> None:
    reader = link.take()
    link.show(1)
    first = picture(reader)
    first.release()
    link.show(2)
    second = picture(reader)
    assert second.slot == first.slot

    first.release()
    link.show(3)

    assert values(second) == {2}


def test_a_free_slot_that_was_drawn_last_is_drawn_next(link: Link) -> None:
    """So that little has to be redrawn."""
    reader = link.take()
    drawn = []
    for n in range(4):
        drawn.append(link.show(n))
        picture(reader).release()

    assert len(set(drawn)) == 1


def test_takers_that_sleep_cost_the_others_nothing(link: Link) -> None:
    awake, *_asleep = [link.take() for _ in range(3)]
    for n in range(10):
        link.show(n)
        seen = picture(awake)
        assert (seen.n, values(seen)) == (n, {n})
        seen.release()


def test_when_all_slots_are_held_there_is_none_to_draw(link: Link) -> None:
    """Three takers that fell asleep one after the other, over different pictures."""
    keep_from = {link.take(): first for first in (0, CREDITS, 2 * CREDITS)}
    for n in range(SLOTS):
        assert link.show(n) is not None
        for reader, first in keep_from.items():
            if n < first:
                picture(reader).release()

    assert link.writer.begin() is None


def test_a_taker_that_never_gives_back_is_dropped_in_the_end(link: Link) -> None:
    reader = link.take()
    for n in range(CREDITS + PATIENCE * SMALL.fps + 1):
        link.show(n % 200)

    assert link.writer.takers == 0
    with pytest.raises(FeedGone):
        drain(reader)


def test_a_taker_that_leaves_gives_back_its_slots(link: Link) -> None:
    for reader in [link.take() for _ in range(3)]:
        link.show(1)
        picture(reader)
        reader.close()
    link.readers.clear()

    assert link.writer.begin() is not None
    assert link.writer.takers == 0


def test_a_taker_that_is_killed_gives_back_its_slots(link: Link) -> None:
    script = (
        "import sys, time; from kit.link import FeedReader\n"
        "reader = FeedReader.connect(sys.argv[1], b'hello', 5)\n"
        "kept = reader.read(5); print(kept.n, int(kept.canvas[0, 0]), flush=True)\n"
        "time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(link.server.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        eventually(lambda: link.writer.takers == 1)
        link.show(42)
        assert child.stdout.readline().split() == ["42", "42"]
        child.kill()

    link.writer.begin()
    assert link.writer.takers == 0


def test_sound_never_blocks_even_when_nobody_listens(link: Link) -> None:
    link.take()
    silence = np.zeros((960, 2), np.int16)

    for m in range(2000):
        link.writer.sound(m, silence)

    assert link.writer.takers == 1


def test_a_refusal_says_why(link: Link) -> None:
    with pytest.raises(FeedRefused, match="no feed tea"):
        FeedReader.connect(str(link.server.path), b"tea", 5)


def test_an_endless_hello_is_refused(link: Link) -> None:
    with pytest.raises(FeedRefused, match="hello of over"):
        FeedReader.connect(str(link.server.path), b"x" * (HELLO_LIMIT + 1000), 5)


def test_a_path_may_be_longer_than_a_socket_address(tmp_path: Path) -> None:
    link = Link(tmp_path / ("long" * 50) / "feeds.sock", SMALL)

    assert link.take().format == SMALL
    link.close()


def test_a_silent_connection_holds_up_nobody(link: Link) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
        silent.connect(str(link.server.path))

        assert link.take().format == SMALL


def test_a_taker_learns_that_the_writer_is_gone_and_keeps_its_picture(link: Link) -> None:
    reader = link.take()
    link.show(5)
    kept = picture(reader)
    link.writer.close()

    with pytest.raises(FeedGone):
        reader.read(5)
    reader.close()
    kept.release()
    assert values(kept) == {5}


def test_nobody_is_welcome_once_the_writer_is_closed(link: Link) -> None:
    link.writer.close()

    with pytest.raises((FeedGone, ConnectionError)):
        FeedReader.connect(str(link.server.path), b"hello", 5)


def test_takers_that_speak_nonsense_do_no_harm(link: Link) -> None:
    reader = link.take()
    for nonsense in (b"\xff\xfe", b"x" * 500, b"\x00" * 16):
        reader._sock.send(nonsense)

    assert link.show(1) is not None
    assert picture(reader).n == 1


def test_a_writer_that_speaks_nonsense_counts_as_gone() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        writer = FeedWriter(SMALL, epoch_ns=0)
        writer.add(theirs)
        answer, fds, _, _ = socket.recv_fds(ours, 4096, 1)
        assert msgspec.json.decode(answer)["type"] == "welcome"
        assert os.fstat(fds[0]).st_size >= SLOTS * SMALL.picture_bytes
        with pytest.raises(PermissionError):
            os.ftruncate(fds[0], 0)
        os.close(fds[0])
        writer.close()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    def descriptors() -> int:
        gc.collect()  # mappings go with the last array that shows them
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    for _ in range(3):
        link = Link(tmp_path / "feeds.sock", SMALL)
        reader = link.take()
        link.show(1)
        picture(reader)
        link.close()
        del link, reader

    assert descriptors() == before


def test_full_hd_in_real_time_costs_little(tmp_path: Path) -> None:
    """300 pictures of 1080p with their sound, both ends in one process: well under 0.03 of a core
    at 30 fps, which is what the design allows (here with room for a busy machine)."""
    link = Link(tmp_path / "feeds.sock", Format(1920, 1080, 30))
    reader = link.take()
    silence = np.zeros((960, 2), np.int16)
    seen: list[int] = []

    def take() -> None:
        while len(seen) < 300 and (got := reader.read(5)):
            if isinstance(got, Picture):
                seen.append(got.n)
                got.release()

    thread = threading.Thread(target=take)
    began = time.process_time()
    thread.start()
    for n in range(300):
        eventually(lambda: link.writer.begin() is not None)
        drawn = link.writer.begin()
        assert drawn is not None
        link.writer.picture(drawn[0], n)
        link.writer.sound(n, silence)
        eventually(lambda n=n: len(seen) > n)  # type: ignore[misc]
    thread.join()
    link.close()

    assert seen == list(range(300))
    assert time.process_time() - began < 10 * 0.03 * 2
