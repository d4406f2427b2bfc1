"""Which packages are themes, and why the others are not."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kit.theme import Unfit, read
from kit.theme.package import LARGEST_FILE, LARGEST_PACKAGE, MOST_FILES
from kit.theme.pictures import background, check, icon
from kit.theme.svg import UnfitDrawing
from kit.theme.svg import check as check_drawing
from proto.theme import CONFIG
from tests.support.themes import flat, packed, square, tone, zipped

PLAIN = b'{"theme_version": 2}'
ICON = {"indicators": {"recording": {"icon": "icon.svg"}}}
SCREEN = {"splash_screens": {"waiting": {"background": {"path": "back.jpg"}}}}
PROMPT = "teams_recording_started_48kHz_mono.wav"


def entry(name: str, *, mode: int = 0, content: bytes = b"x", size: int | None = None) -> bytes:
    """A theme with one more file, which is not as it should be."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as package:
        package.writestr(CONFIG, PLAIN)
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        package.writestr(info, content)
    made = into.getvalue()
    return made if size is None else lying(made, size)


def lying(package: bytes, size: int) -> bytes:
    """The last file's size is another one, in both of its headers."""
    local, central = package.rindex(b"PK\x03\x04"), package.rindex(b"PK\x01\x02")
    made = bytearray(package)
    struct.pack_into("<I", made, local + 22, size)
    struct.pack_into("<I", made, central + 24, size)
    return bytes(made)


def flagged(flag: int) -> bytes:
    made = bytearray(entry("a.svg"))
    for start, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        where = bytes(made).rindex(start) + at
        struct.pack_into("<H", made, where, flag)
    return bytes(made)


def broken(package: bytes) -> bytes:
    """A byte in the middle of the first file is another one."""
    made = bytearray(package)
    made[60] ^= 0xFF
    return bytes(made)


def twice() -> bytes:
    return zipped({CONFIG: PLAIN, "a.svg": b"1", "A.SVG": b"2"})


def bomb() -> bytes:
    """Small, and large when it is unpacked."""
    zeros = bytes(LARGEST_FILE)
    return zipped({CONFIG: PLAIN, **{f"{n}.bin": zeros for n in range(6)}})


