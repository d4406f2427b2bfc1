"""People who take part by browser, as the conference's process and they themselves see it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from proto.mixer import CallKind
from proto.views import ParticipantView
from services.mixer import wire
from services.mixer.core import layouts
from tests.support.caller import Caller, caller
from tests.support.clips import Rgb
from tests.support.mixer import PATIENCE, Conference, begun
from tests.support.watch import has_tone, is_near, mean_colour, tones

RED, GREEN, BLUE = (200, 30, 30), (30, 160, 60), (40, 60, 190)


def live(who: str) -> ParticipantView:
    return ParticipantView(who, who.title(), "guest", protocol="webrtc")


async def call(
    conference: Conference, one: Caller, who: str, number: int, kind: CallKind = "main"
) -> wire.CallAnswer:
    sdp = await one.offer()
    conference.child.send(wire.Connect(number, who, f"call-{number}", kind, sdp))
    answer = await conference.report(wire.CallAnswer, lambda r: r.number == number)
    if answer.sdp:
        await one.accept(answer.sdp)
        await one.connected()
    return answer


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.05)


def shows(one: Caller, colours: list[Rgb], size: tuple[int, int] = (1280, 720)) -> bool:
    """Each of these in its place of the layout."""
    if one.picture is None or one.picture.shape[1::-1] != size:
        return False
    places = layouts.places("1:7", len(colours), *size)
    for rect, colour in zip([places.main, *places.pips], colours, strict=True):
        if not is_near(mean_colour(one.picture, (rect.x, rect.y, rect.width, rect.height)), colour):
            return False
    return True


async def test_callers_see_everybody_and_hear_everybody_but_themselves(tmp_path: Path) -> None:
    async with (
        begun(tmp_path) as conference,
        caller(RED, 440.0) as ann,
        caller(GREEN, 660.0, codec="VP8") as bob,
        caller() as cat,
    ):
        conference.show(live("ann"), live("bob"), live("cat"))
        for n, (who, one) in enumerate({"ann": ann, "bob": bob, "cat": cat}.items()):
            await call(conference, one, who, n)
        await conference.live("ann", "bob")
        for one in (ann, bob, cat):
            await until(lambda one=one: one.pictures > 30 and len(one.sound) > 150)  # type: ignore[misc]
        heard = {
            who: tones(one.heard(1.0)) for who, one in (("ann", ann), ("bob", bob), ("cat", cat))
        }
        assert has_tone(heard["ann"], 660.0) and not has_tone(heard["ann"], 440.0)
        assert has_tone(heard["bob"], 440.0) and not has_tone(heard["bob"], 660.0)
        assert has_tone(heard["cat"], 440.0) and has_tone(heard["cat"], 660.0)
        stats = await conference.report(wire.Stats, lambda r: r.calls.connected == 3)
    assert stats.calls.encodings == 2, "H.264 and VP8, each once"
    assert stats.calls.received > 100
    assert stats.calls.sent > 100
