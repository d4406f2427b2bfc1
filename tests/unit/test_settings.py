"""Settings from the environment, and what is secret from files."""

import os
from pathlib import Path

import pytest

from kit import health
from kit.config import BadConfig, BaseConfig, from_env
from kit.secrets import Secret
from services.gateway.config import Config as GatewayConfig


def test_a_password_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("pw-CANARY\n")
    env = {"ROSTRUM_NATS_USER": "gateway", "ROSTRUM_NATS_PASSWORD_FILE": str(file)}

    config = from_env(BaseConfig, env)

    assert config.nats_credentials() == ("gateway", Secret("pw-CANARY"))
    assert "CANARY" not in repr(config)


def test_so_may_the_token_of_the_api(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t\n")

    config = from_env(GatewayConfig, {"ROSTRUM_ADMIN_TOKEN_FILE": str(file)})

    assert config.admin_token == Secret("t")


def test_what_is_not_secret_is_in_no_file(tmp_path: Path) -> None:
    config = from_env(BaseConfig, {"ROSTRUM_NATS_URL_FILE": "/nowhere"})

    assert config.nats_url == "nats://127.0.0.1:4222"


def test_a_file_that_is_missing_is_named_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="ROSTRUM_NATS_PASSWORD_FILE"):
        from_env(BaseConfig, {"ROSTRUM_NATS_PASSWORD_FILE": str(tmp_path / "gone")})


def test_without_a_user_the_address_of_the_bus_says_it_all() -> None:
    assert from_env(BaseConfig, {}).nats_credentials() is None


def test_a_service_is_well_while_its_file_is_fresh(tmp_path: Path) -> None:
    file = tmp_path / "health"
    assert not health.fresh(file, 1000.0)
    file.touch()
    os.utime(file, (1000.0, 1000.0))

    assert health.fresh(file, 1005.0)
    assert not health.fresh(file, 1011.0)
