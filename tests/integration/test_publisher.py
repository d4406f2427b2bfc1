"""The publisher against real servers: nginx-rtmp, and one that misbehaves on purpose."""

import asyncio
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from urllib.parse import quote

import pytest

from cli.ingest import Ingest, TlsFiles
from services.rtmp_egress.media.publisher import Deadlines, Publisher, PushError, TlsOptions
from services.rtmp_egress.media.sockets import (
    STAGGER,
    interleaved,
    is_public,
    open_socket,
    race,
)
from services.rtmp_egress.rtmp.codecs import Codec
from tests.support.canary import PASSWORD, WATCH, Watch, canary
from tests.support.certs import Certificates, make_certificates
from tests.support.challenge import USER
from tests.support.faulty_rtmp import FaultyServer, faulty_server
from tests.support.nats import free_port
from tests.support.nginx import nginx
from tests.support.pyrtmp_server import pyrtmp_server
from tests.support.tags import Tag, assert_complete, make_tags, publish, target

KEY, TOKEN = canary("room-key"), canary("t0ken")
USERINFO = f"{USER}:{quote(PASSWORD, safe='')}@"

HASTY = Deadlines(connect=0.5, setup=0.6, write=0.5, close=0.5, trial=0.3)
"""For servers that are meant to be too slow."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[Ingest]:
    with nginx(tmp_path_factory.mktemp("nginx"), certificates) as running:
        yield running


@pytest.fixture(scope="module")
def tags() -> list[Tag]:
    return make_tags()


def trusting(certificates: Certificates) -> TlsOptions:
    return TlsOptions(ca_file=str(certificates.ca))


async def failure(
    publisher: Publisher, media: tuple[int, int] = (1000, 2000), pace: float = 0
) -> PushError:
    """Publish so many messages of so many bytes, until that fails; holds no secret."""
    with pytest.raises(PushError) as caught:
        await _push(publisher, *media, pace)
    error = caught.value
    watch = Watch(*WATCH.needles)
    for text in (error.reason, str(error), repr(error), repr(publisher)):
        watch.look("exception", error.code, text)
    watch.check()
    assert error.__suppress_context__ or error.__context__ is None, "a trace would show more"
    return error


async def _push(publisher: Publisher, count: int, size: int, pace: float) -> None:
    try:
        await publisher.connect()
        await _send(publisher, count, size, pace)
    finally:
        await publisher.close()


async def _send(publisher: Publisher, count: int, size: int, pace: float) -> None:
    for n in range(count):
        await publisher.send(9, n * 10, b"\x17\x01\0\0\0" + bytes(size))
        await asyncio.sleep(pace)


@pytest.mark.nginx
@pytest.mark.parametrize("scheme", ["rtmp", "rtmps"])
async def test_what_is_published_is_what_nginx_records(
    scheme: str, server: Ingest, certificates: Certificates, tags: list[Tag]
) -> None:
    url = server.url(scheme) if scheme == "rtmp" else server.tls_url(scheme)
    publisher = Publisher(target(f"{url}?token=x"), tls=trusting(certificates))
    await publish(publisher, tags)

    assert publisher.tls_version in (("",) if scheme == "rtmp" else ("TLSv1.2", "TLSv1.3"))
    assert publisher.bytes_out > sum(len(body) for _, _, body in tags)
    [recording] = server.recorded(scheme)
    await until_complete(recording)


@pytest.mark.nginx
async def test_a_key_in_use_is_told(server: Ingest, tags: list[Tag]) -> None:
    first = Publisher(target(server.url(KEY)))
    await first.connect()
    error = await failure(Publisher(target(server.url(KEY))))
    await first.close()
    assert error.code == "stream-key-in-use-or-invalid"


@pytest.mark.nginx
async def test_an_unknown_app_is_a_close_without_a_word(server: Ingest) -> None:
    url = f"rtmp://{USERINFO}127.0.0.1:{server.port}/nothing/{KEY}?token={TOKEN}"
    error = await failure(Publisher(target(url)))
    assert (error.code, error.stage) == ("rejected", "connect")


FAULTS = {
    "garbage": ("not-rtmp", "handshake", "not an RTMP server"),
    "gibberish": ("not-rtmp", "connect", "not RTMP"),
    "mute-at-handshake": ("handshake-timeout", "handshake", "handshake"),
    "mute-at-connect": ("handshake-timeout", "connect", "connect"),
    "mute-at-createStream": ("handshake-timeout", "createStream", "createStream"),
    "mute-at-publish": ("handshake-timeout", "publish", "publish"),
    "mute-at-live": ("stalled", "live", "0.5 s"),
    "close-at-handshake": ("handshake-closed", "handshake", "closed"),
    "close-at-connect": ("rejected", "connect", "without a reason"),
    "close-at-createStream": ("rejected", "createStream", "without a reason"),
    "close-at-publish": ("rejected", "publish", "without a reason"),
    "close-at-live": ("refused-after-start", "live", "permitted"),
    "refuse-connect": ("connect-rejected", "connect", "come back tomorrow"),
    "unknown-app": ("unknown-app", "connect", "no such application"),
    "need-adobe": ("auth-failed", "connect", "again and again"),
    "auth-failed": ("auth-failed", "connect", "wrong"),
    "refuse-bad-name": ("stream-key-in-use-or-invalid", "publish", "*** is already being"),
    "refuse-denied": ("publish-denied", "publish", "*** may not publish"),
    "refuse-otherwise": ("publish-rejected", "publish", "disk full"),
    "kick": ("server-closed", "live", "thrown out"),
    "stop-reading": ("stalled", "live", "took nothing"),
}


@pytest.mark.parametrize(("fault", "expected"), FAULTS.items(), ids=FAULTS)
async def test_every_fault_has_its_reason(fault: str, expected: tuple[str, str, str]) -> None:
    async with faulty_server(fault) as server:
        error = await failure(Publisher(target(_secretive(server)), deadlines=HASTY))
    code, stage, words = expected
    assert (error.code, error.stage) == (code, stage)
    assert words in error.reason


def _secretive(server: FaultyServer, scheme: str = "rtmp") -> str:
    return server.url(f"live/{KEY}?token={TOKEN}", scheme, USERINFO)


@pytest.mark.parametrize(
    ("fault", "code"), [("close-later", "server-closed"), ("reset", "connection-lost")]
)
async def test_an_end_long_after_the_start_is_not_a_refusal(fault: str, code: str) -> None:
    patient = Deadlines(trial=0)
    async with faulty_server(fault) as server:
        error = await failure(
            Publisher(target(_secretive(server)), deadlines=patient), (500, 1000), pace=0.01
        )
    assert (error.code, error.stage) == (code, "live")


@pytest.mark.parametrize("method", ["adobe", "llnw"])
async def test_a_password_is_proved_and_a_wrong_one_is_told(method: str, tags: list[Tag]) -> None:
    async with faulty_server(method) as server:
        await publish(Publisher(target(_secretive(server))), tags)
        for wrong in (f"{USER}:{canary('guess')}@", f"bob:{quote(PASSWORD, safe='')}@"):
            url = server.url(f"live/{KEY}", "rtmp", wrong)
            assert (await failure(Publisher(target(url)))).code == "auth-failed"
        unnamed = await failure(Publisher(target(server.url(f"live/{KEY}"))))
    assert unnamed.code == "auth-required"


async def test_a_server_that_sends_us_elsewhere_is_followed(tags: list[Tag]) -> None:
    async with faulty_server("ok") as there:
        elsewhere = f"rtmp://127.0.0.1:{there.port}/live"
        async with faulty_server("redirect", elsewhere=elsewhere) as server:
            await publish(Publisher(target(_secretive(server))), tags)
        assert "publish" in await there.heard("deleteStream")


async def test_but_not_round_in_circles() -> None:
    port = free_port()
    async with faulty_server("redirect", elsewhere=f"rtmp://127.0.0.1:{port}/live", port=port) as s:
        error = await failure(Publisher(target(_secretive(s))))
    assert error.code == "connect-rejected"
    assert "one place to another" in error.reason


async def test_it_is_known_which_codec_a_server_takes(
    tags: list[Tag],
) -> None:
    async with faulty_server("hevc") as server:
        one = Publisher(target(_secretive(server)), codec=Codec("HEVC", "hvc1"))
        await publish(one, tags)
        other = Publisher(target(_secretive(server)), codec=Codec("AV1", "av01"))
        await publish(other, tags)
    assert (one.takes_codec, other.takes_codec) == (True, False)


async def test_a_certificate_is_not_looked_at_where_that_is_wished(
    certificates: Certificates, tags: list[Tag]
) -> None:
    async with faulty_server("ok", certificates.expired) as server:
        careless = TlsOptions(verify=False)
        publisher = Publisher(target(_secretive(server, "rtmps")), tls=careless)
        await publish(publisher, tags)
    assert publisher.tls_version == "TLSv1.3"


async def test_a_destination_may_have_an_authority_of_its_own(
    certificates: Certificates, tags: list[Tag]
) -> None:
    async with faulty_server("ok", certificates.good) as server:
        own = TlsOptions(own_file=str(certificates.ca))
        await publish(Publisher(target(_secretive(server, "rtmps")), tls=own), tags)


async def test_a_server_of_other_people_records_all_that_is_published(
    tmp_path: Path, tags: list[Tag]
) -> None:
    """PyRTMP; nginx is above, and libav's listener in `test_ingest`."""
    recording = tmp_path / "recording.flv"
    async with pyrtmp_server(recording) as url:
        await publish(Publisher(target(url)), tags)
        await until_complete(recording)


