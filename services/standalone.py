"""All services and a nats-server on one machine, under one supervisor, with data in one directory.

`python -m services.standalone --data DIR`; what it makes there:

    recordings/     what `record://…` kept, unless ROSTRUM_RECORDINGS_DIR says where
    secret.key      seals the stream URLs; without it, what was sealed cannot be opened
    nats.conf       loopback only; one user per service, with what it needs and no more
    nats.password   of the user `rostrum`, who may do everything: for the command line
    passwords/      one file per other user
    nats/           JetStream: events and configuration
    logs/           with --quiet, one file per program
    run/            sockets, `stack.json` (where the API is), `nats.url`; gone with the process
"""

import argparse
import asyncio
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import urllib.parse
from contextlib import ExitStack, suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import msgspec
import structlog

from kit import logs, natsconf, provision
from kit.config import BadConfig, from_env
from kit.keeping import Keeping
from kit.secrets import Secret, new_key
from proto.access import USERS, Rights
from services.supervisor import Program, Supervisor

log = structlog.get_logger()

SERVICES = (
    *("conference_state", "routing", "scheduler", "mixer", "rtmp_egress", "gateway"),
    "webhooks",
)
"""In the order in which they start; they stop in the reverse order."""

MEDIA = ("mixer", "rtmp_egress")
"""Those that others could take over from."""
ADMIN = "rostrum"
"""The user of the bus who may do everything."""

LONGEST_RUN_DIR = 60
"""Characters of a directory for Unix sockets: their whole path may have 107."""

READY_POLL = 0.1
"""Seconds between looks at a gateway that is starting."""

BIG_LOG = 20_000_000
"""Bytes from which a log file is begun anew at the next start."""


class Options(msgspec.Struct, frozen=True):
    data: Path
    host: str = "127.0.0.1"
    "That the gateway listens on; another than loopback needs an admin token."
    port: int = 8080
    "Of the gateway; 0: any free one."
    nats_port: int = 0
    metrics_port: int = 0
    "Of the first service's figures; the others' are on those that follow. 0: none is told."
    quiet: bool = False
    services: tuple[str, ...] = SERVICES
    hls_dir: str = ""
    hls_name: str = "{alias}"
    until_stdin_closes: bool = False
    "Stop when whoever started us is gone."


class Unable(Exception):
    """The stack cannot start; the text says why, to a person."""


def main() -> None:
    options = _options(sys.argv[1:])
    logs.configure("standalone", os.environ.get("ROSTRUM_LOG_LEVEL", "info"))
    try:
        with ExitStack() as cleanup:
            asyncio.run(_run(options, cleanup))
    except Unable as exc:
        sys.stderr.write(f"rostrum: {exc}\n")
        raise SystemExit(1) from None


