"""What callers hear: encoded once for all who say nothing, and without a jump when that changes."""

import math
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.packet import Packet

from services.mixer.media.minus import Sound
from services.mixer.media.voice import BLOCK, RATE
from services.mixer.webrtc.listening import EVERYBODY, TAIL, Booth
from tests.support.watch import samples

BOTH = frozenset({"ann", "bob"})


def block(m: int, *tones: float, level: float = 0.2) -> Sound:
    at = (np.arange(BLOCK) + m * BLOCK) / RATE
    wave = sum(level * np.sin(2 * math.pi * hertz * at) for hertz in tones) + np.zeros(BLOCK)
    return np.repeat((wave * 32767).astype(np.int16)[:, None], 2, axis=1)


class Ear:
    """Decodes as a browser does."""

    def __init__(self) -> None:
        self._context = av.CodecContext.create("libopus", "r")
        self._context.sample_rate = RATE

    def hear(self, packet: "Packet[Any]") -> npt.NDArray[np.float32]:
        (frame,) = self._context.decode(Packet(bytes(packet)))
        return samples(frame)


def test_those_who_say_nothing_share_one_encoding() -> None:
    booth = Booth()
    everybody = block(0, 440)
    packets = booth.encode(0, {EVERYBODY: everybody, "ann": everybody, "bob": everybody}, BOTH)

    assert packets.everybody is not None
    assert packets.own == {}
    assert booth.encoders == 1


def test_who_speaks_has_an_encoder_of_their_own_until_some_time_after_the_last_word() -> None:
    booth = Booth()
    counts = []
    for m in range(TAIL + 10):
        everybody = block(m, 440)
        own = block(m, 660) if m < 5 else everybody
        packets = booth.encode(m, {EVERYBODY: everybody, "ann": own, "bob": everybody}, BOTH)
        counts.append(booth.encoders)
        assert packets.everybody is not None
        assert ("ann" in packets.own) == (m < 4 + TAIL)

    assert counts[0] == 2
    assert counts[-1] == 1


def test_nothing_is_encoded_for_everybody_while_everybody_speaks() -> None:
    booth = Booth()
    private = {EVERYBODY: block(0, 440), "ann": block(0, 550), "bob": block(0, 660)}

    assert booth.encode(0, private, BOTH).everybody is None


def test_packets_follow_each_other_whoever_encoded_them() -> None:
    booth = Booth()
    stamps = []
    for m in range(60):
        everybody = block(m, 440)
        own = block(m, 440, 660) if 20 <= m < 24 else everybody
        packets = booth.encode(m, {EVERYBODY: everybody, "ann": own}, frozenset({"ann"}))
        packet = packets.own.get("ann") or packets.everybody
        assert packet is not None
        stamps.append(packet.pts)

    assert stamps == [m * BLOCK for m in range(60)]


@pytest.mark.parametrize("said", [20, 21, 33])
def test_no_jump_is_heard_when_the_encoder_changes(said: int) -> None:
    """Somebody begins to speak in block 20 and has spoken: the others' steady tone goes on in their
    ears as if it had always come from one encoder."""
    booth, one = Booth(), Booth()
    ear, other = Ear(), Ear()
    heard, wanted = [], []
    for m in range(said + TAIL + 40):
        everybody = block(m, 440)
        # Their own voice is taken out of what they hear: another array, the same sound.
        own = everybody.copy() if 20 <= m <= said else everybody
        packets = booth.encode(m, {EVERYBODY: everybody, "ann": own}, frozenset({"ann"}))
        steady = one.encode(m, {EVERYBODY: everybody, "ann": everybody}, frozenset({"ann"}))
        packet = packets.own.get("ann") or packets.everybody
        assert packet is not None
        assert steady.everybody is not None
        heard.append(ear.hear(packet))
        wanted.append(other.hear(steady.everybody))
    difference = np.abs(np.concatenate(heard[10:]) - np.concatenate(wanted[10:]))

    assert np.abs(np.concatenate(wanted[10:])).max() > 0.15, "there is something to be heard"
    assert difference.max() < 0.02, "-34 dB: less than the codec's own noise beside a tone"
