"""Which addresses are sound, and that what is shown of one holds no secret."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.urls import MAX_SHOWN, MAX_URL, check_stream_url, check_url, redact, scheme_of


@pytest.mark.parametrize(
    "url",
    [
        "rtmp://127.0.0.1/live/key",
        "rtmps://ingest.example.com:443/app/instance/key",
        "RTMP://[::1]:1935/live/key?sign=1-2",
        "rtmps://user:p@ss@host/live/key",
        "rtmp://host/live?token=a/key",
    ],
)
def test_an_address_with_host_application_and_key_is_sound(url: str) -> None:
    wanted = "has no application and stream key" if "?token" in url else None
    reason = check_stream_url(url)
    assert (reason or "").startswith(wanted or "")
    assert (reason is None) == (wanted is None)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "is empty"),
        ("http://host/app/key", "not an RTMP address"),
        ("sip:alice@example.com", "not an RTMP address"),
        ("/etc/passwd", "not an RTMP address"),
        ("rtmp:///live/key", "no host"),
        ("rtmp://:1935/live/key", "no host"),
        ("rtmp://user:pw@/live/key", "no host"),
        ("rtmp://user@host/live/key", "both user and password"),
        ("rtmp://host:0/live/key", "port"),
        ("rtmp://host:99999/live/key", "port"),
        ("rtmp://host:port/live/key", "host or port"),
        ("rtmp://ho%20st/live/key", "host or port"),
        ("rtmp://host", "no application"),
        ("rtmp://host/live", "no application"),
        ("rtmp://host/live/", "no application"),
        ("rtmp://host//key", "no application"),
        ("rtmp://host/live/key\r\nX: 1", "control characters"),
        ("rtmp://host/live/k y", "spaces"),
        ("rtmp://host/live/key#1", "#"),
        ("rtmp://host/live/" + "k" * 5000, f"longer than {MAX_URL}"),
    ],
)
def test_an_unsound_address_is_refused_with_the_reason(url: str, says: str) -> None:
    reason = check_stream_url(url)
    assert reason is not None
    assert says in reason


@pytest.mark.parametrize("query", ["?SECRET", "?SECRET=", "?SECRET==", "?a=1&SECRET", "?SECRET=x"])
def test_a_name_in_a_query_may_be_the_secret_itself(query: str) -> None:
    shown = redact(f"rtmp://host/live/key{query}")
    assert "SECRET" not in shown
    assert "key" not in shown


def test_media_is_read_with_the_allowed_schemes_only() -> None:
    schemes = frozenset({"rtsp", "https"})
    assert check_url("rtsp://user:pw@camera:554/1", schemes) is None
    assert check_url("https://host/live.m3u8?token=1", schemes) is None
    assert check_url("gopher://host/1", schemes) == "must begin with one of https://, rtsp://"
    assert check_url("rtsp:///1", schemes) == "has no host"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtmps://host:443/live/KEY", "rtmps://host:443/live/***"),
        ("rtmps://user:pw@host/live/KEY", "rtmps://***@host/live/***"),
        ("rtmps://user:p@w@host/live/KEY", "rtmps://***@host/live/***"),
        ("rtmps://user:p/w@host/live/KEY", "rtmps://***"),
        ("rtmp://host/live/KEY/", "rtmp://host/live/***"),
        ("rtmp://host/live/KEY?sign=1&exp=2&x", "rtmp://host/live/***?sign=***&exp=***&***"),
        ("rtmp://host/live?token=a/KEY", "rtmp://host/***?token=***"),
        ("rtsp://user:pw@camera/door?token=1", "rtsp://***@camera/***?token=***"),
        ("srt://host:9000?streamid=a&passphrase=b", "srt://host:9000?streamid=***&passphrase=***"),
        ("https://host/live.m3u8#KEY", "https://host/***#***"),
        ("https://host/hls/TOKEN/live.m3u8?a=b", "https://host/***?***"),
        ("https://user:12/w@host/live.m3u8", "https://***"),
        ("/srv/clips/a b.mp4", "/srv/clips/a b.mp4"),
        ("user:pw@host/live/KEY", "***"),
        ("", "***"),
    ],
)
def test_what_is_shown_of_an_address(url: str, shown: str) -> None:
    assert redact(url) == shown


SECRET = "s3cr3t"
anything = st.text(st.characters(exclude_characters="&;"), max_size=8)
secret = st.builds(lambda before, after: f"{before}{SECRET}{after}", anything, anything)


@settings(max_examples=60)
@given(
    scheme=st.sampled_from(["rtmp", "rtmps", "RTMPS"]),
    user=secret,
    password=secret,
    key=secret.filter(lambda key: "/" not in key and "@" not in key),
    value=secret,
)
def test_no_part_that_is_secret_is_ever_shown(
    scheme: str, user: str, password: str, key: str, value: str
) -> None:
    for url in (
        f"{scheme}://{user}:{password}@host.example:443/app/{key}?token={value}",
        f"{scheme}://host.example/app/{key}?token={value}",
        f"{scheme}://host.example/app/{key}",
    ):
        assert SECRET not in redact(url)


@settings(max_examples=60)
@given(st.text(max_size=400))
def test_any_text_at_all_can_be_judged_and_shown(text: str) -> None:
    check_stream_url(text)
    check_url(text, frozenset({"rtsp"}))
    scheme_of(text)
    assert len(redact(text)) <= MAX_SHOWN
    assert redact(text).isprintable()
