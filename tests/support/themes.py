"""Themes for tests, made in memory.

`python -m tests.support.themes` writes down the schema of themes as it is now.
"""

import io
import json
import wave
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image

from proto.theme import CONFIG
from services.gateway.core.theme_schema import document

Rgb = tuple[int, int, int]

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "theme.schema.json"


def packed(config: Mapping[str, Any], files: Mapping[str, bytes] | None = None) -> bytes:
    """The ZIP of a theme."""
    said = {"theme_version": 2, **config}
    return zipped({CONFIG: msgspec.json.encode(said), **(files or {})})


def zipped(files: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", method) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return into.getvalue()


def square(colour: str) -> bytes:
    """An icon that fills its square."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">'
        f'<rect width="10" height="10" fill="{colour}"/></svg>'
    ).encode()


def flat(colour: Rgb, kind: str = "PNG", size: tuple[int, int] = (64, 36)) -> bytes:
    """A background of one colour."""
    into = io.BytesIO()
    Image.new("RGB", size, colour).save(into, kind, quality=95)
    return into.getvalue()


def tone(hertz: float, seconds: float = 0.5, *, rate: int = 48_000, channels: int = 1) -> bytes:
    """A prompt."""
    times = np.arange(round(seconds * rate)) / rate
    wanted = (8000 * np.sin(2 * np.pi * hertz * times)).astype("<i2")
    into = io.BytesIO()
    with wave.open(into, "wb") as file:
        file.setnchannels(channels)
        file.setframerate(rate)
        file.setsampwidth(2)
        file.writeframes(np.repeat(wanted, channels).tobytes())
    return into.getvalue()


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json.dumps(document(), indent=1, ensure_ascii=False) + "\n")
