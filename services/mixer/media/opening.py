"""Opening what participants send, whatever it is, within limits and without hanging."""

import contextlib
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

import av
import msgspec
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from services.mixer.media.srt import NoStream, SrtStream

PROTOCOLS = "http,https,tcp,tls,udp,rtp,rtsp,rtsps,rtmp,rtmps,rtmpt,hls,crypto,data"
"""What a URL, and a playlist behind it, may use: transports of media and nothing that runs,
lists or joins things on this machine, or reads its files."""

FILE_PROTOCOLS = "file,crypto,data"
"""What a file, and a playlist in it, may use."""

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,flv,live_flv,mpegts,mpeg,avi,asf,nut,mxf,ogg,"
    "hls,rtsp,rtp,sdp,wav,w64,aiff,mp3,aac,ac3,eac3,flac,amr,caf,gif,apng,png_pipe,jpeg_pipe,"
    "webp_pipe,bmp_pipe,h264,hevc,obu,ivf,m4v,mpegvideo,mpjpeg,mjpeg,yuv4mpegpipe,dv"
)
"""Pictures and sound. Left out: readers that take any text for a picture or follow lists."""

LIVE = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "rtmpt", "srt", "udp", "rtp", "tcp", "tls"})
"""Schemes of sources that send when they like; all others are read when we like."""

OPEN_TIMEOUT = 10.0
"""Seconds that a source may take to say what it is."""

READ_TIMEOUT = 5.0
"""Seconds without a byte after which a connection counts as dead."""

PROBE_TIME = 2_000_000
"""Microseconds of a live source that are examined before it is shown."""

SMALL = 1920 * 1080
"""Pixels up to which one thread decodes fast enough; more threads only cost."""

UNINDEXED = frozenset({"mpegts", "mpeg"})
"""Formats without an index: a seek to the start lands behind the first key frame."""

FAR_BEFORE = 10 * 1_000_000
"""Microseconds before the start that a seek aims at where there is no index."""

UNREADABLE = (
    av.FFmpegError,
    OSError,
    ValueError,
    LookupError,
    RuntimeError,
    MemoryError,
    AttributeError,
    TypeError,
)
"""What foreign media make libav and its binding raise; the last two where libav knows so little
of a stream that the binding meets a None. One participant's file must not end the conference."""

PHRASES: tuple[tuple[type[BaseException], str], ...] = (
    (FileNotFoundError, "no such file"),
    (PermissionError, "not allowed to read it"),
    (IsADirectoryError, "a directory, not a file"),
    (ConnectionRefusedError, "connection refused"),
    (TimeoutError, "it took too long to answer"),
    (av.error.ExitError, "it took too long to answer"),
    (av.error.ProtocolNotFoundError, "a protocol that is not allowed or not built in"),
    (EOFError, "not media that can be read"),
    (av.error.InvalidDataError, "not media that can be read"),
    (av.error.ArgumentError, "not media that can be read"),
)


class NotMedia(ValueError):
    """It opens, but has neither picture nor sound."""


class Opened(msgspec.Struct):
    """A source that can be read."""

    container: InputContainer
    video: VideoStream | None
    audio: AudioStream | None
    live: bool
    srt: SrtStream | None = None
    "What the container reads from, where libav does not do that itself."

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()
        if self.srt is not None:
            self.srt.close()

    @property
    def start(self) -> float | None:
        """First timestamp in seconds, where the container says so."""
        start = self.container.start_time
        return start / av.time_base if start is not None else None

    @property
    def pictures_start(self) -> float | None:
        """First timestamp of the pictures in seconds."""
        start = self.video.start_time if self.video is not None else None
        base = self.video.time_base if self.video is not None else None
        return float(start * base) if start is not None and base is not None else None

    def wind_back(self) -> None:
        """To the first packet. Raises one of `UNREADABLE` where that cannot be done."""
        start = self.container.start_time or 0
        early = FAR_BEFORE if self.container.format.name in UNINDEXED else 0
        self.container.seek(start - early)

    @property
    def is_picture(self) -> bool:
        return self.container.format.name.endswith("_pipe")

    @property
    def loops(self) -> bool:
        """It has an end and can be read again."""
        return not self.live and (self.container.duration or 0) > 0


def open_media(url: str, given_up: Callable[[], bool] = lambda: False) -> Opened:
    """Raises one of `UNREADABLE`; see `why`. What can, ends early when it is `given_up`."""
    with contextlib.ExitStack() as cleanup:
        srt = None
        if urlsplit(url).scheme.lower() == "srt":
            srt = SrtStream(
                url, open_timeout=OPEN_TIMEOUT, read_timeout=READ_TIMEOUT, given_up=given_up
            )
            cleanup.callback(srt.close)
        container = _open_container(url, srt)
        cleanup.callback(container.close)
        video = next(filter(_known, container.streams.video), None)
        audio = next(filter(_known, container.streams.audio), None)
        if video is None and audio is None:
            raise NotMedia("neither picture nor sound in it")
        for stream in (video, audio):
            if stream is not None:
                stream.codec_context.thread_count = 1
        if video is not None and video.codec_context.width * video.codec_context.height > SMALL:
            video.codec_context.thread_count = 2
            video.thread_type = "FRAME"
        cleanup.pop_all()
        return Opened(container, video, audio, is_live(url), srt)


def _open_container(url: str, srt: SrtStream | None) -> InputContainer:
    local = url.startswith(("/", "file:"))
    protocols = FILE_PROTOCOLS if local else PROTOCOLS
    options = {"protocol_whitelist": protocols, "format_whitelist": FORMATS}
    if is_live(url):
        options["analyzeduration"] = str(PROBE_TIME)
    if url.startswith("rtsp"):
        options["rtsp_flags"] = "prefer_tcp"
    return av.open(
        srt or url,
        "r",
        format="mpegts" if srt else None,
        options=options,
        timeout=(OPEN_TIMEOUT, READ_TIMEOUT),
        metadata_errors="ignore",
    )


def _known(stream: Stream) -> bool:
    """There is a decoder for it."""
    return getattr(stream, "codec_context", None) is not None


def is_live(url: str) -> bool:
    return urlsplit(url).scheme.lower() in LIVE


def why(error: BaseException) -> str:
    """A sentence for people, of fixed words: an exception's own text may hold the URL."""
    if isinstance(error, NotMedia | NoStream):
        return str(error)
    for kind, phrase in PHRASES:
        if isinstance(error, kind):
            return phrase
    if isinstance(error, av.FFmpegError):
        return f"libav says: {error.strerror}"
    return "it cannot be reached" if isinstance(error, OSError) else "it cannot be decoded"
