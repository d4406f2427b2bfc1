"""Testing the call routing rules: a whole stack without media, over HTTP and the command line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.stack import running

pytestmark = pytest.mark.nats

CONFIGURATION = "/api/admin/configuration/v1"
URL = "rtmps://user:SECRET-PASS@ingest.example.com/live/SECRET-KEY"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("data")
    services = "conference_state,routing,gateway"
    with running(directory, "--port", "0", "--services", services) as stack:
        url: str = stack["url"]
        with httpx.Client(base_url=url, trust_env=False, timeout=15) as http:
            fill(http)
            (directory / "url").write_text(url)
        yield directory


def fill(http: httpx.Client) -> None:
    for name in ("Oslo", "DMZ"):
        made = http.post(f"{CONFIGURATION}/system_location/", json={"name": name})
        assert made.status_code == 201, made.text
    add(http, "Off", 1, ".*", enable=False)
    add(http, "From Oslo", 2, ".*", match_source_location="Oslo", outgoing_location="DMZ")
    add(http, "Tube", 3, r"yt-(\w+)", replace_string=r"rtmps://yt.example.com/live2/\1")
    add(http, "SIP", 4, "sip:.*", outgoing_protocol="sip")
    add(http, "Broken", 5, "broken", replace_string="no-address")
    add(http, "Streaming", 10, "rtmps?://(.*)", crypto_mode="on", max_pixels_per_second="sd")


def add(http: httpx.Client, name: str, priority: int, match: str, **more: Any) -> None:
    body = {
        "name": name,
        "priority": priority,
        "match_string": match,
        "match_string_full": True,
        "match_incoming_calls": False,
        "match_outgoing_calls": True,
        "outgoing_protocol": "rtmp",
        **more,
    }
    made = http.post(f"{CONFIGURATION}/gateway_routing_rule/", json=body)
    assert made.status_code == 201, made.text


def ask(data: Path, alias: str, **more: Any) -> httpx.Response:
    url = (data / "url").read_text()
    with httpx.Client(base_url=url, trust_env=False, timeout=15) as http:
        return http.post("/api/rostrum/v1/rules/test/", json={"alias": alias, **more})


def verdicts(answer: dict[str, Any]) -> list[str]:
    return [rule["verdict"] for rule in answer["rules"]]


def test_every_rule_is_told_in_order_and_no_key_is(data: Path) -> None:
    response = ask(data, URL)
    answer = response.json()

    assert response.status_code == 200
    assert [rule["name"] for rule in answer["rules"]] == [
        "Off", "From Oslo", "Tube", "SIP", "Broken", "Streaming",
    ]  # fmt: skip
    assert verdicts(answer) == ["disabled", "source-location", "alias", "alias", "alias", "matched"]
    assert (answer["rule"], answer["code"]) == ("Streaming", "")
    assert answer["dialled"]["url"] == "rtmps://***@ingest.example.com/live/***"
    assert (answer["crypto_mode"], answer["max_pixels_per_second"]) == ("on", "sd")
    assert answer["workers"] == []
    assert "SECRET" not in response.text


def test_an_incoming_call_to_a_conference_asks_no_rule(data: Path) -> None:
    url = (data / "url").read_text()
    body = {"name": "Town Hall", "aliases": [{"alias": "yt-hall"}]}
    made = httpx.post(f"{url}{CONFIGURATION}/conference/", json=body, trust_env=False)
    assert made.status_code == 201, made.text
    incoming = ask(data, "YT-hall", direction="incoming").json()
    outgoing = ask(data, "YT-hall").json()

    assert (incoming["code"], incoming["dialled"]) == ("conference", None)
    assert "Town Hall" in incoming["reason"]
    assert set(verdicts(incoming)) == {"not-reached"}
    assert len(verdicts(incoming)) == len(verdicts(outgoing))
    assert outgoing["rule"] == "Tube"


def test_an_alias_that_is_rewritten(data: Path) -> None:
    answer = ask(data, "yt-SECRET").json()

    assert answer["alias"] == "***"
    assert answer["dialled"]["url"] == "rtmps://yt.example.com/live2/***"
    assert verdicts(answer)[2:] == ["matched", "not-reached", "not-reached", "not-reached"]


def test_a_source_location_may_be_a_name_or_a_uri(data: Path) -> None:
    url = (data / "url").read_text()
    found = httpx.get(f"{url}{CONFIGURATION}/system_location/?name=Oslo", trust_env=False).json()
    uri = next(one["resource_uri"] for one in found["objects"] if one["name"] == "Oslo")
    for location in ("Oslo", uri):
        answer = ask(data, URL, location=location).json()
        assert (answer["location"], answer["rule"]) == ("Oslo", "From Oslo")
        assert answer["outgoing_location"] == "DMZ"


@pytest.mark.parametrize(
    ("alias", "more", "code"),
    [
        ("meet.alice", {}, "no-rule"),
        ("sip:alice@example.com", {}, "protocol"),
        ("broken", {}, "bad-url"),
        ("rtmp://h/live/SECRET", {}, "encryption-required"),
        (URL, {"direction": "incoming", "protocol": "sip"}, "no-rule"),
    ],
)
def test_what_would_not_be_dialled(data: Path, alias: str, more: Any, code: str) -> None:
    response = ask(data, alias, **more)
    answer = response.json()

    assert response.status_code == 200
    assert (answer["code"], answer["dialled"]) == (code, None)
    assert answer["reason"]
    assert "SECRET" not in response.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "alias"),
        ({"alias": ""}, "alias"),
        ({"alias": 1}, "alias"),
        ({"alias": "a\nb"}, "alias"),
        ({"alias": "x" * 2049}, "alias"),
        ({"alias": "x", "direction": "up"}, "direction"),
        ({"alias": "x", "location": "Rome"}, "location"),
        ({"alias": "x", "protocol": "fax"}, "protocol"),
        ({"alias": "x", "colour": "red"}, "colour"),
        ([], "__all__"),
    ],
)
def test_a_bad_body_is_told_by_field(data: Path, body: Any, field: str) -> None:
    url = (data / "url").read_text()
    response = httpx.post(f"{url}/api/rostrum/v1/rules/test/", json=body, trust_env=False)

    assert response.status_code == 400
    assert list(response.json()["rules"]) == [field]


EVERYTHING = {
    "name": "Everything",
    "description": "d",
    "tag": "t",
    "priority": 200,
    "enable": False,
    "match_incoming_calls": False,
    "match_outgoing_calls": True,
    "match_source_location": None,
    "match_incoming_webrtc": False,
    "match_incoming_sip": False,
    "match_incoming_mssip": False,
    "match_incoming_h323": False,
    "match_incoming_teams": True,
    "match_incoming_only_if_registered": True,
    "match_string_full": True,
    "match_string": "rtmps?://(.*)",
    "replace_string": "",
    "called_device_type": "external",
    "outgoing_location": None,
    "outgoing_protocol": "rtmp",
    "call_type": "audio",
    "sip_proxy": "/api/admin/configuration/v1/sip_proxy/1/",
    "h323_gatekeeper": "/api/admin/configuration/v1/h323_gatekeeper/1/",
    "mssip_proxy": "/api/admin/configuration/v1/mssip_proxy/1/",
    "teams_proxy": "/api/admin/configuration/v1/teams_proxy/1/",
    "stun_server": "/api/admin/configuration/v1/stun_server/1/",
    "turn_server": "/api/admin/configuration/v1/turn_server/1/",
    "gms_access_token": "/api/admin/configuration/v1/gms_access_token/1/",
    "telehealth_profile": "/api/admin/configuration/v1/telehealth_profile/1/",
    "ivr_theme": None,
    "max_pixels_per_second": "fullhd",
    "max_callrate_in": 128,
    "max_callrate_out": 8192,
    "crypto_mode": "besteffort",
    "denoise_audio": False,
    "live_captions_enabled": "yes",
    "external_participant_avatar_lookup": "no",
    "treat_as_trusted": True,
    "disabled_codecs": [{"value": "H264_H_0"}],
}
"""Every field that Pexip's rules have, none with its default where it can be otherwise."""


