"""Enhanced RTMP: what is said about codecs that are newer than RTMP."""

import msgspec

from services.rtmp_egress.rtmp.amf0 import Value


class Codec(msgspec.Struct, frozen=True):
    """Something newer than H.264, which only some servers take.

    Others answer that all is well, and drop the pictures: they are sent H.264.
    """

    name: str
    "For people."
    fourcc: str
    "As enhanced RTMP writes it."
    unconfirmed: bool = False
    "Send it though the server does not say that it takes it."


def takes(values: list[Value], codec: Codec) -> bool:
    """Whether an answer to `connect` names a codec, in either of the two ways there are."""
    for value in values:
        if isinstance(value, dict):
            listed, mapped = value.get("fourCcList"), value.get("videoFourCcInfoMap")
            named = [*(listed if isinstance(listed, list) else ())]
            named += mapped if isinstance(mapped, dict) else ()
            if codec.fourcc in named or "*" in named:
                return True
    return False
