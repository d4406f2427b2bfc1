"""Why a recording cannot be made."""

import errno
from typing import Literal

Code = Literal[
    "bad-url", "no-recordings", "disk-full", "disk-error", "disk-low", "disk-slow", "worker-lost"
]
"""Of docs/reason-codes.md: why a recording ended, and the two that warn."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room on the disk, in the quota, or for a larger file."""


class RecordingError(Exception):
    """The recording is over; `code` is one of docs/reason-codes.md."""

    def __init__(self, code: Code, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code}: {reason}")


def of(exc: OSError) -> RecordingError:
    """What the system said, as a reason. No path: that is the operator's, this is everybody's."""
    if exc.errno in FULL:
        return RecordingError("disk-full", "there is no room left for the recording")
    if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return RecordingError("disk-error", "the directory of recordings cannot be written to")
    what = errno.errorcode.get(exc.errno or 0, "unknown error")
    return RecordingError("disk-error", f"the disk failed ({what})")
