"""A conference that a real mixer worker mixes, behind a real gateway."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from nats.aio.client import Client

from kit.eventlog import JetStreamLog
from kit.kv import Bucket
from proto import subjects
from proto.base import encode
from proto.scheduler import MixAssigned
from tests.support.clips import clip
from tests.support.gateway import gateway
from tests.support.services import environment, running

RED, YELLOW = (200, 30, 30), (190, 170, 40)
ONE = "/api/rostrum/v1/conferences/town-hall"


async def configured(http: httpx.AsyncClient) -> None:
    body = {"name": "Town Hall", "aliases": [{"alias": "town-hall"}]}
    made = await http.post("/api/admin/configuration/v1/conference/", json=body)
    assert made.status_code == 201


@asynccontextmanager
async def mixed(
    nc: Client, nats_url: str, tmp_path: Path, pids: list[int] | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Ann, red, with yellow slides, is in a conference that a mixer worker mixes; `pids` gets the
    worker's."""
    key = base64.b64encode(b"k" * 32).decode()
    env = environment(nats_url, tmp_path / "run") | {"ROSTRUM_SECRET_KEY": key}
    async with gateway(nc, allow_files=True, patience=60) as http:
        await configured(http)
        body = {
            "display_name": "Ann",
            "media": str(clip(tmp_path / "ann.mp4", colour=RED, level=0.3)),
            "presentation": str(
                clip(tmp_path / "slides.mp4", colour=YELLOW, size=(640, 480), audio=False)
            ),
        }
        joined = await http.post(f"{ONE}/participants/", json=body)
        assert joined.status_code == 201, joined.text
        async with running("services.mixer", env) as worker:
            if pids is not None:
                pids.append(worker.pid)
            await _assign(nc, (await http.get(f"{ONE}/")).json())
            yield http


async def _assign(nc: Client, conference: dict[str, str]) -> None:
    """What the scheduler does."""
    logs = await JetStreamLog.ensure_all(nc.jetstream())
    workers = await Bucket.ensure(nc.jetstream(), subjects.WORKERS, ttl=subjects.WORKERS_TTL)
    first = await anext(workers.watch("mixer.*").entries())
    worker, key = first.key.removeprefix("mixer."), conference["conference"]
    event = MixAssigned(datetime.now(UTC), key, conference["instance"], worker)
    await logs["scheduler"].append(
        subjects.events("scheduler", key), encode([event]), expected=None
    )
