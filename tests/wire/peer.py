"""The client's end in memory: a router of small handlers, raw frames, and the h2 package as an honest peer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings
import hpack

from pyetcd.wire import frames as f
from pyetcd.wire.call import Call, Kind, Metadata, Method
from pyetcd.wire.connection import Connection
from pyetcd.wire.settings import Settings

UNARY = b"/test.Service/Unary"
WAIT = b"/test.Service/Wait"
DOWN = b"/test.Service/Down"
ECHO = b"/test.Service/Echo"
ROPE = b"/test.Service/Rope"
BASE = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", UNARY),
    (b":authority", b"test:2379"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
]


def headers(path: bytes = UNARY, *more: tuple[bytes, bytes], **replaced: bytes) -> list[tuple[bytes, bytes]]:
    """The usual request headers; ``method=b"GET"`` replaces :method, ``content_type`` content-type."""
    changes = {b":path": path} | {
        (b":" + name.encode() if name in ("method", "scheme", "authority") else name.replace("_", "-").encode()): value
        for name, value in replaced.items()
    }
    return [(name, changes.get(name, value)) for name, value in BASE] + list(more)


def message(body: bytes, flag: int = 0) -> bytes:
    return f.PREFIX.pack(flag, len(body)) + body


class Echo:
    """A bidirectional handler that sends back what it gets."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def message(self, body: bytes) -> None:
        self.call.send(body)

    def half_close(self) -> None:
        self.call.finish()


class EchoRouter:
    """Unary, waiting, streaming, bidirectional methods; ``waiting`` are the calls nobody answered yet."""

    def __init__(self) -> None:
        self.waiting: list[Call] = []
        self.cancelled: list[Call] = []
        self.rope_size = 1000
        self.pulled = 0
        methods = [
            Method(UNARY, Kind.UNARY, lambda call, body: call.reply(body)),
            Method(WAIT, Kind.UNARY, self._wait),
            Method(DOWN, Kind.SERVER_STREAM, self._down),
            Method(ECHO, Kind.BIDI, Echo),
            Method(ROPE, Kind.UNARY, self._rope),
        ]
        self.methods = {method.path: method for method in methods}

    def admit(self, metadata: Metadata, method: Method) -> tuple[int, str] | None:
        return (3, "not admitted") if metadata.get(b"refuse-me") else None

    def _wait(self, call: Call, _body: bytes) -> None:
        call.on_cancel = lambda: self.cancelled.append(call)
        self.waiting.append(call)

    def _down(self, call: Call, body: bytes) -> None:
        call.send_many([body] * 3)
        call.finish()

    def _rope(self, call: Call, _body: bytes) -> None:
        call.reply_rope(self.rope_size, self._pieces(self.rope_size))

    def _pieces(self, left: int) -> Iterator[bytes]:
        while left:
            piece = b"r" * min(left, 100_000)
            left -= len(piece)
            self.pulled += len(piece)
            yield piece


