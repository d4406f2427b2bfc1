"""Raw feeds. On one host: pictures in shared memory, a socket to speak of them.

One side renders (`FeedWriter`, offered by a `FeedServer` on a Unix socket), the other takes
(`FeedReader`). Pictures lie in a ring of I420 canvases in a memfd, which the welcome passes along;
what goes over the socket is which slot holds which picture, the sound itself, and the slots that
the taker is done with. The kernel frees everything when either side dies.

Between hosts a `Lender` sends what a taker beside it would get, inside TLS, and a `Mirror` offers
it anew where it arrives: who takes a feed there does not know the difference.
"""

from kit.link.far import Hello, Identity
from kit.link.lender import Lender
from kit.link.mirror import Lent, Mirror
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
    "Hello",
    "Identity",
    "Lender",
    "Lent",
    "Mirror",
    "Picture",
    "Seat",
    "Sound",
]
