"""How the cost of a session and the worth of a setting are worked out."""

import os

import numpy as np
import pytest

from bench.egress import NAMES, Results, Whole, memory, ratios, setting_rows, whole_rows
from bench.inputs import CASES, Case
from bench.reference import Canvas
from bench.settings import REFERENCE, SETTINGS, Seen, decibels, encode, error

TINY = Case("tiny", 64, 48, 200, "hd")


def results() -> Results:
    found = Results({}, {}, [])
    for case in CASES:
        for content in ("gallery", "film", "slides"):
            for name in NAMES:
                cpu = 1.0 if name == REFERENCE else 0.4
                found.settings[case.name, content, name] = [Seen(cpu, 40.0, 38.0, 3000.0)]
        # A machine that is twice as slow in the second round is so for both.
        found.wholes[case.name] = [
            Whole(slow * 1.05, slow, slow * 1.02, 200.0, 12.0) for slow in (1.0, 2.0, 1.0)
        ]
    return found


def pictures(count: int) -> list[Canvas]:
    noise = np.random.default_rng(1)
    still = noise.integers(16, 235, (72, 64), np.uint8)
    return [np.roll(still, n, axis=1) for n in range(count)]


def test_a_session_is_compared_with_x264_of_its_own_round() -> None:
    found = ratios(results())

    assert found["process_over_x264"] == pytest.approx(1.05)
    assert found["process_over_x264_paced: 720p30"] == pytest.approx(1.05 / 1.02)
    assert found["default_over_veryfast: slides"] == pytest.approx(0.4)


def test_every_setting_of_every_content_and_size_has_a_row() -> None:
    assert len(setting_rows(results())) == len(CASES) * 3 * len(NAMES)
    assert len(whole_rows(results())) == len(CASES)


def test_what_is_compared_is_what_the_encoder_was_given() -> None:
    """Another picture than its own would be far off: these differ from each other altogether."""
    seen = encode("default", pictures(30), TINY)
    gold, other = pictures(2)

    assert seen.psnr > decibels(error(gold, other)) + 6
    assert encode("default", [np.full_like(gold, 60)] * 30, TINY).worst > 50, "levels are kept"
    assert seen.psnr >= seen.worst
    assert seen.kbps > 0


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_can_be_had(name: str) -> None:
    assert encode(name, pictures(15), TINY).cpu > 0


def test_the_settings_are_those_that_may_be_chosen() -> None:
    assert {setting.quality for setting in SETTINGS} == {"default", "quality", "low_latency"}


def test_memory_is_what_the_kernel_says() -> None:
    most, shared = memory(os.getpid())
    assert 10 < most < 5000
    assert 0 <= shared <= most
