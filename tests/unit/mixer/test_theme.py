"""What a theme changes: everything that it can, that alone, and what it leaves out stays."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import msgspec
import numpy as np
import pytest

from kit.theme import read
from proto.theme import (
    ANNOUNCEMENTS,
    KINDS,
    PLATFORMS,
    SPLASHES,
    IndicatorKind,
    ThemeConfig,
    prompt_file,
)
from proto.views import ConferenceView
from services.mixer.core.indicators import State, follow, indicators
from services.mixer.media.cards import Cards
from services.mixer.theme import Theme, built_in, default, load
from tests.support.signs import on, one_person, painted
from tests.support.themes import flat, packed, square, tone
from tests.support.watch import is_near, mean_colour
from tests.unit.mixer.people import person

SIZE = (320, 180)
GREEN, BLUE = (30, 160, 60), (40, 60, 190)

Seen = dict[str, object]
"""All that can be seen and heard of a theme, by what it is."""


def dressed(said: Mapping[str, Any], files: Mapping[str, bytes] | None = None) -> Theme:
    return Theme([read(packed(said, files)), built_in()])


def seen(theme: Theme) -> Seen:
    found: Seen = {f"indicator {kind}": still(theme, kind) for kind in KINDS}
    found["motion"] = motion(theme)
    for kind in SPLASHES:
        picture = Cards().splash(theme, kind, "Town hall", *SIZE)
        found[f"screen {kind}"] = digest(b"".join(plane.tobytes() for plane in picture.planes))
    for platform in PLATFORMS:
        for announcement in ANNOUNCEMENTS:
            prompt = theme.prompt(platform, announcement)
            heard = None if prompt is None else digest(prompt.tobytes())
            found[f"prompt {platform} {announcement}"] = heard
    return found


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def still(theme: Theme, kind: IndicatorKind) -> str:
    """An indicator with its text; its motion is another matter."""
    manner = msgspec.structs.replace(default().look.manner, size=theme.look.manner.size)
    if not theme.look.manner.enabled:
        manner = msgspec.structs.replace(manner, enabled=False)
    look = msgspec.structs.replace(theme.look, manner=manner)
    worn = Theme.__new__(Theme)
    worn.__dict__.update(theme.__dict__, look=look)
    return digest(painted(view_with(kind), one_person("1:0", SIZE), 3.0, theme=worn).tobytes())


def view_with(kind: IndicatorKind) -> ConferenceView:
    match kind:
        case "public_streaming":
            return msgspec.structs.replace(on("streaming"), public_streaming=True)
        case "streaming" | "recording" | "transcribing":
            return on(kind)
        case _:
            return on(**{f"{kind}_indicator": True})  # type: ignore[arg-type]


def motion(theme: Theme) -> list[tuple[float, float]]:
    """More than two minutes of streaming, in which somebody joins."""
    look = msgspec.structs.replace(theme.look, badges=BADGES)
    state, moments = State(), []
    view = on("streaming")
    for n in range(700):
        if n == 100:
            view = msgspec.structs.replace(view, participants=[person("ann")])
        state = follow(state, view, theme.look.manner, n / 5)
        shown = indicators(state, look, n / 5)
        moments += [(one.out, one.opacity) for one in shown]
    return moments


BADGES = default().look.badges


def indicator(kind: str, key: str, value: Any) -> dict[str, Any]:
    return {"indicators": {kind: {key: value}}}


def screen(kind: str, **said: Any) -> dict[str, Any]:
    return {"splash_screens": {kind: said}}


Change = tuple[dict[str, Any], dict[str, bytes], set[str]]
"""What a theme says and has, and what looks or sounds different then."""


def changes() -> Iterator[tuple[str, Change]]:
    """By the path of the key."""
    icons = {f"indicator {kind}" for kind in KINDS}
    general: dict[str, tuple[Any, set[str]]] = {
        "enabled": (False, icons | {"motion"}),
        "size": (0.1, icons),
        "text_on_join": (False, {"motion"}),
        "text_every": (30, {"motion"}),
        "text_for": (2, {"motion"}),
        "slide_for": (2, {"motion"}),
        "fade_for": (0.9, {"motion"}),
    }
    for key, (value, what) in general.items():
        yield f"indicators.{key}", ({"indicators": {key: value}}, {}, what)
    for kind in KINDS:
        for key, value in {
            "enabled": False,
            "icon": "i.svg",
            "text": "Something else",
            "color": "0xFFFF0000",
            "background": 0xFF00FF00,
        }.items():
            said = indicator(kind, key, value)
            what = {f"indicator {kind}"}
            yield f"indicators.{kind}.{key}", (said, {"i.svg": square("lime")}, what)
    for name in SPLASHES:
        what = {f"screen {name}"}
        path = f"splash_screens.{name}"
        said = screen(name, background={"path": "b.jpg"})
        yield f"{path}.background.path", (said, {"b.jpg": flat(GREEN)}, what)
        yield f"{path}.background.color", (screen(name, background={"color": 0xFF0000FF}), {}, what)
        for key, element in {
            "text": {"text": "Please wait"},
            "color": {"text": "{conference}", "color": 0xFF00FF00},
            "size": {"text": "{conference}", "size": "line"},
        }.items():
            yield f"{path}.elements.{key}", (screen(name, elements=[element]), {}, what)
    for platform in PLATFORMS:
        for announcement in ANNOUNCEMENTS:
            what = {f"prompt {platform} {announcement}"}
            said = {"prompts": {platform: {announcement: "my.wav"}}}
            yield f"prompts.{platform}.{announcement}", (said, {"my.wav": tone(440)}, what)


CHANGES = dict(changes())

WITHOUT_EFFECT = {"theme_version"} | {
    f"splash_screens.{kind}.{key}" for kind in SPLASHES for key in ("layout_type", "elements.type")
}


def keys(kind: Any, path: str = "") -> Iterator[str]:
    """Every key that a theme may have."""
    dot = f"{path}." if path else ""
    match kind:
        case msgspec.inspect.StructType():
            for field in kind.fields:
                yield from keys(field.type, f"{dot}{field.name}")
        case msgspec.inspect.ListType():
            yield from keys(kind.item_type, path)
        case msgspec.inspect.DictType():
            for value in kind.key_type.values:  # type: ignore[attr-defined]
                yield from keys(kind.value_type, f"{dot}{value}")
        case msgspec.inspect.UnionType(types=types):
            inner = [one for one in types if hasattr(one, "fields") or hasattr(one, "item_type")]
            yield from keys(inner[0], path) if inner else [path]
        case _:
            yield path


def test_there_is_a_change_here_for_everything_that_can_be_changed() -> None:
    assert set(keys(msgspec.inspect.type_info(ThemeConfig))) - WITHOUT_EFFECT == CHANGES.keys()
    assert len(get_args(IndicatorKind)) * 5 + 7 + 3 * 5 + 3 * 8 == len(CHANGES)


@pytest.fixture(scope="module")
def ours() -> Seen:
    return seen(default())


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_each_thing_that_a_theme_says_changes_that_and_nothing_else(
    change: Change, ours: Seen
) -> None:
    said, files, what = change
    now = seen(dressed(said, files))
    assert {name for name in now if now[name] != ours[name]} == what


def test_a_theme_made_by_a_test_changes_every_changeable_thing(ours: Seen) -> None:
    """All at once."""
    said: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    for one, more, _ in CHANGES.values():
        merge(said, one)
        files |= more
    del said["indicators"]["enabled"]
    for kind in KINDS:
        del said["indicators"][kind]["enabled"]
    now = seen(dressed(said, files))
    assert {name for name in now if now[name] == ours[name]} == set()


def merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and key in into:
            merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, dict) else value


def test_what_a_theme_leaves_out_or_has_not_comes_from_the_next_one() -> None:
    first = packed(
        {
            "indicators": {"streaming": {"icon": "gone.svg", "text": "Live"}},
            "splash_screens": {"waiting": {"background": {"path": "gone.jpg"}}},
        }
    )
    second = packed(
        {
            "indicators": {"streaming": {"icon": "i.svg", "text": "On air"}},
            "splash_screens": {"waiting": {"background": {"path": "b.png"}}},
            "prompts": {"teams": {"recording_started": "p.wav"}},
        },
        {"i.svg": square("#f00"), "b.png": flat(BLUE), "p.wav": tone(500)},
    )
    theme = Theme([read(first), read(second), built_in()])
    assert theme.look.badges["streaming"].text == "Live"
    assert theme.look.badges["recording"].text == "Recording"
    icon = theme.icon("streaming", 32)
    assert icon is not None
    assert icon.getpixel((16, 16)) == (255, 0, 0, 255)
    background = theme.background("waiting")
    assert background is not None
    assert background.getpixel((5, 5)) == BLUE
    assert theme.prompt("teams", "recording_started") is not None


def test_a_colour_in_front_hides_a_picture_behind() -> None:
    first = read(packed(screen("waiting", background={"color": "0xFF1EA03C"})))
    second = read(packed(screen("waiting", background={"path": "b"}), {"b": flat(BLUE)}))
    picture = Cards().splash(Theme([first, second, built_in()]), "waiting", "", *SIZE)
    y, u, v = (int(plane[4, 4]) for plane in picture.planes)
    plain = Cards().splash(Theme([first, built_in()]), "waiting", "", *SIZE)
    assert (y, u, v) == tuple(int(plane[4, 4]) for plane in plain.planes)


def test_a_prompt_is_found_by_its_usual_name_and_may_be_silenced() -> None:
    usual = prompt_file("google_meet", "recording_started")
    assert usual == "google_meet_recording_started_48kHz_mono.wav"
    theme = dressed({}, {usual: tone(440, 0.25)})
    prompt = theme.prompt("google_meet", "recording_started")
    assert prompt is not None
    assert prompt.dtype == np.int16
    assert prompt.shape == (12_000,)
    assert theme.recording("google_meet", "recording_started") == tone(440, 0.25)
    said = {"prompts": {"google_meet": {"recording_started": None}}}
    silent = Theme([read(packed(said)), read(packed({}, {usual: tone(440)})), built_in()])
    assert silent.prompt("google_meet", "recording_started") is None


def test_a_line_that_comes_out_empty_is_left_out() -> None:
    named = {"elements": [{"text": "{conference}"}, {"text": "Soon"}]}
    plain = {"elements": [{"text": "Soon", "size": "line"}]}
    screens = [dressed({"splash_screens": {"waiting": said}}) for said in (named, plain)]
    one, other = (Cards().splash(theme, "waiting", "", *SIZE).planes[0] for theme in screens)
    assert np.array_equal(one, other)


def test_a_background_fills_the_picture_and_the_text_is_on_it() -> None:
    theme = dressed(
        screen("waiting", background={"path": "b"}, elements=[{"text": "WAIT"}]),
        {"b": flat(GREEN, "JPEG", (400, 400))},
    )
    scene = msgspec.structs.replace(one_person("1:0"), tiles=(), slots=(), splash="waiting")
    picture = painted(on(), scene, 1.0, theme=theme)
    for box in ((0, 0, 1280, 200), (0, 520, 1280, 200)):
        assert is_near(mean_colour(picture, box), GREEN, 6)
    assert picture[300:420].min(axis=2).max() > 240


def test_our_own_theme_leaves_nothing_out() -> None:
    look = default().look
    assert all(look.badges[kind].icon and look.badges[kind].text for kind in KINDS)
    assert all(look.screens[kind].lines for kind in SPLASHES)


def test_a_package_that_cannot_be_read_is_left_out(tmp_path: Any) -> None:
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    good.write_bytes(packed(indicator("recording", "text", "REC")))
    bad.write_bytes(b"PK")
    theme = load([bad, tmp_path / "none.zip", good])
    assert theme.look.badges["recording"].text == "REC"
    assert load([bad]) is default()
