"""What the doctor says of the ways that browsers have."""

import socket

import pytest

from cli.reach import ask, examine, of_mixer, of_relay
from kit.ports import Ports, reach
from proto.presence import Reach
from services.standalone import _media_address

WELL = Reach("40000-40049", 48, ["203.0.113.7"])


def test_a_mixer_that_can_be_reached_is_well() -> None:
    found = of_mixer("browsers", WELL)

    assert found.fine
    assert found.detail == "media at UDP 40000-40049, 48 of them free, of 203.0.113.7"


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        (Reach("40000-40049", 0, ["203.0.113.7"]), "ROSTRUM_WEBRTC_PORTS longer"),
        (Reach("", None, ["127.0.0.1"]), "ROSTRUM_WEBRTC_ADDRESS"),
        (Reach("", None, []), "ROSTRUM_WEBRTC_ADDRESS"),
    ],
    ids=["no port", "loopback", "no address"],
)
def test_one_that_cannot_be_is_a_note_with_what_to_do(said: Reach, remedy: str) -> None:
    found = of_mixer("browsers", said)

    assert (found.fine, found.needed) == (False, False)
    assert remedy in found.remedy


def test_a_relay_that_was_set_up_and_does_not_answer_is_wrong() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
    found = of_relay("turn:t", ask(f"turn:127.0.0.1:{port}"))

    assert (found.fine, found.needed) == (False, True)
    assert of_relay("turn:t", "192.0.2.1").fine


def test_settings_that_are_none_are_told() -> None:
    [found] = examine({"ROSTRUM_WEBRTC_PORTS": "high"})

    assert not found.fine
    assert "MIN-MAX" in found.remedy


def test_ports_that_somebody_has_are_not_free() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        span = str(Ports(port, port))

        assert reach(span, "127.0.0.1") == Reach(span, 0, ["127.0.0.1"])


def test_of_an_address_in_front_of_the_machine_the_ports_behind_are_counted() -> None:
    found = reach("61234-61235", "203.0.113.7")

    assert found.addresses == ["203.0.113.7"]
    assert found.free is not None


def test_of_more_ports_than_anybody_needs_none_is_tried() -> None:
    assert reach("1024-65535", "127.0.0.1").free is None


@pytest.mark.parametrize(
    ("host", "media"),
    [
        ("127.0.0.1", ""),
        ("localhost", ""),
        ("::1", ""),
        ("0.0.0.0", ""),
        ("192.0.2.7", "192.0.2.7"),
        ("fd00::7", "fd00::7"),
    ],
)
def test_beside_a_page_at_one_address_the_media_is_at_that_one(host: str, media: str) -> None:
    assert _media_address(host) == media
