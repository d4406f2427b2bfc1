"""Files that are no backup, or no whole one, are told from those that are."""

import gzip
import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.backup.archive import Writer, reading
from cli.backup.plan import Changes, changes, sentences
from cli.backup.words import BUCKETS, FORMAT, Manifest, Unreadable
from proto import subjects
from proto.base import encode

AT = datetime(2026, 11, 26, tzinfo=UTC)


def written(path: Path) -> bytes:
    with Writer(path) as writer:
        for name in ("kv/config.jsonl", "kv/secrets.jsonl"):
            writer.add(name, io.BytesIO(b"content\n" * 100), count=100)
        writer.finish(Manifest(FORMAT, "0.1.0", AT, writer.members))
    return path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return written(tmp_path_factory.mktemp("backup") / "one.tar")


def refusal(content: bytes, path: Path) -> str:
    path.write_bytes(content)
    with pytest.raises(Unreadable) as caught, reading(path):
        pass
    return str(caught.value)


def test_what_was_written_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "one.tar"
    written(path)
    with reading(path) as archive:
        assert archive.open("kv/config.jsonl").read() == b"content\n" * 100
        assert archive.manifest.members["kv/config.jsonl"].count == 100


def test_a_backup_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with Writer(tmp_path / "one.tar") as writer:
        writer.add("kv/config.jsonl", io.BytesIO(b"content"))
        assert list(tmp_path.glob(".one.tar-*"))

    assert list(tmp_path.iterdir()) == []


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_part_of_an_archive_is_taken_for_one(
    data: st.DataObject, whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content_end = whole.rindex(b'"version"')
    cut = data.draw(st.integers(0, content_end))

    refusal(whole[:cut], tmp_path_factory.mktemp("cut") / "one.tar")


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_bit_that_turned_in_its_contents_is_noticed(
    data: st.DataObject, whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    start = whole.index(b"content\n")
    at = data.draw(st.integers(start, start + 799))
    turned = bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))])

    why = refusal(whole[:at] + turned + whole[at + 1 :], tmp_path_factory.mktemp("bit") / "one.tar")
    assert "is damaged" in why


def tar(*infos: tuple[tarfile.TarInfo, bytes]) -> bytes:
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w") as made:
        for info, body in infos:
            made.addfile(info, io.BytesIO(body))
    return into.getvalue()


def info(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    one = tarfile.TarInfo(name)
    one.size = size
    one.type = kind
    return one


def manifest(**more: object) -> tuple[tarfile.TarInfo, bytes]:
    body = encode(Manifest(FORMAT, "0.1.0", AT, {}))
    if more:
        body = body.replace(f'"format":{FORMAT}'.encode(), b'"format":99')
    return info("manifest.json", len(body)), body


BAD = {
    "empty": b"",
    "text": b"hello\n" * 1000,
    "compressed": gzip.compress(tar(manifest())),
    "no manifest": tar((info("kv/config.jsonl", 1), b"x")),
    "more than the manifest names": tar((info("other", 1), b"x"), manifest()),
    "a link": tar((info("kv/config.jsonl", 0, tarfile.SYMTYPE), b""), manifest()),
    "a hole": tar((info("kv/config.jsonl", 0, tarfile.GNUTYPE_SPARSE), b""), manifest()),
    "a device": tar((info("/dev/null", 0, tarfile.CHRTYPE), b""), manifest()),
    "the same twice": tar((info("a", 1), b"x"), (info("a", 1), b"y"), manifest()),
    "a newer format": tar(manifest(newer=True)),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_what_is_no_archive_of_ours_is_refused(content: bytes, tmp_path: Path) -> None:
    refusal(content, tmp_path / "one.tar")


def test_a_file_that_says_it_is_larger_than_all_of_it_is_refused(tmp_path: Path) -> None:
    """Before anything is made of it: a header can promise any size."""
    bomb = info("kv/config.jsonl", 1 << 40).tobuf(tarfile.GNU_FORMAT) + b"x" * 512

    assert "cut off" in refusal(bomb, tmp_path / "one.tar")


def test_somebody_has_decided_what_becomes_of_every_bucket() -> None:
    """A new bucket: is it configuration? See cli/backup/words.py."""
    assert set(BUCKETS) == set(subjects.BUCKETS)


def test_what_is_not_in_the_archive_goes_only_where_it_is_configuration() -> None:
    archived, there = {"a.1": b"1", "a.2": b"2"}, {"a.2": b"other", "a.3": b"3"}

    assert changes(archived, there, "replaced") == Changes({"a.1": b"1"}, {"a.2": b"2"}, ["a.3"], 0)
    assert changes(archived, there, "merged").remove == []
    assert list(sentences("config", changes(archived, there, "replaced"))) == [
        "a: 1 new, 1 changed, 1 removed"
    ]
    assert list(sentences("config", changes(there, there, "replaced"))) == [
        "config: nothing differs (2 the same)"
    ]
