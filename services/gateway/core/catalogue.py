"""Every list of the management API, and what the fields of its objects are."""

from typing import Any

import msgspec

from proto.config import RESOURCES
from services.gateway.core.aliases import AliasFields
from services.gateway.core.configuration import ROOT
from services.gateway.core.fields import Field, fields_of
from services.gateway.core.past import HISTORY, ConferenceHistory, ParticipantHistory
from services.gateway.core.relations import RELATIONS
from services.gateway.core.resources import HIDDEN
from services.gateway.core.status import (
    STATUS,
    ConferenceStatus,
    MediaStream,
    ParticipantStatus,
    WorkerStatus,
)

GIVEN_BY_US = ("id", "uuid", "resource_uri", "package", "package_size")

CONFIGURED: dict[str, type[msgspec.Struct]] = {**RESOURCES, "conference_alias": AliasFields}

SINGLE = ("global",)
"""Kinds of which there is one, always."""

SHOWN: dict[str, dict[str, type[msgspec.Struct]]] = {
    STATUS: {
        "conference": ConferenceStatus,
        "participant": ParticipantStatus,
        "worker_vm": WorkerStatus,
    },
    HISTORY: {"conference": ConferenceHistory, "participant": ParticipantHistory},
}


def _configured(kind: str) -> dict[str, Field]:
    fields = fields_of(CONFIGURED[kind], RELATIONS.get(kind), hidden=HIDDEN, readonly=GIVEN_BY_US)
    return fields | {"resource_uri": Field("resource_uri", "string", readonly=True)}


def _shown(struct: type[msgspec.Struct]) -> dict[str, Field]:
    fields = fields_of(struct)
    return {n: msgspec.structs.replace(f, readonly=True) for n, f in fields.items()}


CONFIGURED_FIELDS = {kind: _configured(kind) for kind in CONFIGURED}
STATUS_FIELDS = {kind: _shown(struct) for kind, struct in SHOWN[STATUS].items()}
HISTORY_FIELDS = {kind: _shown(struct) for kind, struct in SHOWN[HISTORY].items()}
STREAM_FIELDS = _shown(MediaStream)

TREES = {ROOT: CONFIGURED_FIELDS, STATUS: STATUS_FIELDS, HISTORY: HISTORY_FIELDS}


def schema(tree: str, kind: str) -> dict[str, Any]:
    """`schema/` of a resource, in the form of the framework that Pexip's API is made with."""
    changeable = tree == ROOT
    single = kind in SINGLE
    fields = TREES[tree][kind]
    return {
        "allowed_list_http_methods": ["get", "post", "patch"]
        if changeable and not single
        else ["get"],
        "allowed_detail_http_methods": _detail(changeable, single=single),
        "default_format": "application/json",
        "default_limit": 20,
        "fields": {name: _field(field) for name, field in fields.items()},
        "filtering": {
            name: 2 if field.relation else 1
            for name, field in fields.items()
            if field.kind not in ("list", "dict")
        },
        "ordering": [
            name
            for name, field in fields.items()
            if field.kind not in ("list", "dict") and not (field.relation and field.relation.many)
        ],
    }


def _detail(changeable: bool, *, single: bool) -> list[str]:
    if not changeable:
        return ["get"]
    return ["get", "put", "patch"] if single else ["get", "put", "patch", "delete"]


def _field(field: Field) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": field.kind,
        "nullable": field.nullable,
        "blank": not field.required,
        "readonly": field.readonly,
        "default": "No default provided." if field.required else field.default,
        "unique": field.name in ("id", "resource_uri", "name"),
        "help_text": field.meaning,
    }
    if field.relation:
        described["related_type"] = "to_many" if field.relation.many else "to_one"
        described["related_schema"] = f"{ROOT}/{field.relation.kind}/schema/"
    limits = {
        "choices": field.choices,
        "max_length": field.max_length,
        "minimum": field.minimum,
        "maximum": field.maximum,
    }
    return described | {name: limit for name, limit in limits.items() if limit not in (None, [])}
