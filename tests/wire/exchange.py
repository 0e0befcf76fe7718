"""One gRPC request, described by hand, against a TCP server or an in-memory Connection; and what came back as text."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import hpack

from pyetcd.wire import frames as f
from tests.wire.peer import parse_frames

RANGE = b"/etcdserverpb.KV/Range"
SNAPSHOT = b"/etcdserverpb.Maintenance/Snapshot"
WATCH = b"/etcdserverpb.Watch/Watch"


class Request(NamedTuple):
    """``data`` is cut into one DATA frame; ``end``: "headers", "data", "later" (an empty frame) or "never"."""

    name: str
    path: bytes = RANGE
    data: bytes = b"\0\0\0\0\0"
    end: str = "data"
    more: tuple[tuple[bytes, bytes], ...] = ()
    method: bytes = b"POST"
    content_type: bytes | None = b"application/grpc"


def client_bytes(request: Request) -> bytes:
    fields = [(b":method", request.method), (b":scheme", b"http"), (b":path", request.path), (b":authority", b"x")]
    if request.content_type is not None:
        fields.append((b"content-type", request.content_type))
    fields += [(b"te", b"trailers"), *request.more]
    sent = f.PREFACE + f.settings_frame({})
    sent += f.header_frames(1, hpack.Encoder().encode(fields), request.end == "headers")
    if request.end == "headers":
        return sent
    if request.data or request.end == "data":
        sent += f.frame(f.DATA, f.END_STREAM if request.end == "data" else 0, 1, request.data)
    return sent + (f.frame(f.DATA, f.END_STREAM, 1) if request.end == "later" else b"")


def described(frames: list[tuple[int, int, int, bytes]]) -> list[str]:
    """What the server said on stream 1, one line per frame; DATA as its length only when it is long."""
    decoder = hpack.Decoder()
    lines: list[str] = []
    for kind, flags, stream, payload in frames:
        end = " END_STREAM" if flags & f.END_STREAM else ""
        if kind == f.HEADERS:
            fields = decoder.decode(payload, raw=True)
            if stream == 1:
                shown = ", ".join(f"{n.decode()}: {v.decode('latin-1')}" for n, v in fields)  # type: ignore[union-attr]
                lines.append(f"HEADERS{end} {shown}")
        elif kind == f.DATA and stream == 1:
            lines.append(f"DATA{end}")
        elif kind == f.RST_STREAM and stream == 1:
            lines.append(f"RST_STREAM {f.ErrorCode(f.U32.unpack(payload)[0]).name}")
        elif kind == f.GOAWAY:
            lines.append(f"GOAWAY {f.ErrorCode(f.U32.unpack_from(payload, 4)[0]).name}")
    return [line for index, line in enumerate(lines) if index == 0 or line != lines[index - 1]]


def over_tcp(port: int, request: Request, patience: float = 0.7) -> list[str]:
    """The answer of a server; silence for ``patience`` seconds ends the waiting."""
    received = b""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(client_bytes(request))
        connection.settimeout(patience)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                data = connection.recv(65536)
            except TimeoutError:
                break
            if not data:
                break
            received += data
    whole = received[: _whole(received)]
    return described(parse_frames(whole))


def _whole(data: bytes) -> int:
    """Where the last whole frame ends."""
    position = 0
    while position + 9 <= len(data):
        end = position + 9 + (f.FRAME.unpack_from(data, position)[0] >> 8)
        if end > len(data):
            break
        position = end
    return position


def in_memory(connect: Callable[[], Any], request: Request) -> list[str]:
    """The answer of a Connection; after it fell silent half a second passes on its clock."""
    connection = connect()
    connection.receive(client_bytes(request), 0.0)
    said = b""
    for now in (0.0, 0.7):
        connection.tick(now)
        while connection.pending_output:
            data = connection.take()
            said += data if isinstance(data, bytes) else b"".join(data)
    return described(parse_frames(said))
