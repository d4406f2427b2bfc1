"""Sources as a mix sees them: real media, read and decoded by a real thread at its real pace."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from services.mixer.media.source import FREEZE
from tests.support.clips import clip
from tests.support.sources import PATIENCE, Open, mixed, opened
from tests.support.watch import beeps, flashes, has_tone, inner, offsets, tones

__all__ = ["opened"]


@pytest.mark.parametrize("kind", ["mp4", "webm", "flv", "ts"])
def test_sound_and_picture_of_any_container_stay_together_for_several_laps(
    opened: Open, tmp_path: Path, kind: str
) -> None:
    path = clip(tmp_path / f"clip.{kind}", seconds=1.0, flash_every=1.0, tone=440)
    source, mix = opened(str(path))
    mix.wait("live")
    seen = mixed(source, mix, 3.4)
    flash = inner(flashes(seen.luma, seen.times, threshold=150), seen.times)
    assert len(flash) >= 2
    assert max(map(abs, offsets(beeps(seen.sound, seen.sound_from), flash))) <= 0.020
    assert has_tone(tones(seen.sound), 440)
    assert mix.names() == ["connecting", "live"]


def test_a_file_is_looped_without_missing_or_repeating_pictures(
    opened: Open, tmp_path: Path
) -> None:
    path = clip(tmp_path / "clip.mp4", seconds=0.8, motion=True, audio=False)
    source, mix = opened(str(path))
    mix.wait("live")
    mixed(source, mix, 0.5)
    seen = mixed(source, mix, 2.0)
    assert np.diff(seen.serials).tolist() == [1] * (len(seen.serials) - 1)


@pytest.mark.parametrize("size", [(642, 358), (98, 50), (1920, 1080)])
def test_odd_strides_do_not_shear_the_picture(
    opened: Open, tmp_path: Path, size: tuple[int, int]
) -> None:
    path = clip(tmp_path / "clip.mp4", seconds=0.6, size=size, audio=False, colour=(200, 30, 30))
    source, mix = opened(str(path))
    mix.wait("live")
    mixed(source, mix, 0.4)
    picture = source.picture(mix.now())
    assert picture is not None
    assert (picture.width, picture.height) == size
    assert all(np.ptp(plane) <= 6 for plane in picture.planes)


def test_a_picture_is_a_source_that_stays(opened: Open, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (400, 300), (200, 30, 30)).save(tmp_path / "slide.png")
    source, mix = opened(str(tmp_path / "slide.png"))
    mix.wait("live")
    seen = mixed(source, mix, 1.5)
    assert len(set(seen.serials)) == 1
    assert source.showable(mix.now() + 1000)
    assert mix.names() == ["connecting", "live"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("{tmp}/text.txt", "not media that can be read", id="text"),
        pytest.param("{tmp}/noise.mp4", "not media that can be read", id="noise"),
        pytest.param("{tmp}/empty.mp4", "not media that can be read", id="empty"),
        pytest.param("{tmp}/missing.mp4", "no such file", id="missing"),
        pytest.param("{tmp}", "a directory, not a file", id="directory"),
        pytest.param("", "not media that can be read", id="nothing"),
        pytest.param("http://127.0.0.1:1/x", "connection refused", id="refused"),
        pytest.param("concat:{tmp}/a|{tmp}/b", "not media that can be read", id="joins-files"),
        pytest.param(
            "lavfi:testsrc", "a protocol that is not allowed or not built in", id="filters"
        ),
    ],
)
def test_what_cannot_be_read_is_broken_with_a_reason(
    opened: Open, tmp_path: Path, url: str, reason: str
) -> None:
    (tmp_path / "text.txt").write_text("This is not a film.\n" * 500)
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(1).bytes(100_000))
    (tmp_path / "empty.mp4").touch()
    source, mix = opened(url.format(tmp=tmp_path))
    mix.wait("broken")
    assert mix.states == [("connecting", ""), ("broken", reason)]
    assert source.picture(mix.now()) is None
    assert not source.showable(FREEZE + mix.now())


def test_tracks_of_unknown_kinds_are_no_media(opened: Open, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", seconds=0.5, audio=False)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    _, mix = opened(str(path))
    mix.wait("broken")
    assert mix.states[-1] == ("broken", "neither picture nor sound in it")


def test_a_file_that_comes_later_is_found(opened: Open, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    _, mix = opened(str(path))
    mix.wait("broken")
    clip(tmp_path / "made.mp4", seconds=0.6).rename(path)
    mix.wait("live")
    assert mix.names() == ["connecting", "broken", "live"]


def test_a_damaged_file_is_played_where_it_can_be(opened: Open, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.ts", seconds=2.0, motion=True)
    data = bytearray(path.read_bytes())
    noise = np.random.default_rng(1)
    for at in noise.integers(len(data) // 4, len(data), 40):
        data[at : at + 20] = noise.bytes(20)
    path.write_bytes(data)
    source, mix = opened(str(path))
    mix.wait("live")
    assert len(set(mixed(source, mix, 1.5).serials)) > 15


class Server:
    """Sends a transport stream to whoever connects, in real time, until told to hold or hang up."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._data, self._seconds = path.read_bytes(), seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.holding = threading.Event()
        self.hang_up = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._listener.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock:
                self._send(sock)

    def _send(self, sock: socket.socket) -> None:
        step = int(len(self._data) / self._seconds / 50) // 188 * 188 + 188
        at = 0
        while not (self._over.is_set() or self.hang_up.is_set()):
            if not self.holding.is_set() and at < len(self._data):
                try:
                    sock.sendall(self._data[at : at + step])
                except OSError:
                    return
                at += step
            self._over.wait(0.02)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    seconds = 12.0
    path = clip(tmp_path / "live.ts", seconds=seconds, flash_every=1.0, gop=15)
    server = Server(path, seconds)
    yield server
    server.close()


