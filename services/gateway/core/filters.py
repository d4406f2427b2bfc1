"""`?name__icontains=…&order_by=-priority`: which objects of a list, and in which order.

What is filtered is what is shown. A parameter reads `field`, `field__lookup`, or goes on through
related resources: `conference__name__startswith`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import re2

from services.gateway.core.fields import Field, Kind
from services.gateway.core.relations import number_of
from services.gateway.core.requests import Errors

Object = dict[str, Any]
Fields = Mapping[str, Field]
Test = Callable[[Any], bool]

RESERVED = frozenset({"limit", "offset", "order_by", "format"})

TEXT_LOOKUPS: dict[str, Callable[[str, str], bool]] = {
    "iexact": lambda value, wanted: value.casefold() == wanted.casefold(),
    "contains": lambda value, wanted: wanted in value,
    "icontains": lambda value, wanted: wanted.casefold() in value.casefold(),
    "startswith": lambda value, wanted: value.startswith(wanted),
    "istartswith": lambda value, wanted: value.casefold().startswith(wanted.casefold()),
    "endswith": lambda value, wanted: value.endswith(wanted),
    "iendswith": lambda value, wanted: value.casefold().endswith(wanted.casefold()),
}

ORDER_LOOKUPS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, wanted: bool(value > wanted),
    "gte": lambda value, wanted: bool(value >= wanted),
    "lt": lambda value, wanted: bool(value < wanted),
    "lte": lambda value, wanted: bool(value <= wanted),
}

LOOKUPS = ("exact", "in", "isnull", "regex", "iregex", *TEXT_LOOKUPS, *ORDER_LOOKUPS)

LONGEST_PATTERN = 250
"""Characters; as long as a rule's may be."""

PATTERN_MEMORY = 1 << 20
"""Bytes for one compiled pattern. Patterns run in RE2, so none takes long; see docs/adr/0007."""

TRUE = ("true", "1", "yes")
FALSE = ("false", "0", "no")


class Related:
    """What lies behind the URIs of one API."""

    def __init__(
        self, fields: Mapping[str, Fields], find: Callable[[str, int], Object | None]
    ) -> None:
        self.fields = fields
        "Of every kind of resource."
        self.find = find


class Wrong(Exception):
    """A parameter that cannot be followed."""

    def __init__(self, parameter: str, sentence: str) -> None:
        self.errors: Errors = {parameter: [sentence]}
        super().__init__(sentence)


def select(
    objects: Iterable[Object], asked: Sequence[tuple[str, str]], fields: Fields, related: Related
) -> list[Object] | Errors:
    """The objects that pass every filter, in the order that was asked for."""
    try:
        found = list(objects)
        for parameter, operand in asked:
            if parameter not in RESERVED:
                found = _filtered(found, parameter, operand, fields, related)
        for name in reversed(order_of(asked, fields)):
            _sort(found, name.removeprefix("-"), backwards=name.startswith("-"))
    except Wrong as exc:
        return exc.errors
    return found


def order_of(asked: Sequence[tuple[str, str]], fields: Fields) -> list[str]:
    names = [name for key, value in asked if key == "order_by" for name in value.split(",")]
    for name in names:
        field = fields.get(name.removeprefix("-"))
        if (
            field is None
            or field.kind in ("list", "dict")
            or (field.relation and field.relation.many)
        ):
            raise Wrong("order_by", "There is no such field to order by.")
    return names


def _sort(objects: list[Object], by: str, *, backwards: bool) -> None:
    objects.sort(key=lambda one: _rank(one.get(by)), reverse=backwards)


def _rank(value: Any) -> tuple[bool, Any]:
    """Nothing comes before everything; text by its letters and not by their case."""
    return value is not None, value.casefold() if isinstance(value, str) else value or 0


def _filtered(
    objects: list[Object], parameter: str, operand: str, fields: Fields, related: Related
) -> list[Object]:
    path, field, lookup = taken_apart(parameter, fields, related)
    test = test_of(parameter, field, lookup, operand)
    if lookup == "isnull":
        return [one for one in objects if test(list(_values(one, path, related)))]
    return [one for one in objects if any(test(value) for value in _values(one, path, related))]


