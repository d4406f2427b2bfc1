"""KV `seats`: how long people who are here by their browser may be silent."""

import msgspec

from proto.base import Moment, Token


class Seat(msgspec.Struct, frozen=True):
    """Key `<conference>.<participant>`. Written with each token that is given out."""

    conference: Token
    participant: Token
    until: Moment
    "When the newest of their tokens ends."


def seat_key(conference: str, participant: str) -> str:
    return f"{conference}.{participant}"


_decoder = msgspec.json.Decoder(Seat)
decode_seat = _decoder.decode
