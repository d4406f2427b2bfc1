"""A theme is uploaded, and a conference that runs looks like it, picture by picture."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import nats
import numpy as np
import numpy.typing as npt
import pytest

from kit.kv import Bucket
from kit.link import FeedGone, FeedReader, Picture
from proto.media import FeedSpec
from proto.subjects import FEEDS
from proto.views import decode_feed
from tests.support.clips import Rgb, clip
from tests.support.system import ADMIN, System, system, until
from tests.support.themes import flat, packed, square
from tests.support.watch import is_near, mean_colour, rgb

pytestmark = pytest.mark.nats

THEMES = f"{ADMIN}/configuration/v1/ivr_theme/"
SIZE = (640, 360)
RED, LIME, BLUE, YELLOW = (200, 30, 30), (0, 255, 0), (0, 0, 255), (250, 220, 20)
SECONDS = 5.0
"""That a change may take; it takes one."""


class Watcher:
    """Takes a feed all the time."""

    def __init__(self, socket: str, spec: FeedSpec) -> None:
        self._reader = FeedReader.connect(socket, msgspec.json.encode(spec), 10)
        self.numbers: list[int] = []
        self.picture: npt.NDArray[np.uint8] | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with closing(self._reader), suppress(FeedGone):
            while not self._over.is_set():
                packet = self._reader.read(0.5)
                if isinstance(packet, Picture):
                    self.numbers.append(packet.n)
                    self.picture = rgb(packet.canvas)
                    packet.release()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def sees(self, box: tuple[int, int, int, int], colour: Rgb, within: int = 25) -> bool:
        return self.picture is not None and is_near(mean_colour(self.picture, box), colour, within)

    def without_gap(self) -> bool:
        first = self.numbers[0]
        return self.numbers == list(range(first, first + len(self.numbers)))


async def socket_of(data: Path) -> str:
    """Where the conference's feeds can be taken."""
    client = await nats.connect((data / "run" / "nats.url").read_text().strip())
    try:
        bucket = await Bucket.ensure(client.jetstream(), FEEDS)
        offers = await bucket.everything()
        return decode_feed(next(iter(offers.values()))).socket if offers else ""
    finally:
        await client.close()


def socket_when_there(data: Path) -> str:
    return until(lambda: asyncio.run(socket_of(data)))


def icon(colour: str) -> bytes:
    """A theme whose streaming icon is one flat square on the same colour."""
    look = {"icon": "i.svg", "background": f"0xFF{colour.removeprefix('#')}", "text": ""}
    return packed({"indicators": {"streaming": look}}, {"i.svg": square(colour)})


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[System]:
    with system(tmp_path / "data") as one:
        yield one


def test_a_running_conference_changes_its_looks_within_seconds_and_without_a_gap(
    stack: System, tmp_path: Path
) -> None:
    stack.join("Ann", clip(tmp_path / "ann.mp4", colour=RED, seconds=2))
    instance = stack.conference()["instance"]
    transform = f"{ADMIN}/command/v1/conference/transform_layout/"
    stack.post(transform, {"conference_id": instance, "layout": "ac", "streaming_indicator": True})
    socket = socket_when_there(stack.data)
    spec = FeedSpec(stack.conference()["conference"], width=SIZE[0], height=SIZE[1])
    quiet = FeedSpec(spec.conference, width=320, height=180, streaming=True)
    watcher, beside = Watcher(socket, spec), Watcher(socket, quiet)
    try:
        middle = (315, 10, 10, 10)
        until(lambda: watcher.sees((50, 100, 500, 200), RED))

        made = stack.http.post(THEMES, data={"name": "Lime"}, files={"package": icon("#00FF00")})
        theme = made.headers["Location"]
        [conference] = stack.http.get(f"{ADMIN}/configuration/v1/conference/").json()["objects"]
        worn = {"ivr_theme": theme}
        stack.http.patch(conference["resource_uri"], json=worn).raise_for_status()
        until(lambda: watcher.sees(middle, LIME), SECONDS)

        package = f"/api/rostrum/v1/themes/{theme.rstrip('/').rsplit('/', 1)[-1]}/package/"
        refused = stack.http.put(package, content=b"PK")
        assert list(refused.json()["ivr_theme"]) == ["package"]
        stack.http.put(package, content=icon("#0000FF")).raise_for_status()
        until(lambda: watcher.sees(middle, BLUE), SECONDS)

        off = {"streaming": {"indicators_enabled": False}}
        until(lambda: beside.sees((157, 4, 6, 6), BLUE), SECONDS)
        stack.post(transform, {"conference_id": instance, **off})
        until(lambda: beside.sees((157, 4, 6, 6), RED), SECONDS)
        assert watcher.sees(middle, BLUE), "others still have it"

        [mixing] = stack.processes("services.mixer.conference")
        stack.kill("services.mixer.conference")
        again = until(lambda: revived(stack, socket, mixing))
        watcher.close()
        assert watcher.without_gap()
        watcher = Watcher(again, spec)
        until(lambda: watcher.sees(middle, BLUE))

        stack.http.patch(conference["resource_uri"], json={"ivr_theme": None}).raise_for_status()
        until(lambda: not watcher.sees(middle, BLUE, within=60), SECONDS)
        assert watcher.without_gap()
    finally:
        watcher.close()
        beside.close()


def revived(stack: System, before: str, pid: int) -> str:
    """The socket of the process that was started in place of that one."""
    if stack.processes("services.mixer.conference") in ([], [pid]):
        return ""
    socket = socket_when_there(stack.data)
    return socket if socket != before and Path(socket).exists() else ""


def test_the_default_theme_is_what_a_conference_shows_on_its_presentation(
    stack: System, tmp_path: Path
) -> None:
    """A placeholder, put on while the feed is taken."""
    stack.join("Ann", clip(tmp_path / "ann.mp4", colour=RED, seconds=2))
    spec = FeedSpec(stack.conference()["conference"], "presentation", width=320, height=180)
    watcher = Watcher(socket_when_there(stack.data), spec)
    try:
        until(lambda: watcher.sees((0, 0, 320, 30), (36, 38, 44), within=20))
        screens = {"no_presentation": {"background": {"path": "p.png"}, "elements": []}}
        package = packed({"splash_screens": screens}, {"p.png": flat(YELLOW)})
        made = stack.http.post(THEMES, data={"name": "House"}, files={"package": package})
        settings = f"{ADMIN}/configuration/v1/global/1/"
        body = {"default_theme": made.headers["Location"]}
        stack.http.patch(settings, json=body).raise_for_status()
        until(lambda: watcher.sees((0, 0, 320, 180), YELLOW), SECONDS)
        assert watcher.without_gap()
    finally:
        watcher.close()
