"""Publishing as a dialogue: what the server says, and what the client says then."""

import pytest

from services.rtmp_egress.rtmp.amf0 import Encodable, Value, decode, encode
from services.rtmp_egress.rtmp.authentication import Answer
from services.rtmp_egress.rtmp.chunks import ChunkReader, ChunkWriter, Kind, Message
from services.rtmp_egress.rtmp.client import (
    CHUNK,
    WINDOW,
    Client,
    Event,
    Moved,
    Published,
)
from services.rtmp_egress.rtmp.codecs import Codec
from services.rtmp_egress.rtmp.errors import Refusal
from services.rtmp_egress.rtmp.handshake import BLOCK, RANDOM
from services.rtmp_egress.rtmp.url import Target
from tests.support.canary import PASSWORD
from tests.support.challenge import USER, needed

TARGET = Target("rtmp", "host", 1935, "live", "room-key?token=s3cr3t", "ann", "pa ss/word")
STREAM = 9
SUCCESS = {"level": "status", "code": "NetConnection.Connect.Success"}
START = {"level": "status", "code": "NetStream.Publish.Start"}


class Server:
    """The other end of a `Client`: says commands, reads what the client says."""

    def __init__(
        self, target: Target = TARGET, query: str = "", codec: Codec | None = None
    ) -> None:
        self.client = Client(target, bytes(RANDOM), query=query, codec=codec)
        self._reader = ChunkReader()
        self._writer = ChunkWriter(compact=True)

    def shake_hands(self) -> list[Value]:
        """Through the handshake; returns the client's `connect`."""
        assert self.client.take() == b"\x03" + bytes(BLOCK)
        assert self.client.receive(b"\x03" + bytes(2 * BLOCK)) == []
        said = self.client.take()
        assert said[:BLOCK] == bytes(BLOCK)
        [connect] = self._reader.receive(said[BLOCK:])
        return decode(connect.payload)

    def says(self, *values: Encodable, kind: Kind = Kind.COMMAND) -> list[Event]:
        prefix = b"\0" if kind == Kind.COMMAND_AMF3 else b""
        return self.tells(kind, prefix + encode(*values))

    def tells(self, kind: Kind, payload: bytes) -> list[Event]:
        return self.client.receive(self._writer.write(Message(kind, 0, 0, payload), 3))

    def hears(self) -> list[Message]:
        return list(self._reader.receive(self.client.take()))

    def hears_commands(self) -> list[list[Value]]:
        return [decode(m.payload) for m in self.hears() if m.kind == Kind.COMMAND]

    def connected(self) -> "Server":
        self.shake_hands()
        self.says("_result", 1, {}, SUCCESS)
        return self

    def opened(self) -> "Server":
        self.connected().hears()
        self.says("_result", 4, None, STREAM)
        return self

    def live(self) -> "Server":
        self.opened().hears()
        assert self.says("onStatus", 0, None, START) == [Published()]
        return self


def refusal_of(events: list[Event]) -> Refusal:
    [refusal] = events
    assert isinstance(refusal, Refusal)
    for secret in ("room-key", "s3cr3t", "pa ss", "pa%20ss"):
        assert secret not in refusal.reason
    return refusal


def test_a_client_connects_with_app_and_address_and_without_the_key() -> None:
    assert Server().shake_hands() == [
        "connect",
        1.0,
        {
            "app": "live",
            "type": "nonprivate",
            "flashVer": "FMLE/3.0 (compatible; Rostrum)",
            "tcUrl": "rtmp://host/live",
        },
    ]


def test_once_connected_it_sets_sizes_and_asks_for_a_stream() -> None:
    heard = Server().connected().hears()
    assert [(m.kind, m.payload) for m in heard[:2]] == [
        (Kind.WINDOW_SIZE, WINDOW.to_bytes(4, "big")),
        (Kind.SET_CHUNK_SIZE, CHUNK.to_bytes(4, "big")),
    ]
    assert [decode(m.payload) for m in heard[2:]] == [
        ["releaseStream", 2.0, None, TARGET.key],
        ["FCPublish", 3.0, None, TARGET.key],
        ["createStream", 4.0, None],
    ]


def test_with_a_stream_it_publishes_on_it() -> None:
    [publish] = Server().opened().hears()
    assert publish.stream == STREAM
    assert decode(publish.payload) == ["publish", 5.0, None, TARGET.key, "live"]