async def until_complete(recording: Path) -> None:
    """The last pictures are written a moment after the publisher has left."""
    async with asyncio.timeout(5):
        while True:
            try:
                return assert_complete(recording)
            except AssertionError:
                await asyncio.sleep(0.05)


async def test_an_address_that_does_not_answer_is_overtaken_by_the_next() -> None:
    """RFC 8305: the second is tried beside the first, long before that is given up."""
    with silent_port() as silent, socket.socket() as good:
        good.bind(("127.0.0.1", 0))
        good.listen()
        addresses = [(socket.AF_INET, sock.getsockname()) for sock in (silent, good)]
        begun = time.monotonic()
        async with asyncio.timeout(5):
            sock = await race(addresses, silence=8)
        took = time.monotonic() - begun
        with sock:
            assert sock.getpeername() == good.getsockname()
    assert STAGGER <= took < 3


async def test_a_family_that_this_machine_does_not_speak_is_passed_over() -> None:
    with socket.socket() as good:
        good.bind(("127.0.0.1", 0))
        good.listen()
        strange = (cast(socket.AddressFamily, 999), ("somewhere", 1935))
        with await race([strange, (socket.AF_INET, good.getsockname())], silence=8) as sock:
            assert sock.getpeername() == good.getsockname()
    with pytest.raises(OSError, match="not supported"):
        await race([strange], silence=8)


