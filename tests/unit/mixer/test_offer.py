"""Offers that are not taken, and why."""

import pytest

from services.mixer.webrtc.offer import CANDIDATES_LIMIT, MEDIA_LIMIT, kinds, problem

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 AA:BB\r\n"
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
CANDIDATE = "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n"


@pytest.mark.parametrize(
    ("sdp", "words"),
    [
        ("", "not a session description"),
        ("hello", "not a session description"),
        (HEAD, "not a session description"),
        (HEAD.replace("a=fingerprint:sha-256 AA:BB\r\n", "") + AUDIO, "fingerprint"),
        (HEAD.replace("sha-256", "sha-1") + AUDIO, "fingerprint"),
        (HEAD + AUDIO * (MEDIA_LIMIT + 1), "media"),
        (HEAD + AUDIO + CANDIDATE * (CANDIDATES_LIMIT + 1), "candidates"),
    ],
)
def test_what_is_wrong_with_an_offer_is_said(sdp: str, words: str) -> None:
    assert words in (problem(sdp) or "")


def test_an_ordinary_offer_is_taken() -> None:
    assert problem(HEAD + AUDIO + VIDEO + CANDIDATE) is None
    assert kinds(HEAD + AUDIO + VIDEO) == ["audio", "video"]


def test_media_that_was_refused_is_not_offered() -> None:
    assert kinds(HEAD + AUDIO + VIDEO.replace("9", "0", 1)) == ["audio"]
