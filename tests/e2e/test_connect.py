"""People in real browsers, on the page that they take part by: heard, seen, streamed, and back
after the mixer's death."""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from cli.ingest import Ingest
from tests.support.browser import PATIENCE, browsers, page
from tests.support.system import ADMIN, System, until
from tests.support.watch import has_tone, tones, watch

pytestmark = pytest.mark.browser

RATE = 48_000
LOUD = -45.0
"""Decibels; a tone that is there has -25 and more, one that is not has the noise of the codec."""

RED, GREEN, MAGENTA = (200, 30, 30), (30, 160, 60), (200, 30, 160)

HEAR = """async (hertz) => {
  const stream = document.querySelector("#mix").srcObject;
  if (!stream?.getAudioTracks().length) return [];
  if (window.heard?.stream !== stream) {
    window.heard?.context.close();
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 16384;
    analyser.smoothingTimeConstant = 0;
    context.createMediaStreamSource(stream).connect(analyser);
    window.heard = { stream, context, analyser };
  }
  const { context, analyser } = window.heard;
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  return hertz.map((one) => {
    const at = Math.round(one * analyser.fftSize / context.sampleRate);
    return Math.max(-200, ...levels.slice(at - 2, at + 3));
  });
}"""
"""Levels of some tones in what the page plays."""

LOOK = """() => {
  const video = document.querySelector("#mix");
  const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 32, 18);
  const { data } = context.getImageData(0, 0, 32, 18);
  return { at: video.getVideoPlaybackQuality().totalVideoFrames, pixels: [...data] };
}"""

SCREEN = """(colour) => {
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
    const context = canvas.getContext("2d");
    const paint = () => { context.fillStyle = colour; context.fillRect(0, 0, 1280, 720); };
    const timer = setInterval(paint, 50);
    paint();
    window.shown = canvas.captureStream(15);
    return window.shown;
  };
}"""
"""There is no screen to be shared where tests run."""

NOTICES = """() => {
  const notice = document.querySelector("#notice");
  window.notices = [];
  new MutationObserver(() => window.notices.push(notice.textContent))
    .observe(notice, { childList: true, characterData: true, subtree: true });
}"""
"""One that is there for a moment is kept."""

LOST = "The connection was lost. Calling again …"

expect.set_options(timeout=PATIENCE)


class Person(NamedTuple):
    shown: Page
    wrong: list[str]
    tone: float

    def hears(self, hertz: float) -> bool:
        levels = self.shown.evaluate(HEAR, [hertz])
        return bool(levels) and levels[0] > LOUD

    def look(self) -> dict[str, Any]:
        found: dict[str, Any] = self.shown.evaluate(LOOK)
        return found

    def sees_movement(self) -> bool:
        """Twenty pictures later it looks otherwise."""
        before = self.look()
        until(lambda: self.look()["at"] > before["at"] + 20)
        return bool(self.look()["pixels"] != before["pixels"])

    def sees(self, colour: tuple[int, int, int]) -> bool:
        """In a tenth of the picture or more."""
        pixels = np.array(self.look()["pixels"]).reshape(-1, 4)[:, :3]
        return bool((abs(pixels - colour).max(axis=1) <= 30).mean() > 0.1)

    def come_in(self, name: str) -> None:
        self.shown.goto("/join.html?conference=town-hall")
        self.shown.get_by_label(
            "Original sound"
        ).check()  # Noise suppression takes tones for noise.
        self.shown.get_by_label("Your name").fill(name)
        expect(self.shown.get_by_role("button", name="Camera", pressed=True)).to_be_visible()
        self.shown.get_by_role("button", name="Join").click()
        self.connected()

    def connected(self) -> None:
        expect(self.shown.locator('#conference[data-call="connected"]')).to_be_visible()

    def card(self, name: str) -> Any:
        return self.shown.locator("#list li").filter(has_text=name)

    def press(self, name: str) -> None:
        self.shown.get_by_role("button", name=name, exact=True).click()


def camera(path: Path, colour: tuple[int, int, int]) -> str:
    """A colour; a bar of it is brighter, and wanders."""
    plain = np.empty((360, 640, 3), np.uint8)
    plain[:] = colour
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H360 F15:1 Ip A1:1 C420jpeg\n")
        for n in range(15):
            picture = plain.copy()
            picture[20:60, n * 40 : n * 40 + 40] = 235
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
            file.write(b"FRAME\n" + frame.to_ndarray().tobytes())
    return f"--use-file-for-fake-video-capture={path}"


def tone(path: Path, hertz: float) -> str:
    """Played again and again; whole seconds of whole hertz have no seam."""
    at = np.arange(10 * RATE) / RATE
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((8000 * np.sin(2 * np.pi * hertz * at)).astype("<i2").tobytes())
    return f"--use-file-for-fake-audio-capture={path}"


@pytest.fixture(scope="module")
def two(stack: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Person, Person]]:
    room = tmp_path_factory.mktemp("tones")
    fake = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    flags = [
        (*fake, tone(room / f"{hertz}.wav", hertz), camera(room / f"{hertz}.y4m", colour))
        for hertz, colour in ((440.0, RED), (660.0, GREEN))
    ]
    url = str(stack.http.base_url)
    with (
        browsers(*flags) as (first, second),
        page(first, url) as (anns, anns_wrong),
        page(second, url) as (bobs, bobs_wrong),
    ):
        ann, bob = Person(anns, anns_wrong, 440.0), Person(bobs, bobs_wrong, 660.0)
        ann.come_in("Ann Able")
        bob.come_in("Bob Baker")
        ann.shown.get_by_label("Layout").select_option("Four alike")
        yield ann, bob


