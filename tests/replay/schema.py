"""`make schema`: write down the wire schema of every family as it is now. Read the diff."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from proto import conference, egress, mixer, routing, scheduler

FAMILIES: dict[str, ModuleType] = {
    "conference": conference,
    "routing": routing,
    "scheduler": scheduler,
    "egress": egress,
    "mixer": mixer,
}
DIRECTORY = Path(__file__).parents[2] / "proto" / "schema"


def schema(family: str) -> Any:
    return json.loads(
        json.dumps(msgspec.json.schema(list.__class_getitem__(FAMILIES[family].Stored)))
    )


def main() -> None:
    for family in FAMILIES:
        text = json.dumps(schema(family), indent=1, sort_keys=True)
        (DIRECTORY / f"{family}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
