"""What of the chart is made from elsewhere: `make chart` writes it, a test compares.

README.md from values.yaml, where the comment above a value says what it is; files/nats.conf from
proto/access.py; files/turn.sh is what the compose stack starts coturn with.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from kit import natsconf

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "rostrum"

HEAD = """\
# Helm chart of Rostrum

One Deployment per service, one per pool of media pods, nats-server, network policies and the rest.
How to install, size, upgrade and drain, and which GPUs can encode:
[docs/kubernetes.md](../../../docs/kubernetes.md).
Examples of values, each of which is rendered and checked by the tests: [ci/](ci/).

```
helm install rostrum deploy/helm/rostrum -n rostrum --create-namespace -f my-values.yaml
helm test rostrum -n rostrum
```

This page is made from values.yaml by `make chart`.

## Values

| value | default | what it is |
|---|---|---|
"""


class Value(NamedTuple):
    path: str
    default: object
    text: str


def made() -> dict[Path, str]:
    return {
        CHART / "README.md": HEAD + "".join(map(_row, values())),
        CHART / "files" / "nats.conf": natsconf.DEPLOYED
        + natsconf.users(lambda name: f"${name}_password"),
        CHART / "files" / "turn.sh": (CHART.parents[1] / "turn" / "turn.sh").read_text(),
    }


def values() -> list[Value]:
    text = (CHART / "values.yaml").read_text()
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    return list(_walk(root, yaml.safe_load(text), text.splitlines(), ""))


def _walk(
    node: yaml.MappingNode, given: dict[str, object], lines: list[str], inside: str
) -> Iterator[Value]:
    for key, below in node.value:
        path = f"{inside}{key.value}"
        text = _comment(lines, key.start_mark.line)
        value = given[key.value]
        block = isinstance(below, yaml.MappingNode) and not below.flow_style
        if block and isinstance(value, dict):
            if text:
                yield Value(f"{path}.*", None, text)
            yield from _walk(below, value, lines, f"{path}.")
        else:
            yield Value(path, value, text)


def _comment(lines: list[str], at: int) -> str:
    """The lines of comment right above."""
    first = at
    while first > 0 and lines[first - 1].lstrip().startswith("# "):
        first -= 1
    return " ".join(line.lstrip()[2:] for line in lines[first:at])


def _row(value: Value) -> str:
    default = "" if value.path.endswith(".*") else f"`{_short(value.default)}`"
    return f"| `{value.path}` | {default} | {value.text.replace('|', '¦')} |\n"


def _short(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("|", "¦")


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text)
