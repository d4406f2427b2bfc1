"""The OpenAPI document as a page: no script, nothing from elsewhere."""

from html import escape
from typing import Any

from services.gateway.core.openapi import Schema


def page(document: Schema) -> str:
    """HTML of the whole document."""
    info = document["info"]
    tags: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tags.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    chapters = "".join(
        f'<section id="{_anchor(tag)}"><h2>{escape(tag)}</h2>{"".join(parts)}</section>'
        for tag, parts in tags.items()
    )
    index = "".join(f'<li><a href="#{_anchor(tag)}">{escape(tag)}</a></li>' for tag in tags)
    schemas = "".join(
        _schema(name, schema) for name, schema in document["components"]["schemas"].items()
    )
    return f"""<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(info["title"])} API</title>
<link rel="stylesheet" href="/schema.css">
</head>
<body>
<h1>{escape(info["title"])} API <small>{escape(info["version"])}</small></h1>
<p>{escape(info["description"])}</p>
<p><a href="/schema/openapi.json">openapi.json</a></p>
<nav><ul>{index}<li><a href="#schemas">schemas</a></li></ul></nav>
{chapters}
<section id="schemas"><h2>schemas</h2>{schemas}</section>
</body>
</html>
"""


def _anchor(tag: str) -> str:
    return escape(tag.replace(": ", "-").replace(" ", "-"))


def _operation(path: str, method: str, operation: Schema) -> str:
    rows = [
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{_type(one['schema'])}</td></tr>"
        for one in operation.get("parameters", ())
    ]
    parameters = f"<h4>Parameters</h4><table>{''.join(rows)}</table>" if rows else ""
    body = ""
    if "requestBody" in operation:
        kinds = operation["requestBody"]["content"].items()
        said = "</p><p>".join(
            (f"{escape(kind)}: " if kind != "application/json" else "") + _type(content["schema"])
            for kind, content in kinds
        )
        body = f"<h4>Body</h4><p>{said}</p>"
    answers = "".join(
        f"<tr><td><code>{escape(status)}</code></td><td>{escape(answer['description'])}</td>"
        f"<td>{_content(answer)}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    return (
        f'<details><summary><b class="{method}">{method.upper()}</b> <code>{escape(path)}</code>'
        f" {escape(operation['summary'])}</summary>{parameters}{body}"
        f"<h4>Answers</h4><table>{answers}</table></details>"
    )


def _content(answer: Schema) -> str:
    return ", ".join(
        _type(content["schema"]) if "schema" in content else escape(kind)
        for kind, content in answer.get("content", {}).items()
    )


def _schema(name: str, schema: Schema) -> str:
    required = schema.get("required", ())
    rows = [
        f"<tr><td><code>{escape(field)}</code>{' *' if field in required else ''}</td>"
        f"<td>{_type(one)}</td><td>{_default(one)}</td><td>{escape(_said(one))}</td></tr>"
        for field, one in schema.get("properties", {}).items()
    ]
    said = escape(schema.get("description", ""))
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<p>{said}</p><table>{''.join(rows)}</table></details>"
    )


def _said(schema: Schema) -> str:
    return str(schema.get("description", ""))


def _default(schema: Schema) -> str:
    return f"<code>{escape(repr(schema['default']))}</code>" if "default" in schema else ""


def _type(schema: Schema) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    kind: Any = schema.get("type", "object")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and "properties" in schema:
        fields = schema["properties"].items()
        return "{ " + ", ".join(f"{escape(name)}: {_type(one)}" for name, one in fields) + " }"
    words = " | ".join(kind) if isinstance(kind, list) else str(kind)
    limits = {
        "minimum": "≥",
        "maximum": "≤",
        "minLength": "at least",
        "maxLength": "at most",
    }
    said = [f"{sign} {schema[name]}" for name, sign in limits.items() if name in schema]
    return escape(" ".join([words, *said]))
