"""Who has which place in Adaptive Composition, told as a dialogue."""

from hypothesis import given
from hypothesis import strategies as st

from services.mixer.core.ranking import LARGE_AFTER, SEEN_LARGE, SEEN_WELL, Ranking, follow

PEOPLE = [f"p{n}" for n in range(14)]


def play(*told: tuple[float, str], people: list[str] = PEOPLE) -> Ranking:
    """Who speaks from when on."""
    stage = list(people)
    ranking = follow(Ranking(), people, stage, 0.0)
    for now, who in told:
        stage = [who, *(p for p in stage if p != who)]
        ranking = follow(ranking, people, stage, now)
    return ranking


def moved(before: Ranking, after: Ranking) -> set[str]:
    return {who for who, other in zip(before.order, after.order, strict=True) if who != other}


def test_at_first_everybody_has_the_place_that_speaking_gave_them() -> None:
    ranking = follow(Ranking(), ["a", "b", "c"], ["c", "a"], 0.0)

    assert ranking.order == ("c", "a", "b")


def test_a_word_reshuffles_nothing() -> None:
    assert play((1, "p6"), (2, "p0")).order == tuple(PEOPLE)
    assert play((1, "p3"), (1 + LARGE_AFTER - 0.1, "p3")).order == tuple(PEOPLE)


def test_who_goes_on_speaking_becomes_large_and_two_others_move() -> None:
    before, after = play(), play((1, "p6"), (1 + LARGE_AFTER, "p6"))

    assert after.order.index("p6") < SEEN_LARGE
    assert len(moved(before, after)) == 3


def test_who_is_in_a_middle_place_changes_places_with_one() -> None:
    before, after = play(), play((1, "p3"), (1 + LARGE_AFTER, "p3"))

    assert moved(before, after) == {"p3", "p1"}


def test_the_one_who_was_silent_longest_makes_room() -> None:
    """p1 spoke after p0 did."""
    after = play((1, "p1"), (2, "p6"), (2 + LARGE_AFTER, "p6"))

    assert after.order[0] == "p6"
    assert SEEN_LARGE <= after.order.index("p0") < SEEN_WELL
    assert after.order[1] == "p1"


def test_who_is_not_seen_comes_at_once_into_a_small_place() -> None:
    before, after = play(), play((1, "p13"))

    assert SEEN_WELL <= after.order.index("p13") < 12
    assert len(moved(before, after)) == 2


def test_a_place_that_becomes_free_is_filled_and_others_stay() -> None:
    before = play()
    after = follow(before, [p for p in PEOPLE if p != "p0"], PEOPLE[1:], 1.0)

    assert after.order[:3] == ("p2", "p1", "p5")
    assert after.order[3:5] == ("p3", "p4")


def test_newcomers_come_last() -> None:
    assert follow(play(), [*PEOPLE, "new"], PEOPLE, 1.0).order == (*PEOPLE, "new")


def test_nothing_new_is_the_same_ranking() -> None:
    """By which the mixer knows that there is nothing to draw."""
    ranking = play()

    assert follow(ranking, PEOPLE, PEOPLE, 1.0) is ranking


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(PEOPLE), unique=True),
            st.lists(st.sampled_from(PEOPLE), unique=True),
            st.floats(0, 10),
        )
    ),
    st.sampled_from([12, 23]),
)
def test_everybody_who_is_there_has_one_place_and_the_speaker_is_seen(
    told: list[tuple[list[str], list[str], float]], places: int
) -> None:
    ranking, now = Ranking(), 0.0
    for people, stage, passed in told:
        now += passed
        ranking = follow(ranking, people, stage, now, places=places)
        assert sorted(ranking.order) == sorted(people)
        speaker = next((who for who in stage if who in people), None)
        assert speaker is None or ranking.order.index(speaker) < places
