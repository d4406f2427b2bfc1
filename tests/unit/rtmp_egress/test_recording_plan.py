"""Names of recordings, when a file is full, and which second a picture is of."""

import io
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.urls import MAX_RECORDING, beside, check_stream_url, redact
from services.rtmp_egress.recording import errors
from services.rtmp_egress.recording.boxes import whole
from services.rtmp_egress.recording.folder import Folder, Start
from services.rtmp_egress.recording.plan import (
    SECOND,
    Limits,
    TimeBase,
    file_name,
    is_due,
    named,
    numbers,
)

AT = datetime(2026, 11, 26, 7, 5, 9, tzinfo=UTC)
NAMES = ["", "talk", "Talk_2-a.b", "{conference}-{date}-{time}", "x" * MAX_RECORDING]
BAD = [
    *("..", ".hidden", "a..b", "../up", "a/b", "a\\b", "a b", "{host}", "ä", "a?b", "a#b"),
    *("%2e%2e", "a:b", "a\0", "~", "x" * (MAX_RECORDING + 1)),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_may_be_dialled_and_is_shown(name: str) -> None:
    assert check_stream_url(f"record://{name}") is None
    assert redact(f"record://{name}") == f"record://{name}"


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_could_lead_elsewhere_is_refused_and_not_shown(name: str) -> None:
    assert check_stream_url(f"record://{name}")
    assert name not in redact(f"record://{name}")


@given(st.text(max_size=130), st.text(max_size=80))
def test_whatever_is_allowed_names_a_file_of_its_folder(name: str, conference: str) -> None:
    if check_stream_url(f"record://{name}"):
        return
    key = "".join(c for c in conference if c.isascii() and c.isalnum()) or "c"
    file = file_name(named(name, key, AT), 7)
    assert Path(file).name == file
    assert (Path("/kept/p1") / file).resolve().parent == Path("/kept/p1")
    assert len(file) <= MAX_RECORDING + len("-007.mp4")


def test_a_template_is_filled_in() -> None:
    assert named("{conference}_{date}_{time}", "hall-1", AT) == "hall-1_2026-11-26_07-05-09"
    assert named("", "hall-1", AT) == "hall-1-2026-11-26-07-05-09"
    assert named("", "hall-1", AT, slides=True) == "hall-1-2026-11-26-07-05-09-slides"


@pytest.mark.parametrize(
    ("main", "second", "becomes"),
    [
        ("record://talk", "record://", "record://talk-slides"),
        ("record://", "record://", "record://{conference}-{date}-{time}-slides"),
        ("rtmp://host/app/key", "record://", "record://{conference}-{date}-{time}-slides"),
        ("record://talk", "record://other", "record://other"),
        ("record://talk", "rtmp://host/app/key", "rtmp://host/app/key"),
        ("record://talk", "", ""),
    ],
)
def test_a_second_recording_without_a_name_is_named_for_the_first(
    main: str, second: str, becomes: str
) -> None:
    assert beside(main, second) == becomes


def test_even_the_longest_name_has_one_for_the_slides() -> None:
    for name in ("x" * MAX_RECORDING, "{time}" * 16):
        assert check_stream_url(beside(f"record://{name}", "record://")) is None


def test_parts_are_known_by_their_numbers() -> None:
    files = ["talk-002.mp4", "talk-001.mp4", "manifest.json", "talk-1000.mp4", "talk.mp4"]
    assert numbers(files) == [1, 2, 1000]


def test_a_file_is_full_before_its_limit_is_passed() -> None:
    limits = Limits(60, 1000)
    assert not is_due(limits, 59.9, 100, 100)
    assert is_due(limits, 60, 100, 100)
    assert not is_due(limits, 1, 900, 100)
    assert is_due(limits, 1, 901, 100), "the group that follows may be as large as the largest"


@given(st.lists(st.integers(-40, 200), max_size=30), st.integers(0, 300), st.integers(1, 60))
def test_a_picture_never_comes_before_the_one_before_it(
    jumps: list[int], first: int, fps: int
) -> None:
    """Whatever an overloaded session leaves out or shows twice."""
    origins: list[tuple[int, int]] = [(first + 7 * n, jump) for n, jump in enumerate(jumps)]

    def moment(n: int) -> int:
        moved = sum(jump for begins, jump in origins if begins <= n)
        return (n + moved) * SECOND // fps

    base = TimeBase(moment, fps, 48_000, moment(first))
    numbers = [base.picture(round(n * 1000 / fps)) for n in range(first, first + 200)]
    assert numbers[0] == 0
    assert all(after > before for before, after in pairwise(numbers))
    if not jumps:
        assert numbers == list(range(200))


def test_sound_stays_with_its_picture() -> None:
    base = TimeBase(lambda n: n * SECOND // 30, 30, 48_000, 60 * SECOND // 30)
    assert base.picture(2000) == 0
    assert base.sample(2005, 1024) == 94 * 1024 - 96_000
    assert base.sample(2027, 1024) - base.sample(2005, 1024) == 1024


def test_both_halves_begin_when_the_first_of_them_did(tmp_path: Path) -> None:
    main, slides = Folder(tmp_path, "p1"), Folder(tmp_path, "p1.presentation")
    first, second = Start(5 * SECOND, AT), Start(6 * SECOND, AT + timedelta(seconds=1))
    for folder in (main, slides):
        folder.make()
    assert slides.agree(second) == second
    assert main.agree(first) == second, "whoever comes first, is"
    assert slides.next_number() == 1
    (tmp_path / "p1.presentation" / "talk-slides-004.mp4").touch()
    assert slides.next_number() == 5


def test_a_machine_that_was_started_anew_counts_from_another_zero() -> None:
    start = Start(5_000 * SECOND, AT)
    assert start.on_clock(5_100 * SECOND, AT + timedelta(seconds=100)) == 5_000 * SECOND
    later = start.on_clock(30 * SECOND, AT + timedelta(seconds=100))
    assert later == -70 * SECOND


def box(kind: bytes, size: int) -> bytes:
    return (size + 8).to_bytes(4, "big") + kind + bytes(size)


def test_what_was_cut_off_ends_with_its_last_whole_fragment() -> None:
    good = box(b"ftyp", 20) + box(b"moov", 50) + box(b"moof", 10) + box(b"mdat", 30)
    half = box(b"moof", 10) + box(b"mdat", 30)
    for cut in range(1, len(half)):
        data = good + half[:cut]
        assert whole(io.BytesIO(data), len(data)) == len(good)
    data = good + half
    assert whole(io.BytesIO(data), len(data)) == len(data)


@given(st.binary(max_size=200))
def test_any_bytes_have_an_end(data: bytes) -> None:
    assert 0 <= whole(io.BytesIO(data), len(data)) <= len(data)


def test_what_the_system_says_is_a_reason_without_a_path() -> None:
    for number, code in (
        (28, "disk-full"),
        (122, "disk-full"),
        (27, "disk-full"),
        (5, "disk-error"),
    ):
        told = errors.of(OSError(number, "said", "/secret/path"))
        assert told.code == code
        assert "/secret" not in str(told)
