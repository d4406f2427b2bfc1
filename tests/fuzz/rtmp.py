"""`python -m tests.fuzz.rtmp --seconds N`: hostile servers against the RTMP client.

Real conversations are cut, repeated, mixed and bent, and everything is told in random pieces. What
may come of it is an event or nothing: never another exception, never answers without end, never a
secret in a text. The seed is printed, and makes the same run again.
"""

import argparse
import random
import time
from collections.abc import Callable

import msgspec

from services.rtmp_egress.rtmp.amf0 import encode
from services.rtmp_egress.rtmp.chunks import ChunkWriter, Kind, Message
from services.rtmp_egress.rtmp.client import Client
from services.rtmp_egress.rtmp.codecs import Codec
from services.rtmp_egress.rtmp.errors import Refusal
from services.rtmp_egress.rtmp.handshake import BLOCK, RANDOM
from services.rtmp_egress.rtmp.url import Target, parse_target

SECRETS = ("canary-key", "canary-pass")
TARGET = Target("rtmp", "host", 1935, "live", "canary-key", "ann", "canary-pass")

MOST = 1 << 20
"""Bytes that one client may answer to what it is told here."""

CHALLENGE = (
    "[ AccessManager.Reject ] : [ authmod={} ] : ?reason=needauth&salt=s&challenge=c&nonce=n"
)


class Tally(msgspec.Struct):
    """What has been tried."""

    runs: int = 0
    live: int = 0
    "Of these, got as far as publishing."
    refused: int = 0


def conversation(chance: random.Random) -> bytes:
    """What a server says from beginning to end, more or less."""
    writer = ChunkWriter(compact=chance.random() < 0.5)
    error = {"level": "error", "code": chance.choice(CODES), "description": words(chance)}
    status = {"level": "status", "code": "NetStream.Publish.Start"}
    said: list[tuple[Kind, bytes]] = [
        (Kind.WINDOW_SIZE, chance.randbytes(4)),
        (Kind.PEER_BANDWIDTH, chance.randbytes(chance.choice([0, 4, 5]))),
        (Kind.SET_CHUNK_SIZE, chance.choice([1, 128, 4096, 2**31 - 1]).to_bytes(4, "big")),
        (Kind.USER_CONTROL, chance.randbytes(chance.choice([0, 1, 2, 6, 10]))),
        (Kind.ACKNOWLEDGEMENT, chance.randbytes(chance.choice([0, 3, 4]))),
        (Kind.ABORT, chance.choice([2, 3, 4]).to_bytes(4, "big")),
        (Kind.COMMAND, encode("_result", 1, {"fmsVer": "x", "fourCcList": ["hvc1"]}, status)),
        (Kind.COMMAND, encode("_result", 4, None, chance.choice([1, 0, -1, 7e9]))),
        (Kind.COMMAND, encode("onStatus", 0, None, status)),
        (Kind.COMMAND_AMF3, b"\0" + encode("onStatus", 0, None, status)),
        (Kind.COMMAND, encode("_error", chance.choice([1, 2, 4]), None, error)),
        (Kind.COMMAND, encode("_error", 1, None, {**error, "ex": {"redirect": words(chance)}})),
        (Kind.COMMAND, encode("close", 0, None)),
    ]
    start = said[6:9]
    chosen = [*start] if chance.random() < 0.5 else []
    for _ in range(chance.randrange(8)):
        chosen.insert(chance.randrange(len(chosen) + 1), chance.choice(said))
    out = b"\x03" + bytes(2 * BLOCK)
    for kind, payload in chosen:
        try:
            message = Message(kind, chance.choice([0, 5, 0xFFFFFF, 2**32 - 1]), 0, payload)
            out += writer.write(message, chance.choice([2, 3, 64, 320]))
        except (AssertionError, ValueError):
            continue
    return out


CODES = (
    "NetConnection.Connect.Rejected",
    "NetConnection.Connect.InvalidApp",
    "NetStream.Publish.BadName",
    "NetStream.Publish.Denied",
    "NetStream.Failed",
    "",
)


def words(chance: random.Random) -> str:
    return chance.choice(
        [
            CHALLENGE.format("adobe"),
            CHALLENGE.format("llnw"),
            "?reason=authfailed&user=ann&canary-pass",
            f"key canary-key is in use {'x' * chance.randrange(2000)}",
            "rtmp://elsewhere.example:1936/live",
            "rtmp://[::1]/" + "\x00\ud7ff" * chance.randrange(4),
            "http://canary-key@/",
            "",
        ]
    )


def bent(data: bytes, chance: random.Random) -> bytes:
    """The same with something wrong in it."""
    bend = bytearray(data)
    for _ in range(chance.choice([0, 1, 1, 2, 5, 30])):
        where = chance.randrange(max(1, len(bend) - 300), len(bend) + 1) if bend else 0
        match chance.randrange(5):
            case 0 if where < len(bend):
                bend[where] = chance.randrange(256)
            case 1:
                del bend[where : where + chance.randrange(1, 40)]
            case 2:
                bend[where:where] = chance.randbytes(chance.randrange(1, 40))
            case 3:
                bend[where:where] = bend[where : where + chance.randrange(1, 200)]
            case _ if where < len(bend):
                bend[where] ^= 1 << chance.randrange(8)
    return bytes(bend)


def one(chance: random.Random, tally: Tally) -> None:
    """One server, from its first byte to its last; raises whatever is wrong."""
    codec = Codec("HEVC", "hvc1") if chance.random() < 0.3 else None
    query = chance.choice(["", "authmod=adobe&user=ann"])
    client = Client(TARGET, bytes(RANDOM), query=query, codec=codec)
    data, at, said = bent(conversation(chance), chance), 0, 0
    while at < len(data):
        piece = data[at : at + chance.choice([1, 7, 100, 5000])]
        at += len(piece)
        for event in client.receive(piece):
            shown = repr(event) + (event.reason if isinstance(event, Refusal) else "")
            assert not any(secret in shown for secret in SECRETS), "a secret is shown"
        said += len(client.take())
    if client.stage == "live":
        client.ping()
        client.media(Kind.VIDEO, 0, b"\x17\x01")
    client.close()
    said += len(client.take())
    assert said <= MOST, "it answers without end"
    tally.runs += 1
    tally.live += client.stage == "live"
    tally.refused += isinstance(client.ended(), Refusal) and client.stage != "live"
    parse_target(bent(b"rtmp://ann:pw@host:1935/live/key?x=1", chance).decode(errors="replace"))


def run(seconds: float, seed: int, clock: Callable[[], float]) -> Tally:
    tally, end = Tally(), clock() + seconds
    chance = random.Random(seed)
    while clock() < end:
        for _ in range(50):
            one(chance, tally)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.rtmp", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    tally = run(given.seconds, given.seed, time.monotonic)
    print(
        f"{tally.runs} servers: {tally.live} published to, {tally.refused} refused; nothing found"
    )


if __name__ == "__main__":
    main()
