"""Request ids in the form of AWS's: unique, and cheap enough for the hottest path."""

import secrets


class RequestIds:
    """The ids of one process: a random part of 80 bits, and a counter."""

    def __init__(self) -> None:
        text = secrets.token_hex(10)
        self._prefix = f"{text[:8]}-{text[8:12]}-4{text[12:15]}-a{text[15:18]}-"
        self._prefix_bytes = self._prefix.encode()
        self._count = 0

    def next(self) -> str:
        """A new id, in the form of a UUID."""
        self._count += 1
        return f"{self._prefix}{self._count:012x}"

    def next_bytes(self) -> bytes:
        """A new id, as the bytes of a header."""
        self._count += 1
        return b"%s%012x" % (self._prefix_bytes, self._count)
