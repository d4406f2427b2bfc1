"""Who speaks to whom on the bus, as Mermaid, from what everybody may do: `python -m kit.diagram`.

Printed for docs/architecture.md, where a test holds the two against each other.
"""

import sys
from collections.abc import Iterator

from proto import subjects
from proto.access import API, DURABLES, SERVICES, Service, returns
from proto.subjects import BUCKETS, FAMILIES, THEMES

ASKED = {
    subjects.CONFERENCE_COMMANDS: "commands",
    subjects.ROUTING_TRIALS: "trials",
    subjects.ROUTING_CALLS: "calls",
    subjects.bids("mixer"): "bids",
    subjects.bids("egress"): "bids",
    subjects.snapshots("*"): "snapshots",
    subjects.drains("*"): "drains",
    subjects.WEBHOOK_COMMANDS: "sinks",
    subjects.STAGE_LEVELS: "levels",
    **dict.fromkeys(returns(), "returns"),
    subjects.calls("*"): "calls",
}
"""What is said by one service to another that hears it, and how the arrow is called."""


def diagram() -> str:
    """A flow chart: writers, streams, takers; and questions between services."""
    lines = ["```mermaid", "flowchart LR"]
    lines += [f"  {service}[{service}]" for service in SERVICES]
    lines += [f"  {subjects.stream(family)}[({subjects.stream(family)})]" for family in FAMILIES]
    lines += [f"  {writer} ==> {subjects.stream(f)}" for f in FAMILIES for writer in _writers(f)]
    for family in FAMILIES:
        takers = set(DURABLES[family].values())
        stream = subjects.stream(family)
        lines += [f"  {stream} --> {taker}" for taker in SERVICES if taker in takers]
        lines += [
            f"  {stream} -.-> {reader}"
            for reader in SERVICES
            if reader not in takers and _may(reader, f"{API}.CONSUMER.CREATE.{stream}.>")
        ]
    lines += dict.fromkeys(_asked())
    return "\n".join([*lines, "```"]) + "\n"


def table() -> str:
    """Buckets: who writes and who reads."""
    rows = [f"| | {' | '.join(SERVICES)} |", "|---" * (len(SERVICES) + 1) + "|"]
    for name, stream, written in (
        *((bucket, f"KV_{bucket}", f"$KV.{bucket}.") for bucket in BUCKETS),
        (THEMES, f"OBJ_{THEMES}", f"$O.{THEMES}."),
    ):
        cells = []
        for service in SERVICES:
            reads = _may(service, f"{API}.CONSUMER.CREATE.{stream}.>")
            writes = any(right.startswith(written) for right in SERVICES[service].publish)
            cells.append(
                " ".join(word for word, so in (("reads", reads), ("writes", writes)) if so)
            )
        rows.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _may(service: Service, subject: str) -> bool:
    return subject in SERVICES[service].publish


def _writers(family: subjects.Family) -> Iterator[Service]:
    return (service for service in SERVICES if _may(service, subjects.events(family)))


def _asked() -> Iterator[str]:
    for subject, name in ASKED.items():
        for asker in SERVICES:
            for hearer in SERVICES:
                if _may(asker, subject) and subject in SERVICES[hearer].subscribe:
                    yield f"  {asker} -- {name} --> {hearer}"


def whole() -> str:
    return f"{diagram()}\n{table()}"


if __name__ == "__main__":
    sys.stdout.write(whole())
