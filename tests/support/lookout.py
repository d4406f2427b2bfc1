"""Shows a watch what a running stack says, and to whom: its bus, files, traces, answers, processes.

What may know keys, and is therefore not looked at: the servers that the tests stream to (nginx,
`tests.support.*`, `cli.ingest`), their logs and files; the arguments of a command line that a test
has typed; and `PERMITTED` below.
"""

import gzip
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from tests.support.canary import Needle, Watch

LOOK = 0.2
"""Seconds between looks at the processes: a gateway's look into a file lasts longer."""

TEST_SERVERS = ("nginx", "tests.support.", "cli.ingest", "multiprocessing.")
"""Programs that are no part of the product, and must know keys to do what they are for."""

TYPED = "cli.main"
"""What a person types is seen by every user of the machine; hence `-` in place of an address."""

PERMITTED = {
    "ROSTRUM_ADMIN_TOKEN": ("services.standalone", "services.gateway", TYPED),
    "ROSTRUM_TURN_SECRET": ("services.standalone", "services.gateway", TYPED),
    "ROSTRUM_API_USER": (TYPED,),
    "ROSTRUM_API_PASSWORD": (TYPED,),
}
"""Variables that a person puts a secret into, and the programs that may then have it: those that
are given it, and the one that needs it. Environments, unlike arguments, are read by no other user
of the machine, and nothing that decodes strangers' media is among these programs."""

OWN = ("secret.key", "nats.conf", "nats.password", "passwords/*", "run/nats.url")
"""Files of a stack that hold its own secrets; readable by nobody else."""

TRACE = "nats-trace.log"


class Processes:
    """Command lines and environments of all that runs below a process, while it runs."""

    def __init__(self, watch: Watch, root: int) -> None:
        self._watch = watch
        self._root = root
        self._seen: dict[int, tuple[bytes, bytes]] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Processes":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(LOOK):
            self.look()

    def look(self) -> None:
        for pid in below(self._root):
            with suppress(OSError):
                known = tuple(Path(f"/proc/{pid}/{name}").read_bytes() for name in _NAMES)
                if self._seen.get(pid) != known:
                    self._seen[pid] = known[0], known[1]
                    self._show(*known)

    def _show(self, arguments: bytes, environment: bytes) -> None:
        words = [word.decode(errors="replace") for word in arguments.split(b"\0")]
        program = words[words.index("-m") + 1] if "-m" in words[:-1] else Path(words[0]).name
        if not program or program.startswith(TEST_SERVERS):
            return
        if program != TYPED:
            self._watch.look("arguments", program, arguments)
        for variable in environment.split(b"\0"):
            name = variable.partition(b"=")[0].decode(errors="replace")
            if program not in PERMITTED.get(name, ()):
                self._watch.look("environment", f"{program} {name}", variable)


_NAMES = ("cmdline", "environ")


def below(root: int) -> Iterator[int]:
    """All descendants of a process."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                stat = (entry / "stat").read_text().rpartition(")")[2]
                children.setdefault(int(stat.split()[1]), []).append(int(entry.name))
    waiting = list(children.get(root, []))
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.get(pid, [])


@contextmanager
def collector(watch: Watch) -> Iterator[str]:
    """Takes traces, metrics and logs by OTLP over HTTP; yields where."""

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            watch.look("exported", self.path, body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answers(watch: Watch) -> Callable[[httpx.Response], None]:
    """A hook of an HTTP client: every answer, with its headers; but for what never ends."""

    def look(response: httpx.Response) -> None:
        place = f"{response.request.method} {response.request.url.path}"
        watch.look("answer", place, b"".join(b"%b: %b\n" % pair for pair in response.headers.raw))
        if response.headers.get("Content-Type", "").partition(";")[0] != "text/event-stream":
            watch.look("answer", place, response.read())

    return look


_SUBJECT = re.compile(rb"(cid:\d+) .*?- <<- \[H?PUB (\S+)")
_PAYLOAD = re.compile(rb"(cid:\d+) .*?- <<- MSG_PAYLOAD")


def traffic(watch: Watch, trace: Path) -> None:
    """All that was sent to a nats-server that writes it down (`trace: true`), by subject."""
    subjects: dict[bytes, bytes] = {}
    with trace.open("rb") as lines:
        for line in lines:
            if found := _SUBJECT.search(line):
                subjects[found[1]] = found[2]
            payload = _PAYLOAD.search(line)
            subject = subjects.get(payload[1], b"") if payload else b""
            watch.look("bus", _without_ids(subject.decode(errors="replace")), line)


def _without_ids(subject: str) -> str:
    return re.sub(r"(_INBOX\w*)\..*", r"\1", subject) or "protocol"


def files(watch: Watch, root: Path, but: tuple[str, ...] = ()) -> None:
    """Every file below a directory, and its name."""
    left_out = {path for pattern in but for path in root.glob(pattern)}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        watch.look("name", "of a file", name)
        if path.is_file() and path not in left_out:
            watch.look("file", name, path.read_bytes())


PLACES = frozenset({"arguments", "environment", "exported", "answer", "bus", "name", "file"})
"""All kinds of them."""


@contextmanager
def over(data: Path, watch: Watch) -> Iterator[dict[str, str]]:
    """Everything of a stack with its data there that runs in the body; yields settings for it.

    Raises Seen at the end, and AssertionError if some kind of place was never looked at.
    """
    with collector(watch) as exporter, Processes(watch, os.getpid()):
        yield {
            "OTEL_EXPORTER_OTLP_ENDPOINT": exporter,
            "OTEL_BSP_SCHEDULE_DELAY": "500",
            "ROSTRUM_LOG_LEVEL": "debug",
        }
    traffic(watch, data / TRACE)
    files(watch, data, (*OWN, TRACE))
    assert not (unseen := PLACES - watch.shown.keys()), f"nothing was seen of {unseen}"
    watch.check()


def own_secrets(data: Path) -> Iterator[Needle]:
    """What a stack has made for itself: the key that seals, and the passwords of the bus."""
    yield Needle("the key that seals", (data / "secret.key").read_text().strip())
    for file in (data / "nats.password", *sorted((data / "passwords").iterdir())):
        yield Needle(f"the bus's password of {file.name}", file.read_text().strip())


def write_down(data: Path) -> None:
    """Have the nats-server of a stack write down everything that it is sent, from its next start or
    SIGHUP on. A subscriber to `>` would see as much, but would be taken for a service: who asks
    one that is just starting would wait for its answer in vain."""
    config = data / "nats.conf"
    trace = data / TRACE
    config.write_text(f'{config.read_text()}\ntrace: true\nlogfile: "{trace}"\n')
