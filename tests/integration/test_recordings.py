"""Recordings after they were made: shown, played, deleted over HTTP; measured, kept, uploaded."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import httpx
import msgspec
import numpy as np
import pytest
from nats.aio.client import Client

from kit.boot import Jobs
from kit.config import BadConfig
from kit.kv import Bucket
from kit.objects import ObjectStore, StoreConfig, StoreError
from kit.secrets import Secret
from proto import subjects
from proto.base import encode
from proto.recording import Mark, Part, Recording, decode_recording
from services.rtmp_egress.archive.archive import Archive
from services.rtmp_egress.archive.catalogue import Catalogue
from services.rtmp_egress.archive.files import Files
from services.rtmp_egress.archive.keeper import ABANDONED, Keeper
from services.rtmp_egress.archive.retention import Retention
from tests.support.gateway import gateway
from tests.support.s3 import BUCKET, KEYS, S3, s3_server

pytestmark = pytest.mark.nats

OURS = "/api/rostrum/v1"
NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
CONTENT = bytes(range(256)) * 4000

replace = msgspec.structs.replace


def recording(ident: str, **more: object) -> Recording:
    one = Recording(
        ident,
        ident.partition(".")[0],
        "hall-1",
        "Town Hall",
        "i1",
        "presentation" if "." in ident else "single",
        "here",
        state="complete",
        name="talk",
        started_at=NOW - timedelta(hours=1),
        ended_at=NOW,
        marks=[Mark(0, "start", "Start")],
        parts=[Part(1, "talk-001.mp4", 0.0, 60.0, len(CONTENT), ended=True, host="here")],
    )
    return replace(one, **more)


def put_file(root: Path, ident: str, content: bytes = CONTENT) -> Path:
    file = root / ident / "talk-001.mp4"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if true():
                return
            await asyncio.sleep(0.01)


async def shows(http: httpx.AsyncClient, field: str) -> None:
    """Wait until the gateway knows that of the first part."""
    async with asyncio.timeout(10):
        while True:
            answer = await http.get(f"{OURS}/recordings/p1/")
            if answer.json()["parts"][0][field]:
                return
            await asyncio.sleep(0.01)


class Desk:
    """The catalogue, and a keeper who does what there is to do when told."""

    def __init__(self, catalogue: Catalogue, bucket: Bucket, keeper: Keeper, root: Path) -> None:
        self.catalogue = catalogue
        self.bucket = bucket
        self.keeper = keeper
        self.root = root

    async def add(self, one: Recording) -> None:
        await self.bucket.put(one.recording, encode(one))
        await until(lambda: self.catalogue.known.get(one.recording) == one)

    async def stored(self, ident: str) -> Recording | None:
        entry = await self.bucket.get(ident)
        return decode_recording(entry.value) if entry and entry.value else None


@asynccontextmanager
async def desk(
    nc: Client,
    root: Path,
    store: ObjectStore | None = None,
    retention: Retention = Retention(),  # noqa: B008, it is frozen
) -> AsyncIterator[Desk]:
    bucket = await Bucket.ensure(nc.jetstream(), subjects.RECORDINGS)
    catalogue, files = Catalogue(bucket, bucket.watch()), Files(root)
    archive = Archive(catalogue, files, "here", now=lambda: NOW, clock=time.monotonic)
    keeper = Keeper(catalogue, archive, files, store, retention, "here", now=lambda: NOW)
    async with Jobs(asyncio.Event()) as group:
        group.create_task(catalogue.follow())
        await catalogue.ready()
        yield Desk(catalogue, bucket, keeper, root)
        await group.stop()


async def test_a_recording_is_listed_and_played_in_ranges(nc: Client, tmp_path: Path) -> None:
    put_file(tmp_path, "p1")
    async with desk(nc, tmp_path) as one, gateway(nc, recordings_dir=str(tmp_path)) as http:
        await one.add(recording("p1"))
        await one.add(recording("p1.presentation"))
        await one.keeper.round()
        await shows(http, "sha256")
        listed = (await http.get(f"{OURS}/recordings/")).json()["recordings"]
        shown = (await http.get(f"{OURS}/recordings/p1/")).json()
        assert {r["recording"] for r in listed} == {"p1", "p1.presentation"}
        assert (await http.get(f"{OURS}/recordings/?conference=x")).json() == {"recordings": []}
        assert (shown["other"], shown["seconds"], shown["name"]) == ("p1.presentation", 60, "talk")
        [part] = shown["parts"]
        assert part["sha256"] == hashlib.sha256(CONTENT).hexdigest()

        whole = await http.get(part["url"])
        assert (whole.status_code, whole.content) == (200, CONTENT)
        assert whole.headers["content-type"] == "video/mp4"
        assert whole.headers["accept-ranges"] == "bytes"
        some = await http.get(part["url"], headers={"Range": "bytes=1000-1999"})
        assert (some.status_code, some.content) == (206, CONTENT[1000:2000])
        assert some.headers["content-range"] == f"bytes 1000-1999/{len(CONTENT)}"
        tag = whole.headers["etag"]
        same = await http.get(part["url"], headers={"Range": "bytes=0-9", "If-Range": tag})
        other = await http.get(part["url"], headers={"Range": "bytes=0-9", "If-Range": '"old"'})
        assert (same.status_code, other.status_code) == (206, 200)
        behind = await http.get(part["url"], headers={"Range": "bytes=9999999-"})
        assert behind.status_code == 416
        kept = await http.get(f"{part['url']}?download=1")
        assert kept.headers["content-disposition"] == 'attachment; filename="talk-001.mp4"'
        told = await http.get(f"{OURS}/recordings/p1/chapters.vtt?part=1")
        assert told.text.startswith("WEBVTT\n\n00:00:00.000 --> 00:01:00.000\nStart")
        for path in ("p2/", "p1/parts/2/", "p1/chapters.vtt?part=9", "..%2f..%2fetc/"):
            assert (await http.get(f"{OURS}/recordings/{path}")).status_code == 404
        lost = await http.get(f"{OURS}/recordings/p1.presentation/parts/1/")
        assert lost.status_code == 404
        assert "machine where it was recorded" in lost.text


async def test_who_may_look_only_plays_and_deletes_nothing(nc: Client, tmp_path: Path) -> None:
    put_file(tmp_path, "p1")
    admin = {"Authorization": "Bearer letmein-letmein"}
    async with (
        desk(nc, tmp_path) as one,
        gateway(nc, recordings_dir=str(tmp_path), admin_token=Secret("letmein-letmein")) as http,
    ):
        await one.add(recording("p1"))
        body = {"name": "viewer", "access": "read-only"}
        made = await http.post(f"{OURS}/users/", json=body, headers=admin)
        viewer = {"Authorization": f"Bearer {made.json()['token']}"}
        assert (await http.get(f"{OURS}/recordings/")).status_code == 401
        assert (await http.get(f"{OURS}/me/", headers=viewer)).json() == {"access": "read-only"}
        assert (await http.get(f"{OURS}/me/", headers=admin)).json() == {"access": "read-write"}
        played = await http.get(f"{OURS}/recordings/p1/parts/1/", headers=viewer)
        assert played.content == CONTENT
        refused = await http.delete(f"{OURS}/recordings/p1/", headers=viewer)
        assert refused.status_code == 403
        path = f"{OURS}/conferences/town-hall/recordings/"
        assert (await http.post(path, json={}, headers=viewer)).status_code == 403


async def test_a_recording_is_deleted_with_its_files(nc: Client, tmp_path: Path) -> None:
    file = put_file(tmp_path, "p1")
    async with desk(nc, tmp_path) as one, gateway(nc, recordings_dir=str(tmp_path)) as http:
        await one.add(recording("p1"))
        await one.add(recording("p2", state="recording"))
        assert (await http.delete(f"{OURS}/recordings/p2/")).status_code == 409
        assert (await http.delete(f"{OURS}/recordings/p3/")).status_code == 404
        assert (await http.delete(f"{OURS}/recordings/p1/")).status_code == 204
        await until(lambda: one.catalogue.known["p1"].state == "deleting")
        await one.keeper.round()
        assert not file.parent.exists()
        assert await one.stored("p1") is None
        assert await one.stored("p2") is not None


async def test_one_click_records_and_a_second_one_does_not(nc: Client) -> None:
    async with gateway(nc) as http:
        body = {"name": "Town Hall", "aliases": [{"alias": "town-hall"}]}
        await http.post("/api/admin/configuration/v1/conference/", json=body)
        path = f"{OURS}/conferences/town-hall/recordings/"
        bad = await http.post(path, json={"name": "../x"})
        assert (bad.status_code, list(bad.json()["recording"])) == (400, ["name"])
        made = await http.post(path, json={"slides": True})
        assert made.status_code == 201, made.text
        again = await http.post(path, json={})
        assert again.status_code == 409
        view = (await http.get(f"{OURS}/conferences/town-hall/")).json()
        [call] = view["participants"]
        assert call["participant"] == made.json()["participant"]
        assert (call["is_recording"], call["is_streaming"]) == (True, False)
        assert call["destination"]["url"] == "record://"
        status = (await http.get("/api/admin/status/v1/participant/")).json()["objects"]
        assert [(s["protocol"], s["is_recording"]) for s in status] == [("RECORD", True)]
        await http.delete(f"{OURS}/conferences/town-hall/participants/{call['participant']}/")
        past = (await http.get("/api/admin/history/v1/participant/")).json()["objects"]
        assert [(p["protocol"], p["is_recording"]) for p in past] == [("RECORD", True)]


def cut_file(path: Path, seconds: int = 4) -> None:
    """As one is whose process was killed: in fragments, the last of them half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
    ours = {"g": "30", "bf": "0", "sc_threshold": "0"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=30, options=ours)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(seconds * 30):
            shade = np.full((48, 64, 3), n % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shade, "rgb24")))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"moof") + 400])
    os.utime(path, (0, 0))  # long ago


