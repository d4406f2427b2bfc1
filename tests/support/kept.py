"""What a test's own RTMP server was sent, as a file to be played."""

from pathlib import Path

from services.rtmp_egress.rtmp.chunks import Kind
from services.rtmp_egress.rtmp.client import SET_DATA_FRAME

FILE_HEADER = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"


def flv_tag(kind: int, timestamp: int, payload: bytes) -> bytes:
    stamp = (timestamp & 0xFFFFFF).to_bytes(3, "big") + bytes((timestamp >> 24,))
    whole = bytes((kind,)) + len(payload).to_bytes(3, "big") + stamp + bytes(3) + payload
    return whole + len(whole).to_bytes(4, "big")


class Keeper:
    """Writes the media of one publication."""

    def __init__(self, directory: Path, key: str) -> None:
        self._path = directory / f"{key}.flv"
        self._path.write_bytes(FILE_HEADER)

    def write(self, kind: int, timestamp: int, payload: bytes) -> None:
        if kind == Kind.DATA:
            payload = payload.removeprefix(SET_DATA_FRAME)
        with self._path.open("ab") as file:
            file.write(flv_tag(kind, timestamp, payload))
