"""Why a stream cannot be published, in a code for machines and a sentence for people."""

import re
from typing import Literal
from urllib.parse import quote

import msgspec

from services.rtmp_egress.rtmp.url import Target

Stage = Literal["dns", "tcp", "tls", "handshake", "connect", "createStream", "publish", "live"]
"""How far the conversation had come; the first three are the shell's, the rest the protocol's."""

Code = Literal[
    "dns",
    "connect-refused",
    "connect-timeout",
    "tls",
    "tls-authority",
    "tls-certificate",
    "forbidden-address",
    "not-rtmp",
    "handshake-closed",
    "handshake-timeout",
    "unknown-app",
    "connect-rejected",
    "auth-required",
    "auth-failed",
    "auth-unsupported",
    "encoder-lost",
    "stream-key-in-use-or-invalid",
    "publish-denied",
    "publish-rejected",
    "rejected",
    "refused-after-start",
    "server-closed",
    "connection-lost",
    "stalled",
    "not-acknowledged",
]
"""The reason codes of `docs/reason-codes.md` that a publisher can find out by itself."""

TEXT_LIMIT = 200
"""Characters of a server's own words that are passed on; some servers send a stack trace."""

SHORTEST_SECRET = 4
"""Characters; blotting out anything shorter would eat ordinary words."""

_SECRET_VALUE = re.compile(
    r"\b(response|opaque|challenge|salt|nonce|cnonce|token|key|sign|signature|password|pass)=[^&\s\]]*",
    re.IGNORECASE,
)


class Refusal(msgspec.Struct, frozen=True):
    """The end of a conversation, or of the attempt to start one."""

    code: Code
    reason: str
    "One sentence for a person; never holds a key or a password."
    stage: Stage


class PushError(Exception):
    """Publishing failed; the facts are attributes, and none of them holds a secret."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.code} ({refusal.stage}): {refusal.reason}")
        self.refusal = refusal

    @property
    def code(self) -> Code:
        return self.refusal.code

    @property
    def reason(self) -> str:
        return self.refusal.reason

    @property
    def stage(self) -> Stage:
        return self.refusal.stage


def scrub(text: str, target: Target) -> str:
    """A server's own words, fit to be shown: short, printable, without our secrets."""
    secrets = {target.password, target.key, target.key.partition("?")[0], target.query}
    secrets |= {value.partition("=")[2] for value in target.query.split("&")}
    secrets |= {quote(secret, safe=safe) for secret in secrets for safe in ("", "/")}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
    text = _SECRET_VALUE.sub(r"\1=***", text)
    text = "".join(char if char.isprintable() else " " for char in text)
    text = " ".join(text.split())
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT].rstrip()}…"
