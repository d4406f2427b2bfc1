"""A text that every alias must hold to match a pattern, so that most patterns need not be run."""

import re
from itertools import pairwise

from proto.patterns import tokens

_LITERAL = re.compile(r"[^\\.^$|?*+()\[\]{}]|\\[^A-Za-z0-9\s]")
_EDGE = re.compile(r"\\[bBdDwWsSAz]|[.^$+)]|\[.*\]", re.DOTALL)
"""What ends a run of literals, and leaves it to be found as it is."""


def needle(pattern: str) -> str:
    """The longest such text, in lower case; empty where none is certain. ASCII only.

    Look-aheads at the beginning are brackets like others: what they hold is not looked at.
    """
    runs = [""]
    depth = 0
    pieces = [token for _, token in tokens(pattern)]
    for token, after in pairwise([*pieces, ""]):
        if token == "(":
            depth += 1
            runs.append("")
        elif token == ")":
            depth -= 1
            runs.append("")
        elif depth:
            continue
        elif _LITERAL.fullmatch(token):
            if after in ("?", "*") or after.startswith("{"):
                runs.append("")
            else:
                runs[-1] += token[-1]
        elif _EDGE.fullmatch(token) or token in ("?", "*") or re.fullmatch(r"\{\d.*\}", token):
            runs.append("")
        else:
            return ""
    longest = max(runs, key=len)
    return longest.lower() if longest.isascii() and "\\Q" not in pattern else ""
