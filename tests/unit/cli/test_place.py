"""Which stack the command line speaks with."""

import json
import os
from pathlib import Path

import pytest

from cli import bus
from cli.place import USUAL, api_url, running_data
from kit.secrets import Sealer, new_key


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTRUM_DATA", str(tmp_path))
    for name in ("ROSTRUM_NATS_URL", "ROSTRUM_SECRET_KEY", "ROSTRUM_SECRET_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


def runs(data: Path, url: str = "http://here") -> str:
    """A stack with its data there; its key."""
    (data / "run").mkdir(parents=True)
    (data / "run" / "nats.url").write_text("nats://bus:1")
    told = {"pid": os.getpid(), "url": url, "nats_url_file": str(data / "run" / "nats.url")}
    (data / "run" / "stack.json").write_text(json.dumps(told))
    (data / "secret.key").write_text(key := new_key())
    return key


def test_the_demonstration_has_its_own_bus_key_and_passwords(tmp_path: Path) -> None:
    key = runs(tmp_path / "demo" / "stack")
    sealer = bus.sealer()

    assert sealer is not None
    assert sealer.key_fingerprint == Sealer.from_env({"ROSTRUM_SECRET_KEY": key}).key_fingerprint
    assert running_data() == tmp_path / "demo" / "stack"
    assert (api_url(None), bus.settings().nats_url) == ("http://here", "nats://bus:1")


def test_a_stack_of_ones_own_comes_before_the_demonstration(tmp_path: Path) -> None:
    runs(tmp_path / "demo" / "stack", "http://demonstration")
    runs(tmp_path)

    assert (running_data(), api_url(None)) == (tmp_path, "http://here")


def test_where_nothing_runs_the_usual_places_are_meant(tmp_path: Path) -> None:
    assert (running_data(), api_url(None)) == (tmp_path, USUAL)
    assert bus.sealer() is None
