"""How a browser finds its way to a mixer: STUN and TURN servers, and what lets it use those."""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Protocol

import msgspec

LIFETIME = 12 * 3600
"""Seconds for which credentials let one in: longer than a conference, less than a day. A call that
has begun goes on only while its credentials hold."""


class Redacted(Protocol):
    """A text that is shown on request only, as `kit.secrets.Secret`."""

    def reveal(self) -> str: ...


class IceServer(msgspec.Struct, frozen=True, omit_defaults=True):
    """As `RTCIceServer` of WebRTC. The credential is a secret."""

    urls: list[str]
    username: str = ""
    credential: str = ""

    def __repr__(self) -> str:
        return f"IceServer(urls={self.urls!r})"


def ice_servers(
    stun: Sequence[str], turn: Sequence[str], secret: Redacted | None, who: str, now: int
) -> list[IceServer]:
    """For this participant, from now on. TURN without a secret is nobody's."""
    servers = [IceServer(list(stun))] if stun else []
    if turn and secret is not None:
        username = f"{now + LIFETIME}:{who}"
        servers.append(IceServer(list(turn), username, credential(secret, username)))
    return servers


def credential(secret: Redacted, username: str) -> str:
    """What a TURN server that shares the secret expects of this name: TURN's REST habit
    (draft-uberti-behave-turn-rest), `use-auth-secret` of coturn."""
    made = hmac.digest(secret.reveal().encode(), username.encode(), hashlib.sha1)
    return base64.b64encode(made).decode()


URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
    r"(\?transport=(udp|tcp))?",
    re.I,
)
"""Of RFC 7064 and RFC 7065."""


def wrong(stun: Sequence[str], turn: Sequence[str], secret: Redacted | None) -> str | None:
    """Why these are no servers for a browser, which refuses a whole call for one of them."""
    for kind, urls in (("stun", stun), ("turn", turn)):
        for number, url in enumerate(urls, 1):
            found = URL.fullmatch(url)
            if found is None or not found["scheme"].lower().startswith(kind):
                # Not shown: a way to a relay may have been given with a password in it.
                return f"ROSTRUM_{kind.upper()}_URLS: number {number} is not {kind}:HOST:PORT"
            if kind == "stun" and "?" in url:
                return f"ROSTRUM_STUN_URLS: number {number} has a transport, which is for TURN"
    if turn and (secret is None or not secret.reveal()):
        return "set ROSTRUM_TURN_SECRET for ROSTRUM_TURN_URLS, as the TURN server has it"
    return None
