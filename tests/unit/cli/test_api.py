"""What people are told, and where commands look for the API."""

import json
import os
from pathlib import Path

import httpx
import pytest

from cli.api import said, segment
from cli.people import address
from cli.place import USUAL, api_url


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {"status": "failure", "participant": {"destination": ["The destination has no host."]}},
            "destination: The destination has no host.",
        ),
        ({"conference": {"__all__": ["The body must be …"]}}, "The body must be …"),
        ({"error": "There is no such resource."}, "There is no such resource."),
        ({}, "the server answered with 400"),
    ],
)
def test_an_error_is_a_sentence_that_names_the_field(body: object, sentence: str) -> None:
    assert said(httpx.Response(400, json=body)) == sentence


def test_an_answer_of_something_else_is_told_by_its_number() -> None:
    assert said(httpx.Response(502, text="<html>")) == "the server answered with 502"


@pytest.mark.parametrize(
    ("text", "path"), [("town-hall", "town-hall"), ("a b", "a%20b"), ("a/../b?c", "a%2F..%2Fb%3Fc")]
)
def test_an_alias_stays_one_segment_of_a_path(text: str, path: str) -> None:
    assert segment(text) == path


def test_a_file_is_sent_with_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert address("clip.mp4") == str(tmp_path / "clip.mp4")
    assert address("rtsp://camera/1") == "rtsp://camera/1"


def test_the_stack_of_this_machine_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSTRUM_DATA", str(tmp_path))
    assert api_url(None) == USUAL
    (tmp_path / "run").mkdir()
    known = {"url": "http://127.0.0.1:9", "pid": os.getpid()}
    (tmp_path / "run" / "stack.json").write_text(json.dumps(known))
    assert api_url(None) == "http://127.0.0.1:9"
    assert api_url("http://elsewhere/") == "http://elsewhere"
