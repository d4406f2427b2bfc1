"""Prints what an image is made of, as a CycloneDX 1.5 document; standard library only."""

import json
import subprocess
import sys
from importlib import metadata


def debian() -> list[dict[str, str]]:
    command = ["dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\n"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = []
    for line in listed.splitlines():
        name, version, architecture = line.split()
        purl = f"pkg:deb/debian/{name}@{version}?arch={architecture}"
        found.append({"type": "library", "name": name, "version": version, "purl": purl})
    return found


def python() -> list[dict[str, str]]:
    found = []
    for one in metadata.distributions():
        name = one.metadata["Name"].lower()
        purl = f"pkg:pypi/{name}@{one.version}"
        found.append({"type": "library", "name": name, "version": one.version, "purl": purl})
    return sorted(found, key=lambda part: part["name"])


def main() -> None:
    image, version = sys.argv[1:]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": image, "version": version}},
        "components": [*debian(), *python()],
    }
    json.dump(document, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