def test_every_field_is_stored_and_shown(data: Path) -> None:
    url = (data / "url").read_text()
    with httpx.Client(base_url=url, trust_env=False, timeout=15) as http:
        made = http.post(f"{CONFIGURATION}/gateway_routing_rule/", json=EVERYTHING)
        assert made.status_code == 201, made.text
        shown = http.get(made.headers["Location"]).json()
        removed = http.delete(made.headers["Location"])

    assert {name: shown[name] for name in EVERYTHING} == EVERYTHING
    assert removed.status_code == 204


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priority", 0),
        ("priority", 201),
        ("max_callrate_out", 127),
        ("max_callrate_in", 8193),
        ("crypto_mode", "yes"),
        ("outgoing_protocol", "carrier-pigeon"),
        ("called_device_type", "anything"),
        ("call_type", "smell"),
        ("max_pixels_per_second", "uhd"),
        ("match_string", ""),
        ("match_string", "x" * 251),
        ("match_string", "rtmp("),
        ("replace_string", "\\2"),
        ("enable", "yes"),
        ("outgoing_location", "Nowhere"),
    ],
)
def test_a_bad_value_is_told_by_field(data: Path, field: str, value: Any) -> None:
    url = (data / "url").read_text()
    body = {**EVERYTHING, field: value}
    made = httpx.post(f"{url}{CONFIGURATION}/gateway_routing_rule/", json=body, trust_env=False)

    assert made.status_code == 400
    assert list(made.json()["gateway_routing_rule"]) == [field]


def rostrum(data: Path, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={"ROSTRUM_DATA": str(data), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
    )


def test_the_command_line_shows_the_same(data: Path) -> None:
    done = rostrum(data, "rules", "test", "-", "--location", "Oslo", given=f"{URL}\n")

    assert done.returncode == 0, done.stderr
    for text in ("From Oslo", "It matches.", "4 more rules were not asked.", "Oslo", "DMZ"):
        assert text in done.stdout
    assert "Workers there now: none" in done.stdout
    assert "SECRET" not in done.stdout + done.stderr


def test_the_command_line_fails_where_nothing_would_be_dialled(data: Path) -> None:
    done = rostrum(data, "rules", "test", URL, "--incoming")

    assert done.returncode == 1
    assert "It is not for incoming calls." in done.stdout
    assert "Not dialled (no-rule): no call routing rule matches this alias." in done.stdout


def test_a_pattern_that_cannot_be_run_is_refused_when_it_is_saved(data: Path) -> None:
    url = (data / "url").read_text()
    body = {"name": "x", "priority": 1, "match_string": "a(?<!b)"}
    made = httpx.post(f"{url}{CONFIGURATION}/gateway_routing_rule/", json=body, trust_env=False)

    assert made.status_code == 400
    assert "beginning" in json.dumps(made.json()["gateway_routing_rule"]["match_string"])
