"""The link between hosts: what is drawn there is seen here, and nobody gets a feed who may not."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.link import (
    FeedGone,
    FeedReader,
    FeedRefused,
    Format,
    Hello,
    Identity,
    Lender,
    Lent,
    Mirror,
    Picture,
    Sound,
    far,
)
from kit.link.lender import QUIET, REASONS_LIMIT, Refused
from kit.secrets import Sealer
from tests.support.feeds import PaperFeed, beep, flashing

FORMAT = Format(64, 36, 30)
IDENTITY = Identity(datetime.now(UTC))
OURS, OTHERS = Sealer(b"k" * 32), Sealer(b"o" * 32)
NAME = "c1"


class Far:
    """A feed over there, a lender beside it, and a mirror here."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self._root, self._stack = root, stack
        self.there = root / "there.sock"
        self.feed = PaperFeed(self.there, FORMAT)
        stack.callback(self.feed.close)
        self.lender = self.lend(0)
        self.mirror = self.reflect(OURS, self.lent())

    def lend(self, port: int) -> Lender:
        lender = Lender(port, IDENTITY, self._admit, host="127.0.0.1")
        self._stack.callback(lender.close)
        return lender

    def lent(self, fingerprint: str = IDENTITY.fingerprint) -> Lent:
        return Lent(NAME, "127.0.0.1", self.lender.port, fingerprint)

    def reflect(self, sealer: Sealer, lent: Lent) -> Mirror:
        mirror = Mirror(self._root / f"{time.monotonic_ns()}.sock", lent, sealer.token)
        self._stack.callback(mirror.close)
        return mirror

    def take(self, mirror: Mirror | None = None, hello: bytes = b"hello") -> FeedReader:
        reader = FeedReader.connect(str((mirror or self.mirror).path), hello, 5)
        self._stack.callback(reader.close)
        return reader

    def _admit(self, hello: Hello) -> str:
        if not OURS.is_token(hello.token, hello.name):
            raise FeedRefused("the token is wrong")
        return str(self.there)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Far]:
    with ExitStack() as stack:
        yield Far(tmp_path, stack)


def read(reader: FeedReader, enough: Callable[[list[Picture], list[Sound]], bool]) -> None:
    pictures: list[Picture] = []
    sounds: list[Sound] = []
    until = time.monotonic() + 10
    while not enough(pictures, sounds):
        assert time.monotonic() < until
        item = reader.read(1)
        if isinstance(item, Picture):
            white = bool(item.canvas[0, 0] == 235)
            assert white == flashing(item.n / FORMAT.fps)
            item.release()
            pictures.append(item)
        elif item is not None:
            assert (item.block == beep(FORMAT, item.m)).all()
            sounds.append(item)


def test_pictures_and_sound_arrive_as_they_were(pair: Far) -> None:
    reader = pair.take()

    assert reader.format == FORMAT
    assert reader.epoch_ns == pytest.approx(pair.feed.epoch_ns, abs=500_000_000)
    read(reader, lambda pictures, sounds: len(pictures) > 45 and len(sounds) > 60)


def test_two_who_take_the_same_share_one_transfer(pair: Far) -> None:
    one, two = pair.take(), pair.take()

    read(one, lambda pictures, _: len(pictures) > 5)
    read(two, lambda pictures, _: len(pictures) > 5)
    assert pair.feed.hellos == [b"hello"]


def test_who_has_another_key_gets_nothing(pair: Far) -> None:
    stranger = pair.reflect(OTHERS, pair.lent())

    with pytest.raises(FeedRefused, match="the token is wrong"):
        pair.take(stranger)
    assert pair.feed.hellos == []


def test_a_lender_with_another_certificate_is_told_nothing(pair: Far) -> None:
    deceived = pair.reflect(OURS, pair.lent(fingerprint="0" * 64))

    with pytest.raises(FeedRefused, match="another certificate"):
        pair.take(deceived)
    assert pair.feed.hellos == []


def test_a_lender_that_is_gone_ends_the_feed_and_one_that_is_back_gives_it_again(pair: Far) -> None:
    reader = pair.take()
    read(reader, lambda pictures, _: len(pictures) > 3)
    pair.lender.close()

    with pytest.raises(FeedGone):
        read(reader, lambda *_: False)
    with pytest.raises(FeedRefused, match="cannot be reached"):
        pair.take()
    pair.lender = pair.lend(pair.lender.port)
    read(pair.take(), lambda pictures, _: len(pictures) > 3)


def test_a_mixer_that_ends_its_feed_ends_it_here(pair: Far) -> None:
    reader = pair.take()
    read(reader, lambda pictures, _: len(pictures) > 3)
    pair.feed.writer.close()

    with pytest.raises(FeedGone):
        read(reader, lambda *_: False)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello"])
def test_who_speaks_no_tls_is_let_go_and_others_are_served(pair: Far, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", pair.lender.port), 5) as sock:
        sock.sendall(said)
        read(pair.take(), lambda pictures, _: len(pictures) > 3)


@given(st.binary(max_size=200))
def test_a_message_of_nonsense_is_refused_by_its_kind(said: bytes) -> None:
    one, two = socket.socketpair()
    with one, two:
        one.sendall(said)
        one.close()
        with pytest.raises((FeedGone, ValueError)):
            far.decode_hello(far.read_message(two))


def test_a_message_is_read_as_it_was_sent() -> None:
    one, two = socket.socketpair()
    with one, two:
        far.send_message(one, Hello(NAME, "t", b"h"))
        assert far.decode_hello(far.read_message(two)) == Hello(NAME, "t", b"h")


def test_a_token_is_for_one_name_under_one_key() -> None:
    assert OURS.is_token(OURS.token(NAME), NAME)
    assert not OURS.is_token(OURS.token(NAME), "c2")
    assert not OURS.is_token(OTHERS.token(NAME), NAME)


class Trickle:
    """A peer that says a byte a second."""

    def __init__(self, data: bytes) -> None:
        self.data, self.now = data, 0.0

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def recv_into(self, view: memoryview) -> int:
        self.now += 1
        view[0], self.data = self.data[0], self.data[1:]
        return 1


def test_who_says_hello_byte_by_byte_keeps_no_place() -> None:
    peer = Trickle(far.LENGTH.pack(9) + b"x" * 9)
    with pytest.raises(TimeoutError):
        far.read_message(peer, lambda: peer.now)  # type: ignore[arg-type]
    assert peer.now <= far.STEP_TIMEOUT


def test_the_same_refusal_is_told_once_a_minute() -> None:
    refused = Refused()
    assert refused.is_news("not mixed here", 0.0)
    assert refused.is_news("token is not ours", 1.0)
    assert not refused.is_news("not mixed here", QUIET - 1)
    assert refused.is_news("not mixed here", QUIET)


def test_whoever_brings_ever_new_reasons_is_told_of_no_more() -> None:
    refused = Refused()
    assert sum(refused.is_news(f"no {n}", 0.0) for n in range(1000)) == REASONS_LIMIT
    assert refused.is_news("no 999", QUIET)
