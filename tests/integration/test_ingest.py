"""The local RTMP server, in both its kinds."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Literal

import av
import pytest

from cli.ingest import LIBAV_STREAM, Ingest, IngestError, TlsFiles, find_nginx, start_ingest
from services.rtmp_egress.media.publisher import Publisher, PushError
from tests.support.tags import Tag, assert_complete, make_tags, publish, target

Kind = Literal["nginx", "libav"]

KINDS = [pytest.param("nginx", marks=pytest.mark.nginx), "libav"]


@pytest.fixture(scope="module")
def tags() -> list[Tag]:
    return make_tags()


async def publish_when_free(server: Ingest, tags: list[Tag]) -> None:
    """Publish as soon as the server takes it: libav's listens anew after each publisher."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await publish(Publisher(target(server.url())), tags)
            except PushError as error:
                if error.code != "connect-refused":
                    raise
                await asyncio.sleep(0.05)


async def until_complete(server: Ingest, count: int) -> None:
    """The recordings are complete a moment after the publisher has left."""
    async with asyncio.timeout(10):
        while True:
            recorded = server.recorded(LIBAV_STREAM)
            try:
                assert len(recorded) == count
                return assert_complete(recorded[-1])
            except (AssertionError, av.FFmpegError):
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_published_is_recorded_and_can_be_played(
    kind: Kind, tmp_path: Path, tags: list[Tag]
) -> None:
    with start_ingest(tmp_path, prefer=kind) as server:
        assert server.kind == kind
        await publish_when_free(server, tags)
        await until_complete(server, 1)
        playlist = server.hls / f"{LIBAV_STREAM}.m3u8"
        assert "#EXTINF" in playlist.read_text()
        segments = list(server.hls.glob("*.ts"))
        with av.open(str(segments[0])) as segment:
            assert next(segment.decode(video=0)).width == 320
    assert server.process.poll() is not None


async def test_libavs_listener_takes_one_publisher_after_another(
    tmp_path: Path, tags: list[Tag]
) -> None:
    with start_ingest(tmp_path, prefer="libav") as server:
        for count in (1, 2):
            await publish_when_free(server, tags)
            await until_complete(server, count)


@pytest.mark.parametrize("kind", KINDS)
def test_a_port_that_is_taken_is_told(kind: Kind, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(IngestError, match=f"port {port} is taken"):
            start_ingest(tmp_path, port, prefer=kind)


@pytest.mark.nginx
def test_a_server_that_does_not_start_is_told(tmp_path: Path) -> None:
    nothing = TlsFiles(tmp_path / "missing.pem", tmp_path / "missing.key")
    with pytest.raises(IngestError, match="did not start"):
        start_ingest(tmp_path, tls=nothing)


def test_tls_needs_nginx(tmp_path: Path) -> None:
    nothing = TlsFiles(tmp_path / "missing.pem", tmp_path / "missing.key")
    with pytest.raises(IngestError, match="needs nginx"):
        start_ingest(tmp_path, tls=nothing, prefer="libav")


@pytest.mark.nginx
def test_a_directory_that_nginx_cannot_be_told_of_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="spaces"):
        start_ingest(tmp_path / "a; directory")


@pytest.mark.nginx
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_can_run_nginx() -> None:
    assert find_nginx() is not None
    directory = Path("/tmp") / f"rostrum-ingest-{os.getpid()}"
    directory.mkdir(mode=0o777)
    os.chown(directory, 65534, 65534)
    program = (
        "import encodings.idna, os, sys\n"
        "from pathlib import Path\n"
        "from cli.ingest import start_ingest\n"
        # Only now: nobody may not read the interpreter's files, perhaps.
        "os.setgid(65534); os.setuid(65534)\n"
        "with start_ingest(Path(sys.argv[1])) as server: print(server.kind)"
    )
    try:
        ran = subprocess.run(
            [sys.executable, "-c", program, str(directory)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.stdout == "nginx\n", ran.stderr
        assert "user root" not in (directory / "nginx.conf").read_text()
    finally:
        shutil.rmtree(directory)
