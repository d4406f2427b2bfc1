"""What work costs, and how much more of it there is room for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kit.capacity import Capacity, Job
from kit.cost import STRANGE, YOUNG, Budget, Meter, Piece, learn, limited, read
from kit.procfs import cores, cpu_seconds

BUDGET = Budget(cores=1.4, prior=0.01, usual=20.0, most=8)


def test_before_anything_is_measured_benchmarks_say() -> None:
    assert BUDGET.free([]) == 7
    assert BUDGET.free([], size=60.0) == 2
    assert BUDGET.free([Piece(60.0)]) == 4


def test_what_is_measured_counts_and_what_is_young_is_taken_to_cost_what_its_like_do() -> None:
    cheap = replace(BUDGET, rate=0.005)
    work = [Piece(20.0, 0.3), Piece(20.0)]
    assert cheap.used(work) == pytest.approx(0.3 + 0.1)
    assert cheap.free(work) == 6
    assert BUDGET.free(work) == 4


def test_the_first_piece_is_never_refused() -> None:
    weak = replace(BUDGET, cores=0.05, tight=True)
    assert weak.free([]) == 1
    assert weak.free([], size=1000.0) == 1
    assert weak.free([Piece(1.0, 0.01)]) == 0


def test_there_are_no_more_than_so_many() -> None:
    assert replace(BUDGET, cores=100.0).free([Piece(1.0)] * 7) == 1
    assert replace(BUDGET, most=0).free([]) == 0


def test_who_was_full_is_free_again_only_when_there_is_some_ease() -> None:
    full = learn(BUDGET, [Piece(20.0, 0.2), Piece(20.0, 1.01)], 0.0)
    assert full.tight
    assert full.free([Piece(20.0, 1.21)]) == 0
    just = [Piece(20.0, 1.19)]
    assert BUDGET.free(just) == 1
    assert full.free(just) == 0
    assert learn(full, just, 0.0).tight
    ease = [Piece(20.0, 1.14)]
    assert full.free(ease) == 1
    assert not learn(full, ease, 0.0).tight


def test_the_cost_of_a_unit_is_learnt_in_a_minute_or_two() -> None:
    budget = BUDGET
    for _ in range(120):
        budget = learn(budget, [Piece(20.0, 0.4), Piece(10.0, 0.2), Piece(20.0)], 1.0)
    assert budget.rate == pytest.approx(0.02, rel=0.05)
    assert learn(budget, [], 60.0).rate == budget.rate, "nothing runs, nothing is forgotten"


@given(st.lists(st.tuples(st.floats(1, 200), st.floats(0, 50)), max_size=20))
def test_a_disturbance_does_not_make_a_machine_useless(found: list[tuple[float, float]]) -> None:
    work = [Piece(size, spent) for size, spent in found]
    budget = BUDGET
    for _ in range(10):
        budget = learn(budget, work, 30.0)
    assert BUDGET.prior / STRANGE <= budget.rate <= BUDGET.prior * STRANGE * 1.001


def test_a_process_that_starts_is_not_judged_by_it() -> None:
    meter = read(Meter(0.0, 0.0), 5.0, 2.0)
    assert meter.cores is None
    meter = read(meter, 5.6, YOUNG)
    assert meter.cores == pytest.approx(0.1)
    meter = read(meter, 5.6 + 1.0, YOUNG + 1)
    assert meter.cores is not None
    assert 0.1 < meter.cores < 0.3, "a dear second is one of ten"


def test_a_process_that_was_started_again_begins_anew() -> None:
    old = Meter(0.0, 100.0, 50.0, 0.5)
    assert read(old, 0.2, 101.0) == Meter(101.0, 101.0, 0.2)
    assert read(old, 50.0, 100.0) == old


def test_processes_are_read_and_those_that_are_gone_are_forgotten() -> None:
    now, spent = 0.0, {1: 0.0}
    capacity = Capacity(BUDGET, clock=lambda: now, cpu_seconds=spent.get)
    jobs = {"s1": Job(20.0, 1), "s2": Job(20.0, None)}
    for _ in range(40):
        capacity.look(jobs)
        now += 1.0
        spent[1] += 0.4
    assert capacity.work(jobs)[0].cores == pytest.approx(0.4)
    assert capacity.used(jobs) == pytest.approx(0.4 + capacity.budget.cost(20.0))
    assert capacity.budget.cost(20.0) > 0.3
    lesser = {"s1": Job(20.0, 1, less=True)}
    assert capacity.used(lesser) == pytest.approx(capacity.budget.cost(20.0)), "as if it did all"
    assert capacity.shortage(jobs) == ""
    assert capacity.shortage(jobs, 80.0).startswith("has ")
    assert capacity.shortage(dict.fromkeys("12345678", Job(1.0, None))) == "all 8 places are taken"
    capacity.look({})
    assert capacity.used({}) == 0.0


@pytest.mark.parametrize(
    ("files", "most"),
    [
        pytest.param({}, 1e9, id="no-cgroup"),
        pytest.param({"cpu.max": "max 100000"}, 1e9, id="no-quota"),
        pytest.param({"cpu.max": "50000 100000"}, 0.5, id="version-2"),
        pytest.param(
            {"cpu/cpu.cfs_quota_us": "25000", "cpu/cpu.cfs_period_us": "100000"},
            0.25,
            id="version-1",
        ),
        pytest.param({"cpu/cpu.cfs_quota_us": "-1"}, 1e9, id="version-1-no-quota"),
    ],
)
def test_a_container_has_the_cores_of_its_quota(
    files: dict[str, str], most: float, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    assert 0 < cores(tmp_path) <= most


def test_cpu_time_is_read_from_the_kernel() -> None:
    assert cpu_seconds(1) is not None
    assert cpu_seconds(2**22 + 1) is None


def test_room_is_counted_in_what_is_offered() -> None:
    assert BUDGET.room([]) == pytest.approx((7, 0, 7))
    assert BUDGET.room([Piece(20.0, 0.3), Piece(20.0)]) == pytest.approx((7, 2.5, 4))
    assert replace(BUDGET, rate=0.005).room([Piece(20.0, 0.3)]) == pytest.approx(
        (8, 8 * 0.3 / 1.4, 7)
    )


def test_places_count_where_they_are_scarcer_than_cores() -> None:
    few = replace(BUDGET, most=4)
    assert few.room([Piece(20.0, 0.01)] * 3) == pytest.approx((4, 3, 1))
    assert replace(BUDGET, most=0).room([]) == (0, 0, 0)


def test_where_there_is_no_room_all_of_it_is_taken() -> None:
    full = learn(BUDGET, [Piece(20.0, 0.2), Piece(20.0, 1.01)], 0.0)
    assert full.room([Piece(20.0, 1.19)]) == pytest.approx(
        (full.cores / full.cost(20.0),) * 2 + (0,)
    )
    assert BUDGET.room([Piece(20.0, 5.0)]) == pytest.approx((7, 7, 0))
    weak = replace(BUDGET, cores=0.05, tight=True)
    assert weak.room([]) == (1, 0, 1)
    assert weak.room([Piece(20.0)]) == (1, 1, 0)


def test_of_something_scarce_there_is_room_for_no_more() -> None:
    room = BUDGET.room([Piece(20.0, 0.2)] * 2)
    assert limited(room, 3, 2) == pytest.approx((3, 2, 1))
    assert limited(room, 2, 2) == (2, 2, 0)
    assert limited(room, 100, 2) == pytest.approx(room)
    assert limited(room, 0, 0) == (0, 0, 0)
