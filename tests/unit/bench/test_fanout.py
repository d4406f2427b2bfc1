"""How the cost of many destinations is worked out."""

import pytest

from bench.fanout import COUNTS, SCHEMES, Results, Sample, joined, per_core, rate, ratios, rows


def results(each: float, encoder: float = 0.3) -> Results:
    """Of a session where every destination costs the same."""
    found = Results({}, [])
    for scheme in SCHEMES:
        for count in COUNTS:
            loop = 0.002 + each * count
            for noise in (0.9, 1.0, 1.1):
                joined = 0.1 if noise < 1 else None
                found.add(scheme, count, Sample(encoder * noise + loop, loop, 1.0, 4.0, joined))
    return found


def test_the_ratios_are_of_eight_destinations_to_one() -> None:
    found = ratios(results(0.001))

    assert found["k8_over_k1"] == pytest.approx((0.302 + 0.008) / (0.302 + 0.001))
    assert found["k8_over_k1"] == pytest.approx(found["k8_over_k1_by_threads"])
    assert found["rtmps_k8_over_k1"] == pytest.approx(found["k8_over_k1"])


def test_what_the_last_destinations_cost_says_how_many_a_core_could_feed() -> None:
    assert per_core(results(0.001), "rtmps") == pytest.approx(1000)
    assert rate(results(0.001)) == 4.0
    assert joined(results(0.001), "rtmp") == 0.1, "going is not coming"


def test_a_measurement_in_which_bytes_are_missing_is_thrown_away_and_told() -> None:
    found = results(0.001)
    before = [len(some) for some in found.runs["rtmp"].values()]
    found.add("rtmp", 8, Sample(0.1, 0.001, 0.5, 2.0))

    assert [len(some) for some in found.runs["rtmp"].values()] == before
    assert found.notes == ["thrown away: rtmp, 8: 50% of the bytes arrived"]


def test_every_number_of_destinations_has_a_row() -> None:
    assert len(rows(results(0.001))) == len(SCHEMES) * len(COUNTS)
