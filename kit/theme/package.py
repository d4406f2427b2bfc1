"""A theme's ZIP: everything in it that a theme names, or why it is none.

Nothing is written anywhere, and no more is unpacked than the limits allow, whatever a ZIP's headers
say. Each file that the theme names is looked into, so that a theme which was taken can be shown.
"""

import io
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from kit.theme.sound import UnfitSound, samples
from kit.theme.svg import UnfitDrawing
from kit.theme.svg import check as check_drawing
from proto.theme import (
    ANNOUNCEMENTS,
    CONFIG,
    KINDS,
    PLATFORMS,
    SPLASHES,
    IndicatorLook,
    Splash,
    ThemeConfig,
    decode_theme,
    prompt_file,
)

LARGEST_PACKAGE = 32 * 1024 * 1024
"""Bytes of the ZIP; prompts of a minute in five languages fit."""

LARGEST_UNPACKED = 128 * 1024 * 1024
"""Bytes of all files together."""

LARGEST_FILE = 24 * 1024 * 1024
"""Bytes; four minutes of a prompt, or any picture."""

LARGEST_CONFIG = 256 * 1024
"""Bytes of `themeconfig.json`."""

MOST_FILES = 1000

LONGEST_REASON = 200
"""Characters; what is wrong may name what a stranger wrote."""

DEEPEST = 64
"""Brackets in brackets of `themeconfig.json`; a theme needs five."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others decompress by thousands to one."""

ENCRYPTED = 0x1 | 0x40 | 0x2000
"""Bits of a ZIP entry: encrypted, strongly, its directory too."""

LEFT_BY_ARCHIVERS = ("__MACOSX/",)

PICTURES = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png"}


class Unfit(Exception):
    """Why a package is refused: one sentence for a person."""


class Package(msgspec.Struct, frozen=True):
    """What a theme says, and the files that it has."""

    config: ThemeConfig
    files: Mapping[str, bytes]


