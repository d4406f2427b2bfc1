"""A Docker engine for one test run: all of it in one directory, gone with it."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

START_PATIENCE = 30.0
"""Seconds for dockerd to answer; two on an idle machine."""

STOP_PATIENCE = 30.0
"""Seconds for dockerd to end its containers and itself."""

PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


class Unable(Exception):
    """No engine can be started here; the text says why, to a person."""


class Engine:
    def __init__(self, directory: Path) -> None:
        self.socket = directory / "docker.sock"
        self.env = {
            **os.environ,
            "PATH": PATH,
            "DOCKER_HOST": f"unix://{self.socket}",
            # Debian's engine has no BuildKit of its own.
            "DOCKER_BUILDKIT": "0",
            "COMPOSE_DOCKER_CLI_BUILD": "0",
            "DOCKER_CONFIG": str(directory / "client"),
        }

    def docker(self, *arguments: str, **more: Any) -> str:
        return self.run("docker", *arguments, **more)

    def run(self, *command: str, **more: Any) -> str:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, env=self.env, capture_output=True, text=True, check=False, **more
        )
        assert done.returncode == 0, (
            f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )
        return done.stdout

    def inspect(self, name: str) -> dict[str, Any]:
        [found] = json.loads(self.docker("inspect", name))
        assert isinstance(found, dict)
        return found


def compose_command() -> list[str]:
    """How compose is called here: as docker's plugin, or the older program."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose", path=PATH) is None:
        raise Unable("compose is missing (Debian: apt install docker-compose)")
    return ["docker-compose"]


@contextmanager
def engine(directory: Path) -> Iterator[Engine]:
    if os.geteuid() != 0:
        raise Unable("only root can start a Docker engine")
    for program, package in (("dockerd", "docker.io"), ("mmdebstrap", "mmdebstrap")):
        if shutil.which(program, path=PATH) is None:
            raise Unable(f"{program} is missing (Debian: apt install {package})")
    compose_command()
    one = Engine(directory)
    log = directory / "dockerd.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *("dockerd", "--host", f"unix://{one.socket}", "--bridge=none"),
                *("--data-root", str(directory / "data"), "--exec-root", str(directory / "exec")),
                *("--pidfile", str(directory / "pid")),
                # Its networks need no way out, and the machine's firewall is not ours to change.
                *("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
            ],
            env=one.env,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait(one, process, log)
        yield one
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _unmount(directory)


def _wait(one: Engine, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + START_PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with suppress(AssertionError):
            one.docker("info")
            return
        time.sleep(0.2)
    last = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise Unable(f"dockerd does not start: {' '.join(last)}")


def _unmount(directory: Path) -> None:
    """Whatever the engine may have left mounted in its directory, the deepest first."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False)
