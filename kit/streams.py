"""Streams are there, or are made by whoever may: services only look, if they have NATS users."""

import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig, StreamConfig
from nats.js.kv import KeyValue


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
