"""A file that was not closed: where its last whole fragment ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

HEAD = 8
"""Bytes: size and kind. Sizes of 64 bits have eight more; ours are of 32."""

LONG = 1


def mend(path: Path) -> None:
    """Cut off what was being written when whoever wrote it died, so that all players take it."""
    with path.open("r+b") as file:
        file.truncate(whole(file, path.stat().st_size))


def is_closed(path: Path) -> bool:
    """Whether it was given its index, and is no longer one of fragments."""
    with path.open("rb") as file:
        return b"moof" not in {kind for kind, _ in _boxes(file, path.stat().st_size)}


def whole(file: BinaryIO, size: int) -> int:
    """Bytes until the end of the last fragment that is complete, its data included."""
    # A fragment's head is nothing without the data that follows it.
    return max((end for kind, end in _boxes(file, size) if kind != b"moof"), default=0)


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Kind and end of every complete box."""
    at = 0
    while at + HEAD <= size:
        file.seek(at)
        head = file.read(HEAD)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if length == LONG:
            length = int.from_bytes(file.read(HEAD), "big")
        at += length
        if length < HEAD or at > size:
            return
        yield kind, at
