"""Texts that strangers wrote, in our font."""

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def font(size: int) -> Font:
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def shortened(text: str, font: Font, room: int) -> str:
    """As much of a text as fits, on one line."""
    # Layout engines fail on control characters.
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text.rstrip() + "…"
