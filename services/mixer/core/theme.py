"""What a theme comes to once everything that it leaves out is filled in from the next ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from proto.conference.words import Announcement, Platform
from proto.theme import (
    ANNOUNCEMENTS,
    KINDS,
    PLATFORMS,
    SPLASHES,
    Background,
    Element,
    IndicatorKind,
    IndicatorLook,
    Indicators,
    Splash,
    SplashKind,
    ThemeConfig,
    argb,
    prompt_file,
)

T = TypeVar("T")

CONFERENCE = "{conference}"

Argb = tuple[int, int, int, int]

File = tuple[int, str]
"""Which of the themes a file is in, and its name there."""


class Badge(msgspec.Struct, frozen=True):
    """How one kind of indicator looks."""

    enabled: bool = True
    icon: File | None = None
    text: str = ""
    color: Argb = (255, 255, 255, 255)
    background: Argb = (204, 20, 22, 27)


class Manner(msgspec.Struct, frozen=True):
    """How indicators move; seconds."""

    enabled: bool = True
    text_on_join: bool = True
    text_every: float = 120.0
    text_for: float = 5.0
    slide_for: float = 0.5
    fade_for: float = 0.4
    size: float = 1 / 16


class Line(msgspec.Struct, frozen=True):
    text: str
    color: Argb
    title: bool


class Screen(msgspec.Struct, frozen=True):
    """A splash screen."""

    picture: File | None = None
    color: Argb | None = None
    lines: tuple[Line, ...] = ()


class Look(msgspec.Struct, frozen=True):
    """All that a theme says, nothing left out but what nobody says."""

    manner: Manner = Manner()
    badges: Mapping[IndicatorKind, Badge] = {}
    screens: Mapping[SplashKind, Screen] = {}
    prompts: Mapping[tuple[Platform, Announcement], File] = {}


class Layer(msgspec.Struct, frozen=True):
    """One theme: what it says, and the names of the files that it has."""

    config: ThemeConfig
    files: frozenset[str]


def look(layers: Sequence[Layer]) -> Look:
    """The first theme decides; where it says nothing, the next."""
    return Look(
        _manner([layer.config.indicators for layer in layers]),
        {kind: _badge(kind, layers) for kind in KINDS},
        {kind: _screen(kind, layers) for kind in SPLASHES},
        dict(_prompts(layers)),
    )


def lines(screen: Screen, conference: str) -> tuple[Line, ...]:
    """What is to be read on a screen; what came out empty is left out."""
    filled = (
        msgspec.structs.replace(line, text=line.text.replace(CONFERENCE, conference).strip())
        for line in screen.lines
    )
    return tuple(line for line in filled if line.text)


def _first(values: Iterable[T | None], otherwise: T) -> T:
    return next((value for value in values if value is not None), otherwise)


def _manner(said: Sequence[Indicators]) -> Manner:
    usual = Manner()
    found = {
        name: _first((getattr(one, name) for one in said), getattr(usual, name))
        for name in Manner.__struct_fields__
    }
    return Manner(**found)


def _badge(kind: IndicatorKind, layers: Sequence[Layer]) -> Badge:
    usual, said = Badge(), [_of(layer, kind) for layer in layers]
    icons = ((at, one.icon) for at, one in enumerate(said))
    icon = next(((at, icon) for at, icon in icons if icon in layers[at].files), None)
    return Badge(
        _first((one.enabled for one in said), usual.enabled),
        icon,
        _first((one.text for one in said), usual.text),
        _colour((one.color for one in said), usual.color),
        _colour((one.background for one in said), usual.background),
    )


def _of(layer: Layer, kind: IndicatorKind) -> IndicatorLook:
    found: IndicatorLook = getattr(layer.config.indicators, kind)
    return found


def _colour(said: Iterable[int | str | None], usual: Argb) -> Argb:
    return next((argb(colour) for colour in said if colour is not None), usual)


def _screen(kind: SplashKind, layers: Sequence[Layer]) -> Screen:
    """A background and the lines on it each come from one theme, whole."""
    said: list[Splash] = [getattr(layer.config.splash_screens, kind) for layer in layers]
    picture, color = None, None
    for at, splash in enumerate(said):
        behind = splash.background or Background()
        if behind.path in layers[at].files:
            picture = (at, str(behind.path))
        if behind.color is not None:
            color = argb(behind.color)
        if picture or color:
            break
    return Screen(picture, color, _lines(_first((splash.elements for splash in said), [])))


def _lines(elements: Sequence[Element]) -> tuple[Line, ...]:
    return tuple(
        Line(one.text, argb(one.color), (one.size or ("line" if at else "title")) == "title")
        for at, one in enumerate(elements)
    )


def _prompts(
    layers: Sequence[Layer],
) -> Iterable[tuple[tuple[Platform, Announcement], File]]:
    for platform in PLATFORMS:
        for announcement in ANNOUNCEMENTS:
            if found := _prompt(platform, announcement, layers):
                yield (platform, announcement), found


def _prompt(platform: Platform, announcement: Announcement, layers: Sequence[Layer]) -> File | None:
    for at, layer in enumerate(layers):
        usual = prompt_file(platform, announcement)
        said = layer.config.prompts.get(platform, {}).get(announcement, usual)
        if said is None:
            return None  # Silence is what this theme wants.
        if said in layer.files:
            return at, said
    return None
