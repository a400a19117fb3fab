import pytest

from moorage.outgoing.errors import RefusedUrlError
from moorage.outgoing.target import Target


def test_a_url_is_read_into_the_parts_that_are_used() -> None:
    assert Target.parse("https://Example.com") == Target("https", "example.com", 443, "/")
    assert Target.parse("https://example.com:8443/a/b?c=d#e") == Target("https", "example.com", 8443, "/a/b?c=d")
    assert Target.parse("http://[::1]:80/") == Target("http", "::1", 80, "/")
    assert Target.parse("http://[::1]:8080/x").url == "http://[::1]:8080/x"


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "//example.com", "ftp://example.com", "file:///etc/passwd", "gopher://example.com", "https://"),
        *("https://user@example.com/", "https://user:secret@example.com/", "https://@example.com/", "https://a@b@c/"),
        *(
            "https://example.com:0/",
            "https://example.com:99999/",
            "https://example.com:x/",
            "https://[::1/",
            "https://exa mple/",
        ),
        *("https://example.com/a b", "https://example.com/\r\nHost: evil", "https://example.com\t", "https://exämple.com/"),
        *("https://example.com\\@127.0.0.1/", "https://-a/", "https://example.com%00.evil/", "https://[fe80::1%25lo]/"),
        "https://example.com/" + "x" * 2048,
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(RefusedUrlError):
        Target.parse(url)


def test_a_redirect_is_read_like_any_url() -> None:
    start = Target.parse("https://example.com/a/b")
    assert start.redirected("/c").url == "https://example.com/c"
    assert start.redirected("c").url == "https://example.com/a/c"
    assert start.redirected("//other.example/d") == Target("https", "other.example", 443, "/d")
    for location in ("file:///etc/passwd", "https://user@example.com", "http://[", "https://exämple/"):
        with pytest.raises(RefusedUrlError):
            start.redirected(location)