def test_addresses_are_tried_family_by_family_by_turns() -> None:
    six = [(socket.AF_INET6, (f"2001:db8::{n}", 1935, 0, 0)) for n in range(3)]
    four = [(socket.AF_INET, ("192.0.2.1", 1935))]
    assert interleaved([*six, *four]) == [six[0], four[0], six[1], six[2]]
    assert interleaved([*four, *six]) == [four[0], six[0], six[1], six[2]]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
        ("224.0.0.1", False),
    ],
)
def test_what_is_public_and_what_is_somebodys_own_network(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_a_redirection_into_our_own_network_is_not_followed() -> None:
    """From a server on the internet, which there is none of here: judged by its last step."""
    with socket.socket() as inside:
        inside.bind(("127.0.0.1", 0))
        inside.listen()
        url = f"rtmp://127.0.0.1:{inside.getsockname()[1]}/live/{KEY}"
        with pytest.raises(PushError) as caught:
            await open_socket(target(url), deadline=1, silence=1, clock=time.monotonic, public=True)
    assert caught.value.code == "forbidden-address"


async def test_a_challenge_without_credentials_asks_for_them() -> None:
    async with faulty_server("need-adobe") as server:
        error = await failure(Publisher(target(server.url(f"live/{KEY}"))))
    assert error.code == "auth-required"


async def test_a_refusal_is_heard_though_a_write_fails_before_it_was_read() -> None:
    async with faulty_server("kick") as server:
        publisher = Publisher(target(_secretive(server)))
        await publisher.connect()
        # No turn for the event loop from here on: the server's words wait in the socket.
        await publisher.send(9, 0, bytes(30_000))
        assert publisher._wire is not None
        ended = select.poll()
        ended.register(publisher._wire._sock, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        assert ended.poll(5000), "the server has closed"
        with pytest.raises(PushError) as caught:
            await _send(publisher, 100, 1000, pace=0)
        await publisher.close()
    assert caught.value.code == "server-closed"
    assert "thrown out" in caught.value.reason


async def test_a_server_with_tiny_chunks_and_an_odd_stream_number_is_served(
    tags: list[Tag],
) -> None:
    for fault in ("tiny-chunks", "odd-stream", "amf3", "never-pong", "ok"):
        async with faulty_server(fault) as server:
            await publish(Publisher(target(_secretive(server))), tags)
            assert await server.heard("deleteStream") == [
                "connect",
                "releaseStream",
                "FCPublish",
                "createStream",
                "publish",
                "FCUnpublish",
                "deleteStream",
            ]


@pytest.mark.parametrize("secure", [False, True], ids=["rtmp", "rtmps"])
async def test_a_goodbye_takes_bounded_time(secure: bool, certificates: Certificates) -> None:
    async with faulty_server("stop-reading", certificates.good if secure else None) as server:
        url = _secretive(server, "rtmps" if secure else "rtmp")
        publisher = Publisher(target(url), tls=trusting(certificates), deadlines=HASTY)
        await publisher.connect()
        await publisher.send(9, 0, bytes(100_000))
        begun = time.monotonic()
        await publisher.close()
        assert time.monotonic() - begun < HASTY.close + 0.5
        await publisher.close()


async def test_sending_after_the_end_tells_the_reason_again() -> None:
    async with faulty_server("close-at-live") as server:
        publisher = Publisher(target(_secretive(server)))
        error = await failure(publisher)
        with pytest.raises(PushError) as again:
            await publisher.send(8, 0, b"x")
        assert again.value.refusal == error.refusal


CERTIFICATES = {
    "wrong host": ("wrong_host", "another host than localhost"),
    "expired": ("expired", "has expired"),
    "unknown issuer": ("unknown", "issuer is unknown"),
}


@pytest.mark.parametrize(("name", "words"), CERTIFICATES.values(), ids=CERTIFICATES)
async def test_a_bad_certificate_is_refused_with_a_reason_that_says_which(
    name: str, words: str, certificates: Certificates
) -> None:
    files = getattr(certificates, name)
    assert isinstance(files, TlsFiles)
    async with faulty_server("ok", files) as server:
        url = _secretive(server, "rtmps")
        error = await failure(Publisher(target(url), tls=trusting(certificates)))
    assert (error.code, error.stage) == ("tls-certificate", "tls")
    assert words in error.reason


async def test_a_good_certificate_is_taken_for_a_name_and_an_address(
    certificates: Certificates, tags: list[Tag]
) -> None:
    async with faulty_server("ok", certificates.good) as server:
        for host in ("localhost", "127.0.0.1"):
            url = f"rtmps://{host}:{server.port}/live/{KEY}"
            publisher = Publisher(target(url), tls=trusting(certificates))
            await publish(publisher, tags)
            assert publisher.tls_version == "TLSv1.3"


async def test_a_private_authority_is_not_trusted_unless_told(certificates: Certificates) -> None:
    async with faulty_server("ok", certificates.good) as server:
        error = await failure(Publisher(target(_secretive(server, "rtmps"))))
    assert error.code == "tls-certificate"
    assert "issuer is unknown" in error.reason


async def test_an_unreadable_authority_file_is_told(tmp_path: Path) -> None:
    async with faulty_server("ok") as server:
        for path in (tmp_path / "missing.pem", tmp_path):
            error = await failure(
                Publisher(target(_secretive(server, "rtmps")), tls=TlsOptions(str(path)))
            )
            assert (error.code, error.stage) == ("tls-authority", "tls")
            assert "authorities" in error.reason


async def test_the_wrong_scheme_for_a_port_is_told(certificates: Certificates) -> None:
    async with faulty_server("garbage") as server:
        error = await failure(Publisher(target(_secretive(server, "rtmps"))))
        assert (error.code, error.stage) == ("tls", "tls")
        assert "does not speak TLS" in error.reason
    async with faulty_server("ok") as server:
        error = await failure(Publisher(target(_secretive(server, "rtmps"))))
        assert (error.code, error.stage) == ("tls", "tls")
    async with faulty_server("mute-at-handshake") as server:
        error = await failure(Publisher(target(_secretive(server, "rtmps")), deadlines=HASTY))
        assert (error.code, error.stage) == ("handshake-timeout", "tls")
    async with faulty_server("ok", certificates.good) as server:
        error = await failure(Publisher(target(_secretive(server))))
        assert (error.stage, error.code) in (
            ("handshake", "not-rtmp"),
            ("handshake", "handshake-closed"),
        ), "some TLS servers say so, some just close"


async def test_a_host_that_does_not_exist_is_told() -> None:
    error = await failure(Publisher(target(f"rtmp://nowhere.invalid/live/{KEY}"), deadlines=HASTY))
    assert (error.code, error.stage) == ("dns", "dns")


async def test_a_closed_port_is_told() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # and does not listen
        error = await failure(
            Publisher(target(f"rtmp://localhost:{sock.getsockname()[1]}/live/{KEY}"))
        )
    assert (error.code, error.stage) == ("connect-refused", "tcp")


@contextmanager
def silent_port() -> Iterator[socket.socket]:
    """Somewhere that connections to are neither taken nor refused."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            # Linux drops connections silently once one more than the backlog waits.
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield full


async def test_a_host_that_does_not_answer_is_told() -> None:
    with silent_port() as full:
        port = full.getsockname()[1]
        begun = time.monotonic()
        error = await failure(
            Publisher(target(f"rtmp://127.0.0.1:{port}/live/{KEY}"), deadlines=HASTY)
        )
    assert (error.code, error.stage) == ("connect-timeout", "tcp")
    assert time.monotonic() - begun < HASTY.connect + 0.5


async def test_an_address_where_nothing_listens_is_passed_over(tags: list[Tag]) -> None:
    """`localhost` resolves to ::1 first on many machines; our server is on 127.0.0.1 alone."""
    async with faulty_server("ok") as server:
        await publish(Publisher(target(_secretive(server)), deadlines=HASTY), tags)


async def test_a_connection_is_tuned_for_live_media() -> None:
    async with faulty_server("ok") as server:
        publisher = Publisher(target(_secretive(server)))
        await publisher.connect()
        assert publisher._wire is not None
        sock = publisher._wire._sock
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 8000
        # Linux doubles what it is asked for, to make room for its own book-keeping.
        [buffer] = struct.unpack("i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4))
        assert buffer <= 2 * 256 * 1024
        await publisher.close()
