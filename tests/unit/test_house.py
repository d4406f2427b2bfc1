"""The house rules that a program can check."""

import ast
from pathlib import Path
from typing import get_args

import pytest

from services.rtmp_egress.recording import errors
from services.rtmp_egress.rtmp.errors import Code

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent for path in (ROOT / "services").glob("*/__main__.py"))
SOURCES = sorted(
    path
    for package in ("proto", "kit", "services", "cli")
    for path in (ROOT / package).rglob("*.py")
)


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_every_service_has_the_same_rooms(service: Path) -> None:
    text = (service / "__init__.py").read_text()

    assert (service / "config.py").exists()
    assert (service / "core.py").exists() or (service / "core").is_dir()
    assert "Hears " in text
    assert "Writes " in text


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_every_core_has_its_tests(service: Path) -> None:
    assert list((ROOT / "tests" / "unit" / service.name).glob("test_*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_subjects_are_spelled_in_one_place(path: Path) -> None:
    """A subject in a string literal outside proto/subjects.py could drift from the others."""
    if path.name == "subjects.py":
        return
    tree = ast.parse(path.read_text())
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    spelled = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in prose
        and any(f".{kind}." in node.value for kind in ("events", "commands"))
        and not node.value.startswith("process ")
    ]

    assert spelled == []


def test_every_reason_code_is_explained() -> None:
    """A code that a user sees is in docs/reason-codes.md."""
    explained = (ROOT / "docs" / "reason-codes.md").read_text()
    codes = (
        set(get_args(Code))
        | set(get_args(errors.Code))
        | {"unsealable", "no-encoder", "worker-restart", "no-worker"}
    )

    assert {code for code in codes if f"`{code}`" not in explained} == set()
