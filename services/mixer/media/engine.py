"""The mix of one conference: one thread on one clock, whatever the sources do.

Picture n of a feed is due at n/fps and block m of the sound at m * 20 ms after the epoch. What
is late is left out, so the clock never drifts; a feed that nobody takes is not rendered.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

import msgspec
import numpy as np

from kit.link import Seat
from kit.metrics import Distribution, Tally
from kit.metrics.declared import PICTURE
from proto.media import FEEDS_LIMIT, FeedSpec
from proto.mixer import SnapshotKind
from proto.views import ConferenceView
from services.mixer.core import ranking
from services.mixer.core.layouts.composition import step
from services.mixer.core.rules import waiting_screen
from services.mixer.core.scene import Scene, SourceId, scene, seen
from services.mixer.media.cards import Cards
from services.mixer.media.feed import Feed
from services.mixer.media.hearing import BLOCK_SECONDS, Hearing, OnStage
from services.mixer.media.limiter import Line
from services.mixer.media.minus import Sound
from services.mixer.media.picture import Picture
from services.mixer.media.signs import Signs
from services.mixer.media.snapshots import Snapshots, Took
from services.mixer.media.source import Source
from services.mixer.media.voice import BLOCK
from services.mixer.theme import Theme, default

SILENCE = np.zeros((BLOCK, 2), np.int16)
"""What is heard of a conference behind a waiting screen."""

IDLE = 0.1
"""Seconds between two looks at an idle mix: soon enough for a taker that just came."""

BUSY = 0.04
"""Seconds between two looks at a feed of few pictures, so that its sound flows."""

LOST_SECONDS = 5.0
"""Of sound that is made up for after the process stood still; what is beyond that is left out."""

FEED_KEPT = 30.0
"""Seconds that a feed without takers keeps its memory: longer than an egress takes to restart."""

OnLayout = Callable[[FeedSpec, Scene], None]

OnSound = Callable[[int, Mapping[str, Sound]], None]
"""Hears the number of a block, and what each of those hears who listen."""

PICTURES_ONLY = "/"
"""Takes a feed's seat without the sound; no participant is called so."""


class Direction(msgspec.Struct, frozen=True, eq=False):
    """What to mix; replaced as a whole."""

    view: ConferenceView
    sources: Mapping[SourceId, Source] = {}
    stage: tuple[str, ...] | None = None
    "Told from outside, in a replay; otherwise the voices decide."


class Counts(msgspec.Struct, frozen=True):
    seconds: float
    pictures: int
    late: int
    missed: int
    feeds: int
    takers: int
    composing: Distribution = Distribution()


