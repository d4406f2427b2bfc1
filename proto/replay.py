"""What is said to services that play a log again, and to no others."""

from datetime import datetime

import msgspec

from proto.base import Message


class SetClock(Message, frozen=True, tag="set_clock.v1"):
    """It is now `at`, until something else is said: whoever decides, decides for that moment."""

    at: datetime


decode_set_clock = msgspec.json.Decoder(SetClock).decode
