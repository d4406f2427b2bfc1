"""The signature checks of docs/webhooks.md, run as they stand there."""

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from proto.config import HookType
from proto.webhooks import secret_of
from services.webhooks.core.letters import headers

DOCS = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()
AT = datetime(2026, 1, 1, tzinfo=UTC)
NEW, OLD = b"n" * 32, bytes(range(32))
BODY = '{"name": "Zürich"}'.encode()


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def sent(*keys: bytes) -> dict[str, str]:
    return headers("i-1_7", BODY, AT, keys)


@pytest.mark.parametrize("key", [NEW, OLD])
def test_the_check_in_python_knows_what_is_from_us(key: bytes) -> None:
    known: dict[str, Any] = {}
    exec(block("python"), known)
    is_genuine, secret, now = known["is_genuine"], secret_of(key), AT.timestamp()

    assert is_genuine(sent(NEW, OLD), BODY, secret, now)
    assert not is_genuine(sent(b"x" * 32), BODY, secret, now)
    assert not is_genuine(sent(NEW, OLD), BODY + b" ", secret, now)
    assert not is_genuine(sent(NEW, OLD) | {"webhook-id": "i-1_8"}, BODY, secret, now)
    assert not is_genuine(sent(NEW, OLD), BODY, secret, now + 301)


@pytest.mark.parametrize(("key", "genuine"), [(NEW, True), (OLD, True), (b"x" * 32, False)])
def test_so_does_the_one_for_a_shell(tmp_path: Path, key: bytes, genuine: bool) -> None:
    (tmp_path / "body").write_bytes(BODY)
    known = sent(NEW, OLD)
    given = {
        "ID": known["webhook-id"],
        "STAMP": known["webhook-timestamp"],
        "SIGNATURE": known["webhook-signature"],
        "BODY": str(tmp_path / "body"),
        "SECRET": secret_of(key),
    }
    ran = subprocess.run(
        ["sh", "-eu", "-c", block("sh")],
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.stderr == ""
    assert (ran.returncode == 0) is genuine
    assert (ran.stdout == "genuine\n") is genuine


def test_every_type_of_event_is_explained() -> None:
    assert {kind for kind in get_args(HookType) if f"`{kind}`" not in DOCS} == set()