def taken_apart(parameter: str, fields: Fields, related: Related) -> tuple[list[Field], Field, str]:
    """`conference__name__iexact` → the fields to go through, the last of them, the lookup."""
    path: list[Field] = []
    rest = parameter.split("__")
    inside = fields
    while rest and rest[0] in inside:
        field = inside[rest.pop(0)]
        path.append(field)
        inside = related.fields[field.relation.kind] if field.relation else field.items
    if not path:
        raise Wrong(parameter, "There is no such field to filter by.")
    if len(rest) > 1 or (rest and rest[0] not in LOOKUPS):
        raise Wrong(parameter, "There is no such field or lookup.")
    lookup = rest[0] if rest else "exact"
    field = path[-1]
    if field.kind in ("list", "dict") and lookup != "isnull":
        raise Wrong(parameter, "This field cannot be filtered by.")
    return path, field, lookup


def _values(one: Object, path: Sequence[Field], related: Related) -> Iterable[Any]:
    """All values at the end of a path: lists on the way are gone through."""
    field, *rest = path
    value = one.get(field.name)
    for found in value if isinstance(value, list) else [value]:
        if not rest:
            yield found
            continue
        inside = found
        if field.relation and found is not None:
            number = number_of(found, field.relation.kind)
            inside = None if number is None else related.find(field.relation.kind, number)
        if isinstance(inside, dict):
            yield from _values(inside, rest, related)


def test_of(parameter: str, field: Field, lookup: str, operand: str) -> Test:
    if lookup == "isnull":
        null = _boolean(parameter, operand)
        return lambda values: all(v is None for v in values) == null
    if lookup in ("regex", "iregex"):
        return _pattern(parameter, operand, ignore_case=lookup == "iregex")
    if compare := TEXT_LOOKUPS.get(lookup):
        return lambda value: value is not None and compare(_text(value), operand)
    if order := ORDER_LOOKUPS.get(lookup):
        if field.kind in ("boolean", "related"):
            raise Wrong(parameter, "The values of this field have no order.")
        bound = operand_of(parameter, field, operand)
        return lambda value: value is not None and order(_comparable(value, field.kind), bound)
    words = operand.split(",") if lookup == "in" else [operand]
    wanted = [operand_of(parameter, field, word) for word in words]
    return lambda value: value is not None and _comparable(value, field.kind, field) in wanted


def _pattern(parameter: str, operand: str, *, ignore_case: bool) -> Test:
    if len(operand) > LONGEST_PATTERN:
        raise Wrong(parameter, f"A pattern has at most {LONGEST_PATTERN} characters.")
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    options.max_mem = PATTERN_MEMORY
    try:
        pattern = re2.compile(operand, options)  # type: ignore[no-untyped-call]
    except (re2.error, UnicodeEncodeError):
        raise Wrong(parameter, "This is not a regular expression.") from None
    return lambda value: value is not None and pattern.search(_text(value)) is not None


def operand_of(parameter: str, field: Field, text: str) -> Any:
    """What a parameter says, as the field's own kind."""
    match field.kind:
        case "boolean":
            return _boolean(parameter, text)
        case "integer":
            digits = text.removeprefix("-")
            if not (digits.isascii() and digits.isdecimal() and len(digits) <= 18):
                raise Wrong(parameter, "This must be a whole number.")
            return int(text)
        case "float":
            try:
                return float(text)
            except ValueError:
                raise Wrong(parameter, "This must be a number.") from None
        case "datetime":
            when = _moment(text)
            if when is None:
                raise Wrong(parameter, "This must be a time in ISO 8601.")
            return when
        case "related" if field.relation is not None:
            number = number_of(text, field.relation.kind)
            return text if number is None else number
        case _:
            return text


def _comparable(value: Any, kind: Kind, field: Field | None = None) -> Any:
    if kind == "datetime" and isinstance(value, str):
        return _moment(value)
    if kind == "related" and field is not None and field.relation is not None:
        number = number_of(value, field.relation.kind)
        return value if number is None else number
    return value


def _moment(text: str) -> datetime | None:
    """A time with its zone, or else in UTC."""
    try:
        # A plus that was not escaped has become a space.
        when = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _boolean(parameter: str, text: str) -> bool:
    if text.casefold() not in (*TRUE, *FALSE):
        raise Wrong(parameter, "This must be true or false.")
    return text.casefold() in TRUE


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
