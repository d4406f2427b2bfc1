"""nginx with its rtmp module: where it is, and how it is told what `cli.ingest` wants of it."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from string import Template

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


def rooms(directory: Path) -> tuple[Path, Path]:
    """Where recordings and HLS go."""
    return directory / "recordings", directory / "hls"


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
    recordings, hls = rooms(directory)
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
