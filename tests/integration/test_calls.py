"""People who take part by browser, as the conference's process and they themselves see it."""

from contextlib import AsyncExitStack
from pathlib import Path

from proto.mixer import CallKind
from proto.views import ParticipantView
from services.mixer import wire
from services.mixer.core import layouts
from tests.support.caller import Caller, caller, true_soon
from tests.support.clips import Rgb
from tests.support.mixer import FPS, Conference, begun
from tests.support.watch import beeps, flashes, has_tone, is_near, mean_colour, offsets, tones

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


def hears(one: Caller) -> set[float]:
    """Which of the tones, in the newest second."""
    found = tones(one.heard(1.0))
    return {hertz for hertz in (440.0, 660.0) if has_tone(found, hertz)}


def middle(one: Caller) -> Rgb:
    assert one.picture is not None
    height, width = one.picture.shape[:2]
    return mean_colour(one.picture, (width // 3, height // 3, width // 3, height // 3))


def seen(one: Caller) -> set[Rgb]:
    """Which of the colours are somewhere in the picture, in a place of the layout."""
    if one.picture is None:
        return set()
    height, width = one.picture.shape[:2]
    places = layouts.places("1:7", 3, width, height)
    boxes = [(rect.x, rect.y, rect.width, rect.height) for rect in [places.main, *places.pips]]
    shades = [mean_colour(one.picture, box) for box in boxes]
    return {colour for colour in (RED, GREEN, BLUE) if any(is_near(s, colour) for s in shades)}


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
            await true_soon(lambda one=one: seen(one) == {RED, GREEN} and len(one.sound) > 50)  # type: ignore[misc]
        await true_soon(lambda: hears(ann) == {660.0})
        await true_soon(lambda: hears(bob) == {440.0})
        await true_soon(lambda: hears(cat) == {440.0, 660.0})
        stats = await conference.report(wire.Stats, lambda r: r.calls.connected == 3)
    assert stats.calls.encodings == 2, "H.264 and VP8, each once"
    assert stats.calls.received > 100
    assert stats.calls.sent > 100


async def test_lips_and_words_stay_together(tmp_path: Path) -> None:
    """The browser's reports say how its clocks lie to each other, and its sound waits longer."""
    async with begun(tmp_path) as conference, caller(RED, 1000.0, flash=True, looks=False) as ann:
        conference.show(live("ann"))
        await call(conference, ann, "ann", 1)
        await conference.live("ann")
        await conference.take(2.5)  # until the first reports have come
        taken = await conference.take(4.0)

    light = [float(picture[60:300:8, 100:540:8].mean()) for picture in taken.pictures]
    times = [n / FPS for n in taken.numbers]
    found = offsets(flashes(light, times), beeps(taken.sound, taken.sound_from))
    assert len(found) >= 2
    assert max(map(abs, found)) < 0.08


async def test_who_leaves_is_hung_up_on_and_who_is_not_in_is_not_taken(tmp_path: Path) -> None:
    async with begun(tmp_path) as conference, caller(RED, 440.0) as ann, caller() as eve:
        conference.show(live("ann"))
        refused = await call(conference, eve, "eve", 1)
        assert not refused.sdp
        assert "not in the conference" in refused.problem
        await call(conference, ann, "ann", 2)
        await conference.live("ann")
        conference.show()
        await conference.report(wire.SourceChanged, lambda r: r.state == "ended")
        await true_soon(lambda: ann.pc.connectionState in ("closed", "failed"))
        conference.child.send(wire.Connect(3, "ann", "c", "main", "v=0\r\nm=audio nonsense"))
        nonsense = await conference.report(wire.CallAnswer, lambda r: r.number == 3)
    assert nonsense.problem


async def test_sound_that_we_do_not_speak_is_refused_rather_than_sent(tmp_path: Path) -> None:
    async with begun(tmp_path) as conference, caller(tone=440.0, looks=False, sound="PCMA") as ann:
        conference.show(live("ann"))
        refused = await call(conference, ann, "ann", 1)
    assert not refused.sdp
    assert refused.problem == "the offer is not one that can be answered"


async def test_a_presentation_comes_and_goes_by_a_call_of_its_own(tmp_path: Path) -> None:
    async with (
        begun(tmp_path) as conference,
        caller(RED, 440.0) as ann,
        caller(BLUE, size=(1280, 720), looks=False) as slides,
        caller() as bob,
        caller() as shown,
    ):
        conference.show(live("ann"), live("bob"), presenter="ann")
        await call(conference, ann, "ann", 1)
        await call(conference, bob, "bob", 2)
        await call(conference, slides, "ann", 3, "send_presentation")
        await conference.live("ann", content="presentation")
        await true_soon(lambda: bob.picture is not None and is_near(middle(bob), BLUE))
        # Who looks at it by a call of its own sees the people alone in the other.
        await call(conference, shown, "bob", 4, "receive_presentation")
        await true_soon(lambda: shown.picture is not None and is_near(middle(shown), BLUE))
        await true_soon(lambda: is_near(middle(bob), RED))


async def test_a_lost_picture_brings_a_key_frame_and_equal_ones_are_encoded_once(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        conference = await stack.enter_async_context(begun(tmp_path))
        many = [await stack.enter_async_context(caller()) for _ in range(6)]
        conference.show(*(live(f"p{n}") for n in range(len(many))))
        for n, one in enumerate(many):
            await call(conference, one, f"p{n}", n)
        for one in many:
            await true_soon(lambda one=one: one.pictures > 10)  # type: ignore[misc]
        before = await conference.report(wire.Stats, lambda r: r.calls.connected == len(many))
        assert before.calls.encodings == 1
        await many[0].ask_for_key_frame()
        await conference.report(wire.Stats, lambda r: r.calls.key_frames > before.calls.key_frames)


async def test_who_turns_their_camera_on_later_is_seen_and_sees(tmp_path: Path) -> None:
    """A new offer for the same call, with a kind of media that it had not."""
    async with begun(tmp_path) as conference, caller(tone=440.0, looks=False) as ann:
        conference.show(live("ann"))
        await call(conference, ann, "ann", 1)
        ann.turn_camera_on(GREEN)
        sdp = await ann.offer()
        conference.child.send(wire.Connect(2, "ann", "call-1", "main", sdp))
        answer = await conference.report(wire.CallAnswer, lambda r: r.number == 2)
        await ann.accept(answer.sdp)
        await true_soon(lambda: ann.picture is not None and is_near(middle(ann), GREEN))
