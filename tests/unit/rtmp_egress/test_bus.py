"""The tag bus: what a destination gets can always be played."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.rtmp_egress.media.bus import Backlog, Bus, Limits, Timed
from services.rtmp_egress.media.flv import AUDIO, SCRIPT, VIDEO, FlvTag

GOP = 10
"""Pictures; small, so that a short stream has many."""
STEP = 40
"""Milliseconds between pictures."""

HEADERS = [
    FlvTag(SCRIPT, 0, b"meta", header=True),
    FlvTag(VIDEO, 0, b"avcC", header=True),
    FlvTag(AUDIO, 0, b"asc", header=True),
]


def stream(pictures: int, size: int = 100) -> list[FlvTag]:
    """Pictures with a tag of sound before each, payloads saying which picture it is."""
    tags = []
    for n in range(pictures):
        payload = n.to_bytes(4, "big").ljust(size, b".")
        tags.append(FlvTag(AUDIO, n * STEP - 3, b"sound" + n.to_bytes(4, "big")))
        tags.append(FlvTag(VIDEO, n * STEP, payload, key_frame=n % GOP == 0))
    return tags


def number(tag: Timed) -> int:
    return int.from_bytes(tag.payload[:4], "big")


def nothing() -> None:
    """A destination that is asked, not woken."""


def take_all(backlog: Backlog) -> list[Timed]:
    taken = []
    while (tag := backlog.take()) is not None:
        taken.append(tag)
    return taken


def pictures(taken: list[Timed]) -> list[int]:
    return [number(tag) for tag in taken if tag.kind == VIDEO and tag.payload != b"avcC"]


def test_a_newcomer_gets_the_headers_and_the_newest_key_frame_from_time_zero() -> None:
    bus = Bus(Limits())
    bus.put([*HEADERS, *stream(GOP + 3)])

    taken = take_all(bus.join(nothing))

    assert [(tag.kind, tag.timestamp) for tag in taken[:3]] == [(18, 0), (9, 0), (8, 0)]
    assert (taken[3].kind, taken[3].timestamp, number(taken[3])) == (VIDEO, 0, GOP)
    assert pictures(taken) == [GOP, GOP + 1, GOP + 2]
    assert [tag.timestamp for tag in taken[4:]] == [STEP - 3, STEP, 2 * STEP - 3, 2 * STEP]


def test_a_destination_that_was_there_first_starts_at_the_first_key_frame() -> None:
    bus = Bus(Limits())
    backlog = bus.join(nothing)
    bus.put([*HEADERS, *stream(30)[3:]])

    assert pictures(take_all(backlog)) == list(range(GOP, 30))
    assert backlog.dropped_frames == 0, "what was never its own is not missed"


def test_headers_come_in_the_order_that_servers_expect() -> None:
    bus = Bus(Limits())
    bus.put(reversed(HEADERS))

    assert [tag.kind for tag in take_all(bus.join(nothing))] == [SCRIPT, VIDEO, AUDIO]


def test_two_destinations_share_the_same_bytes() -> None:
    bus = Bus(Limits())
    one, other = bus.join(nothing), bus.join(nothing)
    bus.put(stream(5))

    for mine, theirs in zip(take_all(one), take_all(other), strict=True):
        assert mine.payload is theirs.payload


def test_a_destination_is_woken_when_there_is_something_to_send() -> None:
    woken = []
    bus = Bus(Limits())
    backlog = bus.join(lambda: woken.append(len(backlog)))
    bus.put(stream(2)[:1])
    assert woken == []

    bus.put(stream(2)[1:])
    assert woken == [3], "once for a batch"


def test_one_who_left_gets_nothing_more() -> None:
    bus = Bus(Limits())
    backlog = bus.join(nothing)
    bus.leave(backlog)
    bus.put(stream(2))

    assert take_all(backlog) == []


def test_a_slow_destination_loses_whole_groups_and_the_others_nothing() -> None:
    bus = Bus(Limits(milliseconds=25 * STEP))
    slow, quick = bus.join(nothing), bus.join(nothing)
    seen = []
    for tag in stream(45):
        bus.put([tag])
        seen += take_all(quick)

    assert pictures(seen) == list(range(45))
    assert pictures(take_all(slow)) == list(range(20, 45))
    assert (slow.dropped_frames, slow.overflows) == (20, 1)


def test_a_group_that_is_too_large_is_given_up() -> None:
    bus = Bus(Limits(bytes=500))
    backlog = bus.join(nothing)
    bus.put(stream(GOP, size=100))
    assert take_all(backlog) == []
    assert backlog.dropped_frames == GOP

    bus.put(stream(GOP + 1)[-1:])
    assert pictures(take_all(backlog)) == [GOP]


def test_headers_survive_an_overflow() -> None:
    bus = Bus(Limits(bytes=500))
    backlog = bus.join(nothing)
    bus.put([*HEADERS, *stream(3 * GOP, size=400)])

    assert [tag.payload for tag in take_all(backlog)[:3]] == [b"meta", b"avcC", b"asc"]


@given(
    st.lists(st.integers(0, 8), max_size=150),
    st.integers(1, 30),
    st.integers(150, 4000),
    st.integers(20, 300),
)
def test_whatever_the_pace_every_picture_can_be_decoded(
    pace: list[int], steps: int, size_limit: int, size: int
) -> None:
    """`pace`: how many tags are taken after each that comes."""
    limits = Limits(milliseconds=steps * STEP, bytes=size_limit)
    bus = Bus(limits)
    backlog = bus.join(nothing)
    taken: list[Timed] = []
    tags = stream(len(pace), size)
    for tag, count in zip(tags, pace, strict=False):
        bus.put([tag])
        assert backlog.milliseconds <= limits.milliseconds
        assert backlog.bytes <= limits.bytes
        for _ in range(count):
            if (one := backlog.take()) is not None:
                taken.append(one)
    taken += take_all(backlog)

    shown = pictures(taken)
    for before, n in zip([-1, *shown], shown, strict=False):
        assert n == before + 1 or n % GOP == 0, "each picture follows the one it refers to"
    stamps = [tag.timestamp for tag in taken]
    assert stamps == sorted(stamps)
    assert all(stamp >= 0 for stamp in stamps)
    offered = sum(tag.kind == VIDEO for tag in tags[: len(pace)])
    assert len(shown) + backlog.dropped_frames == offered


def test_limits_hold_a_whole_group_and_grow_with_the_bit_rate() -> None:
    assert Limits.of(3128, 2) == Limits(6000, 4 << 20)
    assert Limits.of(20_000, 10) == Limits(14_000, 14 * 20_000_000 // 8 * 3 // 2)


def replaced(pictures: int, at: int) -> list[FlvTag]:
    """A stream whose encoder is another from picture `at` on, which is a key frame."""
    tags = stream(pictures)
    where = next(i for i, tag in enumerate(tags) if tag.kind == VIDEO and number_of(tag) == at)
    header = FlvTag(VIDEO, at * STEP, b"avcC of another", header=True)
    key = msgspec.structs.replace(tags[where], key_frame=True)
    return [*HEADERS, *tags[:where], header, key, *tags[where + 1 :]]


def number_of(tag: FlvTag) -> int:
    return int.from_bytes(tag.payload[:4], "big")


def kinds(taken: list[Timed]) -> list[str | int]:
    """What comes to the decoder: headers by their bytes, pictures by their numbers."""
    return [
        tag.payload.decode() if tag.payload.startswith(b"avcC") else number(tag)
        for tag in taken
        if tag.kind == VIDEO
    ]


def test_the_header_of_another_encoder_comes_between_its_pictures_and_the_ones_before() -> None:
    bus = Bus(Limits())
    backlog = bus.join(nothing)
    bus.put(replaced(14, at=7))

    taken = take_all(backlog)

    assert kinds(taken) == ["avcC", *range(7), "avcC of another", *range(7, 14)]
    stamps = [tag.timestamp for tag in taken if tag.kind == VIDEO]
    assert stamps == sorted(stamps)


def test_a_newcomer_gets_only_what_the_encoder_of_now_has_made() -> None:
    bus = Bus(Limits())
    tags = replaced(14, at=7)
    for count in range(3 + 2 * 14 + 1):
        bus = Bus(Limits())
        bus.put(tags[: 4 + count])
        got = kinds(take_all(bus.join(nothing)))
        assert got in (["avcC", *got[1:]], ["avcC of another", *got[1:]])
        assert set(got[1:]) <= set(range(7)) or got[0] == "avcC of another", count
        assert got[1:2] in ([], [0], [7], [GOP]), "it begins with a key frame"


def test_a_header_survives_the_drop_of_the_pictures_that_it_came_with() -> None:
    bus = Bus(Limits(milliseconds=GOP * STEP))
    backlog = bus.join(nothing)
    bus.put(replaced(5 * GOP, at=7))

    got = kinds(take_all(backlog))

    assert backlog.overflows > 0
    assert got[:2] == ["avcC", "avcC of another"]
    assert isinstance(got[2], int)
    assert got[2] % GOP == 0
