"""What a restore would change. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from cli.backup.words import How


class Changes(msgspec.Struct, frozen=True):
    """Of one bucket; values by key."""

    add: dict[str, bytes] = {}
    change: dict[str, bytes] = {}
    remove: list[str] = []
    same: int = 0

    def __bool__(self) -> bool:
        return bool(self.add or self.change or self.remove)


def changes(archived: Mapping[str, bytes], there: Mapping[str, bytes], how: How) -> Changes:
    return Changes(
        {key: value for key, value in archived.items() if key not in there},
        {key: value for key, value in archived.items() if key in there and there[key] != value},
        sorted(there.keys() - archived.keys()) if how in ("replaced", "views") else [],
        sum(there.get(key) == value for key, value in archived.items()),
    )


def sentences(bucket: str, found: Changes) -> Iterator[str]:
    """For people: a line for each kind of resource."""
    counts = {
        "new": Counter(map(_kind, found.add)),
        "changed": Counter(map(_kind, found.change)),
        "removed": Counter(map(_kind, found.remove)),
    }
    for kind in sorted({kind for count in counts.values() for kind in count}):
        told = [f"{count[kind]} {word}" for word, count in counts.items() if count[kind]]
        yield f"{kind or bucket}: {', '.join(told)}"
    if not found:
        yield f"{bucket}: nothing differs ({found.same} the same)"


def _kind(key: str) -> str:
    """`gateway_routing_rule.7` is a `gateway_routing_rule`; keys of ids say nothing."""
    kind, dot, rest = key.partition(".")
    return kind if dot and (rest.isdecimal() or kind.startswith("api_")) else ""
