"""Some seconds of what `python -m tests.support.long_mix` does for ten minutes."""

from pathlib import Path

from tests.support.long_mix import mix


async def test_whatever_changes_sound_has_no_gap_and_flash_and_beep_stay_together(
    tmp_path: Path,
) -> None:
    figures = await mix(tmp_path, 14.0)

    assert figures.changes >= 7
    assert figures.flashes >= 3
    assert figures.missing_blocks == 0
    assert figures.worst_offset_ms <= 20
