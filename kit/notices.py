"""The stream of what event sinks are told."""

from datetime import timedelta

from nats.js import JetStreamContext
from nats.js.api import StorageType, StreamConfig

from kit.streams import ensure_stream
from proto.subjects import WEBHOOK_STREAM, webhook_notices

KEPT = timedelta(days=8)
"""How long what there was to tell is kept: a day longer than a sink may ask for."""


async def ensure_notices(js: JetStreamContext) -> None:
    """Create the stream unless it is there already."""
    await ensure_stream(
        js,
        StreamConfig(
            name=WEBHOOK_STREAM,
            subjects=[webhook_notices()],
            storage=StorageType.FILE,
            max_age=KEPT.total_seconds(),
        ),
    )
