"""`python -m services.gateway.theme_trial`: says what is wrong with the package on stdin.

A process of its own, because a stranger's pictures are decoded and drawn: at worst it dies of them.
"""

import resource
import sys

import msgspec

from kit.theme import Unfit, read

MEMORY = 1 << 30
"""Bytes; the largest package and the largest picture take half of it."""

SECONDS = 15
"""Of CPU."""


def wrong_with(package: bytes) -> str:
    """One sentence; empty: nothing is wrong."""
    try:
        found = read(package)
        try:
            from kit.theme.pictures import check
        except ImportError:
            return ""  # A gateway that cannot draw: the mixer leaves out what it cannot.
        check(found)
    except Unfit as exc:
        return str(exc)
    except MemoryError:
        return "The package takes more memory than a theme may."
    return ""


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.stdout.buffer.write(msgspec.json.encode(wrong_with(sys.stdin.buffer.read())))
