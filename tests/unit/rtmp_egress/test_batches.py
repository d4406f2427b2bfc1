"""When the media thread hands over what it has encoded."""

import pytest

from services.rtmp_egress.media.flv import VIDEO, FlvTag
from services.rtmp_egress.media.programme import is_full

PICTURE = FlvTag(VIDEO, 33, b"\x27")
KEY_FRAME = FlvTag(VIDEO, 0, b"\x17", key_frame=True)


@pytest.mark.parametrize(
    ("batch", "pictures", "full"),
    [
        ([PICTURE], 61, False),
        ([PICTURE, PICTURE], 62, True),
        ([KEY_FRAME], 61, True),
        ([PICTURE, KEY_FRAME], 62, True),
        ([], 61, False),
    ],
    ids=["half", "whole", "a key frame waits for none", "key frame at its end", "nothing yet"],
)
def test_batches_of_two_are_handed_over(batch: list[FlvTag], pictures: int, full: bool) -> None:
    assert is_full(batch, pictures, 2) == full
