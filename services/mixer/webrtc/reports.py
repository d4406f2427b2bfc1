"""What RTCP says of a call's lines. aiortc keeps most of it to itself; this is the one place that
looks over its shoulder, and `tests/integration/test_calls.py` fails where a new version differs."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiortc import RTCRtpReceiver, RTCRtpSender
from aiortc import clock as ntp
from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSrPacket,
)

CLOCK_RATES = {"audio": 48_000, "video": 90_000}

WRAP = 1 << 32

KEY_FRAME_WISHES = (RTCP_PSFB_PLI, RTCP_PSFB_FIR)


class Reported(msgspec.Struct, frozen=True):
    """How what we send arrives."""

    loss: float
    "Of the packets since the report before."
    lost: int
    "Of all."
    jitter: float
    "Seconds."
    round_trip: float | None
    "Seconds; None: it cannot be known yet."


def watch_sender(
    sender: RTCRtpSender,
    reported: Callable[[Reported], None],
    key_frame: Callable[[], None],
) -> None:
    """Tell of reports, and of wishes for key frames."""

    def hear(packet: Any) -> None:
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == sender._ssrc:
                    reported(_read(report, CLOCK_RATES[sender.kind]))
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt in KEY_FRAME_WISHES:
            key_frame()

    _overhear(sender, hear)


def watch_receiver(receiver: RTCRtpReceiver, kind: str, began: Callable[[float], None]) -> None:
    """Tell when the track's count began, in seconds of the browser's clock, with each report."""

    def hear(packet: Any) -> None:
        if not isinstance(packet, RtcpSrPacket):
            return
        # Frames are numbered from the first packet on; only the mapper knows which that was.
        origin = vars(receiver)["_RTCRtpReceiver__timestamp_mapper"]._origin
        if origin is None:
            return
        info = packet.sender_info
        passed = (info.rtp_timestamp - origin + WRAP // 2) % WRAP - WRAP // 2
        began(info.ntp_timestamp / WRAP - passed / CLOCK_RATES[kind])

    _overhear(receiver, hear)


def _overhear(end: RTCRtpSender | RTCRtpReceiver, hear: Callable[[Any], None]) -> None:
    handle: Callable[[Any], Awaitable[None]] = end._handle_rtcp_packet

    async def heard(packet: Any) -> None:
        hear(packet)
        await handle(packet)

    vars(end)["_handle_rtcp_packet"] = heard


def _read(report: RtcpReceiverInfo, rate: int) -> Reported:
    round_trip = None
    if report.lsr:
        now = ntp.current_ntp_time() >> 16 & 0xFFFFFFFF
        passed = (now - report.lsr - report.dlsr) % WRAP / 65536
        round_trip = passed if passed < WRAP / 65536 / 2 else 0.0
    return Reported(
        report.fraction_lost / 256, max(report.packets_lost, 0), report.jitter / rate, round_trip
    )
