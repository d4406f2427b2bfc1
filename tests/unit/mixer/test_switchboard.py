"""Calls on their way to a conference's process."""

import asyncio

from proto.mixer import AddCandidate, CallAnswered, CallHeard, ConnectCall, EndCall
from services.mixer import wire
from services.mixer.switchboard import NOT_NOW, Switchboard

OFFER = ConnectCall("c", "ann", "call-1", "v=0")


async def asked(board: Switchboard, *answers: wire.CallAnswer) -> object:
    asking = asyncio.ensure_future(board.ask(OFFER))
    await asyncio.sleep(0)
    for answer in answers:
        board.answered(answer)
    return await asking


async def test_each_question_has_the_answer_of_its_number() -> None:
    sent: list[wire.AnyOrder] = []
    board = Switchboard(sent.append)
    answer = await asked(board, wire.CallAnswer(7, "other"), wire.CallAnswer(1, "v=0 mine"))

    assert sent == [wire.Connect(1, "ann", "call-1", "main", "v=0")]
    assert answer == CallAnswered("v=0 mine")


async def test_a_process_that_says_why_not_is_quoted() -> None:
    board = Switchboard(lambda _: None)
    refused = await asked(board, wire.CallAnswer(1, problem="an offer has at most 8 media"))

    assert getattr(refused, "reason", "") == "an offer has at most 8 media"


async def test_what_a_process_was_asked_dies_with_it() -> None:
    board = Switchboard(lambda _: None)
    asking = asyncio.ensure_future(board.ask(OFFER))
    await asyncio.sleep(0)
    board.lost()

    assert await asking == NOT_NOW


async def test_a_candidate_is_only_heard_and_an_end_waits_for_nothing() -> None:
    sent: list[wire.AnyOrder] = []
    board = Switchboard(sent.append)
    asking = asyncio.ensure_future(board.ask(AddCandidate("c", "ann", "call-1", "candidate:1")))
    await asyncio.sleep(0)
    board.answered(wire.CallAnswer(1))

    assert await asking == CallHeard()
    assert await board.ask(EndCall("c", "ann", "call-1")) == CallHeard()
    assert sent[-1] == wire.EndCall("ann", "call-1")
