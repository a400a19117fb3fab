"""Policies' texts as IAM's answers show them."""

from urllib.parse import quote


def encoded(text: str) -> str:
    """The text percent-encoded by RFC 3986, as IAM answers every document; a space is `%20`."""
    return quote(text, safe="")
