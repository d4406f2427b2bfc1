"""From what a server says when it refuses to the reason code that it amounts to."""

from services.rtmp_egress.rtmp.amf0 import Value
from services.rtmp_egress.rtmp.authentication import is_challenge
from services.rtmp_egress.rtmp.errors import Code, Refusal, Stage, scrub
from services.rtmp_egress.rtmp.url import Target

_CONNECT_CODES: dict[str, Code] = {"NetConnection.Connect.InvalidApp": "unknown-app"}

_PUBLISH_CODES: dict[str, Code] = {
    "NetStream.Publish.BadName": "stream-key-in-use-or-invalid",
    "NetStream.Publish.Denied": "publish-denied",
    "NetStream.Publish.Unauthorized": "publish-denied",
    "NetStream.Publish.Rejected": "publish-rejected",
}

_TEXTS: dict[Code, str] = {
    "unknown-app": "the server does not know the application",
    "connect-rejected": "the server refused the connection",
    "stream-key-in-use-or-invalid": "the stream key is already in use, or wrong",
    "publish-denied": "the server does not permit the stream",
    "publish-rejected": "the server refused the stream",
    "server-closed": "the server ended the stream",
}


def is_refusal(info: Value) -> bool:
    """Whether an information object reports a failure."""
    return _field(info, "level") == "error" or _field(info, "code") in _PUBLISH_CODES


def of_connect(info: Value, target: Target) -> Refusal:
    """What an `_error` to `connect` means."""
    code = _CONNECT_CODES.get(_field(info, "code"), "connect-rejected")
    return _refusal(code, "connect", info, target)


def of_publish(info: Value, target: Target, stage: Stage) -> Refusal:
    """What an error while a stream is being opened means, or an end while it is open."""
    code = _PUBLISH_CODES.get(_field(info, "code"), "publish-rejected")
    if stage == "live" and code == "publish-rejected":
        code = "server-closed"
    return _refusal(code, stage, info, target)


def challenge(info: Value) -> str:
    """What a refusal says about authentication; empty if it is not about that."""
    text = _field(info, "description")
    return text if is_challenge(text) else ""


def redirect(info: Value) -> str:
    """Where a refusal sends us instead; empty if nowhere."""
    extra = info.get("ex") if isinstance(info, dict) else None
    return _field(extra, "redirect")


def _refusal(code: Code, stage: Stage, info: Value, target: Target) -> Refusal:
    words = scrub(_field(info, "description") or _field(info, "code"), target)
    return Refusal(code, _TEXTS[code] + (f": {words}" if words else ""), stage)


def _field(info: Value, name: str) -> str:
    value = info.get(name) if isinstance(info, dict) else None
    return value if isinstance(value, str) else ""
