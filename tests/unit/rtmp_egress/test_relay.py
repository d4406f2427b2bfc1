"""An encoder that dies or is too slow, as a player sees what came out."""

import threading
from collections.abc import Callable, Sequence
from itertools import pairwise

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from kit.link import Format
from proto.egress import Measure
from proto.media import Rendition
from services.rtmp_egress.media.bus import Backlog, Limits, Timed
from services.rtmp_egress.media.codec import Canvas, EncoderDied, Make, Packets, VideoEncoder
from services.rtmp_egress.media.encoder import NoEncoder
from services.rtmp_egress.media.flv import AUDIO, SCRIPT, VIDEO, FlvTag
from services.rtmp_egress.media.relay import Relay
from services.rtmp_egress.rtmp.amf0 import decode
from tests.support.watch import file_of

SMALL = Format(160, 90, 30)
GOP = 60
RENDITION = Rendition(video_kbps=300)
ONE, TWO, THREE = (["libx264"] * count for count in (1, 2, 3))
"""There is no hardware here: the same encoder stands in for all that there may be."""

DEPTH = 10
"""Pictures that libx264 looks ahead at; they die with it."""


class Mortal(VideoEncoder):
    """Fails at a picture, as hardware does that was unplugged."""

    dies_at: int | None = None

    def _take(self, frame: av.VideoFrame, pts: int, key: bool) -> Packets:
        if pts == self.dies_at:
            self._inside.append((frame, pts, key))
            raise EncoderDied(self.name, "unplugged")
        return super()._take(frame, pts, key)


def mortals(deaths: Sequence[int], *, keep: bool = False, kind: type[Mortal] = Mortal) -> Make:
    """The first encoder dies at the first of these pictures, and so on; `keep`: they behave as
    hardware does, whose pictures are kept until they come out."""
    left = list(deaths)

    def make(name: str, context: VideoCodecContext, format: Format) -> VideoEncoder:
        made = kind(name, context, format)
        made.dies_at = left.pop(0) if left else None
        made.copies = made.copies and not keep
        return made

    return make


