"""The clock of a mix, told the time by the test."""

import contextlib
import socket
from collections.abc import Iterator

import msgspec
import pytest

from kit.link import FeedWriter
from proto.conference import StreamingTransforms, Transforms
from proto.media import FeedSpec
from services.mixer.core.ranking import LARGE_AFTER
from services.mixer.core.scene import Scene, SourceId
from services.mixer.media.engine import FEED_KEPT, FEEDS_LIMIT, IDLE, Direction, Engine
from services.mixer.media.picture import Picture
from services.mixer.media.synthetic import Quiet, SyntheticSource
from services.mixer.media.voice import Samples
from tests.unit.mixer.people import person, room, source

SPEC = FeedSpec("c", width=64, height=36)
PICTURE = 1 / 30


class Watched(SyntheticSource):
    """A source that knows whether its pictures are wanted."""

    visible = False

    def show(self, visible: bool) -> None:
        self.visible = visible


class Studio:
    """An engine, its clock, and one who takes its feed."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000
        self.stages: list[tuple[str, ...]] = []
        self.layouts: list[tuple[FeedSpec, Scene]] = []
        self.engine = Engine(
            "c",
            self.stages.append,
            lambda spec, scene: self.layouts.append((spec, scene)),
            clock_ns=lambda: self.now_ns,
        )
        self.sources: dict[SourceId, Watched] = {}
        self._sockets: list[socket.socket] = []
        self._us: socket.socket | None = None

    def taken(self, spec: FeedSpec = SPEC) -> FeedWriter:
        writer = self.engine.open_feed(spec)
        assert isinstance(writer, FeedWriter)
        self._us, them = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._us.setblocking(False)
        self._sockets += [self._us, them]
        writer.add(them)
        self._us.recv(4096)
        return writer

    def left(self) -> None:
        assert self._us is not None
        self._us.close()

    def direct(self, *people: str, presenter: str = "", stage: tuple[str, ...] | None = ()) -> None:
        view = room(*(person(who, presents=who == "ann") for who in people), presenter=presenter)
        for who in [source(who) for who in people] + [source("ann", "presentation")]:
            self.sources.setdefault(who, Watched(who))
        self.engine.direct(Direction(view, dict(self.sources), stage))

    def wait(self, seconds: float) -> float:
        """Let time pass, then tick."""
        self.now_ns += round(seconds * 1e9)
        return self.engine.tick()

    def packets(self) -> list[bytes]:
        """All that the taker got, slots not given back."""
        assert self._us is not None
        got: list[bytes] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                got.append(self._us.recv(8192))
        return got

    def came(self) -> list[tuple[str, int]]:
        """What the taker got; it gives all slots back."""
        assert self._us is not None
        got: list[tuple[str, int]] = []
        while True:
            try:
                packet = self._us.recv(8192)
            except BlockingIOError:
                return got
            if packet[:1] == b"P":
                self._us.send(packet[1:2])
                got.append(("picture", int.from_bytes(packet[2:10], "little")))
            else:
                got.append(("sound", int.from_bytes(packet[1:9], "little")))

    def close(self) -> None:
        self.engine.stop()
        self.engine.run()
        for sock in self._sockets:
            sock.close()


@pytest.fixture
def studio() -> Iterator[Studio]:
    made = Studio()
    yield made
    made.close()


def pictures(got: list[tuple[str, int]]) -> list[int]:
    return [n for kind, n in got if kind == "picture"]


def test_every_picture_and_block_is_there_once_and_in_its_time(studio: Studio) -> None:
    studio.direct("ann")
    studio.taken()
    got = []
    for _ in range(60):
        studio.wait(PICTURE)
        got += studio.came()
    assert pictures(got) == list(range(1, 61))
    assert [m for kind, m in got if kind == "sound"] == list(range(98))


def test_it_sleeps_until_the_next_picture(studio: Studio) -> None:
    studio.direct("ann")
    studio.taken()
    assert studio.wait(0.5) == pytest.approx(16 * PICTURE)


def test_what_is_late_is_left_out_and_the_clock_does_not_drift(studio: Studio) -> None:
    studio.direct("ann")
    studio.taken()
    studio.wait(PICTURE)
    studio.came()
    studio.wait(10 * PICTURE)
    studio.wait(PICTURE)
    got = studio.came()
    assert pictures(got) == [11, 12]
    assert [m for kind, m in got if kind == "sound"] == list(range(18))
    assert studio.engine.counts().late == 9


def test_one_picture_late_is_made_up_for(studio: Studio) -> None:
    studio.direct("ann")
    studio.taken()
    studio.wait(PICTURE)
    studio.wait(2 * PICTURE)
    studio.wait(0.001)
    assert pictures(studio.came()) == [1, 2, 3]


def test_a_feed_that_nobody_takes_is_not_rendered(studio: Studio) -> None:
    studio.direct("ann")
    studio.engine.open_feed(SPEC)
    assert studio.wait(1.0) == pytest.approx(1.0 + IDLE)
    assert studio.engine.counts().pictures == 0
    assert not studio.sources[source("ann")].visible


def test_only_what_somebody_sees_is_decoded(studio: Studio) -> None:
    studio.direct("ann", "bob")
    studio.taken(FeedSpec("c", width=64, height=36, layout="1:0"))
    studio.wait(PICTURE)
    visible = {who.content if who.participant == "ann" else "bob": s.visible
               for who, s in studio.sources.items()}  # fmt: skip
    assert visible == {"main": True, "bob": False, "presentation": False}
    studio.direct("ann", "bob", presenter="ann")
    studio.wait(PICTURE)
    assert studio.sources[source("ann", "presentation")].visible
    studio.left()
    studio.wait(PICTURE)
    studio.wait(PICTURE)
    assert not any(each.visible for each in studio.sources.values())


def test_a_taker_that_stays_away_costs_no_memory_for_long(studio: Studio) -> None:
    studio.direct("ann")
    studio.taken()
    studio.wait(PICTURE)
    studio.left()
    studio.wait(PICTURE)
    studio.wait(PICTURE)
    assert studio.engine.counts().feeds == 1
    studio.wait(FEED_KEPT + 1)
    assert studio.engine.counts().feeds == 0
    assert studio.engine.counts().pictures >= 1


def test_equal_feeds_are_one(studio: Studio) -> None:
    assert studio.engine.open_feed(SPEC) is studio.engine.open_feed(
        FeedSpec("c", width=64, height=36)
    )


def test_there_are_only_so_many_different_feeds(studio: Studio) -> None:
    specs = [FeedSpec("c", width=64, height=36, fps=n + 1) for n in range(FEEDS_LIMIT + 1)]
    assert [isinstance(studio.engine.open_feed(spec), str) for spec in specs] == [
        *[False] * FEEDS_LIMIT,
        True,
    ]


def test_layouts_are_reported_when_people_change_places_and_only_then(studio: Studio) -> None:
    studio.direct("ann", "bob", stage=("ann",))
    studio.taken()
    studio.wait(PICTURE)
    studio.wait(PICTURE)
    studio.direct("ann", "bob", stage=("bob",))
    studio.wait(PICTURE)
    studio.wait(PICTURE)
    mains = [scene.slots[0].participant for spec, scene in studio.layouts if spec == SPEC]
    assert mains == ["ann", "bob"]


def test_the_layout_is_known_also_while_nobody_watches(studio: Studio) -> None:
    studio.direct("ann", "bob", stage=("ann",))
    studio.wait(PICTURE)
    studio.direct("ann", "bob", stage=("bob",))
    studio.wait(PICTURE)
    assert [scene.slots[0].participant for _, scene in studio.layouts] == ["ann", "bob"]


def test_the_voices_decide_about_the_stage(studio: Studio) -> None:
    studio.direct("ann", "bob", stage=None)
    studio.sources[source("ann")].voice.add_to = lambda total, first: 0.0  # type: ignore[method-assign]
    studio.taken()
    for _ in range(60):
        studio.wait(PICTURE)
    assert studio.stages == [("ann", "bob"), ("bob", "ann")]


def test_a_recorded_stage_is_followed_and_not_reported(studio: Studio) -> None:
    studio.direct("ann", "bob", stage=("bob", "ann"))
    studio.taken()
    for _ in range(60):
        studio.wait(PICTURE)
    assert studio.stages == []
    assert studio.layouts[-1][1].slots[0].participant == "bob"


def test_a_source_is_drawn_with_the_picture_that_is_due_in_the_middle(studio: Studio) -> None:
    asked: list[float] = []

    class Asked(Watched):
        def picture(self, at: float) -> Picture:
            asked.append(at)
            return super().picture(at)

    studio.sources[source("ann")] = Asked(source("ann"))
    studio.direct("ann")
    studio.taken()
    studio.wait(1.0)
    assert asked[-1] == pytest.approx(30.5 / 30)


def test_who_is_muted_is_not_heard(studio: Studio) -> None:
    heard: list[str] = []

    class Said(Quiet):
        def __init__(self, who: str) -> None:
            self._who = who

        def add_to(self, total: Samples, first: int) -> float:
            heard.append(self._who)
            return 0.0

    studio.direct("ann", "bob")
    for who in ("ann", "bob"):
        studio.sources[source(who)].voice = Said(who)
    view = room(person("ann"), msgspec.structs.replace(person("bob"), is_muted=True))
    studio.engine.direct(Direction(view, dict(studio.sources), ()))
    studio.wait(0.1)

    assert set(heard) == {"ann"}


def heard(got: list[bytes]) -> list[bool]:
    """Of each block of sound, whether there is anything to hear."""
    return [any(packet[9:]) for packet in got if packet[:1] != b"P"]


def test_a_stream_behind_a_waiting_screen_is_silent_and_others_are_not(studio: Studio) -> None:
    streaming = StreamingTransforms(waiting_screen_enabled=True)
    view = msgspec.structs.replace(room(person("ann")), transforms=Transforms(streaming=streaming))
    studio.engine.direct(Direction(view, {source("ann"): Watched(source("ann"))}))
    found = {}
    for spec in (SPEC, msgspec.structs.replace(SPEC, streaming=True)):
        studio.taken(spec)
        for _ in range(5):
            studio.wait(PICTURE)
        found[spec.streaming] = heard(studio.packets())[1:]
        studio.left()

    assert found[False]
    assert all(found[False])
    assert found[True]
    assert not any(found[True])


def test_a_composition_makes_large_who_goes_on_speaking(studio: Studio) -> None:
    people = [f"p{n}" for n in range(6)]
    view = room(*map(person, people), layout="ac")
    studio.engine.direct(Direction(view, {}, ("p0", "p1")))
    studio.wait(0.1)
    studio.engine.direct(Direction(view, {}, ("p5", "p0", "p1")))

    def large() -> set[str]:
        [*_, (_, shown)] = studio.layouts
        return {slot.participant for slot in shown.slots if slot.kind == "main"}

    studio.wait(0.1)
    assert large() == {"p0", "p1"}
    studio.wait(LARGE_AFTER)
    assert large() == {"p0", "p5"}
