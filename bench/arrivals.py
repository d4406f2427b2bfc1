"""An RTMP server for any number of publishers, in a process of its own, that tells what comes when:
`python -m bench.arrivals PORT [CERTIFICATE KEY]` prints its port and then, by the clock that all
processes of a machine share, `KEY publish|media|key_frame SECONDS` of each publication.

A picture of paper (`bench.paper`) says when it should have been here. Those of keys that begin with
`timed` are read to their end, and how late they were is printed when a line comes in; of the others
only bytes are counted, so that a crowd of them is no work.
"""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import msgspec

from bench.common import ROOT, parse_stat
from bench.discard import Discard
from bench.paper import stamp_of
from services.rtmp_egress.rtmp.amf0 import decode_leading
from services.rtmp_egress.rtmp.chunks import Kind, Message

TIMED = "timed"

PATIENCE = 30.0
"""Seconds that anything is waited for."""


class Arrival(Discard):
    """One publisher."""

    late: dict[str, list[float]] = {}
    "Milliseconds, of each picture, by key; since they were asked for last."

    def __init__(self) -> None:
        super().__init__()
        self._key = ""
        self._told: set[str] = set()

    def hear(self, message: Message) -> None:
        now = time.monotonic()
        match message.kind:
            case Kind.COMMAND:
                super().hear(message)
                if self.deaf:
                    self.deaf = False
                    self._key = str(decode_leading(message.payload)[3])
                    self._tell("publish", now)
            case Kind.AUDIO | Kind.VIDEO if message.payload[1:2] != b"\0":
                self._tell("media", now)
                if message.kind == Kind.VIDEO:
                    self._picture(message.payload, now)

    def _picture(self, payload: bytes, now: float) -> None:
        if payload[0] >> 4 == 1:
            self._tell("key_frame", now)
            self.deaf = not self._key.startswith(TIMED)
        if self._key.startswith(TIMED):
            late = now - stamp_of(payload) / 1e9
            Arrival.late.setdefault(self._key, []).append(late * 1000)

    def _tell(self, what: str, now: float) -> None:
        if what not in self._told:
            self._told.add(what)
            print(self._key, what, now, flush=True)


class Late(msgspec.Struct, frozen=True):
    """How late pictures came, in milliseconds."""

    count: int
    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, late: list[float]) -> "Late":
        cuts = quantiles(late, n=100) if len(late) > 1 else [0.0] * 99
        return cls(len(late), cuts[49], cuts[98], max(late, default=0.0))


class Arrivals:
    """A running one, which may be killed and started again on its port."""

    def __init__(self, certificate: Path | None = None, key: Path | None = None) -> None:
        self._files = [str(certificate), str(key)] if certificate else []
        self._scheme = "rtmps" if certificate else "rtmp"
        self._heard: list[tuple[str, str, float]] = []
        self._late: list[dict[str, list[float]]] = []
        self._news = threading.Condition()
        self.port = 0
        self.start()

    def start(self) -> float:
        """When it listened."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.arrivals", str(self.port), *self._files],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        port, listening = self.process.stdout.readline().split()
        self.port = int(port)
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()
        return float(listening)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def url(self, key: str) -> str:
        return f"{self._scheme}://localhost:{self.port}/live/{key}"

    @property
    def cpu(self) -> float:
        """CPU seconds so far."""
        return parse_stat(Path(f"/proc/{self.process.pid}/stat").read_text()).cpu

    def when(self, key: str, what: str, since: float) -> float:
        """The first time that it happened after `since`. Raises TimeoutError."""
        with self._news:
            while True:
                for one, happened, at in self._heard:
                    if (one, happened) == (key, what) and at >= since:
                        return at
                if not self._news.wait(PATIENCE):
                    raise TimeoutError(f"no {what} came")

    def late(self) -> dict[str, list[float]]:
        """Of what has come since the last time."""
        with self._news:
            assert self.process.stdin is not None
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            self._news.wait_for(lambda: bool(self._late), PATIENCE)
            return self._late.pop()

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with self._news:
                if line.startswith("{"):
                    self._late.append(json.loads(line))
                else:
                    key, what, at = line.split()
                    self._heard.append((key, what, float(at)))
                self._news.notify_all()


@contextmanager
def arrivals(certificate: Path | None = None, key: Path | None = None) -> Iterator[Arrivals]:
    """Listens when this begins, is gone when it ends; over TLS if there is a certificate."""
    server = Arrivals(certificate, key)
    try:
        yield server
    finally:
        server.kill()


def _tell_late() -> None:
    os.read(0, 64)
    print(json.dumps(Arrival.late), flush=True)
    Arrival.late.clear()


async def _serve() -> None:
    port, *files = sys.argv[1:]
    tls = None
    if files:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*files)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        Arrival, "localhost", int(port), ssl=tls, backlog=300, family=2
    )
    print(server.sockets[0].getsockname()[1], time.monotonic(), flush=True)
    loop.add_reader(sys.stdin, _tell_late)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
