"""Plays one opened source into its inbox until it ends: reads, decodes and paces.

It works in bursts, a few times a second, because waking up costs more than decoding a picture.
"""

from collections.abc import Callable
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.video.frame import VideoFrame

from services.mixer.media.inbox import Inbox
from services.mixer.media.opening import UNREADABLE, NotMedia, Opened
from services.mixer.media.picture import Picture
from services.mixer.media.timeline import Timeline
from services.mixer.media.voice import RATE

READ_AHEAD = 0.45
"""Seconds that are decoded ahead before the reader rests. Ten pictures in a burst cost a tenth less
than four, because the decoder finds its data in the cache; 1080p of that length is 40 MB."""

WAKE_AHEAD = 0.12
"""Seconds still in hand when it goes on: more than a busy machine lets a thread wait."""

DECODER_DELAY = 1.0
"""Seconds by which decoded pictures may lag behind their packets; beyond it, there are none."""

HIDDEN_PACKETS = 60
"""Packets that a hidden source may hold back since its last key frame. When it is shown they are
decoded at once: two seconds of video, some tens of milliseconds of work."""

BAD_PACKETS = 100
"""Packets in a row that cannot be decoded before the source counts as broken."""

SLIP = 0.01
"""Seconds by which sound may be off its timestamps before it is moved. Rounded timestamps are
never off that much, and against a picture nobody hears it."""

STILL = 0.5
"""Seconds; media shorter than this are a picture, which stays, not a film, which loops."""

FRAME_RATE = 30
"""Pictures per second of a source that does not say."""

DISCARD = 10.0
"""Seconds that a still picture sleeps at a time."""