def test_it_is_live_when_the_server_says_so() -> None:
    server = Server().opened()
    assert server.says("onStatus", 0, None, START) == [Published()]
    assert server.client.stage == "live"


def test_commands_in_the_newer_notation_are_understood() -> None:
    server = Server().opened()
    assert server.says("onStatus", 0, None, START, kind=Kind.COMMAND_AMF3) == [Published()]


def test_the_pieces_in_which_the_server_speaks_do_not_matter() -> None:
    client, writer = Client(TARGET, bytes(RANDOM)), ChunkWriter()
    answers: list[list[Encodable]] = [
        ["_result", 1, {}, SUCCESS],
        ["_result", 4, None, 1],
        ["onStatus", 0, None, START],
    ]
    data = b"\x03" + bytes(2 * BLOCK)
    for answer in answers:
        data += writer.write(Message(Kind.COMMAND, 0, 0, encode(*answer)), 3)
    events = [event for byte in data for event in client.receive(bytes([byte]))]
    assert events == [Published()]


def test_servers_that_know_no_courtesies_are_forgiven() -> None:
    server = Server().connected()
    assert (
        server.says("_error", 2, None, {"level": "error", "code": "NetConnection.Call.Failed"})
        == []
    )
    assert (
        server.says("_error", 3, None, {"level": "error", "code": "NetConnection.Call.Failed"})
        == []
    )
    assert server.says("onBWDone", 0, None, 8192) == []
    assert server.says() == []
    assert server.client.stage == "createStream"


def test_media_goes_out_in_whole_messages_on_the_stream() -> None:
    server = Server().live()
    picture = bytes(CHUNK + 10)
    data = server.client.media(Kind.VIDEO, 40, picture)
    data += server.client.media(Kind.AUDIO, 2**32 + 41, memoryview(b"\xaf\x01x"))
    assert list(server._reader.receive(data)) == [
        Message(Kind.VIDEO, 40, STREAM, picture),
        Message(Kind.AUDIO, 41, STREAM, b"\xaf\x01x"),
    ]
    assert data[CHUNK + 12] == 0xC6, "cut at the size that was told"


def test_metadata_is_sent_as_what_a_server_keeps() -> None:
    server = Server().live()
    data = server.client.media(Kind.DATA, 0, encode("onMetaData", {"width": 1280}))
    data += server.client.media(Kind.DATA, 0, encode("@setDataFrame", "onMetaData", {}))
    first, second = server._reader.receive(data)
    assert decode(first.payload) == ["@setDataFrame", "onMetaData", {"width": 1280.0}]
    assert decode(second.payload) == ["@setDataFrame", "onMetaData", {}]


def test_a_ping_is_answered() -> None:
    server = Server().live()
    server.tells(Kind.USER_CONTROL, b"\x00\x06\x01\x02\x03\x04")
    [pong] = server.hears()
    assert (pong.kind, pong.payload) == (Kind.USER_CONTROL, b"\x00\x07\x01\x02\x03\x04")


def test_a_peer_bandwidth_is_answered_with_a_window_no_larger() -> None:
    server = Server().live()
    for asked, answered in ((5_000_000, WINDOW), (1000, 1000), (0, WINDOW)):
        server.tells(Kind.PEER_BANDWIDTH, asked.to_bytes(4, "big") + b"\x02")
        [window] = server.hears()
        assert (window.kind, int.from_bytes(window.payload, "big")) == (Kind.WINDOW_SIZE, answered)


def test_what_the_server_sends_is_acknowledged_once_a_window() -> None:
    server = Server().live()
    server.tells(Kind.WINDOW_SIZE, (2 * BLOCK).to_bytes(4, "big"))
    [first] = server.hears()
    assert first.kind == Kind.ACKNOWLEDGEMENT
    assert int.from_bytes(first.payload, "big") > 2 * BLOCK, "the handshake counts"
    server.says("onBWDone")
    assert server.hears() == []
    server.says("onBWDone", 0, "x" * 2 * BLOCK)
    [second] = server.hears()
    assert int.from_bytes(second.payload, "big") > 4 * BLOCK


def test_the_servers_acknowledgements_are_kept() -> None:
    server = Server().live()
    server.tells(Kind.ACKNOWLEDGEMENT, (123_456).to_bytes(4, "big"))
    assert server.client.acknowledged == 123_456


