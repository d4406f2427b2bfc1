"""A benchmark's figures stand or fall with whose CPU is counted."""

import os
import subprocess
import sys
import time

import msgspec

from bench.common import (
    TICK,
    Process,
    closing_line,
    cpu_of_tree,
    middle,
    parse_stat,
    processes,
    table,
    tree,
)


def test_a_process_name_with_brackets_and_spaces_is_read() -> None:
    line = "42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 30 4 20 0 1 0 99 0 0"
    assert parse_stat(line) == Process(42, 7, 154 * TICK)


def test_a_tree_has_the_grandchildren_and_nobody_else() -> None:
    family = [Process(1, 0, 0), Process(2, 1, 1), Process(3, 2, 2), Process(4, 1, 4)]
    assert {each.pid for each in tree(2, family)} == {2, 3}


def test_a_tree_without_its_root_is_empty() -> None:
    assert tree(9, [Process(1, 0, 0)]) == []


def test_the_cpu_of_a_child_counts_while_it_runs_and_after_it_was_buried() -> None:
    before = cpu_of_tree(os.getpid())
    code = "import time\nwhile time.process_time() < 0.1: pass\nprint(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        alive = cpu_of_tree(os.getpid()) - before
        child.communicate(b"\n")
    buried = cpu_of_tree(os.getpid()) - before
    assert alive >= 0.1 - 2 * TICK
    assert buried >= alive - 2 * TICK


def test_this_process_is_in_the_table_with_the_cpu_it_used() -> None:
    [own] = [process for process in processes() if process.pid == os.getpid()]
    assert own.parent == os.getppid()
    assert own.cpu <= sum(os.times()[:4]) + 2 * TICK + time.process_time()


def test_one_slow_run_does_not_move_the_middle() -> None:
    assert middle([1.0, 9.0, 1.2]) == 1.2


def test_figures_stand_under_one_another() -> None:
    assert table(["what", "cpu/s"], [["floor", "0.5"], ["whole system", "0.56"]]) == (
        "what          cpu/s\n------------  -----\nfloor           0.5\nwhole system   0.56"
    )


def test_the_closing_line_is_one_json_object() -> None:
    line = closing_line("pipeline", {"whole_over_floor": 1.0412}, {"720p": {"floor": 0.5}})
    assert "\n" not in line
    body = msgspec.json.decode(line)
    assert set(body) == {"bench", "ratios", "figures", "machine", "commit"}
    assert body["ratios"] == {"whole_over_floor": 1.041}
