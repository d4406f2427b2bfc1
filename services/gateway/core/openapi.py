"""The OpenAPI document, made of the structs that the requests are checked with."""

from collections.abc import Iterable
from typing import Any

import msgspec

from services.gateway.core import catalogue, endpoints
from services.gateway.core.configuration import ROOT
from services.gateway.core.endpoints import Endpoint
from services.gateway.core.meanings import meanings
from services.gateway.core.relations import RELATIONS, Relation
from services.gateway.core.resources import HIDDEN

Schema = dict[str, Any]

TITLE = "Rostrum"

DESCRIPTION = """Pexip Infinity's management API for what Rostrum has of it, and Rostrum's own API.

Lists take `limit`, `offset`, `order_by` and filters (`name__icontains=…`). Related resources are
given and shown by their URI. Users come in with Basic, programs with a bearer token.

`/api/client/v2/` is Pexip's client API, for people who take part: it wants no user, but a token in
the header `token`, which `request_token` gives; answers are `{"status": …, "result": …}`."""

FAILURES = {
    "400": "The request is wrong: what is wrong with it, field by field.",
    "401": "Nobody, or somebody with a wrong password.",
    "403": "Not from there, or not by a user who may look only.",
    "404": "There is no such thing.",
    "405": "Not with this method.",
    "429": "Too many wrong passwords; `Retry-After` says how long to wait.",
    "503": "The services behind this do not answer; try again.",
}

ERRORS: Schema = {
    "type": "object",
    "description": "The resource, with a list of sentences for each field; or `error`.",
    "additionalProperties": True,
}

META: Schema = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer"},
        "offset": {"type": "integer"},
        "total_count": {"type": "integer"},
        "next": {"type": ["string", "null"]},
        "previous": {"type": ["string", "null"]},
    },
    "required": ["limit", "offset", "total_count", "next", "previous"],
}


def document(version: str) -> Schema:
    paths: dict[str, Schema] = {}
    for endpoint in endpoints.ALL:
        paths.setdefault(endpoint.path, {})[endpoint.method] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": version, "description": DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": _components(),
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"basic": []}, {"token": []}],
    }


def _components() -> dict[str, Schema]:
    structs: list[Any] = [*catalogue.CONFIGURED.values(), *endpoints.STRUCTS]
    _, known = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    for struct in structs:
        for name, meaning in meanings(struct).items():
            known[struct.__name__]["properties"][name]["description"] = meaning
    for kind, struct in catalogue.CONFIGURED.items():
        whole = known.pop(struct.__name__)
        known[given_name(kind)] = _given(whole, kind)
        known[part_name(kind)] = {**_given(whole, kind), "required": []}
        known[shown_name(kind)] = _shown(whole, kind)
    del known["SealedUrl"], known["Delivery"]  # Are in what is stored only.
    known |= {"Errors": ERRORS, "Meta": META}
    return {name: known[name] for name in sorted(known)}


def given_name(kind: str) -> str:
    return f"{kind}_given"


def part_name(kind: str) -> str:
    return f"{kind}_part"


def shown_name(kind: str) -> str:
    return f"{kind}_shown"


def _given(whole: Schema, kind: str) -> Schema:
    """What a request may hold."""
    kept = {
        name: schema
        for name, schema in whole["properties"].items()
        if name not in (*HIDDEN, *catalogue.GIVEN_BY_US)
    }
    return {**whole, "title": kind, "properties": kept | _relations(kind, kept)}


