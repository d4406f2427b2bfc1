"""What the fields of a resource are, out of the struct that describes it."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import inspect

from services.gateway.core.meanings import meanings
from services.gateway.core.relations import Relation

Kind = Literal["string", "integer", "float", "boolean", "datetime", "list", "dict", "related"]


class Field(msgspec.Struct, frozen=True):
    name: str
    kind: Kind
    nullable: bool = False
    required: bool = False
    default: Any = None
    choices: list[Any] = []
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    readonly: bool = False
    relation: Relation | None = None
    items: "dict[str, Field]" = {}
    "Fields of each element, for a list of objects."
    meaning: str = ""


def fields_of(
    struct: type[msgspec.Struct],
    relations: Mapping[str, Relation] | None = None,
    *,
    hidden: tuple[str, ...] = (),
    readonly: tuple[str, ...] = (),
) -> dict[str, Field]:
    related, meant = relations or {}, meanings(struct)
    known = inspect.type_info(struct)
    assert isinstance(known, inspect.StructType)
    found: dict[str, Field] = {}
    for field in known.fields:
        if field.name in hidden:
            continue
        one = _field(field, readonly=field.name in readonly)
        one = msgspec.structs.replace(one, meaning=meant.get(field.name, ""))
        if relation := related.get(field.name):
            one = msgspec.structs.replace(one, kind="related", relation=relation, items={})
        found[field.name] = one
    for name, relation in related.items():
        if relation.derived:
            found[name] = Field(name, "related", default=[], relation=relation)
    return found


def _field(field: inspect.Field, *, readonly: bool) -> Field:
    nullable, kinds = _without_null(field.type)
    choices = [c for kind in kinds if isinstance(kind, inspect.LiteralType) for c in kind.values]
    first = kinds[0]
    default = None if field.required else _default(field)
    return Field(
        field.name,
        _kind(first),
        nullable,
        field.required,
        default,
        choices,
        getattr(first, "max_length", None),
        getattr(first, "ge", None),
        getattr(first, "le", None),
        readonly,
        None,
        _items(first),
    )


def _without_null(kind: inspect.Type) -> tuple[bool, list[inspect.Type]]:
    if isinstance(kind, inspect.UnionType):
        rest = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
        return len(rest) < len(kind.types), rest
    return False, [kind]


def _default(field: inspect.Field) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return msgspec.to_builtins(field.default)
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.to_builtins(field.default_factory())
    return None


def _kind(kind: inspect.Type) -> Kind:
    match kind:
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType():
            return "integer"
        case inspect.FloatType():
            return "float"
        case inspect.DateTimeType():
            return "datetime"
        case inspect.ListType():
            return "list"
        case inspect.StructType() | inspect.DictType():
            return "dict"
        case inspect.LiteralType(values=values) if all(isinstance(v, int) for v in values):
            return "integer"
        case _:
            return "string"


def _items(kind: inspect.Type) -> dict[str, Field]:
    if isinstance(kind, inspect.ListType) and isinstance(kind.item_type, inspect.StructType):
        return {field.name: _field(field, readonly=False) for field in kind.item_type.fields}
    return {}
