"""The page, what it plays, and what orchestrators ask."""

import asyncio
import re
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from litestar import get
from litestar.response import Response

from services.gateway.config import Config
from services.gateway.core.manual import page
from services.gateway.core.openapi import document
from services.gateway.given import Word
from services.gateway.problems import json
from services.gateway.store import NoSuchResource

VERSION = metadata.version("rostrum")

STATIC = Path(__file__).parents[2] / "web" / "static"

HLS_FILE = re.compile(r"(?:[A-Za-z0-9_-]{1,128}/){0,2}[A-Za-z0-9_.-]{1,160}\.(?:m3u8|ts|m4s|mp4)")

TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ts": "video/mp2t",
}


def pages(config: Config, is_ready: Callable[[], bool]) -> list[Any]:
    hls = Path(config.hls_dir) if config.hls_dir else None

    @get("/")
    async def index() -> Response[bytes]:
        return await _file(STATIC, "index.html")

    @get("/{path:path}")
    async def static(path: Word) -> Response[bytes]:
        return await _file(STATIC, path.lstrip("/"))

    @get("/hls/{path:path}")
    async def media(path: Word) -> Response[bytes]:
        name = path.lstrip("/")
        if hls is None or not HLS_FILE.fullmatch(name):
            raise NoSuchResource
        return await _file(hls, name)

    @get("/web-config.json", sync_to_thread=False)
    def web_config() -> Response[bytes]:
        """`hls` is a template: `{alias}` is the conference's first alias."""
        return json({"hls": f"/hls/{config.hls_name}.m3u8" if hls else None})

    described = document(VERSION)
    manual = page(described).encode()

    @get("/schema", sync_to_thread=False)
    def schema() -> Response[bytes]:
        """The API for people."""
        return Response(manual, media_type=TYPES[".html"], headers={"Cache-Control": "no-cache"})

    @get("/schema/openapi.json", sync_to_thread=False)
    def openapi() -> Response[bytes]:
        """The API for programs."""
        return json(described)

    @get("/health/live", sync_to_thread=False)
    def alive() -> Response[bytes]:
        return json({"status": "live"})

    @get("/health/ready", sync_to_thread=False)
    def ready() -> Response[bytes]:
        return json({"status": "ready"}) if is_ready() else json({"status": "starting"}, 503)

    return [index, static, media, web_config, schema, openapi, alive, ready]


async def _file(root: Path, name: str) -> Response[bytes]:
    """A file below `root`; never one outside, wherever links or dots lead."""
    body = await asyncio.to_thread(_read, root, name)
    headers = {"Cache-Control": "no-cache"}
    return Response(body, media_type=TYPES[Path(name).suffix], headers=headers)


def _read(root: Path, name: str) -> bytes:
    if Path(name).suffix not in TYPES:
        raise NoSuchResource
    try:
        file = (root / name).resolve()
        if not file.is_relative_to(root.resolve()):
            raise NoSuchResource
        return file.read_bytes()
    except (OSError, ValueError) as exc:
        raise NoSuchResource from exc
