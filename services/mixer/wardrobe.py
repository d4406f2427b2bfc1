"""Packages of themes as files of this machine, fetched when a conference first wears them."""

import asyncio
import os
from pathlib import Path

import structlog

from kit.blobs import Blobs, digest

log = structlog.get_logger()

KEPT = 32
"""Packages that are kept; a conference has read its own by the time that it is thrown away."""


class Wardrobe:
    """Shared by the workers of a machine: a file's name says what is in it."""

    def __init__(self, blobs: Blobs, directory: Path, *, kept: int = KEPT) -> None:
        self._blobs = blobs
        self._directory = directory
        self._kept = kept

    async def fetch(self, package: str) -> Path | None:
        """Where it is; None: it is nowhere, and what it says comes from the next theme.

        Raises what an outage is.
        """
        path = self._directory / f"{package}.zip"
        if await asyncio.to_thread(_is_whole, path, package):
            return path
        content = await self._blobs.get(package)
        if content is None:
            log.warning("package of a theme is gone", package=package)
            return None
        await asyncio.to_thread(_keep, path, content, self._kept)
        return path


def _is_whole(path: Path, package: str) -> bool:
    try:
        return digest(path.read_bytes()) == package
    except OSError:
        return False


def _keep(path: Path, content: bytes, most: int) -> None:
    """Write it so that nobody sees half of it, and throw the oldest away."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = path.with_suffix(f".{os.getpid()}-{id(content):x}")
    half.write_bytes(content)
    half.replace(path)
    files = sorted(path.parent.glob("*.zip"), key=lambda file: file.stat().st_mtime)
    for old in files[:-most]:
        old.unlink(missing_ok=True)