def test_a_live_source_that_stalls_ends_and_comes_again(opened: Open, server: Server) -> None:
    source, mix = opened(server.url)
    mix.wait("live")
    seen = mixed(source, mix, 2.2)
    flash = inner(flashes(seen.luma, seen.times, threshold=150), seen.times)
    assert len(flash) >= 1
    assert max(map(abs, offsets(beeps(seen.sound, seen.sound_from), flash))) <= 0.020

    server.holding.set()
    last = mixed(source, mix, 2.0)
    assert mix.names()[-1] == "stalled"
    assert source.picture(mix.now()) is not None
    assert len(last.times) == 60
    assert source.showable(mix.now())
    assert not source.showable(mix.now() + FREEZE)

    server.holding.clear()
    mix.wait("live", times=2)
    mixed(source, mix, 0.5)

    server.hang_up.set()
    mix.wait("ended")
    server.hang_up.clear()
    mix.wait("live", times=3)
    # What happens to the last second of a stream that is cut off depends on the cut.
    told = [state for state in mix.names() if state != "broken"]
    assert told == ["connecting", "live", "stalled", "live", "ended", "live"]


def test_a_hidden_source_is_ready_to_be_shown(opened: Open, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", seconds=3.0, motion=True, gop=60)
    source, mix = opened(str(path))
    source.show(False)
    mix.wait("live")
    hidden = mixed(source, mix, 1.5)
    assert len(set(hidden.serials)) <= 12
    assert source.showable(mix.now())

    source.show(True)
    shown = mixed(source, mix, 1.0)
    assert len(set(shown.serials[3:])) >= len(shown.serials) - 6


def test_closing_does_not_wait_for_a_server_that_says_nothing(opened: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source, mix = opened(f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        before = time.monotonic()
        source.close()
        assert time.monotonic() - before < 0.5
        assert mix.names() == ["connecting"]


def test_what_was_closed_reports_nothing_more(opened: Open, tmp_path: Path) -> None:
    source, mix = opened(str(tmp_path / "missing.mp4"))
    mix.wait("broken")
    source.close()
    source.join(PATIENCE)
    clip(tmp_path / "missing.mp4", seconds=0.5)
    assert mix.names() == ["connecting", "broken"]
