"""Colours in the canvas's own terms: BT.709, limited range Y, U, V of 8 bits each."""

import colorsys
import zlib

Yuv = tuple[int, int, int]
Rgb = tuple[int, int, int]

BLACK: Yuv = (16, 128, 128)
BACKDROP: Rgb = (24, 26, 31)
"""Behind the tiles: nearly black, so that pictures stand out and dark ones still have an edge."""

ACCENT: Rgb = (92, 190, 255)
"""Round whoever speaks: light, so that it is seen on dark pictures, and of no skin's colour."""

PAD: Rgb = (38, 41, 48)
"""Beside a person's picture that does not fill its place."""

TONES = (262.0, 330.0, 392.0, 494.0, 587.0, 698.0, 880.0, 1047.0)
"""Hertz; no two closer than a fifth of an octave, so that a spectrum tells them apart."""


def yuv(rgb: Rgb) -> Yuv:
    red, green, blue = (part / 255 for part in rgb)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (
        round(16 + 219 * luma),
        round(128 + 224 * (blue - luma) / 1.8556),
        round(128 + 224 * (red - luma) / 1.5748),
    )


def colour(participant: str, *, lightness: float = 0.36, saturation: float = 0.45) -> Rgb:
    """A colour that belongs to a participant wherever it is drawn."""
    hue = zlib.crc32(participant.encode()) % 360 / 360
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def tone(participant: str) -> float:
    """A pitch in hertz that belongs to a participant in a replay."""
    return TONES[zlib.crc32(participant.encode()[::-1]) % len(TONES)]
