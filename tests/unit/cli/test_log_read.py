"""What is no export is refused by the line and the field."""

import gzip
import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.log.read import LONGEST_LINE, BadLog, load, read
from tests.support.logs import REPLAYS, lines_of

LECTURE = lines_of("2026-11-lecture")
HEADER, SETTINGS, FIRST, *_ = LECTURE
MESSAGES = [line for line in LECTURE if line.startswith(b'{"family"')]

Lines = list[bytes]


def changed(line: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(line), **fields}).encode() + b"\n"


def with_event(line: bytes, **fields: Any) -> bytes:
    stored = json.loads(line)
    stored["commit"][0].update(fields)
    return json.dumps(stored).encode() + b"\n"


def header(**fields: Any) -> bytes:
    return json.dumps({"export": {**json.loads(HEADER)["export"], **fields}}).encode() + b"\n"


SPOILT: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "empty": (lambda _: [], "the last line, which holds the view, is missing"),
    "not JSON": (lambda r: [*r[:5], b"{nonsense}\n", *r[5:]], "line 6: this is no JSON"),
    "nested without end": (lambda r: [*r[:5], b"[" * 100_000, *r[5:]], "line 6: this is no JSON"),
    "not an object": (lambda r: [*r[:5], b"[1]\n", *r[5:]], "line 6: this is no JSON object"),
    "cut in a line": (lambda r: [*r[:7], r[7][:40]], "line 8: this is no JSON"),
    "cut between lines": (lambda r: r[:7], "it breaks off: the last line"),
    "a line is missing": (lambda r: [*r[:7], *r[8:]], "end.lines: "),
    "more behind it": (lambda r: [*r, FIRST], f"line {len(LECTURE) + 1}: something follows"),
    "a kind of line": (lambda r: [*r[:5], b'{"poem":1}\n', *r[5:]], "line 6: `poem` is not what"),
    "a header inside": (lambda r: [*r[:5], HEADER, *r[5:]], "line 6: `export` is not what"),
    "a later format": (
        lambda r: [header(format=3, version="9.0.0"), *r[1:]],
        "line 1: export.format: 3, made by version 9.0.0; this is ",
    ),
    "no format": (lambda r: [header(format=0), *r[1:]], "line 1: export.format: "),
    "a later event": (
        lambda r: [header(version="9.0.0"), r[1], with_event(r[2], type="moon_landed.v1"), *r[3:]],
        "line 3: commit[0].type: `moon_landed.v1` is no event of family conference that version",
    ),
    "a later version of an event": (
        lambda r: [*r[:2], with_event(r[2], type="conference_started.v2"), *r[3:]],
        "commit[0].type: `conference_started.v2` is no event",
    ),
    "a field of an event": (
        lambda r: [*r[:2], with_event(r[2], layout=7), *r[3:]],
        "line 3: commit[0].layout: Expected `str`, got `int`",
    ),
    "a family": (
        lambda r: [*r[:2], changed(r[2], family="poetry"), *r[3:]],
        "line 3: family: Invalid enum value 'poetry'",
    ),
    "a time": (
        lambda r: [*r[:2], changed(r[2], time="yesterday"), *r[3:]],
        "line 3: time: ",
    ),
    "a view of another": (
        lambda r: [*r[:-2], r[-2].replace(b'"conference":"', b'"conference":"x', 1), r[-1]],
        "view.conference: xtown-hall-1 is not what stands before it",
    ),
    "too long a line": (
        lambda r: [*r[:3], b"x" * (LONGEST_LINE + 1), *r[3:]],
        "line 4: it is longer than 2,000,000 bytes",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_is_wrong_is_said_by_line_and_field(case: str) -> None:
    spoil, says = SPOILT[case]
    with pytest.raises(BadLog) as told:
        read(spoil(list(LECTURE)))
    assert says in str(told.value)


def test_a_damaged_packed_file_is_told_from_a_damaged_log(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(LECTURE))
    for name, data in (("cut", packed[: len(packed) // 2]), ("bent", packed[:40] + b"\0" * 90)):
        file = tmp_path / f"{name}.jsonl.gz"
        file.write_bytes(data)
        with pytest.raises(BadLog, match="the compressed file is damaged or cut off"):
            load(file)


def test_a_file_that_unpacks_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "bomb.jsonl.gz"
    file.write_bytes(gzip.compress((b" " * 999_999 + b"\n") * 4))
    with pytest.raises(BadLog, match="larger than 3 MB"):
        load(file, 3_000_000)


def test_packed_and_plain_are_the_same(tmp_path: Path) -> None:
    plain = tmp_path / "log.jsonl"
    plain.write_bytes(b"".join(LECTURE))

    assert load(plain) == load(REPLAYS / "2026-11-lecture.jsonl.gz")


def test_the_first_format_is_read_and_has_no_settings() -> None:
    export = load(REPLAYS / "2026-11-town-hall.jsonl")

    assert export.header is None
    assert [log.settings for log in export.logs] == [None]


def test_no_pin_is_in_an_export() -> None:
    vmr = json.loads(SETTINGS)["settings"]["vmr"]

    assert vmr["pin"] == "0000#"


def test_a_time_without_its_offset_is_said_to_be_one() -> None:
    naive = [re.sub(rb'("time":"[^"]*)Z"', rb'\1"', line, count=1) for line in LECTURE]

    with pytest.raises(BadLog, match="time"):
        read(naive)


@given(st.data())
def test_no_damage_is_anything_but_a_bad_log(data: st.DataObject) -> None:
    lines = list(LECTURE)
    number = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(0, len(lines[number]) - 1))
    junk = data.draw(st.binary(max_size=5))
    lines[number] = lines[number][:at] + junk + lines[number][at + 1 :]
    with suppress(BadLog):
        read(lines)
