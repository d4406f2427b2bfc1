"""Icons and backgrounds of a theme in memory. Needs Pillow and resvg, as not every service does."""

import io

import resvg_py
from PIL import Image

from kit.theme.package import Package, Unfit, named

LARGEST = 4096
"""Pixels of either side of a background; four times what a conference shows."""

ICON = 256
"""Pixels of either side of a drawn icon; the largest in a picture of 2160 lines has 160."""


class UnfitPicture(Exception):
    """Says why, in words that follow the file's name."""


def background(content: bytes) -> Image.Image:
    """RGB, on black where it is transparent. Raises UnfitPicture."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as opened:
            if max(opened.size) > LARGEST:
                raise UnfitPicture(f"is wider or higher than {LARGEST} pixels")
            if not opened.has_transparency_data:
                return opened.convert("RGB")
            drawn = opened.convert("RGBA")
            behind = Image.new("RGBA", drawn.size, (0, 0, 0, 255))
            return Image.alpha_composite(behind, drawn).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        raise UnfitPicture("is a damaged picture") from exc


def icon(drawing: bytes, size: int = ICON) -> Image.Image:
    """RGBA and square; the drawing was found fit. Raises UnfitPicture."""
    try:
        # No fonts and no files: what an icon needs is in it.
        png = resvg_py.svg_to_bytes(
            svg_string=drawing.decode("utf-8-sig"), width=size, height=size, skip_system_fonts=True
        )
        with Image.open(io.BytesIO(png), formats=("PNG",)) as opened:
            drawn = opened.convert("RGBA")
    except (ValueError, OSError, SyntaxError) as exc:
        raise UnfitPicture("is a drawing that cannot be drawn") from exc
    square = Image.new("RGBA", (size, size))
    square.paste(drawn, ((size - drawn.width) // 2, (size - drawn.height) // 2))
    return square


def check(package: Package) -> None:
    """Whether everything in it can be drawn. Raises Unfit."""
    for name, kind in named(package.config):
        content = package.files.get(name)
        try:
            if content is not None and kind == "drawing":
                icon(content)
            elif content is not None and kind == "picture":
                background(content)
        except UnfitPicture as exc:
            raise Unfit(f"“{name}” {exc}.") from exc
