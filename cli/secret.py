"""What must not stand in a command's arguments, where every process of the machine can read it."""

import getpass
import sys


def given(text: str, what: str) -> str:
    """`text`, or for `-` the first line of the standard input; asked for if that is a person."""
    if text != "-":
        return text
    if sys.stdin.isatty():
        return getpass.getpass(f"{what}: ").strip()
    return sys.stdin.readline().strip()
