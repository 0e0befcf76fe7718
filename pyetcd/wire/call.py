"""A call as its handler sees it, and what the rest of the server gives to the wire: methods, a router.

The hot path of a unary call is ``Call.reply``: when the windows allow, headers, message and trailers leave as one
piece of bytes.  Everything else is in sending.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Protocol

from pyetcd.wire.frames import MESSAGE, MIN_MAX_FRAME, U32
from pyetcd.wire.states import StreamState
from pyetcd.wire.status import OK_BLOCK, OK_LEAD, trailer_block

if TYPE_CHECKING:
    from pyetcd.wire.outbox import Outbox
    from pyetcd.wire.requests import Head, Reader
    from pyetcd.wire.sending import Output


class Code(IntEnum):
    """gRPC status codes."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Kind(Enum):
    """How many messages each side of a method sends."""

    UNARY = "unary"
    SERVER_STREAM = "server_stream"
    BIDI = "bidi"


class Inbound(Protocol):
    """Where the messages of a bidirectional call go."""

    def message(self, body: bytes) -> None: ...

    def half_close(self) -> None: ...


class Method:
    """One RPC: where its calls go and how many there were.  Counters are plain ints, read by the metrics."""

    __slots__ = ("handled", "kind", "path", "received", "sent", "start", "started")

    def __init__(self, path: bytes, kind: Kind, start: Callable[..., Inbound | None]) -> None:
        """``start(call, message)`` for UNARY and SERVER_STREAM, ``start(call) -> Inbound`` for BIDI."""
        self.path = path
        self.kind = kind
        self.start = start
        self.started = 0
        self.received = 0
        self.sent = 0
        self.handled: dict[int, int] = {int(code): 0 for code in Code}


class Metadata:
    """The headers of a request; one object per distinct header block, shared by its calls, immutable."""

    __slots__ = ("_fields", "authority", "has_leader", "path")

    def __init__(self, path: bytes, authority: bytes, fields: tuple[tuple[bytes, bytes], ...]) -> None:
        self.path = path
        self.authority = authority
        self._fields = fields
        self.has_leader = self.get(b"hasleader") == b"true"

    def get(self, name: bytes) -> bytes | None:
        """The first value of a header, None when there is none."""
        for known, value in self._fields:
            if known == name:
                return value
        return None

    def items(self) -> list[tuple[bytes, bytes]]:
        """All headers that gRPC shows to a handler, ``-bin`` values decoded, in the order they came."""
        return list(self._fields)


class Router(Protocol):
    """What a connection needs to know of the services behind it."""

    methods: dict[bytes, Method]

    def admit(self, metadata: Metadata, method: Method) -> tuple[int, str] | None:
        """A refusal (code, text) that depends on the headers alone, asked once per distinct header block."""


class Phase(IntEnum):
    """Where a call stands, for the shortcuts of the hot path.

    FRESH: a unary or server-streaming call whose message may come as one DATA frame that also ends the stream.
    WHOLE: that happened and nothing was answered yet.
    BETWEEN: a bidirectional call that holds no part of a message, and all came as one DATA frame each.
    Anything else is MIXED and takes the general path.
    """

    FRESH = 0
    WHOLE = 1
    MIXED = 2
    BETWEEN = 3


CROWDED_BYTES = 16 * 1024 * 1024
"""An eighth of what a connection may hold before it refuses calls (Settings.max_held)."""

_WHOLE, _MIXED = Phase.WHOLE, Phase.MIXED
_OPEN, _CLOSED = StreamState.OPEN, StreamState.CLOSED