class Reader:
    """For one thread, which spends its time in `play`."""

    def __init__(
        self,
        opened: Opened,
        inbox: Inbox,
        clock: Callable[[], float],
        on_media: Callable[[], None],
    ) -> None:
        """`on_media` is called for each picture and piece of sound that was decoded."""
        self._opened = opened
        self._inbox = inbox
        self._clock = clock
        self._on_media = on_media
        self._timeline = Timeline(live=opened.live)
        self._held: list[Packet[Any]] = []
        "Since the last key frame, while hidden."
        self._resampler = av.AudioResampler("fltp", "stereo", RATE)
        self._next_sample: int | None = None
        self._moves = 0
        "Of the timeline, when sound was last heard."
        self._decoded_until = 0.0
        "When the newest decoded picture is due; decoders keep some back."
        self._bad = 0
        self._video = opened.video.index if opened.video is not None else -1
        # Plain floats: fractions would cost as much as a small picture.
        video = opened.video
        shape = video.sample_aspect_ratio if video is not None else None
        self._pixel_aspect = float(shape) if shape else 1.0
        rate = video.average_rate if video is not None else None
        self._usual = float(1 / rate) if rate else 1 / FRAME_RATE
        self._bases = {
            stream.index: float(stream.time_base or 0)
            for stream in (opened.video, opened.audio)
            if stream is not None
        }

    def play(self) -> None:
        """Returns when the source has ended or the inbox was closed; raises what libav raises."""
        streams = [s for s in (self._opened.video, self._opened.audio) if s is not None]
        self._timeline.begin(self._opened.start, self._opened.pictures_start)
        while not self._inbox.is_closed():
            started = self._clock()
            lap_began = self._timeline.end
            for packet in self._opened.container.demux(*streams):
                if self._inbox.is_closed():
                    return
                self._take(packet)
            opened, end = self._opened, self._timeline.end
            if end == lap_began or not (opened.loops or opened.is_picture):
                return
            if opened.is_picture or end - max(lap_began, started) < STILL:
                self._keep_still()
                return
            try:
                self._wind_back()
            except UNREADABLE:
                return

    def _take(self, packet: "Packet[Any]") -> None:
        is_video = packet.stream_index == self._video
        due = self._note(packet, is_video)
        if is_video:
            self._take_video(packet)
        else:
            for frame in self._decoded(packet):
                if isinstance(frame, AudioFrame):
                    self._hear(frame)
        if not self._opened.live and due - self._clock() > READ_AHEAD:
            self._rest()

    def _note(self, packet: "Packet[Any]", is_video: bool) -> float:
        """Tell the timeline what has been read, decoded or not; returns when it is due."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None:
            return 0.0
        track = packet.stream_index
        base = self._bases[track]
        lasts = packet.duration * base if packet.duration else self._usual * is_video
        due = self._timeline.due(track, stamp * base, lasts, self._clock(), picture=is_video)
        self._inbox.until = due + lasts
        if is_video:
            self._inbox.seen_until = due + lasts
        return due

    def _take_video(self, packet: "Packet[Any]") -> None:
        if self._inbox.visible or packet.dts is None:
            if self._held:
                self._catch_up()
            self._show(packet)
        elif packet.is_keyframe:
            self._glance(packet)
        else:
            self._held.append(packet)
            if len(self._held) > HIDDEN_PACKETS:
                self._catch_up()

    def _catch_up(self) -> None:
        """Decode what was held back while hidden."""
        held, self._held = self._held, []
        for packet in held:
            self._show(packet)

    def _glance(self, packet: "Packet[Any]") -> None:
        """Decode a key frame by itself, so that there is a recent picture to begin with."""
        context = packet.stream.codec_context
        context.flush_buffers()
        self._show(packet)
        for frame in context.decode(None):
            self._see(frame)
        context.flush_buffers()
        self._held = [packet]

    def _show(self, packet: "Packet[Any]") -> None:
        for frame in self._decoded(packet):
            if isinstance(frame, VideoFrame):
                self._see(frame)

    def _see(self, frame: VideoFrame) -> None:
        stamp = frame.pts
        if stamp is None:
            due = self._timeline.ready_until
        else:
            due = self._timeline.at(stamp * self._bases[self._video])
        self._decoded_until = due
        picture = Picture.of(frame, self._pixel_aspect)
        self._inbox.put(due, picture, keep_all=not self._opened.live)
        self._on_media()

    def _hear(self, frame: AudioFrame) -> None:
        if frame.pts is not None and self._opened.audio is not None:
            stamp = frame.pts * self._bases[self._opened.audio.index]
            first = round(self._timeline.at(stamp) * RATE)
            moved = self._moves != self._timeline.moves
            if self._next_sample is None or moved or abs(first - self._next_sample) > SLIP * RATE:
                self._next_sample, self._moves = first, self._timeline.moves
        for piece in self._resampler.resample(frame):
            left, right = (
                # The stubs do not say that a plane is a buffer.
                np.frombuffer(plane, np.float32, count=piece.samples)  # type: ignore[call-overload]
                for plane in piece.planes
            )
            first = self._next_sample or 0
            self._inbox.voice.write(first, left, right)
            self._next_sample = first + piece.samples
            self._on_media()

    def _decoded(self, packet: "Packet[Any]") -> list[VideoFrame] | list[AudioFrame]:
        """A packet that was damaged on its way is passed over; a run of them is an error."""
        try:
            frames = packet.decode()
        except av.error.InvalidDataError as exc:
            self._bad += 1
            if self._bad > BAD_PACKETS:
                raise NotMedia("nothing in it can be decoded") from exc
            return []
        self._bad = 0 if frames else self._bad
        return frames

    def _rest(self) -> None:
        """Rest if enough of every track is in hand; a live source paces itself."""
        if self._ahead() <= READ_AHEAD:
            return
        while (ahead := self._ahead()) > WAKE_AHEAD and not self._inbox.is_closed():
            self._inbox.rest(ahead - WAKE_AHEAD)
            if self._inbox.visible:
                self._catch_up()

    def _ahead(self) -> float:
        """Seconds in hand: decoded, or, what is not to be decoded or cannot be, read."""
        ready = self._timeline.ready_until
        if self._inbox.visible and ready - DECODER_DELAY < self._decoded_until < ready:
            ready = self._decoded_until
        return ready - self._clock()

    def _wind_back(self) -> None:
        self._held.clear()
        self._opened.wind_back()
        self._resampler = av.AudioResampler("fltp", "stereo", RATE)
        self._timeline.lap()

    def _keep_still(self) -> None:
        self._inbox.still = True
        while not self._inbox.is_closed():
            self._inbox.rest(DISCARD)
