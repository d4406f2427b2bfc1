"""Settings of the gateway."""

from typing import Annotated

import msgspec

from kit.config import BaseConfig
from kit.secrets import Secret

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Config(BaseConfig, frozen=True, kw_only=True):
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

    def on_loopback(self) -> bool:
        return self.http_host in LOOPBACK

    def wrong(self) -> str | None:
        """Why the gateway must not start like this."""
        if self.admin_token is None and not self.on_loopback():
            return "set ROSTRUM_ADMIN_TOKEN to listen on another address than loopback"
        if self.admin_token is not None and not self.admin_token.reveal():
            return "ROSTRUM_ADMIN_TOKEN is empty"
        return None