async def test_a_recording_that_nobody_finished_is(nc: Client, tmp_path: Path) -> None:
    """Its worker died and no other took over: what there is gets its length and its checksum."""
    file = tmp_path / "p1" / "talk-001.mp4"
    cut_file(file)
    open_part = Part(1, "talk-001.mp4", 0.0, host="here")
    alive = NOW - timedelta(seconds=ABANDONED - 1)
    gone = NOW - timedelta(seconds=ABANDONED + 1)
    made = {"state": "recording", "parts": [open_part], "ended_at": None}
    async with desk(nc, tmp_path) as one:
        await one.add(recording("p1", seen_at=gone, **made))
        await one.add(recording("p2", seen_at=alive, **made))
        await one.add(recording("p3", seen_at=gone, host="there", **made))
        await one.keeper.round()
        await one.keeper.round()
        finished = await one.stored("p1")
        others = [await one.stored(ident) for ident in ("p2", "p3")]

    assert finished is not None
    [part] = finished.parts
    assert (finished.state, finished.code, part.cut) == ("complete", "worker-lost", True)
    assert part.seconds == 3.0
    assert part.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    with av.open(str(file)) as container:
        assert len(list(container.decode(video=0))) == 90
    manifest = msgspec.json.decode((tmp_path / "p1" / "manifest.json").read_bytes())
    assert (manifest["type"], manifest["state"]) == ("recording.v1", "complete")
    assert [other.state for other in others if other] == ["recording", "recording"]


