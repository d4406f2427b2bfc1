"""Feeds of mixers on other hosts, as sockets of this one."""

import threading
from itertools import count
from pathlib import Path

from kit.link import Lent, Mirror
from kit.vault import Vault
from proto.views import LentFeeds


class Mirrors:
    """One for each conference that a session here takes from elsewhere."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder
        self._vault = vault
        self._numbers = count(1)
        self._mirrors: dict[str, Mirror] = {}

    def path(self, conference: str, lent: LentFeeds) -> str:
        """Where to take its feeds on this host. Another lender is another place."""
        wanted = Lent(conference, lent.host, lent.port, lent.fingerprint)
        mirror = self._mirrors.get(conference)
        if mirror is None or mirror.lent != wanted:
            self.drop(conference)
            path = self._folder / f"mirror-{next(self._numbers)}.sock"
            mirror = self._mirrors[conference] = Mirror(path, wanted, self._vault.feed_token)
        return str(mirror.path)

    def drop(self, conference: str) -> None:
        if (mirror := self._mirrors.pop(conference, None)) is not None:
            # It may be connecting to a host that does not answer.
            threading.Thread(target=mirror.close, name="mirror ends", daemon=True).start()
