"""Packages of themes: looked into before they are stored, deleted when no theme names them."""

import asyncio
import os
import sys

import msgspec
import structlog

from kit.blobs import Blobs
from kit.theme.package import LARGEST_PACKAGE
from services.gateway.store import NoSuchResource, Store

log = structlog.get_logger()

PATIENCE = 30.0
"""Seconds for a look into a package; a sound one takes one."""

AT_ONCE = 2
"""Packages that are looked into at the same time: each may take a gigabyte."""

DAMAGED = "The package could not be looked into: it is damaged, or takes too long."


class Themes:
    def __init__(self, store: Store, blobs: Blobs) -> None:
        self._store = store
        self._blobs = blobs
        self._room = asyncio.Semaphore(AT_ONCE)

    async def wrong_with(self, package: bytes) -> str:
        """One sentence; empty: it may be stored."""
        if len(package) > LARGEST_PACKAGE:
            return f"The package is larger than {LARGEST_PACKAGE // (1024 * 1024)} MB."
        async with self._room:
            return await _tried(package)

    async def keep(self, package: bytes) -> str:
        """Store what was found fit; returns its digest."""
        return await self._blobs.put(package)

    async def package(self, number: int) -> bytes:
        """Of a theme. Raises NoSuchResource if it has none."""
        digest = self._store.find("ivr_theme", number).package
        found = await self._blobs.get(digest) if digest else None
        if found is None:
            raise NoSuchResource
        return found

    async def sweep(self, digest: str) -> None:
        """Delete a package unless some theme names it."""
        if digest and not any(theme.package == digest for theme in self._store.now.themes.values()):
            await self._blobs.delete(digest)
            log.info("package deleted", package=digest)


async def _tried(package: bytes) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.gateway.theme_trial",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # It opens strangers' files, and needs to know nothing of ours.
        env={key: value for key, value in os.environ.items() if not key.startswith("ROSTRUM_")},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate(package)
        return msgspec.json.decode(output, type=str) if process.returncode == 0 else DAMAGED
    except (TimeoutError, msgspec.MsgspecError):
        return DAMAGED
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
