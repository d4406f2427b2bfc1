"""What went wrong, for a person: one sentence, an exit code, no traceback."""

from typing import Any

import typer


class Failure(Exception):
    """A command cannot do what it was asked to."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        self.sentence = sentence
        self.code = code
        "1: it was refused; 2: it could not be tried."
        super().__init__(sentence)


class Rostrum(typer.Typer):
    """Commands whose failures are sentences."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except Failure as exc:
            typer.echo(f"rostrum: {exc.sentence}", err=True)
            raise SystemExit(exc.code) from None
