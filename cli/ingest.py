"""A local RTMP server to stream to: nginx with its rtmp module, or libav's listener in its place.

It records what it gets as FLV and offers it as HLS, both in directories. For demonstrations and
tests; run as `python -m cli.ingest DIRECTORY --port 1935` it stays in the foreground.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Literal, Self

import msgspec

TEMPLATE = Path(__file__).resolve().parent.parent / "deploy" / "nginx" / "rtmp.conf"

SEARCH = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/local/nginx/sbin"
"""Where nginx lives; the first is often missing from an ordinary user's PATH."""

MODULES = (
    "/usr/lib/nginx/modules",
    "/usr/lib64/nginx/modules",
    "/usr/share/nginx/modules",
    "/usr/local/lib/nginx/modules",
)

APP = "live"

LIBAV_STREAM = "demo"
"""libav does not tell the stream key, so what it receives always bears this name."""

START_TIMEOUT = 10.0
"""Seconds; nginx takes 0.1, Python with libav up to two on a busy machine."""

STOP_TIMEOUT = 5.0
"""Seconds from asking to killing."""

ATTEMPTS = 3
"""Somebody else may take a free port between finding and using it."""


class IngestError(Exception):
    """The server cannot be started; says what stood in the way."""


class TlsFiles(msgspec.Struct, frozen=True):
    """PEM files of a server's certificate (chain) and its key."""

    certificate: Path
    key: Path


class Nginx(msgspec.Struct, frozen=True):
    """What of nginx is installed."""

    binary: str
    rtmp: str
    "What loads the rtmp module: a `load_module` line, or nothing where it is built in."
    stream: str | None
    "The same of the stream module, which rtmps needs; None: not there."


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
        self.recordings, self.hls = _rooms(directory)
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
    for room in _rooms(directory):
        room.mkdir(parents=True, exist_ok=True)
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


def _rooms(directory: Path) -> tuple[Path, Path]:
    return directory / "recordings", directory / "hls"


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
    if ingest.process.poll() is not None:
        raise IngestError(f"port {ingest.port} belongs to something else, see {ingest.log}")


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), 1):
            return True
    except OSError:
        return False


def _listens(host: str, port: int) -> bool:
    """Like `_answers`, for a listener that takes one connection only and would waste it on us."""
    with socket.socket() as sock:
        # Without SO_REUSEADDR a socket cannot be bound where another one listens.
        try:
            sock.bind((host, port))
        except OSError:
            return True
        return False


# What runs nginx.


def find_nginx() -> Nginx | None:
    """nginx with an rtmp module, if there is one."""
    binary = shutil.which("nginx") or shutil.which("nginx", path=SEARCH)
    if binary is None:
        return None
    about = subprocess.run([binary, "-V"], capture_output=True, text=True, check=False).stderr
    rtmp = _module(about, "ngx_rtmp_module.so", r"nginx-rtmp-module(?!\S*\.so)")
    stream = _module(about, "ngx_stream_module.so", r"--with-stream(?=\s|$)")
    return Nginx(binary, rtmp, stream) if rtmp is not None else None


def _module(about: str, name: str, built_in: str) -> str | None:
    """How to load a module; an empty text where it is there already."""
    for directory in (*re.findall(r"--modules-path=(\S+)", about), *MODULES):
        path = Path(directory) / name
        if path.exists():
            return f"load_module {path};"
    return "" if re.search(built_in, about) else None


def nginx_command(
    nginx: Nginx,
    directory: Path,
    port: int,
    tls: TlsFiles | None = None,
    tls_port: int | None = None,
    host: str = "127.0.0.1",
) -> list[str]:
    """Write the configuration and return what runs nginx with it in the foreground."""
    if tls is not None and nginx.stream is None:
        raise IngestError("rtmps needs nginx's stream module (Debian: libnginx-mod-stream)")
    recordings, hls = _rooms(directory)
    text = Template(TEMPLATE.read_text()).substitute(
        modules="\n".join(filter(None, [nginx.rtmp, nginx.stream if tls else ""])),
        # Only root may say so; without it root's nginx would write as nobody.
        user="user root;" if os.geteuid() == 0 else "",
        directory=_quoted(directory),
        recordings=_quoted(recordings),
        hls=_quoted(hls),
        host=host,
        port=port,
        tls=_stream_block(tls, tls_port, host, port) if tls is not None else "",
    )
    conf = directory / "nginx.conf"
    conf.write_text(text)
    return [nginx.binary, "-p", str(directory), "-c", str(conf), "-e", "stderr"]


def _stream_block(tls: TlsFiles, tls_port: int | None, host: str, port: int) -> str:
    return (
        "stream {\n"
        "    server {\n"
        f"        listen {host}:{tls_port} ssl;\n"
        f"        ssl_certificate {_quoted(tls.certificate.resolve())};\n"
        f"        ssl_certificate_key {_quoted(tls.key.resolve())};\n"
        "        ssl_protocols TLSv1.2 TLSv1.3;\n"
        f"        proxy_pass {host}:{port};\n"
        "    }\n"
        "}\n"
    )


def _quoted(path: Path) -> str:
    text = str(path)
    if re.search(r"[\s;{}\"'$\\]", text):
        raise IngestError("nginx cannot be told of a path with spaces or punctuation in it")
    return text


# What stands in where nginx is not to be had.


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
    for room in _rooms(directory):
        room.mkdir(parents=True, exist_ok=True)
    nginx = None if given.libav else find_nginx()
    if nginx is not None:
        command = nginx_command(nginx, directory, given.port, host=given.host)
        os.execv(command[0], command)
    # A listener waits in native code, where no Python signal handler runs.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cli.listener import listen  # libav is not needed where nginx is

    recordings, hls = _rooms(directory)
    listen(f"rtmp://{given.host}:{given.port}/{APP}", recordings, hls, LIBAV_STREAM)


if __name__ == "__main__":
    _main()