def _options(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser("python -m services.standalone", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--nats-port", type=int, default=0)
    parser.add_argument("--metrics-port", type=int, default=0)
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--services", default=",".join(SERVICES))
    parser.add_argument("--hls-dir", default="")
    parser.add_argument("--hls-name", default="{alias}")
    parser.add_argument("--until-stdin-closes", action="store_true")
    given = vars(parser.parse_args(arguments))
    given["services"] = tuple(filter(None, given["services"].split(",")))
    return Options(**{**given, "data": given["data"].absolute()})


async def _run(options: Options, cleanup: ExitStack) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    if options.until_stdin_closes:
        await _stop_at_end_of_stdin(stopped)
    run_dir = _prepare(options.data, cleanup)
    port = _gateway_port(options) if "gateway" in options.services else 0
    nats_url = _nats_config(options)
    programs = [
        Program(
            "nats-server",
            [_nats_server(), "-c", str(options.data / "nats.conf")],
            ours=False,
            ready=partial(provision.at, _provisioner(options, nats_url)),
        ),
        *(_service(name, options, nats_url, run_dir, port) for name in options.services),
    ]
    if options.quiet:
        (options.data / "logs").mkdir(exist_ok=True)
        programs = [_to_file(program, options.data / "logs") for program in programs]
    password = urllib.parse.quote((options.data / "nats.password").read_text())
    admin_url = nats_url.replace("//", f"//{ADMIN}:{password}@", 1)
    stack = Stack(options.data / "run", f"http://127.0.0.1:{port}" if port else "", admin_url)
    supervisor = Supervisor(programs, changed=lambda: stack.write(supervisor.pids))
    cleanup.callback(stack.remove)
    async with asyncio.TaskGroup() as group:
        announcing = group.create_task(_announce(options, port, stack, supervisor))
        await supervisor.run(stopped)
        announcing.cancel()
    log.info("everything stopped")


def _prepare(data: Path, cleanup: ExitStack) -> Path:
    """The data directory, ours alone; returns the directory for sockets."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        run = data / "run"
        run.mkdir(mode=0o700, exist_ok=True)
        lock = cleanup.enter_context((run / "lock").open("w"))
    except OSError as exc:
        raise Unable(f"cannot use {data} for data: {exc.strerror}") from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Unable(f"Rostrum is already running with its data in {data}") from None
    (run / "stack.json").unlink(missing_ok=True)
    key = data / "secret.key"
    if not key.exists():
        _write_private(key, new_key())
    if len(str(run)) <= LONGEST_RUN_DIR:
        return run
    return Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="rostrum-")))


def _write_private(path: Path, text: str) -> None:
    """Readable by us alone, and never seen half written."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).rename(path)


def _gateway_port(options: Options) -> int:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((options.host, options.port))
        except OSError as exc:
            raise Unable(
                f"port {options.port} cannot be used ({exc.strerror}); choose another with --port"
            ) from None
        return int(sock.getsockname()[1])


def _nats_server() -> str:
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    if found := shutil.which("nats-server", path=path):
        return found
    raise Unable(
        "nats-server is missing; `apt install nats-server`, or see https://nats.io/download"
    )


def _nats_config(options: Options) -> str:
    """Write the server's configuration; returns the URL, without a user."""
    port = options.nats_port
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError as exc:
            raise Unable(f"port {port} cannot be used by nats-server ({exc.strerror})") from None
        port = sock.getsockname()[1]
    (options.data / "passwords").mkdir(mode=0o700, exist_ok=True)
    for user in (ADMIN, *USERS):
        if not _password_file(options, user).exists():
            _write_private(_password_file(options, user), secrets.token_urlsafe(24))
    users = natsconf.users(
        lambda user: json.dumps(_password_file(options, user).read_text()),
        {ADMIN: Rights(publish=(">",), subscribe=(">",)), **USERS},
    )
    _write_private(
        options.data / "nats.conf",
        f'listen: "127.0.0.1:{port}"\n'
        'server_name: "rostrum"\n'
        f"jetstream {{ store_dir: {json.dumps(str(options.data / 'nats'))} }}\n"
        f"{users}",
    )
    return f"nats://127.0.0.1:{port}"


def _password_file(options: Options, user: str) -> Path:
    return options.data / ("nats.password" if user == ADMIN else f"passwords/{user}")


def _provisioner(options: Options, nats_url: str) -> Keeping:
    password = Secret(_password_file(options, "provision").read_text())
    try:
        keeping = from_env(Keeping).checked()
    except BadConfig as exc:
        raise Unable(str(exc)) from None
    return msgspec.structs.replace(
        keeping, nats_url=nats_url, nats_user="provision", nats_password=password
    )


def _service(name: str, options: Options, nats_url: str, run_dir: Path, port: int) -> Program:
    env = {
        "ROSTRUM_NATS_URL": nats_url,
        "ROSTRUM_NATS_USER": name,
        "ROSTRUM_NATS_PASSWORD_FILE": str(_password_file(options, name)),
        "ROSTRUM_SECRET_KEY_FILE": str(options.data / "secret.key"),
        "ROSTRUM_RUN_DIR": str(run_dir),
        "ROSTRUM_RECORDINGS_DIR": os.environ.get("ROSTRUM_RECORDINGS_DIR")
        or str(options.data / "recordings"),
    }
    if name in MEDIA:
        # All end together, so there is nobody who could take over.
        env["ROSTRUM_DRAIN_SECONDS"] = os.environ.get("ROSTRUM_DRAIN_SECONDS", "0")
    if name == "mixer":
        # Where the page is, the media is: of a machine with two networks, not in the other.
        env["ROSTRUM_WEBRTC_ADDRESS"] = os.environ.get(
            "ROSTRUM_WEBRTC_ADDRESS", _media_address(options.host)
        )
    if name == "webhooks":
        # Receivers are on this machine as often as not, and whoever adds a sink may run programs.
        env["ROSTRUM_WEBHOOKS_PRIVATE"] = os.environ.get("ROSTRUM_WEBHOOKS_PRIVATE", "true")
    if options.metrics_port:
        number = options.metrics_port + SERVICES.index(name)
        env["ROSTRUM_HEALTH_PORT"] = str(number)
    if name == "gateway":
        env |= {
            "ROSTRUM_HTTP_HOST": options.host,
            "ROSTRUM_HTTP_PORT": str(port),
            "ROSTRUM_ALLOW_FILES": "true",
            "ROSTRUM_HISTORY_DIR": str(options.data / "history"),
            "ROSTRUM_HLS_DIR": options.hls_dir,
            "ROSTRUM_HLS_NAME": options.hls_name,
        }
    return Program(name, [sys.executable, "-m", f"services.{name}"], env)


def _media_address(host: str) -> str:
    """The one that the gateway listens on. Empty, which is all of them, where it listens on all,
    and where it listens on loopback: browsers send from there to any address of their machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    return "" if address.is_unspecified or address.is_loopback else str(address)


def _to_file(program: Program, directory: Path) -> Program:
    file = directory / f"{program.name}.log"
    if file.exists() and file.stat().st_size > BIG_LOG:
        file.unlink()
    return msgspec.structs.replace(program, log=file)


class Stack:
    """`run/stack.json`: what runs where, for the command line; written once the API answers."""

    def __init__(self, run: Path, url: str, nats_url: str) -> None:
        self._file = run / "stack.json"
        self._nats_file = run / "nats.url"
        self._nats_url = nats_url
        self.url = url
        self.ready = False

    def write(self, pids: dict[str, int]) -> None:
        if not self.ready:
            return
        _write_private(self._nats_file, self._nats_url)
        known = {"url": self.url, "pid": os.getpid(), "pids": pids}
        _write_private(self._file, json.dumps({**known, "nats_url_file": str(self._nats_file)}))

    def remove(self) -> None:
        self._file.unlink(missing_ok=True)
        self._nats_file.unlink(missing_ok=True)


async def _announce(options: Options, port: int, stack: Stack, supervisor: Supervisor) -> None:
    """Once the gateway answers, say where it is: in `run/stack.json`, and on stderr."""
    if port:
        await _until_ready(port)
    stack.ready = True
    stack.write(supervisor.pids)
    if stack.url and not options.until_stdin_closes:
        sys.stderr.write(
            f"\nRostrum is up: {stack.url}  (data: {options.data}; Ctrl-C stops it)\n\n"
        )


async def _until_ready(port: int) -> None:
    while True:
        if await _is_ready(port):
            return
        await asyncio.sleep(READY_POLL)


async def _is_ready(port: int) -> bool:
    """Whether `GET /health/ready` says 200."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET /health/ready HTTP/1.0\r\nHost: localhost\r\n\r\n")
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    return False


async def _stop_at_end_of_stdin(stopped: asyncio.Event) -> None:
    class Watch(asyncio.Protocol):
        def connection_lost(self, _: Exception | None) -> None:
            stopped.set()

    await asyncio.get_running_loop().connect_read_pipe(Watch, sys.stdin.buffer)


if __name__ == "__main__":
    main()
