"""The three that are compared do the same job, and the worse size is the one that is told."""

from pathlib import Path

import av
import numpy as np
import pytest

from bench.common import Process
from bench.inputs import CASES, FPS, MAIN, PARTICIPANTS, Case
from bench.peer import command, graph
from bench.pipeline import Results, ratios
from bench.recording import moving
from bench.reference import canvases, rectangles
from bench.system import OTHERS, Window, cost
from cli.clips.write import write_clip
from proto.media import Rendition
from services.mixer.core.layouts import Rect
from services.rtmp_egress.core.room import SOFTWARE
from services.rtmp_egress.media.encoder import video_options
from services.scheduler.core import RATES, SIZES

HD, FULL_HD = CASES


def test_the_peer_puts_every_tile_where_the_layout_has_it() -> None:
    drawn = graph(HD, PARTICIPANTS)
    for n, rect in enumerate(rectangles(HD, PARTICIPANTS)):
        assert f"[{n}:v]scale={rect.width}:{rect.height}:" in drawn
        assert f"{rect.x}_{rect.y}" in drawn


@pytest.mark.parametrize("case", CASES)
def test_the_peer_gives_x264_the_options_of_the_system(case: Case) -> None:
    arguments = command(case, [], 10)
    for name, value in video_options(
        SOFTWARE, Rendition(case.video_kbps, quality="quality"), FPS
    ).items():
        flag = {"profile": "-profile:v"}.get(name, f"-{name}")
        assert arguments[arguments.index(flag) + 1] == value


def test_the_sizes_and_rates_are_those_that_the_system_streams() -> None:
    assert [(case.width, case.height, case.video_kbps) for case in CASES] == [
        (*SIZES["hd"], RATES["hd"]),
        (*SIZES["fullhd"], RATES["fullhd"]),
    ]


def test_the_active_speaker_has_the_large_place() -> None:
    rects = rectangles(FULL_HD, PARTICIPANTS)
    assert max(rects, key=lambda rect: rect.width) == rects[MAIN]


def test_every_picture_of_the_reference_is_another_canvas(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_clip(clip, lambda: [flat(n) for n in range(40, 200, 40)], None, fps=1)
    first, second = canvases([clip] * PARTICIPANTS, HD, 2)
    main = rectangles(HD, PARTICIPANTS)[MAIN]
    middle = main.y + main.height // 2, main.x + main.width // 2
    assert abs(int(first[middle]) - 40) < 4
    assert abs(int(second[middle]) - 80) < 4


def flat(luma: int) -> av.VideoFrame:
    canvas = np.full((96, 64), 128, np.uint8)
    canvas[:64] = luma
    return av.VideoFrame.from_ndarray(canvas, format="yuv420p")


def test_the_ratio_is_that_of_the_worse_size() -> None:
    results = Results({}, [])
    for case, whole in ((HD, 1.1), (FULL_HD, 2.6)):
        for run in (whole, whole, 99.0):
            results.add(case, "whole", run)
        results.add(case, "floor", 1.0 if case == HD else 2.0)
        results.add(case, "ffmpeg", whole)
    assert ratios(results) == {
        "whole_over_floor": pytest.approx(1.3),
        "whole_over_ffmpeg": pytest.approx(1.0),
    }


def test_a_ratio_of_which_one_size_is_missing_is_left_out() -> None:
    results = Results({}, [])
    results.add(HD, "whole", 1.0)
    results.add(HD, "floor", 1.0)
    results.add(FULL_HD, "floor", 1.0)
    assert ratios(results) == {}


def window(before: list[Process], after: list[Process], names: dict[int, str]) -> Window:
    return Window(before, after, names, first=0, last=10 * FPS, elapsed=10.0)


def test_a_child_that_came_while_it_was_measured_counts() -> None:
    used = cost(window([Process(1, 0, 5.0)], [Process(1, 0, 7.0), Process(2, 1, 1.0)], {}), 300)
    assert used.cpu == pytest.approx(0.3)
    assert used.complete


def test_pictures_that_did_not_move_make_the_stream_dearer_and_the_run_void() -> None:
    used = cost(window([Process(1, 0, 0.0)], [Process(1, 0, 10.0)], {}), 150)
    assert used.cpu == pytest.approx(2.0)
    assert not used.complete


def test_media_processes_are_shown_apart_from_all_others() -> None:
    before = [Process(n, 0, 0.0) for n in (1, 2, 3)]
    after = [Process(1, 0, 4.0), Process(2, 0, 1.0), Process(3, 0, 1.0)]
    used = cost(window(before, after, {1: "mixer.conference", 2: "mixer", 3: "gateway"}), 300)
    assert used.parts == {"mixer.conference": pytest.approx(0.4), OTHERS: pytest.approx(0.2)}


def test_a_picture_that_is_sent_again_does_not_move(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_clip(clip, lambda: [flat(n) for n in (40, 40, 80, 120)], None, fps=1)
    assert moving(clip, Rect(0, 0, 64, 64))[:6] == [True, False, True, True, True, True]
