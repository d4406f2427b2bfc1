"""A file that was not closed: where its last whole fragment ends."""

from pathlib import Path
from typing import BinaryIO

HEAD = 8
"""Bytes: size and kind. Sizes of 64 bits have eight more; ours are of 32."""

LONG = 1


def mend(path: Path) -> None:
    """Cut off what was being written when whoever wrote it died, so that all players take it."""
    with path.open("r+b") as file:
        file.truncate(whole(file, path.stat().st_size))


def whole(file: BinaryIO, size: int) -> int:
    """Bytes until the end of the last fragment that is complete, its data included."""
    at = good = 0
    while at + HEAD <= size:
        file.seek(at)
        head = file.read(HEAD)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if length == LONG:
            length = int.from_bytes(file.read(HEAD), "big")
        at += length
        if length < HEAD or at > size:
            break
        if kind != b"moof":  # it needs the data that follows it
            good = at
    return good