class Engine:
    """`run` is for one thread; `direct`, `dress`, `open_feed`, `counts` and `stop` for any."""

    def __init__(
        self,
        conference: str,
        on_stage: OnStage,
        on_layout: OnLayout,
        *,
        labels: bool = False,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._on_layout, self._labels = on_layout, labels
        self._standing = FeedSpec(conference)
        self._reported: dict[FeedSpec, object] = {}
        "What was last told of a feed: who is where."
        self._clock_ns, self._sleep = clock_ns, sleep
        self.epoch_ns = clock_ns()
        self._directions: deque[Direction] = deque()
        self._seen = Direction(ConferenceView(conference, 0))
        self._feeds: dict[FeedSpec, Feed] = {}
        self._lock = threading.Lock()
        self._cards = Cards()
        self._hearing = Hearing(on_stage)
        self._signs = Signs(default())
        self._dresses: deque[Theme] = deque(maxlen=1)
        self._block = 0
        self._ranking = ranking.Ranking()
        self._ranked_from: tuple[Direction, tuple[str, ...]] | None = None
        self._snapshots = Snapshots(self._cards)
        self._outlook: (
            tuple[Direction, tuple[str, ...], tuple[str, ...], dict[SourceId, float]] | None
        ) = None
        "All that a scene is made from."
        self._outlooks = 0
        "How many there were."
        self._shown: list[Feed] = []
        "The feeds for which sources are decoded."
        self._gone = 0, 0, 0
        "Pictures rendered, late and missed of feeds that were let go."
        self._composing = Tally(PICTURE)
        self._listeners: frozenset[str] = frozenset()
        self._on_sound: OnSound = _deaf
        self._stopping = False

    def now(self) -> float:
        """Seconds of the mix."""
        return (self._clock_ns() - self.epoch_ns) / 1e9

    def direct(self, direction: Direction) -> None:
        """Mix this from the next picture on."""
        self._directions.append(direction)

    def dress(self, theme: Theme) -> None:
        """Wear this from the next picture on."""
        self._dresses.append(theme)

    def announce(self, prompt: Line) -> None:
        """Play this to those who take part, over the voices."""
        self._hearing.announce(prompt)

    def picture(self, kind: SnapshotKind, then: Took) -> None:
        """Draw one picture for itself, soon; `then` gets it in the mix's thread."""
        self._snapshots.ask(kind, then)

    def open_feed(self, spec: FeedSpec) -> Seat | str:
        """Where to take a feed, or why there is none. Who listens as somebody in particular takes
        the same pictures as all others."""
        listener, spec = spec.listener, msgspec.structs.replace(spec, listener="")
        with self._lock:
            feed = self._feeds.get(spec)
            if feed is None:
                if len(self._feeds) >= FEEDS_LIMIT:
                    return f"the conference already has {FEEDS_LIMIT} different feeds"
                feed = Feed(spec, self.epoch_ns, self._cards)
                self._feeds = {**self._feeds, spec: feed}
            feed.idle_since = self.now()
            return Seat(feed.writer, listener)

    def listen(self, listeners: frozenset[str], on_sound: OnSound) -> None:
        """From now on these listen in this process: `on_sound` is called for each block, in the
        mix's thread."""
        self._listeners, self._on_sound = listeners, on_sound

    def counts(self) -> Counts:
        feeds = self._feeds.values()
        pictures, late, missed = self._gone
        return Counts(
            self.now(),
            pictures + sum(feed.pictures for feed in feeds),
            late + sum(feed.late for feed in feeds),
            missed + sum(feed.writer.missed for feed in feeds),
            len(feeds),
            sum(feed.writer.takers for feed in feeds),
            self._composing.look(),
        )

    def stop(self) -> None:
        self._stopping = True

    def run(self) -> None:
        """Mix until `stop`."""
        while not self._stopping:
            rest = self.tick() - self.now()
            if rest > 0:
                self._sleep(rest)
        for feed in self._feeds.values():
            feed.writer.close()

    def tick(self) -> float:
        """Do all that is due; returns when there is more to do, in seconds of the mix."""
        now = self.now()
        self._follow()
        self._signs.follow(self._seen.view, now)
        self._snapshots.take(
            self._seen.view, self._seen.sources, self._scene, self._signs.theme, now
        )
        taken = self._taken(now)
        self._look(now, taken)
        for feed in taken:
            if (n := feed.due(now)) is not None:
                self._render(feed, n)
        # Behind the picture, so that a taker wakes up once for both.
        self._sound(now)
        if not taken:
            return now + (BUSY if self._listeners else IDLE)
        return min(now + BUSY, *(feed.next_at for feed in taken))

    def _follow(self) -> None:
        """Take up new directions, and a new theme."""
        if self._dresses:
            self._signs.dress(self._dresses.popleft())
        while self._directions:
            self._seen = self._directions.popleft()
            self._hearing.direct(self._seen.view, self._seen.sources, self._seen.stage)
            # One by one, however many came at once: what was shown when is told the same again
            # when it is played again.
            self._rank(self.now())
            self._report(self._standing, self._scene(self._standing, {}))

    def _rank(self, now: float) -> None:
        """Who has which place in Adaptive Composition."""
        given = self._seen, self._hearing.order
        if given == self._ranked_from and now < self._ranking.due():
            return
        self._ranked_from = given
        people = [person.participant for person in seen(self._seen.view)]
        places = ranking.places(self._seen.view)
        stage = self._hearing.order
        self._ranking = ranking.follow(self._ranking, people, stage, now, places=places)

    def _sound(self, now: float) -> None:
        """Mix all blocks that are over."""
        if now - self._block * BLOCK_SECONDS > LOST_SECONDS:
            self._block = int(now / BLOCK_SECONDS)
        while (self._block + 1) * BLOCK_SECONDS <= now:
            self._mix_block()

    def _mix_block(self) -> None:
        taken = [feed for feed in self._feeds.values() if feed.writer.takers]
        listeners = {who for feed in taken for who in feed.writer.listeners} - {PICTURES_ONLY}
        mixed = self._hearing.mix(self._block, listeners | self._listeners)
        if self._listeners and self._block:
            self._on_sound(self._block - 1, mixed.private)
        for feed in taken:
            if not self._block:
                break
            if waiting_screen(self._seen.view, feed.spec):
                feed.writer.sound(self._block - 1, SILENCE)
            else:
                feed.writer.sound(self._block - 1, mixed.full, mixed.private)
        self._block += 1
        if mixed.news:
            for source in self._seen.sources.values():
                source.check(self.now())

    def _taken(self, now: float) -> list[Feed]:
        """The feeds that somebody takes; those that nobody has taken for long are let go."""
        taken = []
        for feed in self._feeds.values():
            if feed.writer.takers:
                feed.idle_since = None
                taken.append(feed)
            elif feed.idle_since is None:
                feed.idle_since = now
                feed.rest()
            elif now - feed.idle_since > FEED_KEPT:
                self._close_feed(feed)
        return taken

    def _close_feed(self, feed: Feed) -> None:
        with self._lock:
            self._feeds = {s: f for s, f in self._feeds.items() if f is not feed}
        self._signs.forget(feed.spec)
        if feed.spec != self._standing:
            self._reported.pop(feed.spec, None)
        feed.writer.close()
        pictures, late, missed = self._gone
        self._gone = pictures + feed.pictures, late + feed.late, missed + feed.writer.missed

    def _look(self, now: float, taken: list[Feed]) -> None:
        """Which sources can be shown, what each feed shows, and which sources that takes."""
        sources = self._seen.sources
        showable = {
            source_id: step(picture.aspect)
            for source_id, source in sources.items()
            if (picture := source.picture(now)) is not None and source.showable(now)
        }
        self._rank(now)
        outlook = self._seen, self._hearing.order, self._ranking.order, showable
        if outlook != self._outlook:
            self._outlook, self._outlooks = outlook, self._outlooks + 1
            # The layout is a fact of the conference, whether or not somebody watches.
            self._report(self._standing, self._scene(self._standing, showable))
        stale = [feed for feed in taken if feed.outlook != self._outlooks]
        for feed in stale:
            self._arrange(feed, showable)
        if stale or taken != self._shown:
            self._shown = taken
            wanted = {
                who for feed in taken if feed.scene is not None for who in feed.scene.wanted()
            }
            for source_id, source in sources.items():
                source.show(source_id in wanted)

    def _arrange(self, feed: Feed, showable: Mapping[SourceId, float]) -> None:
        """Make the feed's scene anew."""
        feed.outlook = self._outlooks
        feed.scene = self._scene(feed.spec, showable)
        self._report(feed.spec, feed.scene)

    def _scene(self, spec: FeedSpec, showable: Mapping[SourceId, float]) -> Scene:
        """`showable`: whose pictures can be shown, and what shape these have."""
        return scene(
            self._seen.view,
            self._hearing.order,
            showable.keys(),
            spec,
            labels=self._labels,
            order=self._ranking.order,
            shapes=showable,
        )

    def _report(self, spec: FeedSpec, shown: Scene) -> None:
        """Tell of people who have changed places, while there is a conference to tell of."""
        if not self._seen.view.running:
            return
        if self._reported.get(spec) != (shown.slots, shown.view):
            self._reported[spec] = shown.slots, shown.view
            self._on_layout(spec, shown)

    def _render(self, feed: Feed, n: int) -> None:
        """Sources' pictures are taken as they are due in the middle of the picture's time."""
        if feed.scene is None:
            return
        at = (n + 0.5) / feed.spec.fps
        pictures: dict[SourceId, Picture] = {}
        for source_id in feed.scene.sources():
            source = self._seen.sources.get(source_id)
            picture = source.picture(at) if source is not None else None
            if picture is not None:
                pictures[source_id] = picture
        stamps = self._signs.stamps(self._seen.view, feed.spec, feed.scene, n / feed.spec.fps)
        begun, before = self._clock_ns(), feed.pictures
        feed.render(n, feed.scene, pictures, stamps, self._signs.theme)
        if feed.pictures != before:
            self._composing.add((self._clock_ns() - begun) / 1e9)


def _deaf(block: int, private: Mapping[str, Sound]) -> None:
    """Nobody listens."""
