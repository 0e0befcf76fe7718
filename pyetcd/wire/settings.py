"""What one connection allows: sizes in bytes, times in seconds.  Defaults are those of an etcd 3.7 client port."""

from __future__ import annotations

from dataclasses import dataclass

UNLIMITED_STREAMS = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits a server gives each of its connections (wire contract §8.2)."""

    max_receive: int = 2 * 1024 * 1024
    """Largest request message; judged by its prefix, before the body arrives."""

    max_concurrent_streams: int = UNLIMITED_STREAMS
    """--max-concurrent-streams; advertised only when it is a limit, as gRPC-Go does."""

    stream_window: int = 1024 * 1024
    """Receive window of a stream (SETTINGS_INITIAL_WINDOW_SIZE)."""

    connection_window: int = 8 * 1024 * 1024
    """Receive window of the connection."""

    max_header_list: int = 64 * 1024
    """Largest decoded header list (sum of name + value + 32, RFC 9113 §10.5.1)."""

    max_held: int = 128 * 1024 * 1024
    """Bytes of requests and replies one connection may hold in memory for a client that does not read or does not
    finish its messages; new calls are refused above it, the connection ends above twice that."""

    ping_min_time: float = 5.0
    """--grpc-keepalive-min-time: a client that pings more often collects strikes."""

    ping_without_stream: bool = False

    ping_idle: float = 7200.0
    """--grpc-keepalive-interval: the server pings a connection that was silent so long."""

    ping_timeout: float = 20.0
    """--grpc-keepalive-timeout: and gives up when nothing came back in this time."""

    preface_timeout: float = 120.0
    """From the first byte to the client's SETTINGS frame (gRPC-Go's ConnectionTimeout)."""
