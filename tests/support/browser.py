"""A real browser: the system's chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""No window, and no word to anybody but the page's own server."""

PATIENCE = 20_000
"""Milliseconds to wait for what the page is to show, on a machine that is busy with other tests."""


@contextmanager
def browser() -> Iterator[Browser]:
    with browsers(()) as (one,):
        yield one


@contextmanager
def browsers(*flags: Sequence[str]) -> Iterator[list[Browser]]:
    """One for each set of further flags: what they take for a camera is the same in all pages."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found is not None, "install chromium"
    with sync_playwright() as playwright:
        launch = playwright.chromium.launch
        all_of_them = [launch(executable_path=found, args=[*QUIET, *more]) for more in flags]
        yield all_of_them
        for one in all_of_them:
            one.close()


@contextmanager
def page(one: Browser, url: str, **options: str) -> Iterator[tuple[Page, list[str]]]:
    """A page in a session of its own, and what goes wrong in it, as it goes on."""
    context = one.new_context(base_url=url, **options)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    shown = context.new_page()
    wrong: list[str] = []
    shown.on("pageerror", lambda error: wrong.append(str(error)))
    shown.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    yield shown, wrong
    context.close()
