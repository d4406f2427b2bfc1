"""The admin page in a browser, as an administrator uses it, before a stack without media."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from cli.stack import running
from tests.integration.test_rules import CONFIGURATION, URL, add, fill
from tests.support.browser import PATIENCE, browser, page

pytestmark = [pytest.mark.nats, pytest.mark.browser]

TOKEN = "a-token-of-the-administrator"
MANY = 120
"""Rules: enough for three pages, and for those that were skipped to be folded."""

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as one:
        yield one


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    services = "conference_state,routing,gateway"
    directory = tmp_path_factory.mktemp("data")
    with running(directory, "--port", "0", "--services", services) as stack:
        yield stack["url"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("guarded")
    env = {"ROSTRUM_ADMIN_TOKEN": TOKEN}
    with running(directory, "--port", "0", "--services", "gateway", env=env) as stack:
        yield stack["url"]


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    """The API beside the page, with the rules of the tests of the tester and no others."""
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        for kind in ("gateway_routing_rule", "system_location"):
            there = client.get(f"{CONFIGURATION}/{kind}/?limit=0").json()["objects"]
            for one in there:
                client.delete(one["resource_uri"]).raise_for_status()
        fill(client)
        yield client


@pytest.fixture
def desk(chromium: Browser, url: str, http: httpx.Client) -> Iterator[Page]:
    with page(chromium, url) as (shown, wrong):
        shown.goto("/admin.html")
        expect(shown.locator("#rule-list tr")).to_have_count(6)
        yield shown
        refused = [said for said in wrong if "status of 400" in said]
        assert wrong == refused, "nothing but what the server refuses goes wrong"


def names(shown: Page) -> list[str]:
    return shown.locator("#rule-list th").all_inner_texts()


def test_a_rule_is_added_in_its_place(desk: Page) -> None:
    desk.get_by_role("button", name="Add a rule").click()
    expect(desk.get_by_label("Name", exact=True)).to_be_focused()
    desk.get_by_label("Name", exact=True).fill("Camera")
    desk.get_by_label("Priority").fill("4")
    desk.get_by_label("Destination alias match").fill("cam-(.*)")
    desk.get_by_label("Destination alias replace").fill(r"rtmps://cam.example.com/live/\1")
    desk.get_by_label("Outgoing location").select_option(label="DMZ")
    desk.get_by_role("button", name="Save").click()

    expect(desk.locator("#rule-list tr")).to_have_count(7)
    assert names(desk) == ["Off", "From Oslo", "Tube", "Camera", "SIP", "Broken", "Streaming"]
    line = desk.get_by_role("row", name="Camera")
    for text in ("cam-(.*)", r"rtmps://cam.example.com/live/\1", "DMZ", "outgoing"):
        expect(line).to_contain_text(text)
    expect(desk.locator("#said")).to_have_text("Camera is saved.")


@pytest.mark.parametrize(
    ("label", "given", "sentence"),
    [
        ("Destination alias match", "(", "Missing \\)"),
        ("Destination alias replace", r"\7", "group"),
        ("Priority", "999", "200"),
        ("Name", "Tube", "already exists"),
        ("Name", "", "length"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    desk: Page, label: str, given: str, sentence: str
) -> None:
    desk.get_by_role("button", name="Add a rule").click()
    desk.get_by_label("Name", exact=True).fill("New")
    field = desk.get_by_label(label, exact=True)
    field.fill(given)
    desk.get_by_role("button", name="Save").click()

    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    described = (field.get_attribute("aria-describedby") or "").split()
    expect(desk.locator(f"#{described[-1]}")).to_have_text(re.compile(sentence))
    assert desk.locator("[aria-invalid=true]").count() == 1
    desk.keyboard.press("Escape")
    expect(desk.get_by_role("button", name="Add a rule")).to_be_focused()
    assert len(names(desk)) == 6


def test_a_rule_is_changed_disabled_and_deleted(desk: Page, http: httpx.Client) -> None:
    desk.get_by_role("button", name="Edit Tube").click()
    desk.get_by_label("Destination alias match").fill(r"tube-(\w+)")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_role("row", name="Tube")).to_contain_text(r"tube-(\w+)")

    switch = desk.get_by_role("switch", name="Tube is enabled")
    switch.focus()
    desk.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-checked", "false")

    desk.get_by_role("button", name="Delete Streaming").click()
    desk.get_by_role("button", name="Keep").click()
    desk.get_by_role("button", name="Delete Streaming").click()
    desk.get_by_role("button", name="Delete", exact=True).click()
    expect(desk.locator("#rule-list tr")).to_have_count(5)

    rules = http.get(f"{CONFIGURATION}/gateway_routing_rule/?order_by=priority").json()["objects"]
    assert [rule["name"] for rule in rules] == ["Off", "From Oslo", "Tube", "SIP", "Broken"]
    [tube] = [rule for rule in rules if rule["name"] == "Tube"]
    assert (tube["match_string"], tube["enable"]) == (r"tube-(\w+)", False)
    assert tube["replace_string"] == r"rtmps://yt.example.com/live2/\1"


def test_an_alias_is_tested_and_its_key_never_shown(desk: Page) -> None:
    desk.get_by_label("Alias", exact=True).fill(URL)
    desk.get_by_role("button", name="Test", exact=True).click()

    outcome = desk.locator(".outcome")
    expect(outcome).to_contain_text("“Streaming” decides.")
    expect(outcome).to_contain_text("rtmps://***@ingest.example.com/live/***")
    expect(outcome).to_contain_text("no-worker")
    assert desk.locator(".tried").all_inner_texts()[0].split("\n")[-1] == "It is disabled."
    verdicts = desk.locator(".tried .badge").all_inner_texts()
    assert verdicts == [
        "Disabled",
        "Other source location",
        "Pattern does not match",
        "Pattern does not match",
        "Pattern does not match",
        "Matched",
    ]
    assert "SECRET" not in desk.content()


@pytest.mark.parametrize(
    ("alias", "chosen", "said"),
    [
        pytest.param("nothing like it", {}, "no-rule", id="no-rule"),
        pytest.param("yt-main", {"Source location": "Oslo"}, "From Oslo", id="a-source-location"),
        pytest.param("yt-main", {"Call": "incoming"}, "no-rule", id="incoming"),
        pytest.param("broken", {}, "Broken", id="what-cannot-be-dialled"),
    ],
)
def test_the_tester_says_what_comes_of_it(
    desk: Page, alias: str, chosen: dict[str, str], said: str
) -> None:
    desk.get_by_label("Alias", exact=True).fill(alias)
    for label, value in chosen.items():
        desk.get_by_label(label).select_option(label=value)
    desk.get_by_role("button", name="Test", exact=True).click()
    expect(desk.locator(".outcome")).to_contain_text(said)


def test_an_alias_that_is_none_is_refused_at_its_field(desk: Page) -> None:
    desk.get_by_role("button", name="Test", exact=True).click()
    expect(desk.locator("#test-alias-error")).to_have_text("This may not be empty.")
    expect(desk.get_by_label("Alias", exact=True)).to_be_focused()


def test_many_rules_are_shown_by_the_page_and_folded_in_the_tester(
    desk: Page, http: httpx.Client
) -> None:
    for number in range(MANY):
        add(http, f"Rule {number:03}", 50 + number // 10, f"alias-{number}")
    desk.reload()
    expect(desk.locator("#rule-list tr")).to_have_count(50)
    expect(desk.locator("#range")).to_have_text("1 to 50 of 126")
    desk.get_by_role("button", name="Next").click()
    expect(desk.locator("#range")).to_have_text("51 to 100 of 126")
    desk.get_by_label("Name contains").fill("rule 11")
    expect(desk.locator("#rule-list tr")).to_have_count(10)

    desk.get_by_label("Alias", exact=True).fill(URL)
    desk.get_by_role("button", name="Test", exact=True).click()
    expect(desk.locator(".tried").first).to_contain_text("Streaming")
    folds = desk.locator("#verdict summary")
    expect(folds.last).to_have_text("120 rules skipped. Not reached: What comes before it decided.")
    assert desk.locator(".tried").count() == 1
    folds.last.click()
    expect(desk.locator("details[open] .tried")).to_have_count(100)
    desk.get_by_role("button", name="Show more").click()
    expect(desk.locator("details[open] .tried")).to_have_count(120)


def test_who_shows_the_token_comes_in_and_it_stays_in_the_tab(
    chromium: Browser, guarded: str
) -> None:
    with page(chromium, guarded) as (shown, _):
        shown.goto("/admin.html")
        field = shown.get_by_label("Token")
        expect(field).to_be_focused()
        field.fill("wrong")
        shown.keyboard.press("Enter")
        expect(shown.locator("#token-error")).to_have_text("The server does not know this token.")
        expect(shown.locator("#desk")).to_be_hidden()
        field.fill(TOKEN)
        shown.keyboard.press("Enter")
        expect(shown.locator("#nothing")).to_contain_text("There is no rule yet")
        kept: Any = shown.evaluate("[localStorage.length, document.cookie, location.href]")
        assert kept == [0, "", f"{guarded.rstrip('/')}/admin.html"]
        shown.get_by_role("button", name="Sign out").click()
        expect(field).to_be_visible()


def test_a_user_comes_in_with_name_and_password(chromium: Browser, guarded: str) -> None:
    credentials: Any = {"username": "admin", "password": TOKEN}
    with page(chromium, guarded, http_credentials=credentials) as (shown, _):
        shown.goto("/admin.html")
        shown.get_by_role("button", name="Use name and password").click()
        expect(shown.locator("#nothing")).to_contain_text("There is no rule yet")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(
    chromium: Browser, url: str, http: httpx.Client, scheme: str
) -> None:
    with page(chromium, url, color_scheme=scheme) as (shown, _):
        shown.goto("/admin.html")
        expect(shown.locator("#rule-list tr")).to_have_count(6)
        for selector in ("h1", ".help", ".primary", ".quiet", ".quiet.danger", "td code", "a"):
            ratio = shown.locator(selector).first.evaluate(CONTRAST)
            assert ratio >= 4.5, f"{selector}: {ratio:.2f}"


CONTRAST = """element => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => {
    const [r, g, b] = numbers(text).slice(0, 3).map((value) => value / 255)
      .map((value) => (value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  let behind = element;
  const back = (one) => getComputedStyle(one).backgroundColor;
  while (numbers(back(behind))[3] === 0) behind = behind.parentElement;
  const two = [getComputedStyle(element).color, back(behind)].map(light);
  return (Math.max(...two) + .05) / (Math.min(...two) + .05);
}"""
"""As WCAG 2 reckons it; 4.5 is what it wants of small text."""


def test_the_page_is_there_without_a_word_from_elsewhere() -> None:
    static = Path(__file__).parents[2] / "web" / "static"
    for name in ("admin.html", "admin.js", "admin-editor.js", "admin-tester.js", "api.js"):
        text = (static / name).read_text()
        assert not re.search(r"""(?:src|href|import|fetch)\W+https?://""", text), name
        assert not re.search(r"<script(?![^>]*src)|\son\w+=|style=|innerHTML", text), name