def overlapping() -> bytes:
    """Every entry of the directory is the same large file."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr(CONFIG, PLAIN)
        package.writestr("0.bin", bytes(LARGEST_FILE))
        [_, large] = package.infolist()
        for n in range(1, 9):
            again = zipfile.ZipInfo(f"{n}.bin")
            for field in ("header_offset", "file_size", "compress_size", "compress_type", "CRC"):
                setattr(again, field, getattr(large, field))
            package.filelist.append(again)
            package.NameToInfo[again.filename] = again
    return into.getvalue()


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "not a ZIP file"),
    "not a ZIP": (lambda: b"GIF89a" * 99, "not a ZIP file"),
    "cut off": (lambda: packed({})[:-30], "not a ZIP file"),
    "damaged": (lambda: broken(packed({}, {"a.bin": bytes(range(256))})), "damaged|JSON"),
    "too large": (lambda: bytes(LARGEST_PACKAGE + 1), "larger than 32 MB"),
    "too many files": (
        lambda: zipped({CONFIG: PLAIN, **{f"{n}": b"" for n in range(MOST_FILES)}}),
        "more than 1000 files",
    ),
    "a bomb": (bomb, "larger than 128 MB when"),
    "a bomb of overlaps": (overlapping, "larger than 128 MB when"),
    "a large file": (
        lambda: zipped({CONFIG: PLAIN, "a.bin": bytes(LARGEST_FILE + 1)}),
        "“a.bin” is larger than 24 MB",
    ),
    "a file that says less": (
        lambda: entry("a", content=b"x" * 99, size=9),
        "damaged|another size",
    ),
    "a file that says more": (
        lambda: entry("a", content=b"x" * 9, size=99),
        "damaged|another size",
    ),
    "up": (lambda: entry("../evil.svg"), "leads elsewhere"),
    "up from within": (lambda: entry("a/../../evil.svg"), "leads elsewhere"),
    "from the root": (lambda: entry("/etc/passwd"), "leads elsewhere"),
    "from a drive": (lambda: entry("C:/evil.svg"), "leads elsewhere"),
    "backslashes": (lambda: entry("..\\evil.svg"), "leads elsewhere"),
    "a name with a NUL": (
        lambda: entry("evilX.svg").replace(b"evilX.svg", b"evil\0.svg"),
        "leads elsewhere",
    ),
    "a name with a line": (lambda: entry("a\nb.svg"), "leads elsewhere"),
    "a link": (lambda: entry("a.svg", mode=stat.S_IFLNK | 0o777), "is a link"),
    "a device": (lambda: entry("a.svg", mode=stat.S_IFCHR | 0o666), "is a link or a device"),
    "encrypted": (lambda: flagged(0x1), "“a.svg” is encrypted"),
    "strongly encrypted": (lambda: flagged(0x41), "“a.svg” is encrypted"),
    "another method": (
        lambda: zipped({CONFIG: PLAIN, "a": b"x" * 99}, method=zipfile.ZIP_LZMA),
        "use deflate",
    ),
    "twice": (twice, "“A.SVG” twice"),
    "no theme": (lambda: zipped({"a.svg": square("red")}), f"There is no {CONFIG}"),
    "a folder of a theme": (lambda: zipped({f"my/{CONFIG}": PLAIN}), "it is in “my”"),
    "not JSON": (lambda: zipped({CONFIG: b"{"}), "is not JSON"),
    "not UTF-8": (
        lambda: zipped({CONFIG: b'{"theme_version":2,"indicators":{"recording":{"text":"\xff"}}}'}),
        "is not JSON",
    ),
    "deep JSON": (lambda: zipped({CONFIG: b"[" * 9999}), "levels deep"),
    "large JSON": (lambda: zipped({CONFIG: b" " * 300_000}), "larger than 256 KB"),
    "a list": (lambda: zipped({CONFIG: b"[]"}), r"Expected `object`"),
    "without version": (lambda: zipped({CONFIG: b"{}"}), "theme_version"),
    "another version": (lambda: zipped({CONFIG: b'{"theme_version": 3}'}), "theme_version"),
    "an unknown key": (lambda: packed({"indicators": {"streamin": {}}}), "`streamin`"),
    "a wrong kind": (lambda: packed({"indicators": {"enabled": "no"}}), r"\$.indicators.enabled"),
    "a long text": (
        lambda: packed({"indicators": {"recording": {"text": "x" * 81}}}),
        "length <= 80",
    ),
    "a colour by name": (
        lambda: packed({"indicators": {"recording": {"color": "red"}}}),
        "recording.color",
    ),
    "impatient": (lambda: packed({"indicators": {"text_for": 0}}), "text_for"),
    "a path up": (
        lambda: packed({"indicators": {"recording": {"icon": "/etc/passwd"}}}),
        "recording.icon",
    ),
    "an unknown announcement": (lambda: packed({"prompts": {"teams": {"hello": "a"}}}), "prompts"),
    "an icon that is none": (lambda: packed(ICON, {"icon.svg": b"<svg/>"}), "is not an SVG"),
    "an icon that loads": (
        lambda: packed(ICON, {"icon.svg": square("url(http://evil/x)")}),
        "outside of it",
    ),
    "a picture that is none": (
        lambda: packed(SCREEN, {"back.jpg": b"GIF89a"}),
        "neither a JPEG nor a PNG",
    ),
    "a damaged picture": (
        lambda: packed(SCREEN, {"back.jpg": flat((1, 2, 3), "JPEG")[:200]}),
        "is a damaged picture",
    ),
    "a huge picture": (
        lambda: packed(SCREEN, {"back.jpg": flat((1, 2, 3), size=(4098, 2))}),
        "than 4096 pixels",
    ),
    "a prompt that is none": (lambda: packed({}, {PROMPT: b"RIFF"}), "not a WAV"),
    "a prompt of another rate": (
        lambda: packed({}, {PROMPT: tone(440, rate=44_100)}),
        "not of 48 kHz",
    ),
    "a prompt in stereo": (lambda: packed({}, {PROMPT: tone(440, channels=2)}), "mono"),
    "a prompt without end": (lambda: packed({}, {PROMPT: tone(1, 61)}), "longer than 60"),
    "an empty prompt": (lambda: packed({}, {PROMPT: tone(1, 0)}), "without sound"),
}


@pytest.mark.parametrize(("package", "reason"), BAD.values(), ids=BAD.keys())
def test_what_is_no_theme_is_refused_with_the_reason(
    package: Callable[[], bytes], reason: str
) -> None:
    with pytest.raises(Unfit, match=reason):
        check(read(package()))


def test_a_theme_may_leave_everything_out() -> None:
    assert read(packed({})).config.indicators.streaming.icon is None


def test_what_pexips_themes_hold_besides_is_let_be() -> None:
    more = {"dtmf_conference_control_commands": {}, "disable_watermark_icon": True}
    screens = {"direct_media_welcome": {"layout_type": "direct_media"}}
    files = {"icons/mute.svg": b"anything", "__MACOSX/._x": b"", "conf-welcome.wav": b"RIFF"}
    read(packed({**more, "splash_screens": screens}, files))


def test_a_file_that_is_named_but_not_there_is_no_mistake() -> None:
    assert "icon.svg" not in read(packed(ICON)).files


def reason(package: bytes) -> str:
    """Empty: it is a theme."""
    try:
        check(read(package))
    except Unfit as exc:
        return str(exc)
    return ""


def test_what_is_transparent_in_a_background_is_black() -> None:
    into = io.BytesIO()
    Image.new("RGBA", (4, 4), (200, 100, 50, 0)).save(into, "PNG")
    assert background(into.getvalue()).getpixel((1, 1)) == (0, 0, 0)


def test_an_icon_that_is_not_square_keeps_its_shape_and_stands_in_the_middle() -> None:
    tall = square("#f00").replace(b"0 0 10 10", b"0 0 5 10")
    drawn = icon(tall, 40)
    assert drawn.size == (40, 40)
    assert drawn.getpixel((20, 1)) == (255, 0, 0, 255)
    assert drawn.getpixel((5, 20)) == (0, 0, 0, 0)


DRAWINGS = {
    "a script": ("<script>1</script>", "uses <script>"),
    "html": ("<foreignObject/>", "uses <foreignObject>"),
    "a picture": ('<image href="file:///etc/passwd"/>', "uses <image>"),
    "use": ('<use href="#a"/>', "uses <use>"),
    "text": ("<text>a</text>", "uses <text>"),
    "a handler": ('<rect onclick="x()"/>', "holds a script"),
    "a link": ('<linearGradient href="other.svg#a"/>', "outside of it"),
    "an old link": (
        '<linearGradient xmlns:x="http://www.w3.org/1999/xlink" x:href="o.svg"/>',
        "outside of it",
    ),
    "a style that loads": ("<style>rect{fill:url(x.svg)}</style>", "style sheet"),
    "a style in pieces": ("<style>@imp<!-- -->ort 'x'</style>", "style sheet"),
    "an attribute that loads": ("<rect style=\"fill:url( 'x')\"/>", "outside of it"),
    "a mask in a mask": ('<mask><rect mask="url(#a)"/></mask>', "within a mask"),
    "deep": ("<g>" * 40 + "</g>" * 40, "levels deep"),
    "many": ("<g/>" * 2001, "more than 2000"),
    "large": ("<!-- " + "x" * 300_000 + " -->", "larger than"),
    "open": ("<g>", "well-formed"),
    "an instruction": ('<?xml-stylesheet href="x"?>', "processing instruction"),
}


@pytest.mark.parametrize(("inside", "reason"), DRAWINGS.values(), ids=DRAWINGS.keys())
def test_a_drawing_that_loads_runs_or_grows_is_refused(inside: str, reason: str) -> None:
    with pytest.raises(UnfitDrawing, match=reason):
        check_drawing(f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>'.encode())


@pytest.mark.parametrize(
    "drawing",
    [
        b'<!DOCTYPE svg [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>'
        b'<svg xmlns="http://www.w3.org/2000/svg">&b;</svg>',
        b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        b'<svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
    ],
)
def test_entities_are_refused(drawing: bytes) -> None:
    with pytest.raises(UnfitDrawing, match="entities"):
        check_drawing(drawing)


def test_what_drawing_programs_leave_in_a_drawing_is_let_be() -> None:
    check_drawing(
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">'
        b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:i="http://www.inkscape.org/ns">'
        b'<i:namedview i:zoom="1"/><defs><linearGradient id="a"><stop/></linearGradient></defs>'
        b'<style>.a{fill:#fff}</style><path d="M0 0h1" fill="url(#a)"/></svg>'
    )


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_damage_makes_reading_fail_otherwise(data: st.DataObject) -> None:
    """Bytes changed, cut out or put in anywhere: a theme, or the reason why it is none."""
    package = bytearray(packed(ICON | SCREEN, {"icon.svg": square("red"), PROMPT: tone(99, 0.01)}))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(package)))
        long = data.draw(st.integers(0, 8))
        package[at : at + long] = data.draw(st.binary(max_size=8))
    said = reason(bytes(package))
    assert not said or said.endswith(".")


@given(st.binary(max_size=2000))
@settings(max_examples=200, deadline=None)
def test_any_settings_are_read_or_refused(text: bytes) -> None:
    said = reason(zipped({CONFIG: text}))
    assert not said or said.startswith(CONFIG)
