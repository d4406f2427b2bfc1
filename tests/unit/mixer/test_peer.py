"""What a call does about a browser of which nothing is seen."""

from types import SimpleNamespace
from typing import Any

from services.mixer.webrtc.network import Network
from services.mixer.webrtc.peer import Peer
from services.mixer.webrtc.source import CallSource


class Camera:
    """The receiving end of a camera whose packets come."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def getSynchronizationSources(self) -> list[Any]:
        return [SimpleNamespace(source=7)]

    async def _send_rtcp_pli(self, ssrc: int) -> None:
        self.asked.append(ssrc)

    async def getStats(self) -> dict[str, Any]:
        return {}


class Line:
    """In place of the connection."""

    def __init__(self, camera: Camera) -> None:
        self._transceivers = [SimpleNamespace(kind="video", receiver=camera, sender=camera)]

    def getTransceivers(self) -> list[Any]:
        return self._transceivers


async def test_a_key_frame_is_asked_for_while_packets_come_and_no_picture() -> None:
    source = CallSource(lambda: 0.0, lambda state, reason: None)
    peer = Peer(
        "call-1",
        "main",
        source,
        Network.of("", ""),
        lambda work: work.close(),
        clock=lambda: 0.0,
        lost=lambda peer, why: None,
        key_frame=lambda track: None,
        line_changed=lambda peer: None,
    )
    camera = Camera()
    connection, vars(peer)["_pc"] = peer._pc, Line(camera)

    await peer.count()
    assert camera.asked == [7]
    source.pictures += 1
    await peer.count()
    assert camera.asked == [7], "a picture came"
    await peer.count()
    assert camera.asked == [7, 7], "and no other since"
    await connection.close()
