"""What the fields of a struct mean, out of the sentences below them in its source."""

import ast
import inspect
import textwrap
from functools import cache
from typing import Any


@cache
def meanings(struct: Any) -> dict[str, str]:
    """Field to its sentences, inherited ones included; empty where the source is not at hand."""
    found: dict[str, str] = {}
    for kind in reversed(struct.__mro__):
        found |= _own(kind)
    return found


def _own(struct: Any) -> dict[str, str]:
    try:
        [known] = ast.parse(textwrap.dedent(inspect.getsource(struct))).body
    except (OSError, TypeError, ValueError):
        return {}
    assert isinstance(known, ast.ClassDef)
    found: dict[str, str] = {}
    for field, after in zip(known.body, known.body[1:], strict=False):
        match field, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found
