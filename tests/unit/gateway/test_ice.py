"""What a browser is told of STUN and TURN."""

import msgspec
import pytest

from kit.config import from_env
from kit.secrets import Secret
from services.gateway.config import Config
from services.gateway.core.ice import LIFETIME, IceServer, ice_servers

TURN = ["turn:turn.example:3478?transport=udp", "turn:turn.example:3478?transport=tcp"]
AT = 1_800_043_200


def test_credentials_are_what_a_turn_server_makes_of_the_name() -> None:
    # printf 1800043200:p1 | openssl dgst -sha1 -hmac north -binary | base64
    assert ice_servers([], TURN, Secret("north"), "p1", AT - LIFETIME) == [
        IceServer(TURN, f"{AT}:p1", "5oMyP54xUufA3Dmn4cVwaMCSK48=")
    ]


def test_each_has_credentials_of_their_own_for_half_a_day_at_most() -> None:
    [first] = ice_servers([], TURN, Secret("north"), "p1", AT)
    [second] = ice_servers([], TURN, Secret("north"), "p2", AT)

    assert first.credential != second.credential
    expiry, _, who = first.username.partition(":")
    assert who == "p1"
    assert 0 < int(expiry) - AT <= 12 * 3600


def test_without_a_secret_nobody_is_sent_to_a_relay() -> None:
    servers = ice_servers(["stun:stun.example"], TURN, None, "p1", AT)

    assert msgspec.to_builtins(servers) == [{"urls": ["stun:stun.example"]}]


def test_without_servers_there_are_none() -> None:
    assert ice_servers([], [], Secret("north"), "p1", AT) == []


def test_a_credential_is_shown_to_the_browser_alone() -> None:
    [server] = ice_servers([], TURN, Secret("north"), "p1", AT)

    assert server.credential not in f"{server} {server!r} {[server]}"
    assert server.credential in msgspec.json.encode(server).decode()


def test_servers_come_from_the_environment() -> None:
    config = from_env(
        Config,
        {
            "ROSTRUM_STUN_URLS": "stun:stun.example:3478,",
            "ROSTRUM_TURN_URLS": " turn:[fd00::5]:3478 , turns:turn.example",
            "ROSTRUM_TURN_SECRET": "north-CANARY",
        },
    )

    assert config.wrong() is None
    assert config.stun() == ["stun:stun.example:3478"]
    assert config.turn() == ["turn:[fd00::5]:3478", "turns:turn.example"]
    assert "CANARY" not in repr(config)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("ROSTRUM_STUN_URLS", "stun.example:3478"),
        ("ROSTRUM_STUN_URLS", "turn:turn.example"),
        ("ROSTRUM_STUN_URLS", "stun:stun.example?transport=udp"),
        ("ROSTRUM_TURN_URLS", "turn://turn.example"),
        ("ROSTRUM_TURN_URLS", "turn:turn.example?transport=quic"),
        ("ROSTRUM_TURN_URLS", "http://turn.example"),
    ],
)
def test_an_address_that_a_browser_would_choke_on_is_refused_at_the_start(
    setting: str, value: str
) -> None:
    config = from_env(Config, {"ROSTRUM_TURN_SECRET": "north", setting: value})

    assert setting in (config.wrong() or "")


@pytest.mark.parametrize("secret", [{}, {"ROSTRUM_TURN_SECRET": ""}])
def test_relays_need_a_secret(secret: dict[str, str]) -> None:
    config = from_env(Config, {"ROSTRUM_TURN_URLS": TURN[0], **secret})

    assert "ROSTRUM_TURN_SECRET" in (config.wrong() or "")
