"""The whole stack under its supervisor, in processes of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.nats

PATIENCE = 40.0
"""Seconds on a machine that is busy with other tests; an idle one takes two."""


@contextmanager
def standalone(data: Path, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [
        *(sys.executable, "-m", "services.standalone", "--data", str(data)),
        *("--port", "0", "--quiet", *options),
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stderr=pipe, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(look: Callable[[], Any], patience: float = PATIENCE) -> Any:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing came in {patience:g} s")


def stack(data: Path) -> dict[str, Any] | None:
    try:
        known: dict[str, Any] = json.loads((data / "run" / "stack.json").read_text())
    except OSError:
        return None
    return known if len(known["pids"]) == 8 else None


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_service_that_is_killed_is_back_at_once_and_ctrl_c_ends_all(tmp_path: Path) -> None:
    with standalone(tmp_path) as process:
        before = wait_for(lambda: stack(tmp_path))["pids"]
        assert set(before) == {
            *("nats-server", "conference_state", "routing", "scheduler"),
            *("mixer", "rtmp_egress", "gateway", "webhooks"),
        }
        os.kill(before["routing"], signal.SIGKILL)

        def restarted() -> dict[str, int] | None:
            known = stack(tmp_path)
            if known is None or known["pids"]["routing"] == before["routing"]:
                return None
            pids: dict[str, int] = known["pids"]
            return pids

        after = wait_for(restarted)
        assert {name: pid for name, pid in after.items() if name != "routing"} == {
            name: pid for name, pid in before.items() if name != "routing"
        }
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
        assert time.monotonic() - asked < 10
        assert not any(map(alive, after.values()))
        assert not (tmp_path / "run" / "stack.json").exists()


def test_no_program_survives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    with standalone(tmp_path) as process:
        pids = wait_for(lambda: stack(tmp_path))["pids"]
        process.kill()
        wait_for(lambda: not any(map(alive, pids.values())), 5)


def test_it_stops_when_its_starter_is_gone_if_so_asked(tmp_path: Path) -> None:
    with standalone(tmp_path, "--services", "routing", "--until-stdin-closes") as process:
        wait_for((tmp_path / "run" / "stack.json").exists)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def test_secrets_are_for_the_user_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with standalone(data, "--services", "routing"):
        wait_for((data / "run" / "nats.url").exists)
        assert data.stat().st_mode & 0o077 == 0
        for name in ("secret.key", "nats.conf", "nats.password", "run/nats.url"):
            assert (data / name).stat().st_mode & 0o077 == 0


def test_a_second_one_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with standalone(tmp_path, "--services", "routing"):
        wait_for((tmp_path / "run" / "stack.json").exists)
        with standalone(tmp_path) as second:
            _, said = second.communicate(timeout=20)
            assert second.returncode == 1
            assert b"already running" in said


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with standalone(tmp_path, "--port", str(port)) as process:
            _, said = process.communicate(timeout=20)
            assert process.returncode == 1
            assert f"port {port} cannot be used" in said.decode()
            assert b"Traceback" not in said
