"""Settings of the gateway."""

from typing import Annotated

import msgspec

from kit.objects import StoreConfig
from kit.secrets import Secret
from services.gateway.core import ice

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Config(StoreConfig, frozen=True, kw_only=True):
    http_host: str = "127.0.0.1"
    "Address to listen on. Anything but loopback needs `admin_token`."
    http_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080
    "0: any free port."
    admin_token: Secret | None = None
    "What a request to an API must show, as bearer token or as Basic password of `admin`."
    allow_files: bool = False
    "Participants may be files of this machine: for one that is its user's own."
    history_dir: str = ""
    """Directory for the index of history, from which a restart goes on; each gateway has a file of
    its own in it. Empty: a temporary one, and the index is made anew at each start."""
    hls_dir: str = ""
    "Directory of playlists and segments that `/hls/` shows; empty: none."
    hls_name: str = "{alias}"
    "Name of a conference's playlist there; `{alias}` is the conference's first alias."

    recordings_dir: str = ""
    "Directory of recordings, where the egress of this machine keeps them."

    stun_urls: str = ""
    "`stun:HOST:PORT` of servers that tell a browser what the internet calls it; comma separated."
    turn_urls: str = ""
    "`turn:HOST:PORT?transport=udp` of relays for browsers that have no other way; comma separated."
    turn_secret: Secret | None = None
    "What those relays have as their shared secret: browsers are let in for some hours at a time."

    def stun(self) -> list[str]:
        return _urls(self.stun_urls)

    def turn(self) -> list[str]:
        return _urls(self.turn_urls)

    def on_loopback(self) -> bool:
        return self.http_host in LOOPBACK

    def wrong(self) -> str | None:
        """Why the gateway must not start like this."""
        if self.admin_token is None and not self.on_loopback():
            return "set ROSTRUM_ADMIN_TOKEN to listen on another address than loopback"
        if self.admin_token is not None and not self.admin_token.reveal():
            return "ROSTRUM_ADMIN_TOKEN is empty"
        return ice.wrong(self.stun(), self.turn(), self.turn_secret)


def _urls(text: str) -> list[str]:
    return [url.strip() for url in text.split(",") if url.strip()]
