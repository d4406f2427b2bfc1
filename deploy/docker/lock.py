"""Cuts requirements.lock down to what some extras of pyproject.toml need; standard library only.

    python deploy/docker/lock.py gateway otlp > gateway.lock

A package is needed if an extra names it, or if something needed is among the `via` of its entry.
"""

import re
import sys
import tomllib
from pathlib import Path

NAME = re.compile(r"^[A-Za-z0-9._-]+")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named(project: dict[str, list[str]], extras: list[str], always: list[str]) -> set[str]:
    """The packages that the project itself and these extras ask for."""
    found: set[str] = set()
    for line in [*always, *(line for extra in extras for line in project[extra])]:
        match = NAME.match(line)
        assert match is not None, line
        if match[0] == "rostrum":
            more = line[line.index("[") + 1 : line.index("]")].split(",")
            found |= named(project, more, [])
        else:
            found.add(canonical(match[0]))
    return found


def entries(lock: str) -> dict[str, tuple[str, set[str]]]:
    """By package: the lines that pin it, and who asked for it."""
    found = {}
    for block in re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]:
        pins = [line for line in block.splitlines() if line and not line.lstrip().startswith("#")]
        notes = [line.strip(" #") for line in block.splitlines() if line.lstrip().startswith("#")]
        via = {canonical(note.removeprefix("via ")) for note in notes if note and note != "via"}
        match = NAME.match(block)
        assert match is not None
        found[canonical(match[0])] = ("\n".join(pins), via)
    return found


def cut(lock: str, roots: set[str]) -> str:
    pinned = entries(lock)
    needed: set[str] = set()
    more = roots & pinned.keys()
    while more:
        needed |= more
        more = {name for name, (_, via) in pinned.items() if via & needed} - needed
    return "\n".join(pinned[name][0] for name in sorted(needed)) + "\n"


def main() -> None:
    root = Path.cwd()
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    roots = named(project["optional-dependencies"], sys.argv[1:], project["dependencies"])
    sys.stdout.write(cut((root / "requirements.lock").read_text(), roots))


if __name__ == "__main__":
    main()
