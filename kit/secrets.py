"""Texts that must not be seen: a type that does not show them, and their sealing.

Sealed texts are AES-256-GCM under one key per installation, from the environment:
`ROSTRUM_SECRET_KEY` (32 bytes in base64) or `ROSTRUM_SECRET_KEY_FILE` (a file that holds that).
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
"""What AES-GCM is specified for; random nonces are safe for 2^32 seals under one key."""


class Secret:
    """A text that shows itself to nobody who does not ask for it by `reveal()`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._text.encode(), other._text.encode()
        )

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


class BadKey(Exception):
    """The installation's secret key is missing or not 32 bytes of base64."""


class Unsealable(Exception):
    """A sealed text was made under another key, or changed."""


class Sealer:
    """Seals and opens texts, and gives them fingerprints."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise BadKey(f"the secret key must be {KEY_BYTES} bytes, not {len(key)}")
        self._aead = AESGCM(key)
        self._token_key = hashlib.blake2b(key, person=b"token").digest()
        self._fingerprint_key = hashlib.blake2b(key, person=b"fingerprint").digest()
        self.key_fingerprint = hashlib.blake2b(key, person=b"which key", digest_size=8).hexdigest()
        "Tells two keys apart and says nothing else about them."

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        env = os.environ if env is None else env
        if path := env.get("ROSTRUM_SECRET_KEY_FILE"):
            text = Path(path).read_text().strip()
        elif not (text := env.get("ROSTRUM_SECRET_KEY", "")):
            raise BadKey("set ROSTRUM_SECRET_KEY or ROSTRUM_SECRET_KEY_FILE")
        try:
            return cls(base64.b64decode(text, validate=True))
        except binascii.Error as exc:
            raise BadKey("the secret key is not base64") from exc

    def seal(self, text: str) -> str:
        nonce = os.urandom(NONCE_BYTES)
        return base64.b64encode(nonce + self._aead.encrypt(nonce, text.encode(), None)).decode()

    def open(self, sealed: str) -> Secret:
        try:
            blob = base64.b64decode(sealed, validate=True)
            plain = self._aead.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], None)
        except (binascii.Error, InvalidTag, ValueError) as exc:
            raise Unsealable("sealed under another key, or damaged") from exc
        return Secret(plain.decode())

    def fingerprint(self, text: str) -> str:
        """Eight hex digits that are equal for equal texts and say nothing else about them."""
        return hashlib.blake2b(text.encode(), key=self._fingerprint_key, digest_size=4).hexdigest()

    def token(self, purpose: str) -> str:
        """What only those can make who have the key: shows another of them who one is."""
        return hashlib.blake2b(purpose.encode(), key=self._token_key).hexdigest()

    def is_token(self, token: str, purpose: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token(purpose).encode())


def new_key() -> str:
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()