def read(package: bytes) -> Package:
    """Raises Unfit."""
    if len(package) > LARGEST_PACKAGE:
        raise Unfit(f"The package is larger than {_mb(LARGEST_PACKAGE)}.")
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as opened:
            entries = _entries(opened)
            files = {name: _content(opened, entry) for name, entry in entries.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as exc:
        raise Unfit("The package is not a ZIP file, or a damaged one.") from exc
    except (NotImplementedError, RuntimeError, ValueError, OverflowError) as exc:
        raise Unfit("The package uses what themes may not: it cannot be unpacked.") from exc
    return _checked(files)


def read_directory(directory: Path) -> Package:
    """A theme that lies unpacked. Raises Unfit."""
    files = {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    return _checked(files)


def _entries(opened: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files by their names, all of which are what they should be."""
    infos = opened.infolist()
    if len(infos) > MOST_FILES:
        raise Unfit(f"The package holds more than {MOST_FILES} files.")
    if sum(info.file_size for info in infos) > LARGEST_UNPACKED:
        raise Unfit(f"The package is larger than {_mb(LARGEST_UNPACKED)} when it is unpacked.")
    entries: dict[str, zipfile.ZipInfo] = {}
    seen: set[str] = set()
    for info in infos:
        name = info.filename
        _check_entry(info)
        if info.is_dir() or name.startswith(LEFT_BY_ARCHIVERS):
            continue
        if name.casefold() in seen:
            raise Unfit(f"The package holds {_shown(name)} twice.")
        seen.add(name.casefold())
        entries[name] = info
    return entries


def _check_entry(info: zipfile.ZipInfo) -> None:
    shown = _shown(info.filename)
    # Before Python's zipfile cut it at a NUL, or turned its slashes, it may have been another name.
    original = info.orig_filename
    parts = info.filename.rstrip("/").split("/")
    if (
        info.filename != original
        or "\\" in original
        or ":" in original
        or not original.isprintable()
        or len(original) > 255
        or any(part in ("", ".", "..") for part in parts)
    ):
        raise Unfit(f"The package holds a file whose name leads elsewhere: {shown}.")
    if info.flag_bits & ENCRYPTED:
        raise Unfit(f"{shown} is encrypted.")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Unfit(f"{shown} is a link or a device, not a file.")
    if info.compress_type not in METHODS:
        raise Unfit(f"{shown} is packed in a way that themes may not use; use deflate.")
    if info.file_size > LARGEST_FILE:
        raise Unfit(f"{shown} is larger than {_mb(LARGEST_FILE)}.")


def _content(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """All of a file; no more comes out than the size in its header, which was looked at."""
    with opened.open(entry) as file:
        content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE or len(content) != entry.file_size or file.read(1):
            raise Unfit(f"{_shown(entry.filename)} has another size than the package says.")
    return content


def _checked(files: Mapping[str, bytes]) -> Package:
    config = _config(files)
    for name, kind in named(config):
        content = files.get(name)
        if content is not None and (wrong := CHECKS[kind](content)):
            raise Unfit(f"{_shown(name)} {wrong}.")
    return Package(config, files)


def _config(files: Mapping[str, bytes]) -> ThemeConfig:
    given = files.get(CONFIG)
    if given is None:
        below = sorted(name for name in files if name.endswith(f"/{CONFIG}"))
        where = f"; it is in {_shown(below[0].rpartition('/')[0])}" if below else ""
        raise Unfit(f"There is no {CONFIG} at the top of the package{where}.")
    if len(given) > LARGEST_CONFIG:
        raise Unfit(f"{CONFIG} is larger than {LARGEST_CONFIG // 1024} KB.")
    if _depth(given) > DEEPEST:
        raise Unfit(f"{CONFIG} nests more than {DEEPEST} levels deep.")
    try:
        return decode_theme(given.removeprefix(b"\xef\xbb\xbf"))
    except msgspec.ValidationError as exc:
        raise Unfit(f"{CONFIG}: {_printable(str(exc), LONGEST_REASON)}.") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise Unfit(f"{CONFIG} is not JSON.") from exc


def _depth(text: bytes) -> int:
    """At most; brackets in texts are counted, too."""
    depth = deepest = 0
    for byte in text:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def named(config: ThemeConfig) -> Iterator[tuple[str, str]]:
    """The files that a theme may have, and what each has to be."""
    for indicator in KINDS:
        look: IndicatorLook = getattr(config.indicators, indicator)
        if look.icon:
            yield look.icon, "drawing"
    for screen in SPLASHES:
        splash: Splash = getattr(config.splash_screens, screen)
        if splash.background and splash.background.path:
            yield splash.background.path, "picture"
    for platform in PLATFORMS:
        named_here = config.prompts.get(platform, {})
        for announcement in ANNOUNCEMENTS:
            path = named_here.get(announcement, prompt_file(platform, announcement))
            if path is not None:
                yield path, "prompt"


def _drawing(content: bytes) -> str | None:
    try:
        check_drawing(content)
    except UnfitDrawing as exc:
        return str(exc)
    return None


def _picture(content: bytes) -> str | None:
    if not content.startswith(tuple(PICTURES)):
        return "is neither a JPEG nor a PNG"
    return None


def _prompt(content: bytes) -> str | None:
    try:
        samples(content)
    except UnfitSound as exc:
        return str(exc)
    return None


CHECKS = {"drawing": _drawing, "picture": _picture, "prompt": _prompt}
"""What is wrong with a file of that kind, if anything is."""


def _shown(name: str) -> str:
    """A stranger's file name, in a sentence."""
    return f"“{_printable(name, 80)}”"


def _printable(text: str, most: int) -> str:
    clean = "".join(c if c.isprintable() else "?" for c in unicodedata.normalize("NFC", text))
    return clean if len(clean) <= most else f"{clean[:most]}…"


def _mb(size: int) -> str:
    return f"{size // (1024 * 1024)} MB"
