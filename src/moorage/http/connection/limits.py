"""Every bound and every time limit of a connection, in one value, so that tests can use small ones."""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. The defaults suit a registry behind no other server."""

    head_bytes: int = 32 * KIB
    """A longer request head is answered 431."""
    head_fields: int = 100
    """More header lines are answered 431."""
    target_bytes: int = 16 * KIB
    """A longer request target is answered 414."""
    head_seconds: float = 30.0
    """From the first byte of a head to its last; afterwards 408."""
    first_request_seconds: float = 10.0
    """How soon the first request's head must have arrived; a connection that brought nothing is then closed."""
    keep_alive_seconds: float = 75.0
    """How long a connection may stay without a further request."""
    connections: int = 8192
    """Connections at the same time; for one more, the one that has waited longest for a request is closed."""

    body_idle_seconds: float = 60.0
    """How long the server waits for the next byte of a body; afterwards 408, or a close when an answer has begun."""
    body_rate: float = 1.0 * KIB
    """The least bytes per second, averaged over the time spent waiting for the client..."""
    body_rate_after: float = 60.0
    """...and asked for only after so many seconds of waiting."""
    body_held_bytes: int = 64 * KIB
    """Unread body bytes kept in memory before the connection stops reading."""
    discard_bytes: int = 64 * KIB
    """An unread rest of at most this length is read and dropped, so that the connection can live on."""
    discard_seconds: float = 2.0
    """How soon that rest must have arrived."""

    write_stall_seconds: float = 60.0
    """How long a response may make no progress before the connection is aborted."""
    write_rate: float = 1.0 * KIB
    """The least bytes per second that a client must take while a response waits for it..."""
    write_rate_over: float = 60.0
    """...averaged over each so many seconds of waiting; afterwards the connection is aborted."""
    linger_seconds: float = 2.0
    """How long a refused client may go on sending, so that it finds the time to read the answer."""
    linger_bytes: int = 8 * MIB
    """How much of that is read and dropped; then the connection only waits."""
    pipelined_bytes: int = 64 * KIB
    """Bytes of following requests kept while one is being answered."""

    upload_threads: int = 32
    """Bodies received by threads at the same time; further ones wait in turn."""
    upload_buffer: int = 1 * MIB
    """What one thread receives before it calls the sink."""
    upload_silence: float = 0.1
    """How long a thread waits for a slow socket before it gives the connection back to the loop."""
    upload_gather: float = 0.02
    """How long the loop lets the bytes of a slow upload gather before it asks for a thread again."""
    upload_turn: float = 0.25
    """How long a fast upload may keep its thread while others wait for one."""
    upload_gathered: int = 256 * KIB
    """Over TLS: the bytes gathered before a thread takes them."""

    slice_bytes: int = 128 * KIB
    """What one connection sends from a file before the others have their turn."""
    small_file: int = 64 * KIB
    """A file range of at most this length is written together with the head."""

    @property
    def tick(self) -> float:
        """How often the time limits are looked at."""
        shortest = min(
            self.head_seconds,
            self.first_request_seconds,
            self.keep_alive_seconds,
            self.body_idle_seconds,
            self.body_rate_after,
            self.discard_seconds,
            self.write_stall_seconds,
            self.write_rate_over,
            self.linger_seconds,
        )
        return max(0.02, min(1.0, shortest / 4))
