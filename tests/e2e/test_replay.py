"""A recorded log, replayed into a fresh stack, comes to the same views and the same layouts."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import cli
from tests.support.canary import WATCH, canary
from tests.support.clips import clip
from tests.support.lookout import Processes
from tests.support.system import OURS, System, until

pytestmark = [pytest.mark.e2e, pytest.mark.nats]

RECORDED = sorted((Path(__file__).parent / "replays").glob("*.jsonl"))


def replay(file: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    with Processes(WATCH, os.getpid()):
        return cli.rostrum("events", "replay", str(file), *options, patience=120)


def shown(stack: System) -> list[str]:
    """Who is in the picture now."""
    layouts = stack.events("layout_changed.v1")
    return sorted(slot["participant"] for slot in layouts[-1]["slots"]) if layouts else []


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda path: path.stem)
def test_a_recording_of_a_real_run_comes_out_the_same(recorded: Path) -> None:
    done = replay(recorded, "--speed", "4")

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_happens_today_can_be_replayed(stack: System, clips: Path, tmp_path: Path) -> None:
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
    log = tmp_path / "log.jsonl"
    log.write_text(stack.http.get(f"{OURS}/log.jsonl").text)
    for participant in (people[0], people[2]):
        stack.leave(participant)

    done = replay(log, "--speed", "4")

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_log_that_was_tampered_with_is_noticed(tmp_path: Path) -> None:
    """One presentation less: the layouts are no longer those that were recorded."""
    lines = RECORDED[0].read_text().splitlines()
    first = next(n for n, line in enumerate(lines) if '"presentation_started.v1"' in line)
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(lines[:first] + lines[first + 1 :]) + "\n")

    done = replay(log, "--speed", "8")

    assert done.returncode == 1
    assert "presentation" in done.stdout
