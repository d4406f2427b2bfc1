"""What a call asks for, made into a feed and its encoding; equal needs are equal."""

import itertools
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from proto.media import Content, FrameRate, PictureOptions, Quality, Rendition
from proto.routing import CallRouted
from proto.scheduler import Offer, SessionAssigned, SessionRefused, SessionWanted
from proto.urls import SealedUrl
from services.scheduler.core import Work, assign_call, evolve, release_call, video_kbps, wish

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SERVICE = SealedUrl("tube.destination", "rtmp://ingest.example.com/live/***", "rtmp")
ONE = Offer("egress-1", 20)


def call(who: str = "tube", leg: Content = "single", **options: Any) -> CallRouted:
    picture = PictureOptions(**options)
    return CallRouted(NOW, "c1", who, SERVICE, "", leg=leg, picture=picture)


def asked(quality: Quality = "hd", **options: Any) -> SessionWanted:
    return wish(call(**options), quality, Rendition())


def carried(*calls: CallRouted) -> Work:
    """All that is assigned after these calls, one after another."""
    work, ids = Work(), (f"s{n}" for n in itertools.count())
    for one in calls:
        wanted = wish(one, "hd", Rendition())
        events = assign_call(work, one, wanted, [ONE], 1, lambda: next(ids), NOW)
        for event in events:
            work = evolve(work, event)
    return work


@pytest.mark.parametrize(
    ("quality", "frame_rate", "kbps"),
    [
        ("sd", 25, 1500),
        ("sd", 30, 1500),
        ("sd", 50, 2250),
        ("sd", 60, 2250),
        ("hd", 25, 3000),
        ("hd", 30, 3000),
        ("hd", 50, 4500),
        ("hd", 60, 4500),
        ("fullhd", 25, 4500),
        ("fullhd", 30, 4500),
        ("fullhd", 50, 6750),
        ("fullhd", 60, 6750),
    ],
)
def test_every_size_and_rate_has_its_bit_rate(
    quality: Quality, frame_rate: FrameRate, kbps: int
) -> None:
    wanted = asked(quality, frame_rate=frame_rate)

    assert video_kbps(quality, frame_rate) == wanted.rendition.video_kbps == kbps
    assert (wanted.feed.fps, wanted.rendition.gop_seconds) == (frame_rate, 2)


def test_a_call_may_have_another_frame_rate_than_its_conference() -> None:
    usual = wish(call(), "hd", Rendition(), frame_rate=50)
    own = wish(call(frame_rate=25), "hd", Rendition(), frame_rate=50)

    assert (usual.feed.fps, usual.rendition.video_kbps) == (50, 4500)
    assert (own.feed.fps, own.rendition.video_kbps) == (25, 3000)


@pytest.mark.parametrize(
    ("conference", "rule", "own", "height"),
    [
        ("fullhd", None, None, 1080),
        ("fullhd", None, "sd", 480),
        ("hd", None, "fullhd", 720),
        ("fullhd", "hd", "fullhd", 720),
    ],
)
def test_a_call_gets_no_more_than_everybody_allows(
    conference: Quality, rule: Quality | None, own: Quality | None, height: int
) -> None:
    limited = msgspec.structs.replace(call(max_pixels_per_second=own), quality=rule)

    assert wish(limited, conference, Rendition()).feed.height == height


@pytest.mark.parametrize(
    ("own", "callrate", "kbps"),
    [
        (None, None, 4500),
        (1000, None, 1000),
        (9000, None, 4500),
        (1000, 800, 672),
        (None, 100, 100),
    ],
)
def test_the_lowest_limit_of_the_bit_rate_holds(
    own: int | None, callrate: int | None, kbps: int
) -> None:
    wanted = wish(call(frame_rate=60, max_video_kbps=own), "hd", Rendition(), callrate)

    assert wanted.rendition.video_kbps == kbps


