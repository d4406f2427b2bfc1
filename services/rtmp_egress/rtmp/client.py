"""One attempt to publish one stream: told what the server sends, it offers what to send.

    handshake → connect → createStream → publish → live

After `Published` media may be sent. After any other event nothing more is to be expected of a
client; another attempt is another client.
"""

import msgspec

from services.rtmp_egress.rtmp import refusals
from services.rtmp_egress.rtmp.amf0 import Encodable, Value, decode_leading, encode
from services.rtmp_egress.rtmp.authentication import Answer, answer
from services.rtmp_egress.rtmp.chunks import (
    BadChunk,
    ChunkReader,
    ChunkWriter,
    Kind,
    Message,
    whole,
)
from services.rtmp_egress.rtmp.codecs import Codec, takes
from services.rtmp_egress.rtmp.errors import Refusal, Stage
from services.rtmp_egress.rtmp.handshake import Handshake
from services.rtmp_egress.rtmp.url import Target, moved

CHUNK = 65_536
"""Bytes: nearly every message is one chunk, so one write, and its bytes are cut once."""

WINDOW = 250_000
"""Bytes after which the server is asked to say how much it has: twice a second at 4 Mbit/s."""

ANSWER_LIMIT = 256 * 1024
"""Bytes of one message; a publisher is told little."""

CONTROL, COMMANDS, PUBLISHING = 2, 3, 8
"""Chunk streams of what is not media; the numbers that everybody uses."""

MEDIA_CHANNELS: dict[int, int] = {Kind.AUDIO: 4, Kind.DATA: 5, Kind.VIDEO: 6}
"""Chunk streams of media."""

FLASH_VERSION = "FMLE/3.0 (compatible; Rostrum)"
"""Some services let nobody publish who is not Flash Media Live Encoder."""

SET_DATA_FRAME = encode("@setDataFrame")
"""Makes a server keep the metadata for later viewers."""

_PING, _PONG = 6, 7
"""User control events."""


class Published(msgspec.Struct, frozen=True):
    """The server takes the stream: send media."""


class Moved(msgspec.Struct, frozen=True):
    """The server sends us elsewhere."""

    target: Target


Event = Published | Refusal | Answer | Moved


