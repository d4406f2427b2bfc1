"""Whom deploy/turn/turn.sh lets browsers be relayed to."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "turn" / "turn.sh"
HEAD = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"


def started(directory: Path, routes: str, **env: str) -> "subprocess.CompletedProcess[str]":
    (directory / "secret").write_text("CANARY")
    (directory / "routes").write_text(HEAD + routes)
    coturn = directory / "turnserver"
    coturn.write_text('#!/bin/sh\necho "$@" >&2\ngrep allowed "$2"\n')
    coturn.chmod(0o755)
    env |= {
        "PATH": f"{directory}:{os.environ['PATH']}",
        "TMPDIR": str(directory),
        "TURN_SECRET_FILE": str(directory / "secret"),
        "TURN_ROUTES": str(directory / "routes"),
    }
    return subprocess.run(
        ["sh", str(SCRIPT)], env=env, capture_output=True, text=True, timeout=20, check=False
    )


NETWORK = "eth0 000012AC 00000000 0001 0 0 0 0000FFFF 0 0 0\n"
"""172.18.0.0/16, on a little-endian machine."""


@pytest.mark.parametrize(
    ("routes", "env", "peers"),
    [
        pytest.param(
            f"eth0 00000000 010012AC 0003 0 0 0 00000000 0 0 0\n{NETWORK}",
            {},
            ["172.18.0.2-172.18.255.254"],
            id="a network of containers without its bridge",
        ),
        pytest.param(NETWORK, {}, ["172.18.0.2-172.18.255.254"], id="one that leads nowhere"),
        pytest.param(
            f"eth0 00000000 040012AC 0003 0 0 0 00000000 0 0 0\n{NETWORK}",
            {},
            ["172.18.0.2-172.18.0.3", "172.18.0.5-172.18.255.254"],
            id="one whose way out is in its middle",
        ),
        pytest.param(
            NETWORK,
            {"TURN_PEERS": "10.1.0.0-10.1.255.255 192.0.2.7"},
            ["10.1.0.0-10.1.255.255", "192.0.2.7"],
            id="whom it is told",
        ),
    ],
)
def test_mixers_are_reached_and_the_machine_is_not(
    tmp_path: Path, routes: str, env: dict[str, str], peers: list[str]
) -> None:
    done = started(tmp_path, routes, **env)

    assert done.stdout.split() == [f"allowed-peer-ip={peer}" for peer in peers], done.stderr


def test_where_no_network_is_found_nothing_is_relayed(tmp_path: Path) -> None:
    done = started(tmp_path, "")

    assert done.returncode == 2
    assert "TURN_PEERS" in done.stderr


def test_the_secret_is_on_no_command_line(tmp_path: Path) -> None:
    done = started(tmp_path, NETWORK)

    assert "CANARY" not in done.stdout + done.stderr
    assert "static-auth-secret=CANARY" in (tmp_path / "turn.conf").read_text()
