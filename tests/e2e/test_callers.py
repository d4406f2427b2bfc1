"""People who take part by browser, through the client API of a whole system; the browsers are
aiortc, so that what they see and hear can be measured."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from cli.ingest import Ingest
from tests.support.caller import Caller, caller, true_soon
from tests.support.clips import Rgb
from tests.support.system import System
from tests.support.watch import has_tone, is_near, mean_colour, tones

RED, GREEN = (200, 30, 30), (30, 160, 60)
API = "/api/client/v2/conferences/town-hall"


class Seat(msgspec.Struct):
    """Somebody who has come in."""

    http: httpx.Client
    who: str
    token: str

    def post(self, path: str, **body: Any) -> Any:
        answer = self.http.post(f"{API}/{path}", json=body, headers={"token": self.token})
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def get(self, path: str) -> Any:
        answer = self.http.get(f"{API}/{path}", headers={"token": self.token})
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def call(self, one: Caller, **more: Any) -> None:
        offer = await one.offer()
        path = f"participants/{self.who}/calls"
        made = await asyncio.to_thread(self.post, path, call_type="WEBRTC", sdp=offer, **more)
        await one.accept(made["sdp"])
        await one.connected()


def come_in(http: httpx.Client, name: str, pin: str | None = None) -> Seat:
    headers = {"pin": pin} if pin is not None else {}
    answer = http.post(f"{API}/request_token", json={"display_name": name}, headers=headers)
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    return Seat(http, result["participant_uuid"], result["token"])


def seen(one: Caller) -> set[Rgb]:
    """Which of the colours fill a large part of the picture."""
    if one.picture is None:
        return set()
    height, width = one.picture.shape[:2]
    boxes = [(x, y, width // 4, height // 4) for x in (0, width // 2) for y in (0, height // 2)]
    shades = [mean_colour(one.picture, box) for box in boxes]
    return {colour for colour in (RED, GREEN) if any(is_near(s, colour, 20) for s in shades)}


def hears(one: Caller) -> set[float]:
    found = tones(one.heard(1.0))
    return {hertz for hertz in (440.0, 660.0) if has_tone(found, hertz)}


async def test_people_come_in_by_browser_are_streamed_and_come_back(
    stack: System, server: Ingest
) -> None:
    ann, bob = come_in(stack.http, "Ann"), come_in(stack.http, "Bob")
    async with caller(RED, 440.0) as a, caller(GREEN, 660.0) as b:
        await ann.call(a)
        await bob.call(b)
        ann.post("transform_layout", transforms={"layout": "4:0"})
        (stream,) = ann.post(
            "dial", destination=server.url("callers"), protocol="auto", streaming="yes"
        )
        await true_soon(lambda: seen(a) == seen(b) == {RED, GREEN})
        await true_soon(lambda: hears(a) == {660.0})
        await true_soon(lambda: hears(b) == {440.0})
        await asyncio.to_thread(stack.streams, stream)
    # The conference's process dies, and its calls with it: browsers notice, and call again.
    stack.kill("services.mixer.conference")
    async with caller(RED, 440.0) as a:
        await ann.call(a)
        await true_soon(lambda: a.pictures > 10 and RED in seen(a))
        bob.post("release_token")
        listed = ann.get("participants")
        assert [one["display_name"] for one in listed if one["protocol"] == "webrtc"] == ["Ann"]
        assert ann.get("conference_status")["streaming"]
    ann.post("disconnect")
    with pytest.raises(AssertionError, match="Invalid token"):
        ann.post("refresh_token")
