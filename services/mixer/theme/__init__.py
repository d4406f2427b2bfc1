"""The theme that a conference wears: its look, and the pictures and sounds of it.

`default/` is our own, which stands behind every other and leaves nothing out.
"""

from collections.abc import Sequence
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
import structlog
from PIL import Image

from kit.theme import Package, Unfit, read, read_directory
from kit.theme.pictures import UnfitPicture, background, icon
from kit.theme.sound import UnfitSound, samples
from proto.conference import Announcement, Platform
from proto.theme import IndicatorKind, SplashKind
from services.mixer.core.theme import File, Layer, look

log = structlog.get_logger()

DEFAULT = Path(__file__).parent / "default"

Samples = npt.NDArray[np.int16]

_serials = count(1)


class Theme:
    """Packages, the first of which decides. May be made in any thread and used in another."""

    def __init__(self, packages: Sequence[Package]) -> None:
        self._packages = packages
        self.serial = next(_serials)
        "No two themes have the same."
        self.look = look([Layer(p.config, frozenset(p.files)) for p in packages])
        # Whatever a stranger's drawing does, it does it here and not to the mix.
        self._icons = {
            kind: self._icon(badge.icon)
            for kind, badge in self.look.badges.items()
            if badge.icon is not None
        }
        self._backgrounds = {
            kind: self._background(screen.picture)
            for kind, screen in self.look.screens.items()
            if screen.picture is not None
        }

    def icon(self, kind: IndicatorKind, size: int) -> Image.Image | None:
        """RGBA and square."""
        drawn = self._icons.get(kind)
        return None if drawn is None else drawn.resize((size, size), Image.Resampling.LANCZOS)

    def background(self, kind: SplashKind) -> Image.Image | None:
        """RGB, as large as it came."""
        return self._backgrounds.get(kind)

    def recording(self, platform: Platform, announcement: Announcement) -> bytes | None:
        """A prompt as a WAV file; nothing: silence."""
        file = self.look.prompts.get((platform, announcement))
        return None if file is None else self._content(file)

    def prompt(self, platform: Platform, announcement: Announcement) -> Samples | None:
        """The same as samples: 48 kHz, mono."""
        recording = self.recording(platform, announcement)
        if recording is None:
            return None
        try:
            return np.frombuffer(samples(recording), "<i2").astype(np.int16)
        except UnfitSound:
            log.warning("prompt cannot be played", announcement=announcement)
            return None

    def _icon(self, file: File) -> Image.Image | None:
        try:
            return icon(self._content(file))
        except UnfitPicture:
            log.warning("icon cannot be drawn")
            return None

    def _background(self, file: File) -> Image.Image | None:
        try:
            return background(self._content(file))
        except UnfitPicture:
            log.warning("background cannot be shown")
            return None

    def _content(self, file: File) -> bytes:
        layer, name = file
        return self._packages[layer].files[name]


@cache
def built_in() -> Package:
    """Our own theme."""
    return read_directory(DEFAULT)


@cache
def default() -> Theme:
    return Theme([built_in()])


def load(paths: Sequence[Path]) -> Theme:
    """The theme that these packages make, the first of which decides, in front of our own.

    One that cannot be read is left out: what it would have said comes from the next.
    """
    packages = []
    for path in paths:
        try:
            packages.append(read(path.read_bytes()))
        except (OSError, Unfit) as exc:
            log.warning("theme left out", error=type(exc).__name__)
    return Theme([*packages, built_in()]) if packages else default()
