"""A recorded log, replayed into a stack of its own, comes to the same decisions, layouts and
destinations; and nothing that it names is contacted."""

import gzip
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from cli.log.read import load
from tests.support import cli
from tests.support.canary import WATCH, canary
from tests.support.clips import clip
from tests.support.logs import REPLAYS, lines_of, shifted
from tests.support.lookout import Processes
from tests.support.system import System, until

pytestmark = [pytest.mark.e2e, pytest.mark.nats]


def replay(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    with Processes(WATCH, os.getpid()):
        return rostrum("events", "replay", str(file), *options)


def rostrum(*words: str) -> subprocess.CompletedProcess[str]:
    return cli.rostrum(*words, patience=180)


def export(stack: System, file: Path, *words: str) -> None:
    url = str(stack.http.base_url)
    done = rostrum("--url", url, "events", "export", *words, "-o", str(file))
    assert done.returncode == 0, done.stderr


def shown(stack: System) -> list[str]:
    """Who is in the picture now."""
    layouts = stack.events("layout_changed.v1")
    return sorted(slot["participant"] for slot in layouts[-1]["slots"]) if layouts else []


def with_a_long_wait(lines: list[bytes]) -> list[bytes]:
    """The lecture's Guests are shown out ten minutes and three seconds after the last Host."""
    last = next(n for n, line in enumerate(lines) if b"conference_ended.v1" in line)
    longer = [
        line.replace(b'"guests_only_timeout":3', b'"guests_only_timeout":603') for line in lines
    ]
    assert longer[:last] != lines[:last]
    return [*longer[:last], *shifted(longer[last:-2], timedelta(minutes=10)), *lines[-2:]]


@pytest.mark.parametrize("name", ["2026-11-lecture", "2026-11-meeting-by-19e1c0c"])
def test_a_real_run_comes_out_the_same_as_fast_as_can_be(name: str, tmp_path: Path) -> None:
    """The one has a timer that the log's clock jumps over; the other is of the first version."""
    lines = lines_of(name)
    file = tmp_path / f"{name}.jsonl"
    file.write_bytes(b"".join(with_a_long_wait(lines) if "lecture" in name else lines))
    done = replay(file, "--speed", "max", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    [log] = load(file).logs
    commits = [entry for entry in log.entries if entry.family == "conference"]
    assert (told["decided"], told["messages"]) == (len(commits), len(log.entries))


@contextmanager
def listening() -> Iterator[tuple[int, list[bytes]]]:
    """A port, and who came to it."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        door.setblocking(False)
        visitors: list[bytes] = []
        yield door.getsockname()[1], visitors
        try:
            door.accept()[0].close()
            visitors.append(b"somebody")
        except BlockingIOError:
            pass


def test_nothing_that_a_log_names_is_contacted_and_what_failed_fails_again(tmp_path: Path) -> None:
    """Both legs of a dual stream lose their server at ten times the speed, and get it back; the
    servers and sources in the log are there, and nobody comes."""
    text = b"".join(lines_of("2026-11-dual"))
    with listening() as (port, visitors):
        named = b'"redacted":"rtmp://127.0.0.1:%d/live/key"' % port
        text = re.sub(rb'"redacted":"rtmp://[^"]*"', named, text)
        source = b'"redacted":"http://127.0.0.1:%d/source.mp4","scheme":"http"' % port
        text = re.sub(rb'"redacted":"/clips/[^"]*","scheme":"file"', source, text)
        assert text.count(b"127.0.0.1:%d" % port) == 9
        file = tmp_path / "dual.jsonl.gz"
        file.write_bytes(gzip.compress(text))
        done = replay(file, "--speed", "10")

    assert visitors == []
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same views, layouts and destinations" in done.stdout


def test_what_happens_today_can_be_replayed_and_compared(
    stack: System, clips: Path, tmp_path: Path
) -> None:
    slides = clip(clips / "slides.mp4", colour=(230, 200, 20), audio=False, seconds=1)
    people = []
    for n, name in enumerate(("Ann", "Bob", "Cat")):
        path = clip(clips / f"{name}.mp4", tone=300.0 + 100 * n, level=0.05, seconds=2)
        people.append(stack.join(name, path, role="host", presentation=str(slides)))
        until(lambda: shown(stack) == sorted(people))
    stream = stack.dial(f"rtmp://127.0.0.1:9/live/{canary('nobody-listens')}")
    until(lambda: (stack.participant(stream) or {}).get("detail", "").startswith("nothing listens"))
    stack.hang_up(stream)
    until(lambda: stack.participant(stream) is None)
    time.sleep(1)
    stack.present(people[1], True)
    time.sleep(0.5)
    stack.leave(people[1])
    until(lambda: shown(stack) == sorted([people[0], people[2]]))
    log, whole, again = (tmp_path / f"{name}.jsonl.gz" for name in ("log", "whole", "again"))
    export(stack, log, "town-hall")
    for participant in (people[0], people[2]):
        stack.leave(participant)
    until(lambda: stack.events("mix_stopped.v1"))
    export(stack, whole, "--conference", "town-hall")
    export(stack, again, "--from", "-1h")
    same = rostrum("events", "diff", str(whole), str(again))
    other = rostrum("events", "diff", str(log), str(whole), "--json")

    done = replay(log, "--speed", "4")

    assert done.returncode == 0, done.stdout + done.stderr
    assert (same.returncode, same.stdout) == (0, "The same was decided.\n")
    assert other.returncode == 1
    assert any("conference_ended" in line["line"] for line in json.loads(other.stdout)[0]["lines"])


def test_a_log_that_was_tampered_with_is_noticed(tmp_path: Path) -> None:
    """One presentation less: neither the decision to end it nor the layouts are what they were."""
    lines = (REPLAYS / "2026-11-town-hall.jsonl").read_text().splitlines()
    first = next(n for n, line in enumerate(lines) if '"presentation_started.v1"' in line)
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(lines[:first] + lines[first + 1 :]) + "\n")

    done = replay(log, "--speed", "max")

    assert done.returncode == 1
    assert "presentation" in done.stdout
