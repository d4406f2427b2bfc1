"""Messages that nobody could handle: stream `PARKED`, subject `parked.<durable>`.

The body is what it was, and so are the headers; these stand beside them. Such a message is given
back to the consumer that parked it by a request to `returns.<family>.<durable>`, of the same body
and headers, which is answered with `Handled` or why it was not.
"""

import msgspec

from proto.base import Message, Refused

SUBJECT = "Parked-Subject"
"""Where it came from."""

REASON = "Parked-Reason"

SEQUENCE = "Parked-Sequence"
"""Where it stood in its stream; an older version did not say."""


class Handled(Message, frozen=True, tag="handled.v1"):
    """What was parked has been dealt with; nothing of it is left to do."""


ReturnReply = Handled | Refused

decode_reply: msgspec.json.Decoder[ReturnReply] = msgspec.json.Decoder(ReturnReply)
