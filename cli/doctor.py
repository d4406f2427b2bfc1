"""`rostrum doctor`: what is here, what is missing, and how to get it."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import typer

from cli.place import running_data

ENCODERS = ("h264_nvenc", "h264_qsv", "h264_amf", "h264_v4l2m2m", "libx264")
"""Best first, as rtmp_egress tries them."""

PORTS = {8080: "the page and the API", 1935: "the RTMP server of the demonstration", 4222: "NATS"}

ENOUGH_MEMORY = 1_000_000_000
"""Bytes: a conference of eight and its stream take about half of that."""

SBIN = "/usr/sbin:/usr/local/sbin:/usr/local/bin"


class Finding(NamedTuple):
    what: str
    fine: bool
    detail: str
    remedy: str = ""
    needed: bool = True


def cluster_findings(passwords: Path | None, monitor: str) -> Iterator[Finding]:
    """Of the cluster whose bus the environment names. Raises Failure."""
    from cli import bus
    from cli.cluster.gather import gather
    from cli.cluster.judge import judge

    config = bus.settings()
    if passwords is None and "ROSTRUM_NATS_URL" not in os.environ:
        passwords = running_data() / "passwords"
    return judge(asyncio.run(gather(config, bus.sealer(), passwords, monitor)))


def tell(findings: list[Finding], *, as_json: bool = False, wrong: str = "missing") -> int:
    """Print all findings; 1 if something that is needed is `wrong`."""
    missing = [finding.what for finding in findings if finding.needed and not finding.fine]
    if as_json:
        told = {"fine": not missing, "findings": [finding._asdict() for finding in findings]}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return 1 if missing else 0
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        mark = "ok" if finding.fine else wrong.upper() if finding.needed else "note"
        typer.echo(f"{mark:<7}  {finding.what:<{width}}  {finding.detail}")
        if not finding.fine and finding.remedy:
            typer.echo(f"{'':9}{'':{width}}  → {finding.remedy}")
    end = f"{wrong.capitalize()}: {', '.join(missing)}." if missing else "All is well."
    typer.echo(f"\n{end}")
    return 1 if missing else 0


def examine() -> Iterator[Finding]:
    yield _python()
    yield _nats_server()
    yield _nginx()
    yield from _libav()
    yield _srt()
    for port, use in PORTS.items():
        yield _port(port, use)
    yield from _reach()
    yield _memory()


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _nats_server() -> Finding:
    binary = shutil.which("nats-server") or shutil.which("nats-server", path=SBIN)
    remedy = "apt install nats-server, or the binary from https://nats.io/download"
    if binary is None:
        return Finding("nats-server", False, "not found", remedy)
    said = subprocess.run([binary, "-v"], capture_output=True, text=True, check=False)
    return Finding(
        "nats-server", said.returncode == 0, (said.stdout or said.stderr).strip(), remedy
    )


def _nginx() -> Finding:
    from cli.ingest import find_nginx

    found = find_nginx()
    remedy = (
        "apt install nginx libnginx-mod-rtmp; without it the demonstration's stream goes to a"
        " simple listener"
    )
    detail = f"{found.binary}, with the rtmp module" if found else "no nginx with the rtmp module"
    return Finding("nginx", found is not None, detail, remedy, needed=False)


def _libav() -> Iterator[Finding]:
    remedy = "pip install 'rostrum[mixer,rtmp-egress]'"
    try:
        import av
    except ImportError:
        yield Finding("libav", False, "PyAV is not installed", remedy)
        return
    codec = ".".join(map(str, av.library_versions["libavcodec"]))
    yield Finding("libav", True, f"PyAV {metadata.version('av')}, libavcodec {codec}")
    working = [name for name in ENCODERS if encodes(name)]
    yield Finding("H.264 encoder", bool(working), ", ".join(working) or "none works here", remedy)
    yield Finding("AAC encoder", encodes_sound(), "aac", remedy)


def encodes(name: str) -> bool:
    """Whether a frame goes into the encoder and a packet comes out: the only proof there is."""
    import av
    from av.video.codeccontext import VideoCodecContext

    av.logging.set_level(None)
    try:
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = 640, 360, "yuv420p"
        context.time_base = Fraction(1, 30)
        frame = av.VideoFrame(640, 360, "yuv420p")
        frame.pts = 0
        return bool([*context.encode(frame), *context.encode(None)])
    except (av.FFmpegError, ValueError, OSError):
        return False


def encodes_sound() -> bool:
    import av

    try:
        av.CodecContext.create("aac", "w")
    except (av.FFmpegError, ValueError):
        return False
    return True


def _srt() -> Finding:
    from kit import libsrt

    remedy = "apt install libsrt1.5-gnutls; without it nobody can take part by srt://"
    try:
        return Finding("SRT", True, f"libsrt found, {libsrt.version()}", needed=False)
    except OSError:
        return Finding("SRT", False, "libsrt absent", remedy, needed=False)


def _reach() -> Iterator[Finding]:
    from cli import reach

    return reach.examine()


def _port(port: int, use: str) -> Finding:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            remedy = "free it, or choose another with --port or --rtmp-port"
            return Finding(f"port {port}", False, f"taken; usual for {use}", remedy, needed=False)
    return Finding(f"port {port}", True, f"free, for {use}")


def _memory() -> Finding:
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return Finding("memory", True, "cannot be told", needed=False)
    detail = f"{free / 1e9:.1f} GB free, {os.cpu_count()} processors"
    return Finding("memory", free >= ENOUGH_MEMORY, detail, "close something", needed=False)