class Stage:
    """A relay, what it told and what came out, on a clock of the test's own."""

    def __init__(self, names: Sequence[str] = ONE, make: Make = VideoEncoder) -> None:
        self.now = self.since = 0
        self.tags: list[FlvTag] = []
        self.told: list[str | tuple[Measure, ...]] = []
        self.pictures = 0
        self.relay = Relay(
            names,
            SMALL,
            RENDITION,
            self.tags.append,
            self,
            late=lambda _: 0,
            clock=lambda: self.now,
            make=make,
        )

    def started(self, encoder: str, reason: str) -> None:
        assert reason
        self.told.append(encoder)

    def degraded(self, measures: Sequence[Measure], reason: str) -> None:
        assert reason
        self.told.append(tuple(measures))

    def spend(self, milliseconds: float) -> None:
        self.now += round(milliseconds * 1_000_000)

    def run(self, pictures: int) -> "Stage":
        self.since = self.now - self.pictures * 1_000_000_000 // SMALL.fps
        canvas = np.full((135, 160), 128, np.uint8)
        for n in range(self.pictures, self.pictures + pictures):
            canvas[:90] = luma(n)
            # A picture that comes while the encoder is busy waits.
            self.now = max(self.now, self.since + (n + 1) * 1_000_000_000 // SMALL.fps)
            self.relay.picture(canvas, n)
            self.relay.sound(np.zeros((1600, 2), np.int16), n * 1600)
        self.pictures += pictures
        return self

    def seen(self) -> list[tuple[int, tuple[int, int], float]]:
        """Number, size and light of every picture, as a player decodes them."""
        self.relay.close()
        with av.open(file_of(self.sent()), "r") as container:
            frames = list(container.decode(video=0))
        return [
            (
                round(float(frame.time or 0) * SMALL.fps),
                (frame.width, frame.height),
                float(frame.to_ndarray()[: frame.height].mean()),
            )
            for frame in frames
        ]

    def sent(self) -> list[Timed]:
        """What a destination is sent of it all."""
        backlog = Backlog(Limits(1 << 30, 1 << 30), lambda: None)
        backlog.put(self.tags)
        return list(iter(backlog.take, None))

    def media(self, kind: int) -> list[FlvTag]:
        return [tag for tag in self.tags if tag.kind == kind and not tag.header]

    def keys(self) -> list[int]:
        return [round(t.timestamp * 30 / 1000) for t in self.media(VIDEO) if t.key_frame]


def luma(n: int) -> int:
    return 30 + n % 200


def assert_true_to_life(seen: list[tuple[int, tuple[int, int], float]]) -> None:
    for n, _, light in seen:
        assert light == pytest.approx(luma(n), abs=4), n


def test_another_takes_over_with_a_key_frame_at_once_and_then_on_the_clock() -> None:
    stage = Stage(TWO, mortals([100])).run(250)
    seen = stage.seen()

    assert stage.told == ["libx264"]
    assert stage.keys() == [0, 60, 100, 120, 180, 240]
    assert_true_to_life(seen)
    missing = sorted(set(range(250)) - {n for n, _, _ in seen})
    assert missing == list(range(100 - len(missing), 100))
    assert len(missing) <= DEPTH + 2


def test_what_hardware_had_inside_is_encoded_again() -> None:
    stage = Stage(TWO, mortals([100], keep=True)).run(250)

    seen = stage.seen()

    assert [n for n, _, _ in seen] == list(range(250))
    assert_true_to_life(seen)


@pytest.mark.parametrize("name", ["libx265", "libsvtav1"])
def test_encoders_of_newer_codecs_have_successors_too(name: str) -> None:
    stage = Stage([name, name], mortals([100])).run(200)
    seen = stage.seen()

    assert [n for n, _, _ in seen] == list(range(200))
    assert stage.told == [name]
    [extra] = set(stage.keys()) - {0, 60, 120, 180}
    assert 100 - 2 * DEPTH < extra <= 100, "the first of those that were inside"
    assert_true_to_life(seen)


def test_one_that_dies_while_it_takes_over_is_followed_by_the_next() -> None:
    stage = Stage(THREE, mortals([100, 95], keep=True)).run(200)

    assert [n for n, _, _ in stage.seen()] == list(range(200))
    assert stage.told == ["libx264"]


def test_one_that_gives_nothing_back_is_dead() -> None:
    class Mute(VideoEncoder):
        def _run(self, frame: av.VideoFrame | None) -> Packets:
            return []

    made: list[VideoEncoder] = []

    def make(name: str, context: VideoCodecContext, format: Format) -> VideoEncoder:
        kind = VideoEncoder if made else Mute
        made.append(kind(name, context, format))
        made[-1].copies = False
        return made[-1]

    stage = Stage(TWO, make).run(200)

    assert stage.told == ["libx264"]
    assert [n for n, _, _ in stage.seen()] == list(range(200))


def test_one_whose_driver_hangs_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the call any more; should it return one day, nothing comes of it."""
    monkeypatch.setattr("services.rtmp_egress.media.codec.STALLED", 0.2)
    wakes = threading.Event()

    class Hung(Mortal):
        def _encode(self, frame: av.VideoFrame | None) -> Packets:
            if frame is not None and frame.pts == self.dies_at:
                wakes.wait()
            return super()._encode(frame)

        _take = VideoEncoder._take

    stage = Stage(TWO, mortals([100], keep=True, kind=Hung)).run(150)
    wakes.set()
    stage.run(50)

    assert stage.told == ["libx264"]
    assert [n for n, _, _ in stage.seen()] == list(range(200))


def test_where_no_other_is_left_the_same_is_tried_once_more() -> None:
    assert Stage(ONE, mortals([100])).run(200).told == ["libx264"]
    with pytest.raises(NoEncoder):
        Stage(ONE, mortals([100, 120])).run(121)


def test_sound_goes_on_without_a_gap_and_time_never_goes_back() -> None:
    stage = Stage(TWO, mortals([100])).run(250)
    stage.relay.close()
    sounds = [tag.timestamp for tag in stage.media(AUDIO)]
    pictures = [tag.timestamp for tag in stage.media(VIDEO)]

    assert {after - before for before, after in pairwise(sounds)} == {21, 22}
    assert all(after > before for before, after in pairwise(pictures))


class Slow(VideoEncoder):
    """Costs what a test says, on the test's clock."""

    spend: Callable[[], None]

    def picture(self, canvas: Canvas, pts: int, key: bool) -> Packets:
        self.spend()
        return super().picture(canvas, pts, key)


def slowed(cost_ms: Callable[[int], float]) -> Stage:
    """Pictures cost this much of the 33 ms that there are; asked for each encoder by its number."""
    stages: list[Stage] = []
    made: list[Slow] = []

    def make(name: str, context: VideoCodecContext, format: Format) -> VideoEncoder:
        slow = Slow(name, context, format)
        nth = len(made)
        slow.spend = lambda: stages[0].spend(cost_ms(nth))
        made.append(slow)
        return slow

    stages.append(Stage(ONE, make))
    return stages[0]


def heavy(nth: int) -> float:
    """Never enough time, whatever is done."""
    return 100


def test_too_slow_an_encoder_degrades_step_by_step_and_the_stream_goes_on() -> None:
    stage = slowed(heavy).run(8 * GOP)
    seen = stage.seen()

    assert stage.told == [("preset",), ("preset", "frame_rate"), ("preset", "frame_rate", "size")]
    assert_true_to_life(seen)
    assert stage.keys() == list(range(0, 8 * GOP, GOP))
    assert {size for _, size, _ in seen} == {(160, 90), (106, 60)}
    headers = [tag for tag in stage.tags if tag.header and tag.kind == VIDEO]
    assert len({tag.payload for tag in headers}) == len(headers) == 3, "of each encoder, its own"


def test_metadata_tell_of_the_new_size_before_the_new_headers() -> None:
    stage = slowed(heavy).run(8 * GOP)
    stage.relay.close()
    heads = [tag for tag in stage.tags if tag.header and tag.kind != AUDIO]
    told = [decode(tag.payload)[1] for tag in heads if tag.kind == SCRIPT]

    assert [tag.kind for tag in heads] == [SCRIPT, VIDEO, VIDEO, SCRIPT, VIDEO]
    assert [(data["width"], data["height"]) for data in told if isinstance(data, dict)] == [
        (160, 90),
        (106, 60),
    ]
    assert all(after.timestamp >= before.timestamp for before, after in pairwise(stage.tags))


def test_half_the_frame_rate_keeps_every_other_picture_at_its_time() -> None:
    stage = slowed(heavy).run(8 * GOP)
    numbers = [n for n, _, _ in stage.seen()]
    at = next(i for i, (a, b) in enumerate(pairwise(numbers)) if b - a > 1)

    assert numbers[at] % GOP == 0
    assert numbers[: at + 1] == list(range(at + 1))
    assert numbers[at:] == list(range(numbers[at], 8 * GOP, 2))


def test_a_preset_changes_without_a_picture_lost() -> None:
    stage = slowed(lambda nth: 100 if nth == 0 else 0).run(4 * GOP)

    assert [n for n, _, _ in stage.seen()] == list(range(4 * GOP))
    assert stage.told == [("preset",)]


def test_all_comes_back_when_there_is_time() -> None:
    load = {"cost": 100.0}
    stage = slowed(lambda _: load["cost"]).run(8 * GOP)
    load["cost"] = 0
    stage.run(220 * 30)
    seen = stage.seen()

    assert stage.told[3:] == [("preset", "frame_rate"), ("preset",), ()]
    assert seen[-1][1] == (160, 90)
    assert [n for n, _, _ in seen[-30:]] == list(range(stage.pictures - 30, stage.pictures))
    assert stage.keys() == list(range(0, stage.pictures, GOP))
