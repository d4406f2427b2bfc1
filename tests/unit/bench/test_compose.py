"""What bench-compose and bench-mixer compare is the same picture, and their drawing is true."""

import itertools
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench.compose import Results, arguments, ratios
from bench.inputs import Films
from bench.mixer import arguments as mixed
from bench.plot import Point, plot, step
from bench.scenes import SHOTS, Shot, graph
from services.mixer.core.layouts import places

FILMS = Films([Path(f"small-{n}.mp4") for n in range(8)], [Path("large.mp4")], Path("slides.mp4"))


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_the_peer_draws_every_tile_where_we_do(shot: Shot) -> None:
    drawn = graph(shot)
    for n, (_, rect) in enumerate(shot.tiles):
        assert f"[{n}:v]scale={rect.width}:{rect.height}:flags=bicubic" in drawn
        if n:
            assert f"{rect.x}_{rect.y}" in drawn or f"overlay={rect.x}:{rect.y}" in drawn
    assert [tile.rect for tile in shot.scene().tiles] == [rect for _, rect in shot.tiles]


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_the_peer_reads_the_files_that_we_read(shot: Shot) -> None:
    given = arguments(shot, FILMS, 5)
    read = [Path(after) for flag, after in itertools.pairwise(given) if flag == "-i"]

    assert read == shot.inputs(FILMS)
    assert given[given.index("-frames:v") + 1] == "150"


def test_who_is_not_seen_is_read_by_the_peer_for_the_sound_alone() -> None:
    given = mixed(FILMS.small, 16, "1:7", 5)
    seen = places("1:7", 16, 1280, 720).people

    assert given.count("-i") == 16
    assert given.count("-vn") == 16 - len(seen) == 8
    assert f"[{len(seen) - 1}:v]" in " ".join(given)
    assert "amix=inputs=16" in " ".join(given)


def test_the_worst_picture_is_told_and_each_by_itself() -> None:
    results = Results({})
    for shot, cpu in zip(SHOTS, (1.0, 3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0), strict=True):
        results.add(shot, "decode + compose", cpu)
        results.add(shot, "ffmpeg", 4.0)
    found = ratios(results)

    assert found["decode_compose_over_ffmpeg"] == 0.75
    assert found[f"decode_compose_over_ffmpeg: {SHOTS[0].name}"] == 0.25
    assert "compose_over_x264" not in found


def test_what_is_compared_is_compared_within_one_round() -> None:
    """A machine that is busy in one round makes both dearer there."""
    results = Results({})
    for ours, peer in ((1.0, 2.0), (5.0, 10.0), (1.2, 2.0)):
        results.add(SHOTS[0], "decode + compose", ours)
        results.add(SHOTS[0], "ffmpeg", peer)

    assert results.ratio(SHOTS[0], "decode + compose", "ffmpeg") == 0.5


def test_axes_begin_at_nothing_and_bars_reach_from_the_least_to_the_most() -> None:
    line = [Point(1, 0.1, 0.05, 0.2), Point(34, 0.8, 0.7, 1.0)]
    svg = ET.fromstring(plot("Costs", "participants", "cores", "a & b", {"ours": line}))
    texts = [element.text for element in svg.iter() if element.tag.endswith("text")]
    bars = [e for e in svg.iter() if e.tag.endswith("}line") and e.get("x1") == e.get("x2")]

    assert {"0", "Costs", "participants", "cores", "ours", "a & b"} <= set(texts)
    assert len(bars) == 2
    nothing, cores = 440 - 56, 440 - 56 - 56
    heights = [(nothing - float(bar.get("y2", 0))) / cores for bar in bars]
    assert heights == pytest.approx([0.2, 1.0], abs=0.001)


@pytest.mark.parametrize(("most", "distance"), [(34, 10), (0.8, 0.2), (1.0, 0.2), (6, 1), (60, 10)])
def test_ticks_are_round_and_few(most: float, distance: float) -> None:
    assert step(most) == pytest.approx(distance)
