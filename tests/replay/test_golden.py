"""Old streams must still mean what they meant.

Each `golden/<family>/*.jsonl` is a stream as it was recorded, one commit a line; for conferences
the `.state.json` beside it is the view it led to. A golden file is added, never edited.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proto import conference
from proto.base import tags
from services.conference_state.core import replay
from tests.replay.schema import DIRECTORY, FAMILIES, schema

GOLDEN = Path(__file__).parent / "golden"
CONFERENCES = sorted((GOLDEN / "conference").glob("*.jsonl"))


def lines(family: str) -> list[bytes]:
    recorded = sorted((GOLDEN / family).glob("*.jsonl"))
    return [line for path in recorded for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("recorded", CONFERENCES, ids=lambda path: path.stem)
def test_a_recorded_conference_leads_to_the_view_it_led_to(recorded: Path) -> None:
    commits = [conference.decode_commit(line) for line in recorded.read_bytes().splitlines()]
    view = replay("town-hall-1", [event for commit in commits for event in commit])

    led_to = json.loads(recorded.with_suffix(".state.json").read_text())
    assert known_then(msgspec.to_builtins(view), led_to) == led_to


def known_then(now: Any, then: Any) -> Any:
    """`now` without the fields that views have got since."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {key: known_then(value, then[key]) for key, value in now.items() if key in then}
    if isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        return [known_then(one, other) for one, other in zip(now, then, strict=True)]
    return now


@pytest.mark.parametrize("family", FAMILIES)
def test_every_stored_type_is_in_some_recording(family: str) -> None:
    """A new event type or version comes with a recording of it."""
    seen = {event["type"] for line in lines(family) for event in json.loads(line)}

    assert seen == tags(FAMILIES[family].Stored)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_recorded_commit_can_be_read(family: str) -> None:
    for line in lines(family):
        decoded: list[Any] = FAMILIES[family].decode_commit(line)
        assert len(decoded) == len(json.loads(line))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_wire_schema_has_not_changed_unnoticed(family: str) -> None:
    """If this fails on purpose, read `proto.conference` and run `make schema`."""
    assert schema(family) == json.loads((DIRECTORY / f"{family}.json").read_text())
