"""The file: a tar without compression, so that nothing in it is larger than it looks.

The manifest comes last, with a checksum of each file before it. A file is written under another
name and gets its own when it is whole and on the disk.
"""

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

import msgspec

from cli.backup.words import FORMAT, Manifest, Member, Unreadable
from proto.base import encode

MANIFEST = "manifest.json"

CHUNK = 1 << 20

LONGEST_MANIFEST = 64 << 20
"""Bytes; a file of the archive is a hundred of them."""

MOST = 200_000
"""Files of an archive: a theme each, and a few more."""


class Writer:
    """Files go in one after another; `finish` makes an archive of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        self._part = Path(name)
        self._file = os.fdopen(handle, "wb")
        self._tar = tarfile.TarFile(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)
        self.members: dict[str, Member] = {}

    def add(self, name: str, content: IO[bytes], *, count: int = 0, revision: int = 0) -> None:
        """The whole of a file that can be sought in, however large."""
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        digest = hashlib.sha256()
        info = tarfile.TarInfo(name)
        info.size = size
        info.mode = 0o600
        self._tar.addfile(info, _Hashing(content, digest))
        self.members[name] = Member(size, digest.hexdigest(), count, revision)

    def finish(self, manifest: Manifest) -> None:
        body = encode(manifest)
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(body)
        info.mode = 0o600
        self._tar.addfile(info, io.BytesIO(body))
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.rename(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)


class _Hashing(io.RawIOBase):
    """What is read from it is hashed on its way."""

    def __init__(self, content: IO[bytes], digest: "hashlib._Hash") -> None:
        self._content = content
        self._digest = digest

    def read(self, size: int = -1) -> bytes:
        block = self._content.read(size)
        self._digest.update(block)
        return block


class Archive:
    """An archive all of which has been looked at."""

    def __init__(self, tar: tarfile.TarFile, infos: dict[str, tarfile.TarInfo]) -> None:
        self._tar = tar
        self._infos = infos
        self.manifest = self._manifest()
        self._check()

    def open(self, name: str) -> IO[bytes]:
        content = self._tar.extractfile(self._infos[name])
        assert content is not None
        return content

    def chunks(self, name: str, size: int = CHUNK) -> Iterator[bytes]:
        content = self.open(name)
        while block := content.read(size):
            yield block

    def has(self, name: str) -> bool:
        return name in self._infos

    def _manifest(self) -> Manifest:
        info = self._infos.get(MANIFEST)
        if info is None or info.size > LONGEST_MANIFEST:
            raise Unreadable("it has no manifest: it is cut off, or no backup of Rostrum")
        body = self.open(MANIFEST).read()
        try:
            form = msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get("format")
            if form is not None and int(bytes(form)) > FORMAT:
                raise Unreadable("it was made by a newer version of Rostrum; restore it with that")
            return msgspec.json.decode(body, type=Manifest)
        except (msgspec.MsgspecError, ValueError) as exc:
            raise Unreadable(f"its manifest cannot be read: {exc}") from None

    def _check(self) -> None:
        if self._infos.keys() - {MANIFEST} != self.manifest.members.keys():
            raise Unreadable("it does not have the files that its manifest names")
        for name, member in self.manifest.members.items():
            if self._infos[name].size != member.size:
                raise Unreadable(f"{name} is not as long as its manifest says")
            digest = hashlib.sha256()
            for block in self.chunks(name):
                digest.update(block)
            if digest.hexdigest() != member.sha256:
                raise Unreadable(f"{name} is damaged")


@contextmanager
def reading(path: Path) -> Iterator[Archive]:
    """An archive that is whole. Raises Unreadable, and OSError for a file that is not there."""
    with path.open("rb") as file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                yield Archive(tar, _infos(tar, path.stat().st_size))
        except (tarfile.TarError, EOFError) as exc:
            raise Unreadable(f"it is damaged, or no backup of Rostrum ({exc})") from None


def _infos(tar: tarfile.TarFile, size: int) -> dict[str, tarfile.TarInfo]:
    """Plain files whose bytes are really there; nothing is ever unpacked onto a disk."""
    infos: dict[str, tarfile.TarInfo] = {}
    for info in tar:
        if not info.isreg() or info.issparse():
            raise Unreadable(f"{info.name!r} in it is no plain file")
        if info.name in infos:
            raise Unreadable(f"{info.name!r} is in it twice")
        if info.offset_data + info.size > size:
            raise Unreadable(f"it is cut off within {info.name!r}")
        infos[info.name] = info
        if len(infos) > MOST:
            raise Unreadable(f"it has more than {MOST} files")
    return infos
