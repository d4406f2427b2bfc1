"""Single pictures of a conference, drawn only when somebody asks for one."""

import io
from collections import deque
from collections.abc import Callable, Mapping

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from proto.media import FeedSpec
from proto.mixer import SnapshotKind
from proto.views import ConferenceView
from services.mixer.core.layouts import even
from services.mixer.core.layouts.composition import step
from services.mixer.core.scene import Scene, SourceId
from services.mixer.media.cards import Cards
from services.mixer.media.compositor import Compositor
from services.mixer.media.picture import Picture
from services.mixer.media.planes import Plane
from services.mixer.media.source import Source
from services.mixer.theme import Theme

PREVIEW = (640, 360)
PRESENTATION = (960, 540)
"""Pixels that a small picture of a presentation fits into."""

LARGEST = (1920, 1080)
"""The same for the large one."""

JPEG_LIMIT = 200_000
"""Bytes of a picture: far below what a NATS message may have, also in base64."""

QUALITIES = (85, 70, 50, 30, 15)
"""Of JPEG, tried until the picture is small enough; it is halved if none will do."""

SceneOf = Callable[[FeedSpec, Mapping[SourceId, float]], Scene]
"""What a feed shows, given whose pictures can be seen and what shape these have."""

Took = Callable[[Plane | None], None]
"""Gets the canvas, or nothing because nobody presents."""


class Snapshots:
    """`ask` is for any thread, `take` for the mix's."""

    def __init__(self, cards: Cards) -> None:
        self._cards = cards
        self._asked: deque[tuple[SnapshotKind, Took]] = deque()

    def ask(self, kind: SnapshotKind, then: Took) -> None:
        self._asked.append((kind, then))

    def take(
        self,
        view: ConferenceView,
        sources: Mapping[SourceId, Source],
        scene: SceneOf,
        theme: Theme,
        now: float,
    ) -> None:
        """Draw what was asked for."""
        while self._asked:
            kind, then = self._asked.popleft()
            then(self._draw(kind, view, sources, scene, theme, now))

    def _draw(
        self,
        kind: SnapshotKind,
        view: ConferenceView,
        sources: Mapping[SourceId, Source],
        scene: SceneOf,
        theme: Theme,
        now: float,
    ) -> Plane | None:
        pictures: dict[SourceId, Picture] = {}
        for source_id, source in sources.items():
            picture = source.picture(now)
            if picture is not None and source.showable(now):
                pictures[source_id] = picture
        if kind == "preview":
            spec = FeedSpec(view.conference, width=PREVIEW[0], height=PREVIEW[1])
        elif view.presenter:
            shown = pictures.get(SourceId(view.presenter, "presentation"))
            width, height = _size(shown, LARGEST if kind == "presentation_high" else PRESENTATION)
            spec = FeedSpec(view.conference, "presentation", width=width, height=height)
        else:
            return None
        canvas = np.empty((spec.height * 3 // 2, spec.width), np.uint8)
        drawn = scene(spec, {source: step(picture.aspect) for source, picture in pictures.items()})
        Compositor(self._cards).draw(0, canvas, drawn, pictures, theme=theme)
        return canvas


def _size(picture: Picture | None, limits: tuple[int, int]) -> tuple[int, int]:
    """That of the picture, in its own shape, made no larger than the limits."""
    if picture is None:
        return PRESENTATION
    wide, high = limits
    height = min(picture.height, high, wide / picture.aspect)
    return max(even(round(height * picture.aspect)), 16), max(even(round(height)), 16)


def jpeg(canvas: Plane) -> bytes:
    """A canvas as a JPEG of at most `JPEG_LIMIT` bytes."""
    frame = av.VideoFrame.from_ndarray(canvas, "yuv420p")
    rgb = frame.reformat(
        format="rgb24",
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        threads=1,
    )
    image = Image.fromarray(rgb.to_ndarray())
    while True:
        for quality in QUALITIES:
            out = io.BytesIO()
            image.save(out, "JPEG", quality=quality)
            if out.tell() <= JPEG_LIMIT:
                return out.getvalue()
        image = image.reduce(2)