class Raw:
    """A connection fed with frames cut by hand; ``sent`` is everything the server said, as (type, flags, stream,
    payload)."""

    def __init__(self, settings: Settings | None = None, router: Any = None, greet: bool = True, **more: Any) -> None:
        self.router = router or EchoRouter()
        self.announced = 0
        self.connection = Connection(self.router, settings, now=0.0, peer="me:1", on_output=self._announce, **more)
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.sent: list[tuple[int, int, int, bytes]] = []
        self.now = 0.0
        if greet:
            self.feed(f.PREFACE + f.settings_frame({}))
            self.sent.clear()

    def _announce(self, _connection: Connection) -> None:
        self.announced += 1

    def feed(self, *data: bytes) -> list[tuple[int, int, int, bytes]]:
        """What the server answers to these bytes."""
        self.connection.receive(b"".join(data), self.now)
        return self.take()

    def take(self) -> list[tuple[int, int, int, bytes]]:
        new: list[tuple[int, int, int, bytes]] = []
        while self.connection.pending_output:
            data = self.connection.take()
            new += parse_frames(data if isinstance(data, bytes) else b"".join(data))
        self.sent += new
        return new

    def open(self, stream: int, fields: list[tuple[bytes, bytes]] | None = None, end: bool = False) -> bytes:
        """The HEADERS frame of a request."""
        return f.header_frames(stream, self.encoder.encode(fields or headers()), end)

    def call(self, stream: int, body: bytes = b"", fields: list[tuple[bytes, bytes]] | None = None) -> bytes:
        """A whole unary request."""
        return self.open(stream, fields) + f.frame(f.DATA, f.END_STREAM, stream, message(body))

    def goaway(self) -> tuple[int, bytes] | None:
        """Code and debug data of the GOAWAY sent, None when there was none."""
        for kind, _flags, _stream, payload in self.sent:
            if kind == f.GOAWAY:
                return int(f.U32.unpack_from(payload, 4)[0]), payload[8:]
        return None

    def answers(self, stream: int) -> list[tuple[str, Any]]:
        """What the server sent on a stream, decoded: headers as lists, data as bytes, resets as codes."""
        found: list[tuple[str, Any]] = []
        for kind, flags, on, payload in self.sent:
            if on != stream:
                continue
            if kind == f.HEADERS:
                fields = [(bytes(n), bytes(v)) for n, v in self.decoder.decode(payload, raw=True)]
                found.append(("headers end" if flags & f.END_STREAM else "headers", fields))
            elif kind == f.DATA:
                found.append(("data", payload))
            elif kind == f.RST_STREAM:
                found.append(("reset", f.U32.unpack(payload)[0]))
        return found


def parse_frames(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Bytes of a server cut into frames; they must be whole."""
    found = []
    position = 0
    while position < len(data):
        word, flags, stream = f.FRAME.unpack_from(data, position)
        position += 9
        found.append((word & 0xFF, flags, stream, data[position : position + (word >> 8)]))
        position += word >> 8
    assert position == len(data)
    return found


class Honest:
    """The h2 package as a client of a Connection, in memory.  It checks all we send."""

    def __init__(self, settings: Settings | None = None, router: Any = None, **more: Any) -> None:
        self.router = router or EchoRouter()
        self.connection = Connection(self.router, settings, now=0.0, **more)
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self.client = h2.connection.H2Connection(config)
        self.client.initiate_connection()
        self.events: list[h2.events.Event] = []
        self.acknowledge = True
        self.pump()

    def pump(self, cut: Callable[[bytes], list[bytes]] = lambda data: [data]) -> None:
        """Carries bytes both ways until nothing moves."""
        while True:
            up = self.client.data_to_send()
            for piece in cut(up):
                self.connection.receive(piece, self.connection.now)
            moved = bool(up)
            while self.connection.pending_output:
                down = self.connection.take()
                moved = moved or bool(down)
                for piece in cut(down if isinstance(down, bytes) else b"".join(down)):
                    self._on_events(self.client.receive_data(piece))
            if not moved:
                return

    def _on_events(self, events: list[h2.events.Event]) -> None:
        for event in events:
            self.events.append(event)
            if isinstance(event, h2.events.DataReceived) and self.acknowledge and event.flow_controlled_length:
                self.client.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def data(self, stream: int) -> bytes:
        received = [e.data for e in self.events if isinstance(e, h2.events.DataReceived) and e.stream_id == stream]
        return b"".join(part for part in received if part)

    def trailers(self, stream: int) -> dict[bytes, bytes]:
        """The fields that ended the stream."""
        fields: dict[bytes, bytes] = {}
        for event in self.events:
            if isinstance(event, h2.events.TrailersReceived | h2.events.ResponseReceived) and event.stream_id == stream:
                fields = {bytes(name): bytes(value) for name, value in event.headers or []}
        return fields
