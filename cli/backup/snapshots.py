"""Event streams as nats-server itself gives and takes them: with sequences, times and consumers.

So a restored stream is the same one to everybody: versions fit, and nobody works through it anew.
"""

import json
from collections.abc import Iterator
from typing import IO, Any

import nats.errors
from nats.aio.client import Client

from cli.backup.words import Snapshot, Unreadable
from cli.failure import Failure
from proto.access import API

CHUNK = 128 << 10

PATIENCE = 30.0
"""Seconds for the next piece, or for one to be taken."""


async def take(nc: Client, stream: str, into: IO[bytes]) -> Snapshot:
    """Write the snapshot of a stream into a file."""
    inbox = nc.new_inbox()
    pieces = await nc.subscribe(inbox, pending_bytes_limit=-1)
    try:
        wish = {"deliver_subject": inbox, "chunk_size": CHUNK}
        said = await _asked(nc, f"{API}.STREAM.SNAPSHOT.{stream}", wish)
        while True:
            piece = await pieces.next_msg(timeout=PATIENCE)
            if piece.reply:
                await nc.publish(piece.reply)
            if not piece.data:
                if piece.headers and "Status" in piece.headers:
                    raise Failure(f"nats-server gave up on {stream}: {dict(piece.headers)}", 2)
                return Snapshot(said["config"], said["state"])
            into.write(piece.data)
    except nats.errors.TimeoutError:
        raise Failure(f"nats-server does not go on with the stream {stream}", 2) from None
    finally:
        await pieces.unsubscribe()


async def give(nc: Client, stream: str, snapshot: Snapshot, pieces: Iterator[bytes]) -> None:
    """Make a stream, which must not be there, of a snapshot."""
    if snapshot.config.get("name") != stream:
        raise Unreadable(f"the stream {stream} has another name inside")
    wish = {"config": snapshot.config, "state": snapshot.state}
    said = await _asked(nc, f"{API}.STREAM.RESTORE.{stream}", wish)
    into = said["deliver_subject"]
    for piece in pieces:
        await nc.request(into, piece, timeout=PATIENCE)
    _fine(stream, json.loads((await nc.request(into, b"", timeout=PATIENCE)).data))


async def _asked(nc: Client, subject: str, wish: dict[str, Any]) -> dict[str, Any]:
    msg = await nc.request(subject, json.dumps(wish).encode(), timeout=PATIENCE)
    return _fine(subject.rpartition(".")[2], json.loads(msg.data))


def _fine(stream: str, said: dict[str, Any]) -> dict[str, Any]:
    if error := said.get("error"):
        raise Failure(f"nats-server refuses the stream {stream}: {error.get('description')}", 2)
    return said
