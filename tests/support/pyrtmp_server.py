"""PyRTMP, a server of other people's, in a process of its own: records what is published.

`python -m tests.support.pyrtmp_server FILE` prints its port. It neither answers pings nor
acknowledges anything.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pyrtmp.flv import FLVFileWriter, FLVMediaType
from pyrtmp.messages.audio import AudioMessage
from pyrtmp.messages.data import MetaDataMessage
from pyrtmp.messages.video import VideoMessage
from pyrtmp.rtmp import RTMPProtocol, SimpleRTMPController
from pyrtmp.session_manager import SessionManager


class Recorder(SimpleRTMPController):
    def __init__(self, path: str) -> None:
        self._file = FLVFileWriter(path)

    async def on_metadata(self, session: SessionManager, message: MetaDataMessage) -> None:
        self._file.write(0, message.to_raw_meta(), FLVMediaType.OBJECT)  # type: ignore[no-untyped-call]

    async def on_video_message(self, session: SessionManager, message: VideoMessage) -> None:
        self._file.write(message.timestamp, message.payload, FLVMediaType.VIDEO)

    async def on_audio_message(self, session: SessionManager, message: AudioMessage) -> None:
        self._file.write(message.timestamp, message.payload, FLVMediaType.AUDIO)


async def _main() -> None:
    logging.disable()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: RTMPProtocol(Recorder(sys.argv[1])), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@asynccontextmanager
async def pyrtmp_server(recording: Path) -> AsyncIterator[str]:
    """Yields the address to publish to."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.pyrtmp_server", str(recording)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        yield f"rtmp://127.0.0.1:{port}/live/key"
    finally:
        process.kill()
        await process.communicate()


if __name__ == "__main__":
    asyncio.run(_main())
