"""The mixer's process for a measurement: given participants, and feeds taken from it."""

import base64
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.common import ROOT, parse_stat
from bench.inputs import FPS
from kit.link import FeedReader, Picture
from kit.secrets import Sealer, new_key
from proto.media import FeedSpec
from proto.urls import SealedUrl
from proto.views import ConferenceView, ParticipantView
from services.mixer import wire

CONFERENCE = "bench"

START = 30.0
"""Seconds for the process to come up and for all sources to be live."""

WARM_UP = 3.0
"""Seconds of the feed before the measured ones: sources have filled their queues."""


class Cost(msgspec.Struct, frozen=True):
    cpu: float
    "CPU seconds of the mixer's process per second of its feed."
    pictures: float
    "Pictures a second that came to the first taker."

    @property
    def complete(self) -> bool:
        return self.pictures >= FPS * 0.99


class Taker:
    """Takes a feed as an egress does: keeps the last picture, to show it again."""

    def __init__(self, path: str, spec: FeedSpec) -> None:
        self.pictures = 0
        self._reader = FeedReader.connect(path, msgspec.json.encode(spec), START)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        last: Picture | None = None
        while not self._stopping:
            item = self._reader.read(0.2)
            if isinstance(item, Picture):
                if last is not None:
                    last.release()
                last, self.pictures = item, self.pictures + 1

    def close(self) -> None:
        self._stopping = True
        self._thread.join()
        self._reader.close()


class Mixer:
    def __init__(self, process: subprocess.Popen[bytes], sealer: Sealer) -> None:
        self._process = process
        self._sealer = sealer
        self._socket = ""
        self._live: set[str] = set()
        self._answers: dict[int, wire.CallAnswer] = {}
        self._calls = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, order: wire.Order) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()

    def show(self, view: ConferenceView) -> None:
        self.send(wire.Show(view))

    def call(self, who: str, number: int, offer: str) -> str:
        """The answer to somebody's call."""
        self.send(wire.Connect(number, who, f"call-{number}", "main", offer))
        with self._changed:
            self._changed.wait_for(lambda: number in self._answers, START)
        answer = self._answers[number]
        assert answer.sdp, answer.problem
        return answer.sdp

    def connected(self, count: int) -> None:
        """Returns when so many calls are; raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._calls >= count, START):
                raise TimeoutError(f"only {self._calls} of {count} calls are connected")

    def seat(
        self, clips: list[Path], participants: int, layout: str, callers: Sequence[str] = ()
    ) -> None:
        """All of them join; returns when everyone's media comes. `callers` may call afterwards."""
        people = []
        for n in range(participants):
            who = f"p{n}"
            secret = self._sealer.seal(str(clips[n % len(clips)].absolute()))
            self.send(wire.Source(who, "main", secret))
            url = SealedUrl(f"{who}.media", "file:***", "file")
            people.append(ParticipantView(who, f"Participant {n + 1}", "guest", media=url))
        # Last, so that they take nobody's place in the picture.
        people += [ParticipantView(who, who, "guest", protocol="webrtc") for who in callers]
        view = ConferenceView(
            CONFERENCE, 1, name="Bench", running=True, layout=layout, participants=people
        )
        self.send(wire.Show(view))
        wanted = {p.participant for p in people if not p.by_call()}
        with self._changed:
            if not self._changed.wait_for(lambda: self._live >= wanted, START):
                raise TimeoutError(f"only {len(self._live)} of {participants} are live")

    def measure(self, spec: FeedSpec, takers: int, seconds: int) -> Cost:
        with self._changed:
            self._changed.wait_for(lambda: self._socket, START)
        taking = [Taker(self._socket, spec) for _ in range(takers)]
        try:
            time.sleep(WARM_UP)
            began, before, first = time.monotonic(), self._cpu(), taking[0].pictures
            time.sleep(seconds)
            ended, after, last = time.monotonic(), self._cpu(), taking[0].pictures
        finally:
            for taker in taking:
                taker.close()
        came = max(last - first, 1)
        return Cost((after - before) * FPS / came, came / (ended - began))

    def _cpu(self) -> float:
        return parse_stat(Path(f"/proc/{self._process.pid}/stat").read_text()).cpu

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            report = wire.decode_report(line)
            with self._changed:
                match report:
                    case wire.Ready(socket=socket):
                        self._socket = socket
                    case wire.SourceChanged(participant=who, state="live"):
                        self._live.add(who)
                    case wire.CallAnswer():
                        self._answers[report.number] = report
                    case wire.Stats():
                        self._calls = report.calls.connected
                self._changed.notify_all()


@contextmanager
def mixer() -> Iterator[Mixer]:
    """The process of one conference, as its worker starts it."""
    key = new_key()
    with tempfile.TemporaryDirectory(prefix="bench-") as run:
        env = {**os.environ, "ROSTRUM_SECRET_KEY": key, "ROSTRUM_RUN_DIR": run}
        env |= {"ROSTRUM_LOG_LEVEL": "error"}
        process = subprocess.Popen(
            [sys.executable, "-m", "services.mixer.conference"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            one = Mixer(process, Sealer(base64.b64decode(key)))
            one.send(wire.Begin(CONFERENCE, "i1"))
            yield one
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
