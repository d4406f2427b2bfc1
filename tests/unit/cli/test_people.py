"""What commands about participants send is what the gateway takes."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typer.testing import CliRunner

from cli.main import app
from proto.media import PictureOptions, picture_options
from services.gateway.core.requests import DialRequest, read

URL = "rtmp://host/live/KEY"


class Gateway:
    """Keeps the body of what it was sent."""

    def __init__(self) -> None:
        self.body = b""
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                gateway.body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = b'{"status": "success", "data": {"participant_id": "p1"}}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Nothing on stderr."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    one = Gateway()
    thread = threading.Thread(target=one.server.serve_forever, args=(0.01,))
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


def dialled(gateway: Gateway, *options: str) -> DialRequest:
    result = CliRunner().invoke(app, ["--url", gateway.url, "dial", "town-hall", URL, *options])
    assert (result.exit_code, result.output) == (0, "p1\n")
    found = read(gateway.body, DialRequest)
    assert isinstance(found, DialRequest)
    return found


def test_who_asks_for_nothing_gets_the_conferences_picture(gateway: Gateway) -> None:
    found = dialled(gateway)

    assert (found.destination, found.presentation_url) == (URL, "")
    assert picture_options(found) == PictureOptions()


def test_every_picture_option_is_sent(gateway: Gateway) -> None:
    options = "--content main --no-inset --layout 3x3 --quality sd --fps 60 --kbps 900"
    found = dialled(gateway, *options.split(), "--presentation", URL + "2")

    assert picture_options(found) == PictureOptions("main", False, "9:0", "sd", 60, 900)
    assert found.presentation_url == URL + "2"
