"""What may answer a request before it is even parsed."""

from collections.abc import Callable
from typing import Protocol

METHODS = (b"GET ", b"HEAD ")
"""Only these are ever offered to a hot responder."""

Respond = Callable[[bytes], bytes | None]
"""The complete response (status line to last body byte) to a head, or None to have it parsed.

Called on the event loop for every GET and HEAD, so it must cost no more than a look-up. It must not raise. The connection
stays open afterwards, so the response must be delimited and must not say otherwise.
"""


class HotResponder(Protocol):
    """Knows whole answers to whole request heads.

    The application teaches it: a request that may be answered so carries its raw head in
    `scope["extensions"]["moorage.hot"]["head"]`. The key must be that head, byte for byte: it holds the credentials.
    """

    def for_client(self, address: str) -> Respond:
        """What answers the heads that come from one client's address; asked once for each connection."""
        ...
