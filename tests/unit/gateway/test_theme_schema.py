"""What may be in a theme, as it is described and as it is read."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from kit.theme import Unfit, read
from services.gateway.core.theme_schema import document
from services.mixer.theme import DEFAULT
from tests.support.themes import SCHEMA_FILE, packed

DOCS = Path(__file__).parents[3] / "docs"


def test_the_schema_in_the_docs_is_the_one_that_is_served() -> None:
    """`python -m tests.support.themes` writes it anew."""
    assert json.loads(SCHEMA_FILE.read_text()) == document()


def test_our_own_theme_is_as_the_schema_says() -> None:
    config = json.loads((DEFAULT / "themeconfig.json").read_text())
    jsonschema_rs.validator_for(document()).validate(config)


@pytest.mark.parametrize(
    "said",
    [
        {"indicators": {"streamin": {}}},
        {"indicators": {"text_for": 0}},
        {"indicators": {"recording": {"color": "red"}}},
        {"splash_screens": {"waiting": {"elements": [{"text": "x", "size": "huge"}]}}},
        {"prompts": {"teams": {"hello": "a.wav"}}},
        {"prompts": {"zoom": {}}},
        {"theme_version": 1},
    ],
)
def test_what_the_schema_forbids_is_refused_when_it_is_uploaded(said: dict[str, Any]) -> None:
    validator = jsonschema_rs.validator_for(document())
    assert not validator.is_valid({"theme_version": 2, **said})
    with pytest.raises(Unfit):
        read(packed(said))


def test_every_key_has_its_line_in_the_docs() -> None:
    text = (DOCS / "themes.md").read_text()
    for name, struct in document()["$defs"].items():
        for key in struct["properties"]:
            assert f"`{key}`" in text or f'"{key}"' in text, (name, key)
