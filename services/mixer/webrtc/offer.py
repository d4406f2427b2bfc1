"""What browsers offer, looked at before a library takes it apart."""

import re
from typing import Literal

MEDIA_LIMIT = 8
CANDIDATES_LIMIT = 64
"""Each is an address that we would send to."""

Kind = Literal["audio", "video"]


def problem(sdp: str) -> str | None:
    """Why an offer is not taken; None: it may be."""
    lines = sdp.splitlines()
    media = [line for line in lines if line.startswith("m=")]
    if not lines or not lines[0].startswith("v=0") or not media:
        return "this is not a session description"
    if len(media) > MEDIA_LIMIT:
        return f"an offer has at most {MEDIA_LIMIT} media"
    if sum(line.startswith("a=candidate:") for line in lines) > CANDIDATES_LIMIT:
        return f"an offer has at most {CANDIDATES_LIMIT} candidates"
    if not any(re.match(r"a=fingerprint:sha-(256|384|512) ", line, re.I) for line in lines):
        return "the offer has no fingerprint: its media would not be encrypted"
    return None


def kinds(sdp: str) -> list[Kind]:
    """What kinds of media are offered."""
    found: list[Kind] = []
    if re.search(r"^m=audio [1-9]", sdp, re.MULTILINE):
        found.append("audio")
    if re.search(r"^m=video [1-9]", sdp, re.MULTILINE):
        found.append("video")
    return found