class Client:
    """The client side of one connection."""

    def __init__(
        self, target: Target, random: bytes, *, query: str = "", codec: Codec | None = None
    ) -> None:
        """`random`: `handshake.RANDOM` bytes; `query`: an `Answer` to an earlier connection."""
        self.stage: Stage = "handshake"
        self.acknowledged = 0
        "Bytes that the server says it has, modulo 2**32."
        self.pongs = 0
        "Pings that the server has answered."
        self.takes_codec = False
        "The server takes `codec`, or is to be sent it anyway."
        self._target = target
        self._query = query
        self._codec = codec
        self._nonce = random
        self._handshake = Handshake(random)
        self._reader = ChunkReader(limit=ANSWER_LIMIT)
        self._writer = ChunkWriter()
        self._out: list[bytes] = [self._handshake.start()]
        self._refusal: Refusal | None = None
        self._over = False
        self._transaction = 0
        self._asked: dict[float, str] = {}
        self._stream = 0
        self._received = self._received_told = 0
        self._peer_window = 0

    # What the shell does with it.

    def receive(self, data: bytes) -> list[Event]:
        """Take in bytes from the server."""
        if self._over:
            return []
        self._received += len(data)
        if self.stage == "handshake":
            answer = self._handshake.receive(data)
            if isinstance(answer, Refusal):
                return [self._refuse(answer)]
            self._out.append(answer)
            if not self._handshake.done:
                return []
            data = self._handshake.rest
            self._connect()
        return self._hear_all(data)

    def take(self) -> bytes:
        """What to send now."""
        out, self._out = b"".join(self._out), []
        return out

    def media(self, kind: int, timestamp: int, payload: bytes | memoryview) -> bytes:
        """The bytes of one FLV tag's body; kinds 8 (audio), 9 (video) and 18 (metadata)."""
        assert self.stage == "live", "publish first"
        if kind == Kind.DATA and payload[: len(SET_DATA_FRAME)] != SET_DATA_FRAME:
            payload = SET_DATA_FRAME + payload
        channel = MEDIA_CHANNELS[kind]
        return whole(kind, timestamp, self._stream, payload, channel, self._writer.size)

    def ping(self) -> None:
        """Ask the server for a sign of life; `pongs` tells of the answer."""
        self._control(Kind.USER_CONTROL, _PING.to_bytes(2, "big") + bytes(4))

    def close(self) -> None:
        """Say goodbye; what to send is offered by `take`."""
        if not self._over and self._stream:
            self._command("FCUnpublish", None, self._target.key)
            self._command("deleteStream", None, self._stream)

    def ended(self) -> Refusal:
        """What it means that the server closed the connection just now."""
        if self._refusal is not None:
            return self._refusal
        match self.stage:
            case "live":
                return Refusal("server-closed", "the server ended the stream", "live")
            case "handshake":
                reason = "the server closed the connection during the RTMP handshake"
                return Refusal("handshake-closed", reason, "handshake")
            case stage:
                reason = (
                    f"the server closed the connection without a reason (stage: {stage}); "
                    "application or stream key may be wrong, or publishing not permitted"
                )
                return Refusal("rejected", reason, stage)

    def overdue(self) -> Refusal:
        """What it means that the server has not answered for too long."""
        reason = f"the server did not finish the RTMP set-up (stage: {self.stage})"
        return Refusal("handshake-timeout", reason, self.stage)

    # What the server says.

    def _hear_all(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        try:
            for message in self._reader.receive(data):
                event = self._hear(message)
                if event is not None:
                    events.append(event)
                if self._over:
                    return events
        except BadChunk:
            return [*events, self._refuse(self._gibberish())]
        self._acknowledge()
        return events

    def _hear(self, message: Message) -> Event | None:
        payload = message.payload
        match message.kind:
            case Kind.COMMAND:
                return self._hear_command(decode_leading(payload))
            case Kind.COMMAND_AMF3:
                # One byte of format, then AMF0; what follows a value in AMF3 is not needed.
                return self._hear_command(decode_leading(payload[1:]))
            case Kind.USER_CONTROL if payload[:2] == _PING.to_bytes(2, "big"):
                self._control(Kind.USER_CONTROL, _PONG.to_bytes(2, "big") + payload[2:6])
            case Kind.USER_CONTROL if payload[:2] == _PONG.to_bytes(2, "big"):
                self.pongs += 1
            case Kind.ACKNOWLEDGEMENT:
                self.acknowledged = int.from_bytes(payload[:4], "big")
            case Kind.WINDOW_SIZE:
                self._peer_window = int.from_bytes(payload[:4], "big")
            case Kind.PEER_BANDWIDTH:
                # It asks how often it is to acknowledge; some wait for the answer.
                window = min(WINDOW, int.from_bytes(payload[:4], "big") or WINDOW)
                self._control(Kind.WINDOW_SIZE, window.to_bytes(4, "big"))
        return None

    def _hear_command(self, values: list[Value]) -> Event | None:
        if not values:
            return None
        number = values[1] if len(values) > 1 else None
        last = values[-1]
        match values[0]:
            case "_result" | "_error":
                asked = self._asked.pop(number, "") if isinstance(number, float) else ""
                if values[0] == "_error" or (asked == "connect" and refusals.is_refusal(last)):
                    return self._hear_error(asked, last)
                return self._hear_result(asked, values)
            case "onStatus" | "onFCPublish":
                return self._hear_status(last)
            case "close":
                return self._refuse(refusals.of_publish(last, self._target, self.stage))
        return None

    def _hear_result(self, asked: str, values: list[Value]) -> Event | None:
        value = values[-1]
        match asked:
            case "connect":
                wish = self._codec
                self.takes_codec = wish is not None and (wish.unconfirmed or takes(values, wish))
                self._create_stream()
            case "createStream" if isinstance(value, float) and 0 < value < 2**32:
                self._stream = int(value)
                self.stage = "publish"
                self._command("publish", None, self._target.key, "live", channel=PUBLISHING)
            case "createStream":
                return self._refuse(self._gibberish())
        return None

    def _hear_error(self, asked: str, info: Value) -> Event | None:
        match asked:
            case "connect":
                return self._hear_rejection(info)
            case "createStream" | "publish":
                return self._refuse(refusals.of_publish(info, self._target, self.stage))
            case _:
                # releaseStream and FCPublish are courtesies; half of all servers do not know them.
                return None

    def _hear_rejection(self, info: Value) -> Event:
        """`connect` was refused: perhaps only to ask for a password, or to send us elsewhere."""
        if url := refusals.redirect(info):
            elsewhere = moved(self._target, url)
            if elsewhere is not None:
                self._over = True
                return Moved(elsewhere)
        elif text := refusals.challenge(info):
            said = answer(text, self._target, self._query, self._nonce)
            if isinstance(said, Answer):
                self._over = True
                return said
            return self._refuse(said)
        return self._refuse(refusals.of_connect(info, self._target))

    def _hear_status(self, info: Value) -> Event | None:
        code = info.get("code") if isinstance(info, dict) else None
        if refusals.is_refusal(info):
            return self._refuse(refusals.of_publish(info, self._target, self.stage))
        match code, self.stage:
            case "NetStream.Publish.Start", "publish":
                self.stage = "live"
                return Published()
            case "NetStream.Unpublish.Success" | "NetConnection.Connect.Closed", _:
                return self._refuse(refusals.of_publish(info, self._target, self.stage))
        return None

    # What we say.

    def _connect(self) -> None:
        self.stage = "connect"
        query = f"?{self._query}" if self._query else ""
        wish: dict[str, Encodable] = {
            "app": self._target.app + query,
            "type": "nonprivate",
            "flashVer": FLASH_VERSION,
            "tcUrl": self._target.tc_url + query,
        }
        if self._codec:
            wish["fourCcList"] = [self._codec.fourcc]
        self._command("connect", wish)

    def _create_stream(self) -> None:
        self.stage = "createStream"
        self._control(Kind.WINDOW_SIZE, WINDOW.to_bytes(4, "big"))
        self._control(Kind.SET_CHUNK_SIZE, CHUNK.to_bytes(4, "big"))
        self._command("releaseStream", None, self._target.key)
        self._command("FCPublish", None, self._target.key)
        self._command("createStream", None)

    def _command(self, name: str, *arguments: Encodable, channel: int = COMMANDS) -> None:
        self._transaction += 1
        self._asked[self._transaction] = name
        stream = self._stream if channel == PUBLISHING else 0
        payload = encode(name, self._transaction, *arguments)
        self._out.append(self._writer.write(Message(Kind.COMMAND, 0, stream, payload), channel))

    def _control(self, kind: Kind, payload: bytes) -> None:
        self._out.append(self._writer.write(Message(kind, 0, 0, payload), CONTROL))

    def _acknowledge(self) -> None:
        if self._peer_window and self._received - self._received_told >= self._peer_window:
            self._received_told = self._received
            total = self._received % 2**32
            self._control(Kind.ACKNOWLEDGEMENT, total.to_bytes(4, "big"))

    def _refuse(self, refusal: Refusal) -> Refusal:
        self._refusal = refusal
        self._over = True
        return refusal

    def _gibberish(self) -> Refusal:
        if self.stage == "live":
            return Refusal("connection-lost", "the server sent what is not RTMP", "live")
        reason = f"the server's answer is not RTMP (stage: {self.stage})"
        return Refusal("not-rtmp", reason, self.stage)
