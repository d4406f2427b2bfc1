"""Versions of Rostrum side by side: what one writes, the other reads as far as it can.

`released/<version>/` holds the wire schemas of each release; one is added with each, none edited.
"""

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from kit.newer import readable
from proto.base import encode
from tests.replay.compatible import breaks
from tests.replay.schema import FAMILIES, schema
from tests.replay.test_golden import lines

RELEASED = sorted((Path(__file__).parent / "released").glob("*/*.json"))


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_a_release_has_stored_can_be_read(path: Path) -> None:
    assert breaks(json.loads(path.read_text()), schema(path.stem)) == []


def changed(change: str) -> dict[str, Any]:
    """The schema of EGRESS with something about `destination_changed` made otherwise."""
    new: dict[str, Any] = copy.deepcopy(schema("egress"))
    one = new["$defs"]["DestinationChanged"]
    state = one["properties"]["state"]
    state = new["$defs"][state["$ref"].rpartition("/")[2]] if "$ref" in state else state
    match change:
        case "field gone":
            del one["properties"]["attempt"]
        case "field required":
            one["required"].append("attempt")
        case "value gone":
            state["enum"].remove("failed")
        case "other type":
            one["properties"]["attempt"]["type"] = "string"
        case "tighter":
            one["properties"]["reason"]["maxLength"] = 10
        case "event gone":
            items = new["items"]["anyOf"]
            items[:] = [item for item in items if not item["$ref"].endswith("DestinationChanged")]
        case "new field":
            one["properties"]["mood"] = {"type": "string", "default": ""}
        case "new value":
            state["enum"].append("resting")
    return new


@pytest.mark.parametrize(
    "change",
    ["field gone", "field required", "value gone", "other type", "tighter", "event gone"],
)
def test_a_change_that_breaks_what_is_stored_is_found(change: str) -> None:
    assert len(breaks(schema("egress"), changed(change))) == 1


@pytest.mark.parametrize("change", ["new field", "new value"])
def test_additions_break_nothing(change: str) -> None:
    assert breaks(schema("egress"), changed(change)) == []


def with_more(value: Any) -> Any:
    """Every object has a field that this version does not know."""
    if isinstance(value, dict):
        return {**{key: with_more(one) for key, one in value.items()}, "of_tomorrow": {"a": [1]}}
    return [with_more(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("family", FAMILIES)
def test_fields_of_tomorrow_are_passed_over(family: str) -> None:
    for line in lines(family):
        more = encode(with_more(json.loads(line)))
        assert FAMILIES[family].decode_commit(more) == FAMILIES[family].decode_commit(line)


@pytest.mark.parametrize("family", FAMILIES)
def test_events_of_tomorrow_are_left_out_by_those_who_look_on_and_told_once(family: str) -> None:
    decode = FAMILIES[family].decode_commit
    unknown = {"type": f"{family}_of_tomorrow.v9", "at": "2027-01-01T00:00:00Z"}
    with structlog.testing.capture_logs() as logs:
        for line in lines(family):
            commit = encode([unknown, *json.loads(line), unknown])
            assert readable(commit, decode, family) == list(decode(line))
            with pytest.raises(msgspec.ValidationError):
                decode(commit)

    assert [one["type"] for one in logs] == [unknown["type"]]


def enums(family: str) -> list[tuple[str, str]]:
    """Type and field of every event that has one of a few values."""
    found = []
    for one in schema(family)["$defs"].values():
        tag = one.get("properties", {}).get("type", {}).get("enum", [""])[0]
        found += [
            (tag, name)
            for name, field in one.get("properties", {}).items()
            if tag and name != "type" and "enum" in field
        ]
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_values_of_tomorrow_cost_an_onlooker_that_event_and_no_more(family: str) -> None:
    decode = FAMILIES[family].decode_commit
    tried = set()
    for line in lines(family):
        for event in json.loads(line):
            for tag, field in enums(family):
                if event["type"] == tag and field in event:
                    tried.add((tag, field))
                    odd = {**event, field: "of tomorrow"}
                    assert readable(encode([odd, event]), decode, family) == list(
                        decode(encode([event]))
                    )

    assert tried or not enums(family)
