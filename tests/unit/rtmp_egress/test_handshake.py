"""The handshake, byte by byte."""

import pytest

from services.rtmp_egress.rtmp.errors import Refusal
from services.rtmp_egress.rtmp.handshake import BLOCK, RANDOM, Handshake

RANDOMNESS = bytes(range(256)) * 5 + bytes(248)
S1 = b"\x00\x01\x02\x03FMS3" + b"s" * RANDOM
S2 = b"t" * BLOCK


def test_the_client_begins_with_version_time_zeros_and_randomness() -> None:
    assert Handshake(RANDOMNESS).start() == b"\x03" + bytes(8) + RANDOMNESS


def test_the_client_echoes_the_servers_block() -> None:
    shake = Handshake(RANDOMNESS)
    assert shake.receive(b"\x03" + S1) == S1
    assert not shake.done
    assert shake.receive(S2) == b""
    assert shake.done


def test_the_pieces_in_which_the_answer_comes_do_not_matter() -> None:
    shake = Handshake(RANDOMNESS)
    said = [shake.receive(bytes([byte])) for byte in b"\x03" + S1 + S2]
    assert b"".join(part for part in said if isinstance(part, bytes)) == S1
    assert said.index(S1) == BLOCK, "said as soon as it can be"
    assert shake.done


def test_what_comes_after_the_handshake_is_kept() -> None:
    shake = Handshake(RANDOMNESS)
    shake.receive(b"\x03" + S1 + S2 + b"chunks")
    assert shake.rest == b"chunks"


@pytest.mark.parametrize(
    ("answer", "hint"),
    [(b"HTTP/1.1 400 Bad Request", "wrong port"), (b"\x15\x03\x01", "rtmps://"), (b"\x06", "port")],
    ids=["HTTP", "TLS", "RTMPE"],
)
def test_a_server_that_speaks_something_else_is_known_by_its_first_byte(
    answer: bytes, hint: str
) -> None:
    refusal = Handshake(RANDOMNESS).receive(answer)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "not-rtmp"
    assert hint in refusal.reason