def _shown(whole: Schema, kind: str) -> Schema:
    """What an answer holds: everything, always."""
    kept = {name: schema for name, schema in whole["properties"].items() if name not in HIDDEN}
    properties = {**kept, **_relations(kind, kept), "resource_uri": {"type": "string"}}
    return {
        "title": kind,
        "description": whole.get("description", ""),
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


def _relations(kind: str, kept: Schema) -> Schema:
    return {
        name: _uri(relation)
        for name, relation in RELATIONS.get(kind, {}).items()
        if relation.derived or name in kept
    }


def _uri(relation: Relation) -> Schema:
    what = relation.kind.replace("_", " ")
    if relation.many:
        items = {"type": "string"}
        return {"type": "array", "items": items, "description": f"URIs of {what}s."}
    return {"type": ["string", "null"], "description": f"URI of a {what}."}


def _operation(endpoint: Endpoint) -> Schema:
    operation: Schema = {
        "operationId": f"{endpoint.method}_{_ident(endpoint.path)}",
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "responses": {
            endpoint.status: _answer(endpoint),
            **{status: {"description": said} for status, said in endpoint.also.items()},
            **{status: _failure(status) for status in FAILURES},
        },
    }
    if parameters := [*_in_path(endpoint.path), *_in_query(endpoint)]:
        operation["parameters"] = parameters
    content: Schema = {}
    if endpoint.body:
        content["application/json"] = {"schema": _body(endpoint.body)}
    if endpoint.file:
        content[endpoint.file] = {"schema": _file(endpoint)}
    if content:
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _ident(path: str) -> str:
    return "_".join(part for part in path.replace("{", "").replace("}", "").split("/") if part)


def _body(name: str) -> Schema:
    if not name.endswith("[]"):
        return ref(name)
    return {
        "type": "object",
        "properties": {
            "objects": {"type": "array", "items": ref(name.removesuffix("[]"))},
            "deleted_objects": {"type": "array", "items": {"type": "string"}},
        },
        "additionalProperties": False,
    }


def _file(endpoint: Endpoint) -> Schema:
    """A file by itself, or with the fields that are texts."""
    file: Schema = {"type": "string", "format": "binary"}
    if not endpoint.body:
        return file
    properties: Schema = {"name": {"type": "string"}, "package": file}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(endpoint: Endpoint) -> Schema:
    answer: Schema = {"description": "Done."}
    if endpoint.status == "201" and endpoint.path.startswith(ROOT):
        answer["headers"] = {"Location": {"schema": {"type": "string"}}}
    if endpoint.answer == endpoints.STREAM:
        answer["content"] = {endpoint.media_type: {}}
    elif endpoint.answer.endswith("[]"):
        objects = {"type": "array", "items": ref(endpoint.answer.removesuffix("[]"))}
        schema: Schema = {
            "type": "object",
            "properties": {"meta": ref("Meta"), "objects": objects},
            "required": ["meta", "objects"],
        }
        answer["content"] = {"application/json": {"schema": schema}}
    elif endpoint.answer.endswith("{}"):
        bare: Schema = {"type": "array", "items": ref(endpoint.answer.removesuffix("{}"))}
        answer["content"] = {"application/json": {"schema": bare}}
    elif endpoint.answer == endpoints.ANY:
        answer["content"] = {"application/json": {"schema": {"type": "object"}}}
    elif endpoint.answer:
        answer["content"] = {"application/json": {"schema": ref(endpoint.answer)}}
    return answer


def _failure(status: str) -> Schema:
    content = {"application/json": {"schema": ref("Errors")}}
    return {"description": FAILURES[status], "content": content}


def _in_path(path: str) -> Iterable[Schema]:
    for part in path.split("/"):
        if part.startswith("{"):
            name = part[1:-1]
            kind: Schema = (
                {"type": "integer", "minimum": 1} if name == "number" else {"type": "string"}
            )
            yield {"name": name, "in": "path", "required": True, "schema": kind}


def _in_query(endpoint: Endpoint) -> Iterable[Schema]:
    if not endpoint.fields:
        return
    for name, default in (("limit", 20), ("offset", 0)):
        schema = {"type": "integer", "minimum": 0, "maximum": 999_999_999, "default": default}
        yield {"name": name, "in": "query", "schema": schema}
    for name in ("order_by", *_filterable(endpoint)):
        yield {"name": name, "in": "query", "schema": {"type": "string"}}


def _filterable(endpoint: Endpoint) -> Iterable[str]:
    for name, field in endpoint.fields.items():
        if field.kind in ("list", "dict"):
            continue
        yield name
        if field.kind == "string" and not field.choices:
            yield f"{name}__icontains"