async def test_retention_deletes_what_is_too_old(nc: Client, tmp_path: Path) -> None:
    old, new = put_file(tmp_path, "old"), put_file(tmp_path, "new")
    async with desk(nc, tmp_path, retention=Retention(days=14)) as one:
        await one.add(recording("old", ended_at=NOW - timedelta(days=15)))
        await one.add(recording("new"))
        await one.keeper.round()
        await one.keeper.round()
        assert (old.exists(), new.exists()) == (False, True)
        assert await one.stored("old") is None


def store_of(server: S3) -> ObjectStore:
    config = StoreConfig(store_url=f"s3://{BUCKET}/kept", store_endpoint=server.endpoint)
    store = ObjectStore.of(config, KEYS)
    assert store is not None
    return store


async def test_what_is_uploaded_is_played_from_the_store_and_deleted_there(
    nc: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    large = bytes(range(256)) * 90_000  # 23 MB: uploaded in parts
    put_file(tmp_path, "p1", large)
    with s3_server() as server:
        settings: dict[str, Any] = {
            "store_url": f"s3://{BUCKET}/kept",
            "store_endpoint": server.endpoint,
        }
        async with desk(nc, tmp_path, store_of(server)) as one, gateway(nc, **settings) as http:
            await one.add(recording("p1", parts=[replace(recording("p1").parts[0], size=0)]))
            await one.keeper.round()
            known = await one.stored("p1")
            assert known is not None
            assert known.parts[0].stored
            assert not (tmp_path / "p1").exists()
            assert server.keys() == [
                "kept/p1/chapters.vtt",
                "kept/p1/manifest.json",
                "kept/p1/talk-001.mp4",
            ]
            assert server.get("kept/p1/talk-001.mp4") == large
            assert server.json("kept/p1/manifest.json")["parts"][0]["stored"]
            await shows(http, "stored")
            asked = {"Range": "bytes=20000000-20000099"}
            some = await http.get(f"{OURS}/recordings/p1/parts/1/", headers=asked)
            assert (some.status_code, some.content) == (206, large[20_000_000:20_000_100])

            assert (await http.delete(f"{OURS}/recordings/p1/")).status_code == 204
            await until(lambda: one.catalogue.known["p1"].state == "deleting")
            await one.keeper.round()
            assert server.keys() == []
            assert await one.stored("p1") is None


async def test_a_store_that_is_away_is_tried_again_and_nothing_is_lost(
    nc: Client, tmp_path: Path
) -> None:
    file = put_file(tmp_path, "p1")
    server = S3()
    wrong = ObjectStore.of(
        StoreConfig(store_url="s3://nowhere-such/kept", store_endpoint=server.endpoint), KEYS
    )
    assert wrong is not None
    server.start()
    try:
        async with desk(nc, tmp_path, wrong) as one:
            await one.add(recording("p1"))
            await one.keeper.round()
            known = await one.stored("p1")
            assert known is not None
            assert not known.parts[0].stored
            assert file.read_bytes() == CONTENT
            assert one.keeper.waiting() == 1
            await one.keeper.emptied(0)
        async with desk(nc, tmp_path, store_of(server)) as one:
            await one.keeper.round()
            async with asyncio.timeout(20):
                await one.keeper.emptied(3600)
            assert one.catalogue.known["p1"].parts[0].stored
            assert server.get("kept/p1/talk-001.mp4") == CONTENT
    finally:
        server.stop()


async def test_what_a_store_says_is_not_told_on(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    with s3_server() as server:
        config = StoreConfig(store_url="s3://CANARY/kept", store_endpoint=server.endpoint)
        store = ObjectStore.of(config, KEYS)
        assert store is not None
        with pytest.raises(StoreError) as told:
            await store.put("a", file)
    assert "CANARY" not in str(told.value)
    assert told.value.__cause__ is None


def test_credentials_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    config = StoreConfig(store_url="s3://b", store_credentials_file=str(file))
    with pytest.raises(BadConfig):
        ObjectStore.of(config, {})
    file.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b%c\n")
    assert ObjectStore.of(config, {}) is not None
    assert ObjectStore.of(StoreConfig(), KEYS) is None
    with pytest.raises(BadConfig):
        ObjectStore.of(StoreConfig(store_url="ftp://b"), KEYS)
