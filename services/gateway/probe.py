"""`python -m services.gateway.probe`: says `media` if the file named on stdin (JSON) is some.

A process of its own, because a damaged file can crash a decoder, and at worst that is all it does.
"""

import sys

import msgspec

NOT_MEDIA = frozenset({"tty", "bin", "xbin", "idf", "adf", "ffmetadata"})
"""Formats in which libav would show any text as a picture."""

TRIES = 200
"""Packets to look at for the first frame that can be decoded."""


def is_media(path: str) -> bool:
    """Whether at least one frame of picture or sound comes out of the file."""
    try:
        import av
    except ImportError:
        return True  # A gateway without libav: the mixer will find out.
    av.logging.set_level(None)
    options = {"protocol_whitelist": "file"}
    try:
        with av.open(path, options=options, timeout=5) as container:
            if container.format.name in NOT_MEDIA:
                return False
            streams = [*container.streams.video, *container.streams.audio]
            if not streams:
                return False
            for tried, packet in enumerate(container.demux(streams)):
                if packet.decode():
                    return True
                if tried >= TRIES:
                    return False
    except (av.error.FFmpegError, ValueError, OSError):
        return False
    return False


if __name__ == "__main__":
    path = msgspec.json.decode(sys.stdin.buffer.read(), type=str)
    sys.stdout.write("media" if is_media(path) else "no")
