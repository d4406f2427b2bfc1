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

from kit.link import FeedWriter
from proto.media import FeedSpec
from proto.views import ConferenceView
from services.mixer.core import ranking, stage
from services.mixer.core.layouts.composition import step
from services.mixer.core.rules import waiting_screen
from services.mixer.core.scene import Scene, SourceId, scene, seen
from services.mixer.media.cards import Cards
from services.mixer.media.feed import Feed
from services.mixer.media.picture import Picture
from services.mixer.media.sound import SoundMixer
from services.mixer.media.source import Source
from services.mixer.media.voice import BLOCK, RATE

BLOCK_SECONDS = BLOCK / RATE

LISTEN_BLOCKS = 5
"""Blocks between two decisions about the active speaker: a tenth of a second."""

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

FEEDS_LIMIT = 8
"""Distinct feeds of one conference: each may cost a fifth of a core and 60 MB."""

OnStage = Callable[[tuple[str, ...]], None]
OnLayout = Callable[[FeedSpec, Scene], None]


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


class Engine:
    """`run` is for one thread; `direct`, `open_feed`, `counts` and `stop` for any."""

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
        self._on_stage, self._on_layout, self._labels = on_stage, on_layout, labels
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
        self._mixer = SoundMixer()
        self._block = 0
        self._stage = stage.Stage()
        self._told: tuple[str, ...] = ()
        self._ranking = ranking.Ranking()
        self._ranked_from: tuple[Direction, tuple[str, ...]] | None = None
        self._heard: dict[str, float] = {}
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
        self._stopping = False

    def now(self) -> float:
        """Seconds of the mix."""
        return (self._clock_ns() - self.epoch_ns) / 1e9

    def direct(self, direction: Direction) -> None:
        """Mix this from the next picture on."""
        self._directions.append(direction)

    def open_feed(self, spec: FeedSpec) -> FeedWriter | str:
        """The writer of a feed, or why there is none."""
        with self._lock:
            feed = self._feeds.get(spec)
            if feed is None:
                if len(self._feeds) >= FEEDS_LIMIT:
                    return f"the conference already has {FEEDS_LIMIT} different feeds"
                feed = Feed(spec, self.epoch_ns, self._cards)
                self._feeds = {**self._feeds, spec: feed}
            feed.idle_since = self.now()
            return feed.writer

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
        taken = self._taken(now)
        self._look(now, taken)
        for feed in taken:
            if (n := feed.due(now)) is not None:
                self._render(feed, n)
        # Behind the picture, so that a taker wakes up once for both.
        self._sound(now)
        if not taken:
            return now + IDLE
        return min(now + BUSY, *(feed.next_at for feed in taken))

    def _follow(self) -> None:
        """Take up new directions."""
        while self._directions:
            self._seen = self._directions.popleft()
            self._stage = stage.present(
                self._stage, [person.participant for person in seen(self._seen.view)]
            )
            self._tell_stage()
            # One by one, however many came at once: what was shown when is told the same again
            # when it is played again.
            self._rank(self.now())
            self._report(self._standing, self._scene(self._standing, {}))

    def _tell_stage(self) -> None:
        """Report who is heard, if that has changed; what was told from outside is known there."""
        if self._seen.stage is not None:
            self._told = self._seen.stage
        elif self._stage.order != self._told:
            self._told = self._stage.order
            self._on_stage(self._told)

    def _rank(self, now: float) -> None:
        """Who has which place in Adaptive Composition."""
        given = self._seen, self._told
        if given == self._ranked_from and now < self._ranking.due():
            return
        self._ranked_from = given
        people = [person.participant for person in seen(self._seen.view)]
        places = ranking.places(self._seen.view)
        self._ranking = ranking.follow(self._ranking, people, self._told, now, places=places)

    def _sound(self, now: float) -> None:
        """Mix all blocks that are over."""
        if now - self._block * BLOCK_SECONDS > LOST_SECONDS:
            self._block = int(now / BLOCK_SECONDS)
        while (self._block + 1) * BLOCK_SECONDS <= now:
            self._mix_block()

    def _mix_block(self) -> None:
        view = self._seen.view
        muted = {person.participant for person in view.participants if person.is_muted}
        # A presentation is heard only while it is shown.
        heard = {}
        for source_id, source in self._seen.sources.items():
            who = source_id.participant
            if who not in muted and (source_id.content == "main" or who == view.presenter):
                heard[source_id] = source
            else:
                source.voice.skip(self._block * BLOCK)
        voices = [source.voice for source in heard.values()]
        block, powers = self._mixer.mix(voices, self._block * BLOCK)
        for feed in self._feeds.values():
            if self._block and feed.writer.takers:
                waits = waiting_screen(view, feed.spec)
                feed.writer.sound(self._block - 1, SILENCE if waits else block)
        for source_id, power in zip(heard, powers, strict=True):
            if source_id.content == "main":
                who = source_id.participant
                self._heard[who] = self._heard.get(who, 0.0) + power / LISTEN_BLOCKS
        self._block += 1
        if self._block % LISTEN_BLOCKS == 0:
            self._stage = stage.hear(self._stage, self._heard, self._block * BLOCK_SECONDS)
            self._heard = {}
            self._tell_stage()
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
        outlook = self._seen, self._told, self._ranking.order, showable
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
            self._told,
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
        feed.render(n, feed.scene, pictures)
