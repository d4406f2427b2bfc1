"""Filters and order of a list as SQL, for lists that are too long to be held in memory.

A table has a column for each field: times as microseconds, truth as 0 and 1, a list as whether
there is anything in it. What SQL cannot say as our filters mean it is said by a function of ours.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from services.gateway.core.fields import Field, Kind
from services.gateway.core.filters import (
    RESERVED,
    Related,
    Wrong,
    operand_of,
    order_of,
    taken_apart,
    test_of,
)
from services.gateway.core.requests import Errors

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

TYPES: dict[Kind, str] = {"integer": "INTEGER", "boolean": "INTEGER", "datetime": "INTEGER"}

OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

UNRELATED = Related({}, lambda _kind, _number: None)

MOST = 100
"""Filters at once, and values of one `__in` that SQL is told of: it has limits of its own."""

Cell = str | int | float | None


class Plan(msgspec.Struct, frozen=True):
    where: str
    "Empty, or begins with `WHERE`."
    values: list[Cell]
    order: str
    "Columns, each with a comma behind it."
    functions: dict[str, Callable[[Cell], bool]] = {}


def columns(fields: Mapping[str, Field]) -> str:
    return ", ".join(f'"{f.name}" {TYPES.get(f.kind, "TEXT")}' for f in fields.values())


def cells(record: msgspec.Struct, fields: Mapping[str, Field]) -> list[Cell]:
    return [cell(getattr(record, name)) for name in fields]


def cell(value: Any) -> Cell:
    match value:
        case datetime():
            return (value - EPOCH) // MICROSECOND
        case bool():
            return int(value)
        case list():
            return 1 if value else None
        case _:
            kept: Cell = value
            return kept


def plan(asked: Sequence[tuple[str, str]], fields: Mapping[str, Field]) -> Plan | Errors:
    """What to ask the table for, or what is wrong with what was asked of us."""
    conditions: list[str] = []
    values: list[Cell] = []
    functions: dict[str, Callable[[Cell], bool]] = {}
    try:
        for parameter, operand in asked:
            if parameter in RESERVED:
                continue
            if len(conditions) >= MOST:
                raise Wrong(parameter, f"There may be at most {MOST} filters.")
            _, field, lookup = taken_apart(parameter, fields, UNRELATED)
            test = test_of(parameter, field, lookup, operand)
            if said := _said(parameter, field, lookup, operand):
                conditions.append(said[0])
                values += said[1]
            else:
                name = f"passes_{len(functions)}"
                functions[name] = _shown_to(test, field.kind)
                conditions.append(f'{name}("{field.name}")')
        names: dict[str, str] = {}
        for name in order_of(asked, fields):
            names.setdefault(name.removeprefix("-"), name)
        order = "".join(_ordered(name, fields) for name in names.values())
    except Wrong as exc:
        return exc.errors
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return Plan(where, values, order, functions)


def _said(parameter: str, field: Field, lookup: str, operand: str) -> tuple[str, list[Cell]] | None:
    """A condition that SQL has words for, and the values in it."""
    column = f'"{field.name}"'
    if lookup == "isnull":
        # What stands here has passed the test that it is true or false.
        null = test_of(parameter, field, lookup, operand)([None])
        return f"{column} IS {'' if null else 'NOT '}NULL", []
    if lookup in OPERATORS:
        return f"{column} {OPERATORS[lookup]} ?", [cell(operand_of(parameter, field, operand))]
    if lookup in ("exact", "in"):
        words = operand.split(",") if lookup == "in" else [operand]
        if len(words) <= MOST:
            wanted = [cell(operand_of(parameter, field, word)) for word in words]
            return f"{column} IN ({marks(wanted)})", wanted
    return None


def _ordered(name: str, fields: Mapping[str, Field]) -> str:
    field = fields[name.removeprefix("-")]
    column = f'"{field.name}"'
    by = column if field.kind in TYPES else f"casefolded({column})"
    return f"{by} {'DESC' if name.startswith('-') else 'ASC'}, "


def casefolded(value: Cell) -> Cell:
    return value.casefold() if isinstance(value, str) else value


def _shown_to(test: Callable[[Any], bool], kind: Kind) -> Callable[[Cell], bool]:
    """The test of a value as it is shown, for one as it is kept."""
    return lambda kept: test(_shown(kept, kind))


def _shown(kept: Cell, kind: Kind) -> Any:
    if kept is None:
        return None
    if kind == "datetime":
        return msgspec.to_builtins(EPOCH + int(kept) * MICROSECOND)
    return bool(kept) if kind == "boolean" else kept


def marks(names: Iterable[Any]) -> str:
    return ", ".join("?" for _ in names)