@pytest.mark.parametrize(
    ("options", "content", "inset", "layout"),
    [
        ({}, "single", True, ""),
        ({"inset": False, "layout": "1:0"}, "single", False, "1:0"),
        ({"content": "main", "layout": "9:0", "inset": False}, "main", True, "9:0"),
        ({"content": "presentation", "inset": False}, "presentation", True, ""),
    ],
)
def test_what_makes_no_difference_is_left_out(
    options: dict[str, Any], content: Content, inset: bool, layout: str
) -> None:
    feed = asked(**options).feed

    assert (feed.content, feed.inset, feed.layout) == (content, inset, layout)


def test_the_legs_of_a_dual_stream_have_its_options() -> None:
    legs = [
        wish(call(leg=leg, layout="1:0", frame_rate=60), "hd", Rendition()).feed
        for leg in ("main", "presentation")
    ]

    assert [(feed.content, feed.layout, feed.fps) for feed in legs] == [
        ("main", "1:0", 60),
        ("presentation", "", 60),
    ]


def test_twelve_equal_calls_are_rendered_and_encoded_once() -> None:
    work = carried(*[call(f"tube-{n}", frame_rate=60) for n in range(12)])

    [session] = work.sessions.values()
    assert len(session.destinations) == 12


def test_calls_that_differ_in_bit_rate_alone_share_a_feed_and_no_encoder() -> None:
    work = carried(call("tube"), call("face", max_video_kbps=1000), call("twin"))

    assert len({session.feed for session in work.sessions.values()}) == 1
    assert sorted(len(session.destinations) for session in work.sessions.values()) == [1, 2]


@pytest.mark.parametrize(
    "options",
    [
        {"content": "main"},
        {"content": "presentation"},
        {"inset": False},
        {"layout": "1:0"},
        {"max_pixels_per_second": "sd"},
        {"frame_rate": 50},
    ],
)
def test_a_call_that_sees_something_else_has_a_feed_of_its_own(options: dict[str, Any]) -> None:
    work = carried(call("tube"), call("face", **options))

    assert len({session.feed for session in work.sessions.values()}) == 2


def test_slides_alone_are_one_stream_for_a_single_call_and_for_half_of_a_dual_one() -> None:
    """Whoever asked for them alone has no other leg, and is released as a whole."""
    work = carried(
        call("alone", content="presentation"), call("both", "main"), call("both", "presentation")
    )
    slides = next(s for s in work.sessions.values() if s.feed.content == "presentation")

    assert slides.legs == {"alone": "single", "both": "presentation"}
    [gone] = release_call(work, "c1", "alone", NOW, leg="single")
    assert gone.leg == "single"  # type: ignore[union-attr]
    assert work.session_of("alone") is work.session_of("both", "presentation") is slides


def test_the_ninth_different_picture_is_refused_and_told_and_equal_ones_are_not() -> None:
    """The mixer would not give it, and viewers would see a slate for ever."""
    layouts = ["", "1:0", "1:1", "1:7", "1:21", "2:21", "4:0", "9:0", "16:0"]
    *first, ninth = [call(f"tube-{n}", layout=layout) for n, layout in enumerate(layouts)]
    work = carried(*first)
    twin = call("twin", layout="9:0", max_video_kbps=500)

    assert len(work.sessions) == 8
    [refused] = assign_call(work, ninth, wish(ninth, "hd", Rendition()), [ONE], 1, str, NOW)
    assert isinstance(refused, SessionRefused)
    assert "8 different pictures" in refused.reason
    given = assign_call(work, twin, wish(twin, "hd", Rendition()), [ONE], 1, lambda: "s9", NOW)
    assert isinstance(given[0], SessionAssigned)


def test_a_session_says_what_it_encodes() -> None:
    wanted = asked(frame_rate=60, max_pixels_per_second="sd", content="presentation")
    [session, _] = assign_call(Work(), call(), wanted, [ONE], 1, lambda: "s1", NOW)

    assert isinstance(session, SessionAssigned)
    assert (session.feed.width, session.feed.height, session.feed.fps) == (848, 480, 60)
