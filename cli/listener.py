"""libav's own RTMP listener: takes one publisher after another, records FLV and writes HLS."""

import time
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer

HLS_OPTIONS = {
    "hls_time": "1",
    "hls_list_size": "10",
    "hls_flags": "delete_segments+append_list+discont_start+temp_file+omit_endlist",
}

PAUSE = 0.1
"""Seconds between publishers; the port is free for a moment only if somebody else holds it."""


def listen(url: str, recordings: Path, hls: Path, stream: str) -> None:
    """Receive for ever. Blocks in native code: run it in a process that may be killed."""
    av.logging.set_level(None)
    while True:
        try:
            with av.open(url, options={"listen": "1"}) as source:
                name = f"{stream}-{time.time_ns() // 1_000_000}.flv"
                _copy(source, recordings / name, hls / f"{stream}.m3u8")
        except av.FFmpegError:
            # Somebody who was not a publisher, or one that went away: the next, please.
            time.sleep(PAUSE)


def _copy(source: InputContainer, recording: Path, playlist: Path) -> None:
    # Without flush_packets up to 256 KiB would be lost with the process.
    flv = {"flush_packets": "1", "flvflags": "no_duration_filesize"}
    with (
        av.open(str(recording), "w", format="flv", options=flv) as first,
        av.open(str(playlist), "w", format="hls", options=HLS_OPTIONS) as second,
    ):
        outputs = (first, second)
        streams = {
            taken.index: [output.add_stream_from_template(taken) for output in outputs]
            for taken in source.streams
            if taken.type in ("video", "audio")
        }
        for packet in source.demux():
            if packet.dts is None or packet.stream.index not in streams:
                continue
            for output, own in zip(outputs, streams[packet.stream.index], strict=True):
                _mux(output, packet, own)


def _mux(
    output: OutputContainer, packet: "av.Packet[av.stream.Stream]", stream: av.stream.Stream
) -> None:
    """Mux a copy: muxing rewrites a packet's times in place."""
    copy = av.Packet(bytes(packet))
    copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
    copy.time_base, copy.is_keyframe = packet.time_base, packet.is_keyframe
    copy.stream = stream
    output.mux(copy)
