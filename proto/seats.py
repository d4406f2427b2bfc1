"""What gateways tell each other of those who take part by browser. In no stream."""

import msgspec

from proto.base import Message, Token


class SeatKept(Message, frozen=True, tag="seat_kept.v1"):
    """They have shown just now that they are still there."""

    conference: Token
    participant: Token


_decoder = msgspec.json.Decoder(SeatKept)

decode_seat = _decoder.decode
