"""The encoder of a session: the next one when it dies, and less of it when it cannot keep up."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import av.error
import structlog

from kit.link import Format
from proto.egress import Measure
from proto.media import Rendition
from services.rtmp_egress.core.load import Encoded, Load, came_into_force, react
from services.rtmp_egress.core.room import SOFTWARE
from services.rtmp_egress.media.codec import Canvas, EncoderDied, Make, VideoEncoder
from services.rtmp_egress.media.editor import Samples
from services.rtmp_egress.media.encoder import Encoder, NoEncoder, works
from services.rtmp_egress.media.flv import FlvTag

log = structlog.get_logger()

R = TypeVar("R")

SECOND = 1_000_000_000

MEASURES: tuple[Measure, ...] = ("preset", "frame_rate", "size")
"""In their order: what costs the viewer least comes first."""


class Hear(Protocol):
    """Hears, on the media thread, what a viewer may notice."""

    def started(self, encoder: str, reason: str) -> None: ...
    def degraded(self, measures: Sequence[Measure], reason: str) -> None: ...


class Relay:
    """To the editor, what an `Encoder` is. For one thread."""

    def __init__(
        self,
        names: Sequence[str],
        format: Format,
        rendition: Rendition,
        emit: Callable[[FlvTag], None],
        hear: Hear,
        *,
        late: Callable[[int], int],
        clock: Callable[[], int],
        most: int = len(MEASURES),
        make: Make = VideoEncoder,
    ) -> None:
        """`names`: the encoders that may be used, best first; one that has died is tried once more
        when there is no other. `late`: nanoseconds that a picture is late now. `most`: measures
        against overload that may be taken. Raises NoEncoder.
        """
        self._names = list(names)
        self._mourned: set[str] = set()
        "Encoders that have died once."
        self._hear = hear
        self._late = late
        self._clock = clock
        self._most = most
        self._why = ""
        self._encoder = self._first(lambda name: Encoder(name, format, rendition, emit, make))
        self._gop = format.fps * rendition.gop_seconds
        self._load = self._unburdened()
        self._measures: tuple[Measure, ...] = ()
        "In force."
        self._wanted: tuple[Measure, ...] = ()
        "From the next key frame on."

    @property
    def name(self) -> str:
        return self._encoder.name

    def picture(self, canvas: Canvas, pts: int) -> None:
        """Raises NoEncoder."""
        place = pts % self._gop
        if place == 0 and self._wanted != self._measures:
            self._change()
        if "frame_rate" in self._measures and place % 2:
            return
        begun = self._clock()
        try:
            self._encoder.picture(canvas, pts)
        except EncoderDied as exc:
            self._take_over(exc)
            return
        if self._wanted != self._measures:
            return
        now = self._clock()
        took = Encoded((now - begun) / SECOND, self._late(pts) / SECOND)
        self._load, uses = react(self._load, took, now / SECOND)
        for use in uses:
            self._wanted, self._why = use

    def sound(self, samples: Samples, pts: int) -> None:
        self._encoder.sound(samples, pts)

    def forget(self) -> None:
        self._encoder.forget()

    def close(self) -> None:
        self._encoder.close()

    def _change(self) -> None:
        """What was decided comes into force."""
        try:
            if _remake(self._wanted) != _remake(self._measures):
                self._encoder.use(self._wanted)
        except (av.error.FFmpegError, EncoderDied) as exc:
            log.warning("encoder not changed", why=type(exc).__name__)
            self._wanted, self._load = self._measures, self._unburdened(len(self._measures))
            return
        self._measures = self._wanted
        self._load = came_into_force(self._load, self._clock() / SECOND)
        log.warning("encoder changed", measures=self._measures, why=self._why)
        self._hear.degraded(self._measures, self._why)

    def _take_over(self, died: EncoderDied) -> None:
        log.error("encoder died", encoder=died.name, why=str(died))
        if died.name not in self._mourned:
            self._mourned.add(died.name)
            self._names.append(died.name)
        self._first(lambda name: self._encoder.replace(name, ()))
        self._hear.started(self.name, str(died))
        if self._measures:
            self._hear.degraded((), f"{self.name} has taken over")
        self._measures = self._wanted = ()
        self._load = self._unburdened()

    def _first(self, begin: Callable[[str], R]) -> R:
        """Begin with the first of the encoders left that works; those before it are given up.

        Some hardware has no session or no size left for what it can do otherwise.
        """
        tried = self._names.copy()
        while self._names:
            name = self._names.pop(0)
            if works(name):
                try:
                    return begin(name)
                except (av.error.FFmpegError, EncoderDied):
                    continue
        raise NoEncoder(f"none of these encoders works here: {', '.join(tried)}")

    def _unburdened(self, taken: int = 0) -> Load:
        ladder = MEASURES if self.name == SOFTWARE else MEASURES[1:]
        return Load(ladder[: self._most], taken)


def _remake(measures: Sequence[Measure]) -> set[Measure]:
    """Those that take another video encoder."""
    return set(measures) - {"frame_rate"}
