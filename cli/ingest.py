"""A local RTMP server to stream to: nginx with its rtmp module, or libav's listener in its place.

It records what it gets as FLV and offers it as HLS, both in directories. For demonstrations and
tests; run as `python -m cli.ingest DIRECTORY --port 1935` it stays in the foreground.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

from cli.nginx import IngestError, TlsFiles, find_nginx, nginx_command, rooms

__all__ = ["Ingest", "IngestError", "TlsFiles", "find_nginx", "free_port", "start_ingest"]

APP = "live"

LIBAV_STREAM = "demo"
"""libav does not tell the stream key, so what it receives always bears this name."""

START_TIMEOUT = 10.0
"""Seconds; nginx takes 0.1, Python with libav up to two on a busy machine."""

STOP_TIMEOUT = 5.0
"""Seconds from asking to killing."""

ATTEMPTS = 3
"""Somebody else may take a free port between finding and using it."""


class Ingest:
    """A running server. `kind` says which; recordings are `KEY-*.flv`, HLS is `KEY.m3u8`."""

    def __init__(
        self,
        kind: Literal["nginx", "libav"],
        directory: Path,
        port: int,
        tls_port: int | None,
        process: subprocess.Popen[bytes],
    ) -> None:
        self.kind = kind
        self.directory = directory
        self.recordings, self.hls = rooms(directory)
        self.log = directory / "ingest.log"
        self.port = port
        self.tls_port = tls_port
        self.process = process

    def url(self, key: str = LIBAV_STREAM) -> str:
        return f"rtmp://127.0.0.1:{self.port}/{APP}/{key}"

    def tls_url(self, key: str = LIBAV_STREAM, host: str = "localhost") -> str:
        assert self.tls_port is not None, "started without a certificate"
        return f"rtmps://{host}:{self.tls_port}/{APP}/{key}"

    def recorded(self, key: str) -> list[Path]:
        """What was recorded under `key`, oldest first."""
        return sorted(
            self.recordings.glob(f"{key}-[0-9]*.flv"), key=lambda path: path.stat().st_mtime
        )

    def stop(self) -> None:
        """Stop it; what was received is on disk then."""
        if self.process.poll() is None:
            # To nginx SIGTERM is a fast shutdown that still ends recordings properly.
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it as a power failure would."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_ingest(
    directory: Path,
    port: int = 0,
    *,
    tls: TlsFiles | None = None,
    tls_port: int = 0,
    host: str = "127.0.0.1",
    prefer: Literal["nginx", "libav"] = "nginx",
) -> Ingest:
    """Start a server in `directory` and return once it listens; port 0 is any free one.

    nginx where it is to be had, otherwise libav's listener (one publisher at a time, no rtmps).
    """
    for left in reversed(range(ATTEMPTS)):
        wanted = port or free_port(host)
        secure = (tls_port or free_port(host)) if tls is not None else None
        try:
            return _start(directory, wanted, tls, secure, host, prefer)
        except IngestError:
            if port or not left:
                raise
    raise AssertionError("the last attempt returns or raises")


def _start(
    directory: Path,
    port: int,
    tls: TlsFiles | None,
    tls_port: int | None,
    host: str,
    prefer: Literal["nginx", "libav"],
) -> Ingest:
    directory = directory.resolve()
    for room in rooms(directory):
        room.mkdir(parents=True, exist_ok=True)
    for wanted in (port, tls_port):
        # nginx would go on trying for seconds while its neighbour answers in its place.
        if wanted is not None and _listens(host, wanted):
            raise IngestError(f"port {wanted} is taken by another program")
    found = find_nginx() if prefer == "nginx" else None
    kind: Literal["nginx", "libav"]
    if found is not None:
        kind, command = "nginx", nginx_command(found, directory, port, tls, tls_port, host)
        listening = _answers
    elif tls is not None:
        raise IngestError("rtmps needs nginx with its rtmp and stream modules")
    else:
        kind, command = "libav", libav_command(directory, port, host)
        listening = _listens
    with (directory / "ingest.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    ingest = Ingest(kind, directory, port, tls_port, process)
    try:
        _wait(ingest, host, listening)
    except BaseException:
        ingest.kill()
        raise
    return ingest


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


def _wait(ingest: Ingest, host: str, listening: Callable[[str, int], bool]) -> None:
    end = time.monotonic() + START_TIMEOUT
    ports = [port for port in (ingest.port, ingest.tls_port) if port is not None]
    while not all(listening(host, port) for port in ports):
        if ingest.process.poll() is not None:
            raise IngestError(f"{ingest.kind} did not start, see {ingest.log}")
        if time.monotonic() > end:
            raise IngestError(f"{ingest.kind} does not listen after {START_TIMEOUT:g} s")
        time.sleep(0.02)


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), 1):
            return True
    except OSError:
        return False


def _listens(host: str, port: int) -> bool:
    """Like `_answers`, for a listener that takes one connection only and would waste it on us."""
    with socket.socket() as sock:
        # With SO_REUSEADDR a port can be bound twice, but not where somebody listens.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError:
            return True
        return False


def libav_command(directory: Path, port: int, host: str = "127.0.0.1") -> list[str]:
    """What runs libav's listener in the foreground."""
    module = "cli.ingest"
    return [
        sys.executable,
        "-m",
        module,
        str(directory),
        "--port",
        str(port),
        "--host",
        host,
        "--libav",
    ]


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m cli.ingest", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--port", type=int, default=1935)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--libav", action="store_true", help="libav's listener, not nginx")
    given = parser.parse_args()
    directory = given.directory.resolve()
    for room in rooms(directory):
        room.mkdir(parents=True, exist_ok=True)
    nginx = None if given.libav else find_nginx()
    if nginx is not None:
        command = nginx_command(nginx, directory, given.port, host=given.host)
        os.execv(command[0], command)
    # A listener waits in native code, where no Python signal handler runs.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cli.listener import listen  # libav is not needed where nginx is

    recordings, hls = rooms(directory)
    listen(f"rtmp://{given.host}:{given.port}/{APP}", recordings, hls, LIBAV_STREAM)


if __name__ == "__main__":
    _main()