def test_a_goodbye_ends_the_stream() -> None:
    server = Server().live()
    server.client.close()
    assert server.hears_commands() == [
        ["FCUnpublish", 6.0, None, TARGET.key],
        ["deleteStream", 7.0, None, float(STREAM)],
    ]


def test_without_a_stream_a_goodbye_says_nothing() -> None:
    server = Server().connected()
    server.hears()
    server.client.close()
    assert server.hears() == []


def challenge(words: str) -> dict[str, Encodable]:
    return {
        "level": "error",
        "code": "NetConnection.Connect.Rejected",
        "description": f"[ AccessManager.Reject ] : [ {words}",
    }


def error(code: str, description: str = "") -> dict[str, Encodable]:
    return {"level": "error", "code": code, "description": description}


CONNECT = {
    "unknown app": (error("NetConnection.Connect.InvalidApp", "no live"), "unknown-app"),
    "refused": (error("NetConnection.Connect.Rejected", "full"), "connect-rejected"),
    "failed": (error("NetConnection.Connect.Failed"), "connect-rejected"),
    "nothing said": (None, "connect-rejected"),
    "a new method": (challenge("code=403 need auth; authmod=sha ] : "), "auth-unsupported"),
    "another method": (challenge("code=403 need auth ] : "), "auth-unsupported"),
    "wrong password": (challenge("authmod=adobe ] : ?reason=authfailed&opaque=x"), "auth-failed"),
    "wrong user": (challenge("authmod=adobe ] : ?reason=nosuchuser"), "auth-failed"),
}


@pytest.mark.parametrize(("info", "code"), CONNECT.values(), ids=CONNECT)
def test_a_refused_connection_is_told_by_its_kind(
    info: dict[str, Encodable] | None, code: str
) -> None:
    server = Server()
    server.shake_hands()
    refusal = refusal_of(server.says("_error", 1, None, info))
    assert (refusal.code, refusal.stage) == (code, "connect")


def test_a_challenge_without_credentials_asks_for_them() -> None:
    server = Server(Target("rtmp", "host", 1935, "live", "key"))
    server.shake_hands()
    refusal = refusal_of(
        server.says("_error", 1, None, challenge("code=403 need auth; authmod=adobe ] : "))
    )
    assert refusal.code == "auth-required"


def authenticate(method: str, password: str, app: str = "live") -> tuple[list[Event], int]:
    """Connect until there is nothing more to answer: the last events, and how many connections."""
    target = Target("rtmp", "host", 1935, app, "room-key", USER, password)
    query = ""
    for connections in range(1, 9):
        server = Server(target, query)
        _, _, wish = server.shake_hands()
        assert isinstance(wish, dict)
        words = needed(method, str(wish["app"]), str(wish["tcUrl"]))
        if not words:
            return server.says("_result", 1, {}, SUCCESS), connections
        said = {"level": "error", "code": "NetConnection.Connect.Rejected", "description": words}
        events = server.says("_error", 1, None, said)
        if not isinstance(events[-1], Answer):
            return events, connections
        assert server.says("_result", 1, {}, SUCCESS) == [], "it has nothing more to hear"
        assert password not in events[-1].query
        assert password not in repr(events)
        query = events[-1].query
    raise AssertionError("it asks for ever")


@pytest.mark.parametrize("method", ["adobe", "llnw"])
@pytest.mark.parametrize("app", ["live", "live/instance"])
def test_a_password_is_proved_in_three_connections(method: str, app: str) -> None:
    assert authenticate(method, PASSWORD, app) == ([], 3)


@pytest.mark.parametrize("method", ["adobe", "llnw"])
def test_a_wrong_password_is_told_and_not_tried_again(method: str) -> None:
    [refusal], connections = authenticate(method, "guessed")
    assert isinstance(refusal, Refusal)
    assert (refusal.code, connections) == ("auth-failed", 3)


def test_a_server_that_asks_without_end_is_left() -> None:
    server = Server(query="authmod=adobe&user=ann&challenge=c&response=r")
    server.shake_hands()
    words = challenge("authmod=adobe ] : ?reason=needauth&salt=s&challenge=c")
    assert refusal_of(server.says("_error", 1, None, words)).code == "auth-failed"


