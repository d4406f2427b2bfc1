"""Whether what one version of the wire schema reads and writes fits another. Pure."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

BOUNDS = {"minimum": 1, "minLength": 1, "minItems": 1, "maximum": -1, "maxLength": -1}
"""1: must not rise; -1: must not fall: what was stored has to stay readable."""


def breaks(old: Schema, new: Schema) -> list[str]:
    """Every way in which the new version could not read what the old one has stored."""
    return list(_differ(old, new, old.get("$defs", {}), new.get("$defs", {}), "", frozenset()))


def _differ(
    old: Any, new: Any, olds: Schema, news: Schema, at: str, seen: frozenset[str]
) -> Iterator[str]:
    if "$ref" in old:
        name = old["$ref"].rpartition("/")[2]
        if name in seen:
            return
        seen, old, at = seen | {name}, olds[name], f"{at}/{name}"
    if "$ref" in new:
        new = news[new["$ref"].rpartition("/")[2]]
    if "anyOf" in old or "anyOf" in new:
        yield from _unions(_choices(old), _choices(new), olds, news, at, seen)
        return
    if "enum" in old:
        if "enum" in new and (gone := set(map(str, old["enum"])) - set(map(str, new["enum"]))):
            yield f"{at}: no longer {', '.join(sorted(gone))}"
        return
    if "enum" in new:
        yield f"{at}: was any {old.get('type')}, and is one of a few"
    if old.get("type") != new.get("type") and "type" in new:
        yield f"{at}: was {old.get('type')}, is {new['type']}"
        return
    for bound, way in BOUNDS.items():
        if bound in new and (bound not in old or (new[bound] - old[bound]) * way > 0):
            yield f"{at}: {bound} is tighter"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{at}: another pattern"
    if "items" in old and "items" in new:
        yield from _differ(old["items"], new["items"], olds, news, f"{at}[]", seen)
    yield from _fields(old, new, olds, news, at, seen)


def _fields(
    old: Schema, new: Schema, olds: Schema, news: Schema, at: str, seen: frozenset[str]
) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before:
        if name not in after:
            yield f"{at}.{name}: is gone"
        else:
            yield from _differ(before[name], after[name], olds, news, f"{at}.{name}", seen)
    for name in set(new.get("required", [])) - set(old.get("required", [])):
        yield f"{at}.{name}: must be there now"


def _choices(schema: Schema) -> list[Schema]:
    found: list[Schema] = schema.get("anyOf", [schema])
    return found


def _unions(
    before: list[Schema],
    after: list[Schema],
    olds: Schema,
    news: Schema,
    at: str,
    seen: frozenset[str],
) -> Iterator[str]:
    """Each old choice must be one of the new ones."""
    for one in before:
        found = [
            list(_differ(one, other, olds, news, at, seen)) for other in after if _same(one, other)
        ]
        if not found:
            yield f"{at}: {_name(one)} is gone"
        elif all(found):
            yield from min(found, key=len)


def _same(one: Schema, other: Schema) -> bool:
    return _name(one) == _name(other)


def _name(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    return "enum" if "enum" in schema else str(schema.get("type"))