def test_each_sees_the_conference_move_and_hears_the_other_alone(
    two: tuple[Person, Person],
) -> None:
    for one, other in (two, two[::-1]):
        assert one.sees_movement()
        until(lambda one=one: one.sees(RED) and one.sees(GREEN))  # type: ignore[misc]
        until(lambda one=one, other=other: one.hears(other.tone))  # type: ignore[misc]
        assert not one.hears(one.tone)


def test_a_host_adds_a_stream_whose_state_and_badge_are_seen(
    two: tuple[Person, Person], server: Ingest
) -> None:
    ann, bob = two
    ann.shown.get_by_label("Address with its key").fill("not an address")
    ann.press("Stream")
    expect(ann.shown.locator("#address-error")).to_contain_text("no call routing rule")
    ann.shown.get_by_label("Address with its key").fill(server.url("connect"))
    ann.shown.get_by_label("Shown as").fill("Town stream")
    ann.press("Stream")
    expect(ann.card("Town stream")).to_contain_text("Publishing")
    for one in two:
        expect(one.card("Town stream").get_by_text("Streaming", exact=True)).to_be_visible()
        expect(one.shown.locator("#on-air")).to_be_visible()
    expect(ann.shown.get_by_label("Address with its key")).to_have_value("")
    streamed = watch(server.url("connect"), pictures=60)
    heard = tones(streamed.sound[-streamed.rate :], streamed.rate)
    assert has_tone(heard, ann.tone)
    assert has_tone(heard, bob.tone)
    assert len(streamed.seen) >= 60


def test_who_is_muted_is_not_heard(two: tuple[Person, Person]) -> None:
    ann, bob = two
    until(lambda: ann.hears(bob.tone))
    bob.press("Mute")
    until(lambda: not ann.hears(bob.tone))
    expect(ann.card("Bob Baker").get_by_text("Muted", exact=True)).to_be_visible()
    bob.press("Unmute")
    until(lambda: ann.hears(bob.tone))


def test_a_shared_screen_is_the_presentation_until_the_browser_stops_it(
    two: tuple[Person, Person],
) -> None:
    ann, bob = two
    bob.shown.evaluate(SCREEN, f"rgb{MAGENTA}")
    bob.press("Share screen")
    expect(ann.card("Bob Baker").get_by_text("Presenting", exact=True)).to_be_visible()
    until(lambda: ann.sees(MAGENTA))
    bob.shown.evaluate(
        """() => { const [track] = window.shown.getVideoTracks();
                   track.stop(); track.dispatchEvent(new Event("ended")); }"""
    )
    expect(ann.card("Bob Baker").get_by_text("Presenting", exact=True)).to_be_hidden()
    expect(bob.shown.get_by_role("button", name="Share screen")).to_be_visible()


def test_the_mixers_death_is_survived(two: tuple[Person, Person], stack: System) -> None:
    for one in two:
        one.shown.evaluate(NOTICES)
    stack.kill("services.mixer.conference")
    for one in two:
        until(lambda one=one: LOST in one.shown.evaluate("window.notices"))  # type: ignore[misc]
    for one, other in (two, two[::-1]):
        one.connected()
        assert one.sees_movement()
        until(lambda one=one: one.sees(RED) and one.sees(GREEN))  # type: ignore[misc]
        until(lambda one=one, other=other: one.hears(other.tone))  # type: ignore[misc]
        expect(one.shown.locator("#notice")).to_be_hidden()


def test_who_leaves_is_seen_to_leave_and_nothing_went_wrong(
    two: tuple[Person, Person], stack: System
) -> None:
    ann, bob = two
    bob.press("Leave")
    expect(bob.shown.get_by_role("heading", name="You have left")).to_be_visible()
    expect(ann.card("Bob Baker")).to_have_count(0)
    assert ann.wrong == bob.wrong == []
    ann.shown.goto("about:blank")
    until(lambda: "Ann Able" not in str(stack.conference()["participants"]))


def test_a_guest_is_asked_for_a_pin_and_waits_for_a_host(
    two: tuple[Person, Person], stack: System
) -> None:
    board = {"name": "Board", "aliases": [{"alias": "board"}], "pin": "1234", "allow_guests": True}
    stack.post(f"{ADMIN}/configuration/v1/conference/", board, expect=201)
    guest = two[1].shown
    guest.goto("/join.html?conference=board")
    guest.get_by_label("Your name").fill("Gil Guest")
    expect(guest.get_by_label("PIN")).to_be_hidden()
    guest.get_by_role("button", name="Join").click()
    guest.get_by_label("PIN").fill("4321")
    guest.get_by_role("button", name="Join").click()
    expect(guest.locator("#enter-error")).to_have_text("This is not the PIN.")
    guest.get_by_label("PIN").fill("")
    guest.get_by_role("button", name="Join").click()
    expect(guest.get_by_role("heading", name="You will be let in soon")).to_be_visible()
    came = stack.http.post(
        "/api/client/v2/conferences/board/request_token",
        json={"display_name": "Hal Host"},
        headers={"pin": "1234"},
    )
    assert came.status_code == 200, came.text
    two[1].connected()
    expect(guest.locator("#desk")).to_be_hidden()
