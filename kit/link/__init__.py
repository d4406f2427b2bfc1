"""The same-host carrier of raw feeds: pictures in shared memory, a socket to speak of them.

One side renders (`FeedWriter`, offered by a `FeedServer` on a Unix socket), the other takes
(`FeedReader`). Pictures lie in a ring of I420 canvases in a memfd, which the welcome passes along;
what goes over the socket is which slot holds which picture, the sound itself, and the slots that
the taker is done with. The kernel frees everything when either side dies.
"""

from kit.link.reader import FeedReader, Picture, Sound
from kit.link.server import FeedServer
from kit.link.wire import CREDITS, FeedError, FeedGone, FeedRefused, Format
from kit.link.writer import FeedWriter, Seat

__all__ = [
    "CREDITS",
    "FeedError",
    "FeedGone",
    "FeedReader",
    "FeedRefused",
    "FeedServer",
    "FeedWriter",
    "Format",
    "Picture",
    "Seat",
    "Sound",
]
