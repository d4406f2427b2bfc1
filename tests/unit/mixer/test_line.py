"""When somebody's line no longer carries the large picture, and when it does again."""

from services.mixer.core.line import PROVEN, PROVEN_MOST, Line, heard


def told(line: Line, *reports: tuple[float, float]) -> Line:
    for now, loss in reports:
        line = heard(line, now, loss)
    return line


def test_one_burst_of_loss_changes_nothing() -> None:
    assert not told(Line(), (1, 0.3), (2, 0.0), (3, 0.3), (4, 0.01)).small


def test_loss_that_goes_on_makes_the_picture_small() -> None:
    assert told(Line(), (1, 0.2), (2, 0.2)).small


def test_loss_that_can_be_repaired_does_not() -> None:
    assert not told(Line(), *((n, 0.05) for n in range(60))).small


def test_the_large_picture_comes_back_when_the_line_has_been_good_for_long_enough() -> None:
    bad = told(Line(), (1, 0.2), (2, 0.2))
    assert told(bad, (3, 0.0), (2 + PROVEN, 0.0)).small
    assert not told(bad, (3, 0.0), (3 + PROVEN, 0.0)).small
    assert told(bad, (3, 0.0), (8, 0.05), (9, 0.0), (4 + PROVEN, 0.0)).small


def test_a_line_that_fails_again_and_again_is_tried_less_and_less_often() -> None:
    line, now, waits = Line(), 0.0, []
    for _ in range(8):
        line = told(line, (now, 0.2), (now + 1, 0.2))
        now = came = now + 1
        while line.small:
            now += 1
            line = heard(line, now, 0.0)
        waits.append(now - came)
        now += 1
    assert waits == sorted(waits)
    assert waits[0] <= PROVEN + 1
    assert PROVEN_MOST <= waits[-1] <= PROVEN_MOST + 1


def test_a_line_that_was_good_for_long_begins_anew() -> None:
    line = told(Line(), (1, 0.2), (2, 0.2), (3, 0.0), (13, 0.0))
    line = told(line, (500, 0.2), (501, 0.2))
    assert line.patience == PROVEN
