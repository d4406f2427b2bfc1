"""What a server with Adobe's or Limelight's authentication says to `connect`.

Written from the public description of both, apart from the client, so that the two can disagree.
"""

import base64
import hashlib
from urllib.parse import parse_qs

from tests.support.canary import PASSWORD, canary

USER = canary("ann")
SALT, CHALLENGE, OPAQUE, NONCE = "c2FsdA==", "Y2hhbGxlbmdl", "b3BhcXVl", "bm9uY2U="


def needed(method: str, app: str, tc_url: str) -> str:
    """The description of the refusal; empty where user and password have been proved."""
    name, _, query = app.partition("?")
    said = {key: values[0] for key, values in parse_qs(query.replace("+", "%2B")).items()}
    if tc_url.partition("?")[2] != query or said.get("authmod") != method:
        return f"[ AccessManager.Reject ] : [ code=403 need auth; authmod={method} ] : "
    start = f"[ AccessManager.Reject ] : [ authmod={method} ] : "
    if said["user"] != USER:
        return f"{start}?reason=nosuchuser&opaque={OPAQUE}"
    if "response" not in said:
        asked = {
            "adobe": f"salt={SALT}&challenge={CHALLENGE}&opaque={OPAQUE}",
            "llnw": f"nonce={NONCE}",
        }
        return f"{start}?reason=needauth&user={USER}&{asked[method]}"
    wanted = _adobe(said) if method == "adobe" else _limelight(said, name)
    return "" if said["response"] == wanted else f"{start}?reason=authfailed&opaque={OPAQUE}"


def _adobe(said: dict[str, str]) -> str:
    secret = base64.b64encode(hashlib.md5((USER + SALT + PASSWORD).encode()).digest())
    whole = secret + OPAQUE.encode() + said["challenge"].encode()
    return base64.b64encode(hashlib.md5(whole).digest()).decode()


def _limelight(said: dict[str, str], app: str) -> str:
    place = app if "/" in app else f"{app}/_definst_"
    one = hashlib.md5(f"{USER}:live:{PASSWORD}".encode()).hexdigest()
    two = hashlib.md5(f"publish:/{place}".encode()).hexdigest()
    parts = (one, NONCE, said["nc"], said["cnonce"], "auth", two)
    return hashlib.md5(":".join(parts).encode()).hexdigest()
