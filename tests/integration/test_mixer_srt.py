"""SRT as a mix sees it: a real sender of real media, by the system's libsrt."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.mixer.media.srt import NoStream, SrtStream, parse
from tests.support.clips import clip
from tests.support.sources import Open, mixed, opened
from tests.support.srt_sender import Sender, free_port
from tests.support.watch import beeps, flashes, has_tone, inner, offsets, tones

__all__ = ["opened"]

SECONDS = 12.0
PASSPHRASE = "correct horse battery"

Send = Callable[..., Sender]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("srt") / "live.ts"
    return clip(path, seconds=SECONDS, flash_every=1.0, gop=15, tone=440)


@pytest.fixture
def send(film: Path) -> Iterator[Send]:
    """Starts senders, and stops them."""
    senders: list[Sender] = []

    def start(port: int, *, passphrase: str = "", calls: bool = False) -> Sender:
        senders.append(Sender(film, SECONDS, port, passphrase=passphrase, calls=calls))
        return senders[-1]

    yield start
    for sender in senders:
        sender.close()


def test_picture_and_tone_arrive_together(opened: Open, send: Send) -> None:
    port = free_port()
    send(port)
    source, mix = opened(f"srt://127.0.0.1:{port}?mode=caller&latency=80")
    mix.wait("live")
    seen = mixed(source, mix, 2.2)
    flash = inner(flashes(seen.luma, seen.times, threshold=150), seen.times)
    assert len(flash) >= 1
    assert max(map(abs, offsets(beeps(seen.sound, seen.sound_from), flash))) <= 0.020
    assert has_tone(tones(seen.sound), 440)
    assert mix.names() == ["connecting", "live"]


def test_a_listener_is_called_and_called_again(opened: Open, send: Send) -> None:
    port = free_port()
    _, mix = opened(f"srt://127.0.0.1:{port}?mode=listener")
    sender = send(port, calls=True)
    mix.wait("live")
    sender.close()
    mix.wait("ended")
    send(port, calls=True)
    mix.wait("live", times=2)


@pytest.mark.parametrize("key_length", [16, 32])
def test_what_is_encrypted_arrives(opened: Open, send: Send, key_length: int) -> None:
    port = free_port()
    send(port, passphrase=PASSPHRASE)
    escaped = PASSPHRASE.replace(" ", "%20")
    url = f"srt://127.0.0.1:{port}?passphrase={escaped}&pbkeylen={key_length}"
    source, mix = opened(url)
    mix.wait("live")
    assert has_tone(tones(mixed(source, mix, 1.0).sound), 440)


@pytest.mark.parametrize(
    ("theirs", "query", "reason"),
    [
        pytest.param(PASSPHRASE, "wrong+horse+battery", "the passphrase is wrong", id="wrong"),
        pytest.param(PASSPHRASE, "", "it wants a passphrase", id="none"),
        pytest.param("", "needless+horse", "it is not encrypted there", id="needless"),
        pytest.param(
            PASSPHRASE, "horse", "the passphrase must have 10 to 79 characters", id="short"
        ),
    ],
)
def test_a_passphrase_that_does_not_fit_is_told_but_not_shown(
    opened: Open, send: Send, theirs: str, query: str, reason: str
) -> None:
    port = free_port()
    send(port, passphrase=theirs)
    _, mix = opened(f"srt://127.0.0.1:{port}?passphrase={query}")
    mix.wait("broken")
    assert mix.states == [("connecting", ""), ("broken", reason)]


def test_a_sender_that_dies_and_comes_back_is_shown_again(opened: Open, send: Send) -> None:
    port = free_port()
    sender = send(port)
    source, mix = opened(f"srt://127.0.0.1:{port}")
    mix.wait("live")
    sender.close()
    mix.wait("ended")
    send(port)
    mix.wait("live", times=2)
    assert has_tone(tones(mixed(source, mix, 1.0).sound), 440)


def test_closing_frees_the_port_of_a_listener_that_nobody_called(opened: Open, send: Send) -> None:
    port = free_port()
    first, mix = opened(f"srt://127.0.0.1:{port}?mode=listener")
    first.close()
    first.join(1.0)
    assert mix.names() == ["connecting"]
    _, mix = opened(f"srt://127.0.0.1:{port}?mode=listener")
    send(port, calls=True)
    mix.wait("live")


def test_a_reader_sees_the_end_when_another_thread_closes(send: Send) -> None:
    port = free_port()
    send(port)
    url = f"srt://127.0.0.1:{port}"
    stream = SrtStream(url, open_timeout=5.0, read_timeout=5.0, given_up=lambda: False)
    assert stream.read(100)[:1] == b"G"
    closing = threading.Timer(0.1, stream.close)
    closing.start()
    while stream.read(32_768):
        pass
    closing.join()
    stream.close()
    assert stream.read(1) == b""


def test_what_a_url_asks_for() -> None:
    url = "srt://[::1]:9000?streamid=#!::r=live/a,m=request&latency=120000&pbkeylen=24"
    address = parse(f"{url}&passphrase={PASSPHRASE}")
    assert (address.host, address.port, address.listener) == ("::1", 9000, False)
    assert address.stream_id == "#!::r=live/a,m=request"
    assert (address.latency, address.key_length) == (120, 24)
    assert PASSPHRASE not in repr(address)
    assert parse("srt://:9000").listener
    assert parse("srt://host:9000?latency=80").latency == 80


@pytest.mark.parametrize("url", ["srt://host", "srt://host:0x", "srt://:9?mode=caller", "srt://"])
def test_an_address_that_cannot_be_one_is_told(url: str) -> None:
    with pytest.raises(NoStream, match="not an address of the form srt://host:port"):
        parse(url)
