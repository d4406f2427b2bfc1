"""Adobe's and Limelight's authentication: three connections, the answer in the application's query.

Both prove the password by MD5 and hide it weakly: over rtmp:// it can be guessed at leisure.
"""

import base64
import hashlib
import re
from urllib.parse import quote

import msgspec

from services.rtmp_egress.rtmp.errors import Refusal
from services.rtmp_egress.rtmp.url import Target

METHODS = ("adobe", "llnw")

NONCE = 8
"""Bytes of randomness that an answer needs."""

_REALM, _PURPOSE, _COUNT, _QUALITY = "live", "publish", "00000001", "auth"
"""What Limelight's digest is made over, beside what is secret; the same for every publisher."""

_METHOD = re.compile(r"authmod=([A-Za-z0-9]{1,20})")
_FIELD = re.compile(r"[?&](\w+)=([^&\s\]]*)")


class Answer(msgspec.Struct, frozen=True):
    """Connect once more, with `query` after the application."""

    query: str

    def __repr__(self) -> str:
        return "Answer(***)"


def is_challenge(text: str) -> bool:
    """Whether a refusal's description is about authentication."""
    return "authmod=" in text or "code=403 need auth" in text


def answer(text: str, target: Target, query: str, nonce: bytes) -> Answer | Refusal:
    """What to say to the challenge in `text`, which `query` has led to; `nonce` is random."""
    if "reason=authfail" in text or "reason=nosuchuser" in text:
        return Refusal("auth-failed", "user name or password is wrong", "connect")
    if not target.user:
        return Refusal("auth-required", "the server wants a user name and a password", "connect")
    found = _METHOD.search(text)
    method = found[1] if found else ""
    if method not in METHODS:
        name = f"{method} authentication" if method else "authentication of an unknown kind"
        reason = f"the server wants {name}, which is not supported"
        return Refusal("auth-unsupported", reason, "connect")
    if "response=" in query or (query and "reason=needauth" not in text):
        reason = "the server asks for user name and password again and again"
        return Refusal("auth-failed", reason, "connect")
    start = f"authmod={method}&user={quote(target.user, safe='@.:+~')}"
    if "reason=needauth" not in text:
        return Answer(start)
    fields = dict(_FIELD.findall(text))
    digest = _adobe if method == "adobe" else _limelight
    return Answer(f"{start}&{digest(fields, target, nonce.hex()[: 2 * NONCE])}")


def _adobe(fields: dict[str, str], target: Target, nonce: str) -> str:
    salt, opaque = fields.get("salt", ""), fields.get("opaque", "")
    secret = _base64(f"{target.user}{salt}{target.password}")
    response = _base64(f"{secret}{opaque or fields.get('challenge', '')}{nonce}")
    tail = f"&opaque={opaque}" if opaque else ""
    return f"challenge={nonce}&response={response}{tail}"


def _limelight(fields: dict[str, str], target: Target, nonce: str) -> str:
    theirs = fields.get("nonce", "")
    # An application without an instance is its default instance.
    place = target.app if "/" in target.app else f"{target.app}/_definst_"
    who = _hex(f"{target.user}:{_REALM}:{target.password}")
    what = _hex(f"{_PURPOSE}:/{place}")
    response = _hex(f"{who}:{theirs}:{_COUNT}:{nonce}:{_QUALITY}:{what}")
    return f"nonce={theirs}&cnonce={nonce}&nc={_COUNT}&response={response}"


def _base64(text: str) -> str:
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def _hex(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
