"""A theme: what conferences look and sound like. `themeconfig.json` at the top of a ZIP.

Everything may be left out; what is, and every file that is named but not there, comes from the
next theme: the conference's, the global default, our own. Keys that we do not know are let be at
the top, because Pexip has some there; below it they are mistakes.
"""

from typing import Annotated, Literal, get_args

import msgspec

from proto.conference.words import Announcement, Platform

CONFIG = "themeconfig.json"

IndicatorKind = Literal[
    "streaming",
    "public_streaming",
    "recording",
    "transcribing",
    "live_captions",
    "ai_enabled",
    "external_media_processing",
]
SplashKind = Literal["waiting", "no_presentation", "stream_waiting"]

Path = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.][A-Za-z0-9_. /-]*$")
]
"""Of a file in the package, from its top."""

Words = Annotated[str, msgspec.Meta(max_length=80)]

Colour = (
    Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFF)]
    | Annotated[str, msgspec.Meta(pattern=r"^0[xX][0-9A-Fa-f]{8}$")]
)
"""Opacity, red, green, blue of 8 bits each, `0xAARRGGBB`, or that number in decimal."""


class IndicatorLook(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One kind of indicator."""

    enabled: bool | None = None
    "False: it is never shown."
    icon: Path | None = None
    "A square SVG."
    text: Words | None = None
    "Slides out next to the icon; empty: nothing does."
    color: Colour | None = None
    "Of the text."
    background: Colour | None = None
    "Of what icon and text lie on."


class Indicators(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All kinds of them, and how they move."""

    enabled: bool | None = None
    "False: none is ever shown."
    text_on_join: bool | None = None
    "Texts slide out whenever somebody joins."
    text_every: Annotated[float, msgspec.Meta(ge=0, le=86_400)] | None = None
    "Seconds after which they do otherwise; 0: never."
    text_for: Annotated[float, msgspec.Meta(ge=0.5, le=60)] | None = None
    "Seconds that a text stays out."
    slide_for: Annotated[float, msgspec.Meta(ge=0, le=5)] | None = None
    "Seconds that it takes to slide out, or in."
    fade_for: Annotated[float, msgspec.Meta(ge=0, le=0.9)] | None = None
    "Seconds in which an indicator appears and disappears."
    size: Annotated[float, msgspec.Meta(ge=0.02, le=0.12)] | None = None
    "Height, as a part of the picture's shorter side."
    streaming: IndicatorLook = IndicatorLook()
    public_streaming: IndicatorLook = IndicatorLook()
    recording: IndicatorLook = IndicatorLook()
    transcribing: IndicatorLook = IndicatorLook()
    live_captions: IndicatorLook = IndicatorLook()
    ai_enabled: IndicatorLook = IndicatorLook()
    external_media_processing: IndicatorLook = IndicatorLook()


class Background(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Behind a splash screen's elements: a picture that fills it, or a colour."""

    path: Path | None = None
    "JPEG or PNG; it is cropped to the picture's shape."
    color: Colour | None = None


class Element(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of a splash screen."""

    text: Annotated[str, msgspec.Meta(max_length=250)]
    "`{conference}` stands for the conference's name; a line that comes out empty is left out."
    type: Literal["text"] = "text"
    color: Colour = 0xFFFFFFFF
    size: Literal["title", "line"] | None = None
    "Left out: the first element is the title."


class Splash(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A picture that is shown instead of people."""

    background: Background | None = None
    elements: Annotated[list[Element], msgspec.Meta(max_length=8)] | None = None
    "From top to bottom, in the middle."
    layout_type: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    "Pexip's; has no effect."


class SplashScreens(msgspec.Struct, frozen=True, omit_defaults=True):
    """Pexip has more of them, which are let be."""

    waiting: Splash = Splash()
    "While nobody is there to be shown."
    no_presentation: Splash = Splash()
    "On the presentation of a dual stream while nobody presents."
    stream_waiting: Splash = Splash()
    "On streams while `waiting_screen_enabled` holds."


Prompts = dict[Platform, dict[Announcement, Path | None]]
"""WAV of 48 kHz, mono, 16 bits; null: silence. An announcement that is not named has the file
`<platform>_<announcement>_48kHz_mono.wav` if there is one."""


class ThemeConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole of `themeconfig.json`."""

    theme_version: Literal[2]
    indicators: Indicators = Indicators()
    splash_screens: SplashScreens = SplashScreens()
    prompts: Prompts = {}


_decoder = msgspec.json.Decoder(ThemeConfig)
decode_theme = _decoder.decode

KINDS: tuple[IndicatorKind, ...] = get_args(IndicatorKind)
SPLASHES: tuple[SplashKind, ...] = get_args(SplashKind)
PLATFORMS: tuple[Platform, ...] = get_args(Platform)
ANNOUNCEMENTS: tuple[Announcement, ...] = get_args(Announcement)


def prompt_file(platform: Platform, announcement: Announcement) -> str:
    """The usual name of a prompt's file."""
    return f"{platform}_{announcement}_48kHz_mono.wav"


def argb(colour: int | str) -> tuple[int, int, int, int]:
    """Opacity, red, green, blue."""
    number = int(colour, 16) if isinstance(colour, str) else colour
    return number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255


def json_schema() -> dict[str, object]:
    """Of `themeconfig.json`, for people's editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Rostrum {CONFIG}",
        **msgspec.json.schema(ThemeConfig),
    }