class Call:
    """One stream of the connection.  Methods are silently ignored once ``open`` is False (the client is gone)."""

    __slots__ = (
        "credit",
        "deadline",
        "head",
        "headers_sent",
        "inbound",
        "message",
        "on_cancel",
        "on_drain",
        "open",
        "outbox",
        "output",
        "pending",
        "phase",
        "reader",
        "received",
        "state",
        "stream",
    )

    def __init__(self, output: Output, stream: int, head: Head, deadline: float | None) -> None:
        self.output = output
        self.stream = stream
        self.head = head
        self.deadline = deadline
        self.phase = head.phase
        self.state = _OPEN
        self.open = True
        self.headers_sent = False
        self.pending = 0
        self.credit = 0
        """The peer's window for this stream minus its SETTINGS_INITIAL_WINDOW_SIZE, so that a change of the setting
        moves every stream at once, below zero too."""
        self.received = 0
        """Bytes of DATA received and not yet given back by a WINDOW_UPDATE of the stream."""
        self.on_cancel: Callable[[], None] | None = None
        self.on_drain: Callable[[], None] | None = None
        self.outbox: Outbox | None = None
        self.inbound: Inbound | None = None
        self.reader: Reader | None = None
        self.message: bytes | None = None

    @property
    def metadata(self) -> Metadata:
        return self.head.metadata

    @property
    def method(self) -> Method:
        return self.head.method

    @property
    def crowded(self) -> bool:
        """Whether the connection, not this call alone, holds much that its client has not taken."""
        return self.output.held > CROWDED_BYTES

    @property
    def peer(self) -> str:
        return self.output.peer

    def reply(self, body: bytes) -> None:
        """Answers a unary call: headers, one message, OK trailers."""
        output = self.output
        size = len(body)
        total = size + 5
        if self.phase is not _WHOLE or total > output.room or total > output.small:
            self._reply_in_parts(body)
            return
        output.room -= total
        head = self.head
        stream = self.stream
        stream4 = U32.pack(stream)
        output.frames.append(
            b"".join(
                (
                    head.lead,
                    stream4,
                    head.block,
                    MESSAGE.pack(total << 8, 0, stream, 0, size),
                    body,
                    OK_LEAD,
                    stream4,
                    OK_BLOCK,
                )
            )
        )
        self.phase = _MIXED
        self.state = _CLOSED
        self.open = False
        del output.streams[stream]
        method = head.method
        method.sent += 1
        method.handled[0] += 1
        output.traffic.sent += size
        output.wrote = True
        if output.quiet:
            output.announce()

    def _reply_in_parts(self, body: bytes) -> None:
        self.send(body)
        self.finish()

    def reply_rope(self, size: int, pieces: Iterator[bytes]) -> None:
        """``reply`` for a large body: pieces are pulled as the windows and the transport allow.

        ``sum(map(len, pieces)) == size``; a source that ends early or raises resets the stream (INTERNAL_ERROR)."""
        if self.open:
            self.output.send_rope(self, size, pieces)
            self.finish()

    def send(self, body: bytes) -> None:
        """One message of a stream; the response headers go first when they were not sent yet."""
        if not self.open:
            return
        output = self.output
        head = self.head
        size = len(body)
        total = size + 5
        if (
            total > output.room
            or total > MIN_MAX_FRAME
            or total > output.initial_window + self.credit
            or self.outbox
            or head.compress
        ):
            output.send_messages(self, (body,))
            return
        output.room -= total
        self.credit -= total
        stream = self.stream
        frame = MESSAGE.pack(total << 8, 0, stream, 0, size)
        if self.headers_sent:
            output.frames.append(frame + body)
        else:
            self.headers_sent = True
            if self.phase is _WHOLE:
                self.phase = _MIXED
            output.frames.append(b"".join((head.lead, U32.pack(stream), head.block, frame, body)))
        output.data_frames += 1
        output.wrote = True
        head.method.sent += 1
        output.traffic.sent += size
        if output.quiet:
            output.announce()

    def send_many(self, bodies: list[bytes]) -> None:
        """Messages of a stream, in as few DATA frames as possible."""
        if self.open and bodies:
            self.output.send_messages(self, bodies)

    def send_headers(self) -> None:
        """The response headers alone, when there is nothing to send yet."""
        if self.open and not self.headers_sent:
            self.output.send_headers(self)

    def finish(self) -> None:
        """Ends the call with status OK; data still pending goes first."""
        if self.open:
            self.head.method.handled[0] += 1
            self.output.end(self, OK_BLOCK if self.headers_sent else self.head.only_block + OK_BLOCK)

    def fail(self, code: int, text: str) -> None:
        """Ends the call with a status: trailers only when nothing was sent, else trailers."""
        if self.open:
            self.head.method.handled[int(code)] += 1
            trailers = trailer_block(code, text)
            self.output.end(self, trailers if self.headers_sent else self.head.only_block + trailers)
