"""What may be published to, and what of a URL may be seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.urls import redact
from services.rtmp_egress.rtmp.url import BadUrl, Target, parse_target

GOOD = {
    "plain": (
        "rtmp://host/app/key",
        Target("rtmp", "host", 1935, "app", "key"),
    ),
    "tls": (
        "rtmps://a.example.com/live2/k-e_y",
        Target("rtmps", "a.example.com", 443, "live2", "k-e_y"),
    ),
    "port": ("rtmp://host:19350/app/key", Target("rtmp", "host", 19350, "app", "key")),
    "deep app": (
        "rtmp://h/app/_definst_/key",
        Target("rtmp", "h", 1935, "app/_definst_", "key"),
    ),
    "query with slashes": (
        "rtmps://h/rtmp/FB-1?s=a/b&t=c@d:e",
        Target("rtmps", "h", 443, "rtmp", "FB-1?s=a/b&t=c@d:e"),
    ),
    "credentials": (
        "rtmp://me:p%40ss%2Fw%C3%B6rd@h/app/key",
        Target("rtmp", "h", 1935, "app", "key", "me", "p@ss/wörd"),
    ),
    "an @ in the password": (
        "rtmp://me:p@ss@h/app/key",
        Target("rtmp", "h", 1935, "app", "key", "me", "p@ss"),
    ),
    "a colon in the password": (
        "rtmp://me:a:b@h/app/key",
        Target("rtmp", "h", 1935, "app", "key", "me", "a:b"),
    ),
    "IPv6": ("rtmp://[2001:DB8::1]:99/app/key", Target("rtmp", "2001:db8::1", 99, "app", "key")),
    "IPv4": ("rtmp://127.0.0.1/app/key", Target("rtmp", "127.0.0.1", 1935, "app", "key")),
    "capitals": ("RTMPS://HOST/App/Key", Target("rtmps", "host", 443, "App", "Key")),
    "not ASCII": (
        "rtmp://bücher.example/app/key",
        Target("rtmp", "xn--bcher-kva.example", 1935, "app", "key"),
    ),
}

BAD = {
    "empty": ("", "url", "empty"),
    "5,000 characters": ("rtmp://host/app/" + "k" * 4984, "url", "5000 characters"),
    "space": ("rtmp://host/app/a key", "url", "space"),
    "line break": ("rtmp://host/app/key\n", "url", "line break"),
    "control character": ("rtmp://host/app/key\x00", "url", "control"),
    "invisible": ("rtmp://host/app/k\u200bey", "url", "invisible"),
    "no scheme": ("host/app/key", "scheme", "must begin with"),
    "one slash": ("rtmp:/host/app/key", "scheme", "must begin with"),
    "another scheme": ("https://host/app/key", "scheme", "not https://"),
    "rtmpt": ("rtmpt://host/app/key", "scheme", "not rtmpt://"),
    "empty host": ("rtmp:///app/key", "host", "missing"),
    "only credentials": ("rtmp://me:secret@/app/key", "host", "missing"),
    "only a port": ("rtmp://:1935/app/key", "host", "missing"),
    "strange host": ("rtmp://ho$t/app/key", "host", "neither"),
    "dots": ("rtmp://a..b/app/key", "host", "neither"),
    "bad IPv4": ("rtmp://127.1/app/key", "host", "IPv4"),
    "address as a number": ("rtmp://0x7f000001/app/key", "host", "IPv4"),
    "bare IPv6": ("rtmp://::1/app/key", "host", "missing"),
    "bare long IPv6": ("rtmp://2001:db8::1/app/key", "host", "brackets"),
    "open bracket": ("rtmp://[::1/app/key", "host", "IPv6"),
    "not IPv6": ("rtmp://[host]/app/key", "host", "IPv6"),
    "zone": ("rtmp://[fe80::1%25eth0]/app/key", "host", "zone"),
    "port 0": ("rtmp://host:0/app/key", "port", "65535"),
    "port too large": ("rtmp://host:65536/app/key", "port", "65535"),
    "no port": ("rtmp://host:/app/key", "port", "65535"),
    "port not ASCII": ("rtmp://host:\u0661/app/key", "port", "65535"),
    "no path": ("rtmp://host", "app", "missing"),
    "no app": ("rtmp://host//key", "app", "missing"),
    "no key": ("rtmp://host/app", "key", "missing"),
    "empty key": ("rtmp://host/app/", "key", "missing"),
    "only a query for a key": ("rtmp://host/app/?a=b", "key", "missing"),
    "password without user": ("rtmp://:secret@host/app/key", "user", "no user name"),
    "not UTF-8": ("rtmp://me:%ff@host/app/key", "user", "UTF-8"),
    "hidden line break": ("rtmp://me:a%0ab@host/app/key", "user", "control"),
    "slash in the password": ("rtmp://me:12/34@host/app/key", "app", "%2F"),
}


@pytest.mark.parametrize(("url", "target"), GOOD.values(), ids=GOOD)
def test_a_good_url_is_read(url: str, target: Target) -> None:
    assert parse_target(url) == target


@pytest.mark.parametrize(("url", "field", "word"), BAD.values(), ids=BAD)
def test_a_bad_url_is_refused_and_the_reason_names_what_is_wrong(
    url: str, field: str, word: str
) -> None:
    bad = parse_target(url)
    assert isinstance(bad, BadUrl)
    assert (bad.code, bad.field) == ("bad-url", field)
    assert word in bad.reason
    assert "secret" not in bad.reason


def test_the_address_told_to_the_server_leaves_out_what_is_secret_and_what_is_usual() -> None:
    for url, told in {
        "rtmp://me:pass@h/a/b/key?t=1": "rtmp://h/a/b",
        "rtmps://h:443/a/key": "rtmps://h/a",
        "rtmps://[::1]:1935/a/key": "rtmps://[::1]:1935/a",
    }.items():
        target = parse_target(url)
        assert isinstance(target, Target)
        assert target.tc_url == told


def test_a_target_does_not_print_its_secrets() -> None:
    target = parse_target("rtmp://someuser:somepass@host/app/somekey?token=sometoken")
    for shown in (repr(target), str(target), f"{[target]}"):
        assert "some" not in shown


@given(st.text() | st.text(alphabet="rtmps:/@[]?%.0123456789aö\x00 ").map("rtmp://".__add__))
def test_any_text_is_answered(text: str) -> None:
    assert isinstance(parse_target(text), Target | BadUrl)
    assert isinstance(redact(text), str)


REDACTED = {
    "rtmp://host/app/key": "rtmp://host/app/***",
    "rtmps://host:443/app/sub/key": "rtmps://host:443/app/sub/***",
    "rtmps://user:pass@host/app/key": "rtmps://***@host/app/***",
    "rtmp://user:p@ss@host/app/key": "rtmp://***@host/app/***",
    "rtmp://user:pa/ss@host/app/key": "rtmp://***",
    "rtmp://user:pa?ss@host/app/key": "rtmp://***",
    "rtmp://host/app/key/": "rtmp://host/app/***",
    "rtmp://[::1]:1935/app/key": "rtmp://[::1]:1935/app/***",
    "srt://host:9000?streamid=a&passphrase=b": "srt://host:9000?streamid=***&passphrase=***",
    "https://host/cam.m3u8?c2VjcmV0==&x": "https://host/***?***&***",
    "rtsp://cam:pw@10.0.0.9:554/": "rtsp://***@10.0.0.9:554/",
    "http://host/a#b": "http://host/***#***",
    "file:///home/me/clip.mp4": "file:///home/me/clip.mp4",
    "rtmp://host:notaport/app/key": "rtmp://***",
    "somekey": "***",
    "user:pass@host/app/key": "***",
    "": "***",
}


@pytest.mark.parametrize(("url", "shown"), REDACTED.items(), ids=REDACTED)
def test_a_redacted_url_shows_where_and_no_secret(url: str, shown: str) -> None:
    assert redact(url) == shown


SECRET = st.text(alphabet="QXZ%:@/?#&=[]! ", max_size=12).map(lambda text: f"QX{text}ZQ")


@given(
    user=SECRET, password=SECRET, key=SECRET, value=SECRET, scheme=st.sampled_from(("rtmp", "srt"))
)
def test_no_redacted_url_holds_a_secret_however_badly_it_was_quoted(
    user: str, password: str, key: str, value: str, scheme: str
) -> None:
    # Keys with a slash or a question mark are not keys: what stands before it is a path.
    key = key.replace("/", "-").replace("?", "-").replace("#", "-")
    shown = redact(f"{scheme}://{user}:{password}@host/app/{key}?token={value}")
    assert not set(shown) & set("QXZ")
