"""Streams are there, or are made by whoever may: services only look, if they have NATS users."""

import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig, RawStreamMsg, StreamConfig
from nats.js.kv import KeyValue

NO_MESSAGE = 10037
"""JetStream's code for a message that is not there, as against a stream that is not."""


async def ensure_stream(js: JetStreamContext, config: StreamConfig) -> None:
    """Create the stream unless it is there already."""
    assert config.name is not None
    try:
        await js.stream_info(config.name)
    except nats.js.errors.NotFoundError:
        await js.add_stream(config)


async def ensure_bucket(js: JetStreamContext, config: KeyValueConfig) -> KeyValue:
    """Create the bucket unless it is there already."""
    try:
        return await js.key_value(config.bucket)
    except nats.js.errors.NotFoundError:
        return await js.create_key_value(config)


async def message(
    js: JetStreamContext,
    stream: str,
    sequence: int | None,
    subject: str = "",
    *,
    after: bool = False,
) -> RawStreamMsg | None:
    """The message of a number, the last of a subject, or its first from a number on.

    None if there is none such; raises if the stream itself cannot be had just now.
    """
    try:
        return await js.get_msg(stream, sequence, subject or None, next=after)
    except nats.js.errors.NotFoundError as exc:
        if exc.err_code != NO_MESSAGE:
            raise
        return None