def moved(url: str) -> dict[str, Encodable]:
    return {"code": 302, "redirect": url}


ELSEWHERE = {
    "another host": ("rtmp://b.example:1936/live", ("rtmp", "b.example", 1936, "live")),
    "more encryption": ("rtmps://b.example/live", ("rtmps", "b.example", 443, "live")),
    "another app": ("rtmp://b.example/edge/2", ("rtmp", "b.example", 1935, "edge/2")),
    "no app": ("rtmp://b.example", ("rtmp", "b.example", 1935, "live")),
    "with the key": (f"rtmp://b.example/live/{TARGET.key}", ("rtmp", "b.example", 1935, "live")),
}


@pytest.mark.parametrize(("url", "place"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_server_may_send_us_elsewhere(url: str, place: tuple[str, str, int, str]) -> None:
    server = Server()
    server.shake_hands()
    info = {**error("NetConnection.Connect.Rejected"), "ex": moved(url)}
    [event] = server.says("_error", 1, None, info)
    assert isinstance(event, Moved)
    to = event.target
    assert (to.scheme, to.host, to.port, to.app) == place
    assert (to.key, to.user, to.password) == (TARGET.key, TARGET.user, TARGET.password)


@pytest.mark.parametrize("url", ["rtmp://b.example/live", "http://b.example/", "rtmps://", "x"])
def test_but_not_to_less_encryption_nor_to_nowhere(url: str) -> None:
    server = Server(Target("rtmps", "host", 443, "live", "room-key"))
    server.shake_hands()
    info = {**error("NetConnection.Connect.Rejected"), "ex": moved(url)}
    assert refusal_of(server.says("_error", 1, None, info)).code == "connect-rejected"


HEVC = Codec("HEVC", "hvc1")


def test_a_codec_beside_h264_is_announced() -> None:
    _, _, wish = Server(codec=HEVC).shake_hands()
    assert isinstance(wish, dict)
    assert wish["fourCcList"] == ["hvc1"]


@pytest.mark.parametrize(
    "server",
    [
        {"fourCcList": ["av01", "hvc1"]},
        {"fourCcList": ["*"]},
        {"videoFourCcInfoMap": {"hvc1": 1}},
    ],
)
def test_a_server_that_takes_the_codec_is_known(server: dict[str, Encodable]) -> None:
    said = Server(codec=HEVC)
    said.shake_hands()
    assert said.says("_result", 1, server, SUCCESS) == []
    assert said.client.stage == "createStream"
    assert said.client.takes_codec


def test_one_that_does_not_say_so_does_not_take_it_unless_that_is_wished() -> None:
    quiet = Server(codec=HEVC)
    quiet.shake_hands()
    assert quiet.says("_result", 1, {"fourCcList": ["av01"]}, SUCCESS) == []
    assert not quiet.client.takes_codec
    assert quiet.client.stage == "createStream", "it can still be sent H.264"
    forced = Server(codec=Codec("HEVC", "hvc1", unconfirmed=True))
    forced.shake_hands()
    assert forced.says("_result", 1, {}, SUCCESS) == []
    assert forced.client.takes_codec


def test_the_server_is_asked_whether_it_lives() -> None:
    server = Server().live()
    server.client.ping()
    [ping] = server.hears()
    assert (ping.kind, ping.payload[:2]) == (Kind.USER_CONTROL, b"\x00\x06")
    server.tells(Kind.USER_CONTROL, b"\x00\x07" + ping.payload[2:])
    assert server.client.pongs == 1


def test_an_answer_that_is_given_up_halfway_is_forgotten() -> None:
    server = Server().live()
    begun = Message(Kind.COMMAND, 0, 0, encode("onStatus", 0, None, {"level": "error"}) * 9)
    half = ChunkWriter().write(begun, 3)[:150]
    abort = ChunkWriter().write(Message(Kind.ABORT, 0, 0, (3).to_bytes(4, "big")), 2)
    # Up to the end of the first chunk: an Abort comes between chunks.
    assert server.client.receive(half[: 12 + 128] + abort) == []
    [refusal] = server.says("onStatus", 0, None, error("NetStream.Publish.Denied"))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "publish-denied"


PUBLISH = {
    "key in use": ("NetStream.Publish.BadName", "stream-key-in-use-or-invalid"),
    "denied": ("NetStream.Publish.Denied", "publish-denied"),
    "unauthorised": ("NetStream.Publish.Unauthorized", "publish-denied"),
    "refused": ("NetStream.Publish.Rejected", "publish-rejected"),
    "anything else": ("NetStream.Failed", "publish-rejected"),
}


@pytest.mark.parametrize(("said", "code"), PUBLISH.values(), ids=PUBLISH)
def test_a_refused_stream_is_told_by_its_kind(said: str, code: str) -> None:
    server = Server().opened()
    refusal = refusal_of(server.says("onStatus", 0, None, error(said, "room-key: no")))
    assert (refusal.code, refusal.stage) == (code, "publish")
    assert refusal.reason.endswith("***: no")


def test_a_refused_stream_creation_is_told() -> None:
    server = Server().connected()
    refusal = refusal_of(server.says("_error", 4, None, error("NetConnection.Call.Failed", "busy")))
    assert (refusal.code, refusal.stage) == ("publish-rejected", "createStream")


LATE = {
    "an error": (("onStatus", 0, None, error("NetStream.Failed", "disk full")), "server-closed"),
    "thrown out": (("onStatus", 0, None, error("NetStream.Publish.Rejected")), "server-closed"),
    "key in use": (
        ("onStatus", 0, None, error("NetStream.Publish.BadName")),
        "stream-key-in-use-or-invalid",
    ),
    "denied after all": (
        ("onStatus", 0, None, error("NetStream.Publish.Denied")),
        "publish-denied",
    ),
    "unpublished": (
        ("onStatus", 0, None, {"level": "status", "code": "NetStream.Unpublish.Success"}),
        "server-closed",
    ),
    "close": (("close", 0, None), "server-closed"),
}


@pytest.mark.parametrize(("values", "code"), LATE.values(), ids=LATE)
def test_a_stream_that_the_server_ends_is_told(values: tuple[Encodable, ...], code: str) -> None:
    refusal = refusal_of(Server().live().says(*values))
    assert (refusal.code, refusal.stage) == (code, "live")


def test_a_close_without_a_word_means_something_else_at_every_stage() -> None:
    shaken = Server()
    shaken.shake_hands()
    servers = [Server(), shaken, Server().connected(), Server().opened(), Server().live()]
    assert [(e.code, e.stage) for e in (server.client.ended() for server in servers)] == [
        ("handshake-closed", "handshake"),
        ("rejected", "connect"),
        ("rejected", "createStream"),
        ("rejected", "publish"),
        ("server-closed", "live"),
    ]


def test_what_was_said_before_a_close_is_what_it_means() -> None:
    server = Server().opened()
    [refusal] = server.says("onStatus", 0, None, error("NetStream.Publish.Denied"))
    assert server.client.ended() is refusal


def test_silence_names_the_stage() -> None:
    refusal = Server().connected().client.overdue()
    assert (refusal.code, refusal.stage) == ("handshake-timeout", "createStream")
    assert "createStream" in refusal.reason


def test_nonsense_is_not_rtmp_while_connecting_and_a_broken_connection_later() -> None:
    connecting = Server().connected()
    assert refusal_of(connecting.client.receive(b"\xff" * 9)).code == "not-rtmp"
    assert refusal_of(Server().live().client.receive(b"\xff" * 9)).code == "connection-lost"


@pytest.mark.parametrize("stream", [0, -1, float("nan"), float("inf"), None, "1"])
def test_a_stream_without_a_proper_number_is_not_rtmp(stream: Encodable) -> None:
    assert refusal_of(Server().connected().says("_result", 4, None, stream)).code == "not-rtmp"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 99, None, "1"])
def test_answers_to_what_was_not_asked_are_ignored(number: Encodable) -> None:
    assert Server().connected().says("_error", number, None, error("NetStream.Failed")) == []


def test_a_servers_words_are_shown_short_and_without_secrets() -> None:
    words = (
        "Key ROOM-KEY?token=s3cr3t of ann:pa%20ss%2Fword\r\n\x1b[31m opaque=abc&salt=def "
        + "x" * 1000
    )
    reason = refusal_of(
        Server().opened().says("onStatus", 0, None, error("NetStream.Publish.Denied", words))
    ).reason
    assert "Key *** of ann:*** [31m opaque=***&salt=*** xxx" in reason
    assert len(reason) < 260
    assert "room-key" not in reason.lower()
