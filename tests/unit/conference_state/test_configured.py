"""What holds for a conference: its own settings, and where it has none the global ones."""

import msgspec
import pytest

from proto.config import AutomaticParticipant, Conference, Global, pin_problem
from proto.urls import SealedUrl
from services.conference_state.configured import DEFAULTS, effective, gateway_call
from services.conference_state.core import Automatic

VMR = Conference("Town Hall", 1, "town-hall-1")
SEALED = SealedUrl("adp-x.destination", "rtmps://r/***", "rtmps")


@pytest.mark.parametrize(
    ("own", "general", "holds"),
    [
        (None, "besteffort", "besteffort"),
        ("", "on", "on"),
        (None, "on", "on"),
        ("besteffort", "on", "besteffort"),
        ("on", "off", "on"),
        ("off", "on", "off"),
    ],
)
def test_a_conferences_encryption_comes_before_the_global_one(
    own: str | None, general: str, holds: str
) -> None:
    vmr = msgspec.structs.replace(VMR, crypto_mode=own)

    assert effective(vmr, Global(crypto_mode=general), []).crypto_mode == holds  # type: ignore[arg-type]


def test_quality_and_bit_rate_are_the_conferences_or_the_global_ones() -> None:
    own = msgspec.structs.replace(VMR, max_pixels_per_second="sd", max_callrate_out=512)
    found = [effective(v, Global(max_pixels_per_second="fullhd"), []) for v in (own, VMR)]

    assert [(v.quality, v.max_callrate_out) for v in found] == [("sd", 512), ("fullhd", 4128)]
    assert effective(VMR, DEFAULTS, []).max_callrate_out is None


def test_the_guest_view_is_for_virtual_auditoriums() -> None:
    lecture = msgspec.structs.replace(
        VMR,
        service_type="lecture",
        host_view="one_main_zero_pips",
        guest_view="one_main_seven_pips",
    )
    found = effective(lecture, DEFAULTS, [])

    assert (found.layout, found.guest_layout) == ("1:0", "1:7")
    assert effective(VMR, DEFAULTS, []).guest_layout == ""


def test_layouts_go_by_their_client_names_and_looks_are_as_configured() -> None:
    vmr = msgspec.structs.replace(
        VMR, host_view="five_mains_seven_pips", enable_overlay_text=True, call_type="audio"
    )
    found = effective(vmr, DEFAULTS, [])

    assert (found.layout, found.enable_overlay_text, found.call_type) == ("ac", True, "audio")
    assert not found.enable_active_speaker_indication


def test_who_is_dialled_automatically_needs_an_address() -> None:
    whole = AutomaticParticipant(
        "rtmps://r/***", 3, [1], remote_display_name="R", retry="once", sealed_alias=SEALED
    )
    without = AutomaticParticipant("rtmps://r/***", 4, [1])

    assert effective(VMR, DEFAULTS, [whole, without]).automatic == (
        Automatic(3, "R", SEALED, protocol="sip", streaming=False, retry=False),
    )


@pytest.mark.parametrize(
    ("pin", "guest_pin", "allow_guests", "field"),
    [
        ("", "", False, None),
        ("1234", "", False, None),
        ("1234", "", True, None),
        ("1234", "5678", True, None),
        ("123#", "56789#", True, None),
        ("", "", True, "pin"),
        ("1234", "5678", False, "guest_pin"),
        ("1234", "1234", True, "guest_pin"),
        ("1234", "56789", True, "guest_pin"),
        ("123#", "56789", True, "guest_pin"),
    ],
)
def test_pins_must_go_together(
    pin: str, guest_pin: str, allow_guests: bool, field: str | None
) -> None:
    vmr = Conference("V", pin=pin, guest_pin=guest_pin, allow_guests=allow_guests)
    problem = pin_problem(vmr)

    assert (problem and problem[0]) == field


@pytest.mark.parametrize(
    ("pin", "good"),
    [
        ("", True),
        ("1234", True),
        ("123#", True),
        ("123", False),
        ("12#4", False),
        ("1" * 21, False),
    ],
)
def test_a_pin_has_four_to_twenty_digits_the_last_may_be_a_hash(pin: str, good: bool) -> None:
    try:
        msgspec.convert({"name": "V", "pin": pin}, Conference)
    except msgspec.ValidationError:
        assert not good
    else:
        assert good


def test_what_a_rule_does_not_say_about_a_gateway_call_is_global() -> None:
    general = Global(
        crypto_mode="on", max_pixels_per_second="sd", max_callrate_out=512, enable_rtmp=False
    )
    found = gateway_call(general)

    assert (found.service_type, found.automatic, found.pin) == ("gateway", (), "")
    assert (found.crypto_mode, found.quality, found.max_callrate_out) == ("on", "sd", 512)
    assert (found.enable_rtmp, found.enable_dialout) == (False, True)
    assert gateway_call(Global(enable_dialout=False)).enable_dialout is False
    assert gateway_call(DEFAULTS).max_callrate_out is None
