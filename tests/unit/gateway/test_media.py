"""Which media a participant may be made of."""

import pytest

from services.gateway.media import wrong_with


@pytest.mark.parametrize(
    ("media", "wrong"),
    [
        ("rtsp://user:pw@camera:554/1", None),
        ("srt://host:9000?streamid=#!::r=a,m=request&passphrase=secret-secret", None),
        ("srt://:9000?mode=listener", None),
        ("rtsp://:554/1", "has no host"),
        ("srt://:99999", "has a port that is not between 1 and 65535"),
        ("/srv/clip.mp4", "is a file of the server; only addresses are allowed here"),
    ],
)
async def test_addresses_are_judged_without_opening_them(media: str, wrong: str | None) -> None:
    assert await wrong_with(media, allow_files=False) == wrong
