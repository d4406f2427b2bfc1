"""What a participant's media may be: a URL that libav reads, or a file that is media."""

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from kit.urls import check_url, scheme_of

SCHEMES = frozenset({"rtsp", "rtsps", "srt", "rtmp", "rtmps", "http", "https"})

OURS = ("ROSTRUM_", "AWS_")
"""Beginnings of variables that hold what is ours."""

PROBE_PATIENCE = 10.0
"""Seconds for a look into a file; a sound one takes half a second, most of it Python's start."""


async def wrong_with(media: str, *, allow_files: bool) -> str | None:
    """Why `media` cannot be read, in words that hold nothing of it; None if it can be."""
    path = media.removeprefix("file://") if scheme_of(media) == "file" else media
    if not path.startswith("/"):
        # Who listens for SRT need not say where: `srt://:9000?mode=listener`.
        here = media.lower().startswith("srt://:")
        return check_url(media.replace("://", "://0.0.0.0", 1) if here else media, SCHEMES)
    if not allow_files:
        return "is a file of the server; only addresses are allowed here"
    if not path.isprintable():
        return "contains control characters"
    return _wrong_with_file(Path(path)) or await _probe(path)


def _wrong_with_file(file: Path) -> str | None:
    try:
        if not file.is_file():
            return "is not a file that exists"
    except (OSError, ValueError):
        return "is not a file that exists"
    return None if os.access(file, os.R_OK) else "is a file that cannot be read"


async def _probe(path: str) -> str | None:
    """Open the file in a child process: what is in it is nobody's word yet."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.gateway.probe",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # It opens strangers' files, and needs to know nothing of ours.
        env={key: value for key, value in os.environ.items() if not key.startswith(OURS)},
    )
    try:
        async with asyncio.timeout(PROBE_PATIENCE):
            output, _ = await process.communicate(msgspec.json.encode(path))
    except TimeoutError:
        process.kill()
        await process.wait()
        return "is a file that could not be opened in time"
    return None if output.strip() == b"media" else "is not a file with picture or sound"
