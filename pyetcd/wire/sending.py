"""Everything that leaves a connection: the gathered frames, send-side flow control, replies too large for one piece.

``room`` is the one number the hot path looks at: how many bytes of DATA may still be gathered before the next
``take``.  It is the smaller of the peer's connection window and what is left of one turn's burst, and zero while the
transport does not take more.  What does not fit waits in the Outbox of its call; waiting calls share the room in
slices, in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pyetcd.wire.call import Call, Phase
from pyetcd.wire.frames import (
    DEFAULT_WINDOW,
    FRAME,
    MAX_WINDOW,
    MIN_MAX_FRAME,
    PREFIX,
    U32,
    ConnectionFault,
    ErrorCode,
    header_frames,
    reset_frame,
)
from pyetcd.wire.messages import framed
from pyetcd.wire.outbox import Outbox, Traffic
from pyetcd.wire.states import StreamState
from pyetcd.wire.status import OK_BLOCK, OK_LEAD

BURST = 256 * 1024
"""Bytes of DATA gathered between two takes, so that one connection cannot hold up a turn of the loop."""

SLICE = 64 * 1024
"""Bytes a waiting call may send before the next one has its turn."""

LOW_WATER = 32 * 1024
"""``on_drain`` is called when a call's pending bytes fall below this."""

LARGEST_FRAME = 64 * 1024
"""DATA frames are cut to this even when the peer would take more, so that streams stay interleaved."""

REMEMBERED = 1024
"""Streams we reset whose late frames are still forgiven."""

__all__ = ["BURST", "LOW_WATER", "Output", "Traffic"]

_PREFIXES = [PREFIX.pack(0, size) for size in range(4096)]


class Output:
    """The sending half of a connection."""

    __slots__ = (
        "_announce",
        "_burst",
        "_granted",
        "_on_error",
        "_window",
        "acks",
        "data_frames",
        "forgiven",
        "frames",
        "held",
        "initial_window",
        "max_frame",
        "peer",
        "quiet",
        "room",
        "small",
        "streams",
        "traffic",
        "waiting",
        "writable",
        "wrote",
    )

    def __init__(
        self, peer: str, traffic: Traffic, announce: Callable[[], None], on_error: Callable[[Exception], None]
    ) -> None:
        self.peer = peer
        self.traffic = traffic
        self.frames: list[bytes] = []
        self.acks = b""
        """Answers to PINGs.  They go first, with whatever goes next."""
        self.streams: dict[int, Call] = {}
        self.forgiven: dict[int, None] = {}
        self.waiting: dict[Call, None] = {}
        self.held = 0
        self.data_frames = 0
        self.initial_window = DEFAULT_WINDOW
        self.max_frame = MIN_MAX_FRAME
        self.small = MIN_MAX_FRAME
        self.writable = True
        self.wrote = False
        """Headers or data were sent since the last PING of the client."""
        self.quiet = False
        """Output that appears now has to be announced: nobody is going to ask for it anyway."""
        self._announce = announce
        self._on_error = on_error
        self._window = DEFAULT_WINDOW
        self._burst = BURST
        self._granted = self.room = BURST
        self._grant()

    # -- room ------------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Books what the hot path took from ``room``."""
        used = self._granted - self.room
        self._window -= used
        self._burst -= used
        self._granted = self.room

    def _grant(self) -> None:
        room = self._burst if self._burst < self._window else self._window
        self._granted = self.room = room if room > 0 and self.writable else 0

    def window_update(self, increment: int) -> None:
        """The peer's WINDOW_UPDATE for the connection."""
        self._settle()
        if self._window + increment > MAX_WINDOW:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "connection window above 2^31-1")
        self._window += increment
        self._grant()

    def stream_window_update(self, call: Call, increment: int) -> bool:
        """The peer's WINDOW_UPDATE for one stream; False when the window would exceed 2^31-1."""
        if self.initial_window + call.credit + increment > MAX_WINDOW:
            return False
        call.credit += increment
        self._wake(call)
        return True

    def initial_window_changed(self, size: int) -> None:
        """SETTINGS_INITIAL_WINDOW_SIZE moves every stream's window, below zero too (RFC 9113 §6.9.2)."""
        self.initial_window = size
        self.small = min(MIN_MAX_FRAME, size)
        for call in self.streams.values():
            if size + call.credit > MAX_WINDOW:
                raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "stream window above 2^31-1")
            self._wake(call)

    def _wake(self, call: Call) -> None:
        if call.outbox is not None and (call.outbox or call.outbox.trailers is not None):
            self.waiting[call] = None

    def transport_writable(self, yes: bool) -> None:
        self._settle()
        self.writable = yes
        self._grant()
        if yes and self.waiting:
            self.announce()

    # -- gathering -------------------------------------------------------------------------------------------------

    def announce(self) -> None:
        if self.quiet:
            self.quiet = False
            self._announce()

    def put(self, frame: bytes) -> None:
        """A frame without flow control."""
        self.frames.append(frame)
        if self.quiet:
            self.announce()

    def acknowledge(self) -> None:
        """PINGs are answered now."""
        acks, self.acks = self.acks, b""
        if acks:
            self.frames.insert(0, acks)
            if self.quiet:
                self.announce()

    @property
    def ready(self) -> bool:
        """``take`` would give something."""
        return bool(self.frames) or (bool(self.waiting) and self.room > 0)

    def take(self) -> bytes | list[bytes]:
        """Everything gathered, and one burst of what waits."""
        if self.waiting:
            self._pump()
        frames = self.frames
        self.frames = []
        if self.acks and frames:
            frames.insert(0, self.acks)
            self.acks = b""
        self._window -= self._granted - self.room
        self._burst = BURST
        self._grant()
        self.quiet = not (self.waiting and self.room)
        if len(frames) == 1:
            return frames[0]
        return b"".join(frames)

    def _pump(self) -> None:
        """Lets waiting calls send, in turn, until the room or what they have ends."""
        while self.room > 0 and self.waiting:
            for call in tuple(self.waiting):
                if self.room <= 0:
                    return
                self._push(call, SLICE)

    def _push(self, call: Call, limit: int) -> None:
        """One slice of a waiting call; it leaves ``waiting`` when its window or its data ends."""
        outbox = call.outbox
        assert outbox is not None
        limit = min(limit, self.room, self.initial_window + call.credit)
        if outbox and limit <= 0:
            self.waiting.pop(call, None)
            return
        before = call.pending
        try:
            self._push_frames(call, outbox, limit)
        except Exception as problem:
            self.reset(call, ErrorCode.INTERNAL_ERROR)
            self._on_error(problem)
            return
        if not outbox:
            self.waiting.pop(call, None)
            if outbox.trailers is not None:
                self._close(call, outbox.trailers)
        if call.pending < LOW_WATER <= before and call.on_drain is not None and call.open:
            self.guarded(call.on_drain)

    def _push_frames(self, call: Call, outbox: Outbox, limit: int) -> None:
        largest = min(self.max_frame, LARGEST_FRAME)
        while outbox and limit > 0:
            parts = outbox.take(min(limit, largest))
            size = sum(map(len, parts))
            if not size:
                return
            self.frames.append(b"".join((FRAME.pack(size << 8, 0, call.stream), *parts)))
            self.data_frames += 1
            limit -= size
            self.room -= size
            call.credit -= size
            call.pending -= size
            held = min(size, outbox.held)
            outbox.held -= held
            self.held -= held
        self.wrote = True

    # -- what a call sends -----------------------------------------------------------------------------------------

    def send_headers(self, call: Call) -> None:
        call.headers_sent = True
        if call.phase is Phase.WHOLE:
            call.phase = Phase.MIXED
        self.wrote = True
        self.put(header_frames(call.stream, call.head.block, False))

    def send_messages(self, call: Call, bodies: Sequence[bytes]) -> None:
        head = call.head
        method = head.method
        method.sent += len(bodies)
        total = sum(map(len, bodies))
        self.traffic.sent += total
        if not call.headers_sent:
            self.send_headers(call)
        if head.compress:
            self.send_data(call, b"".join([framed(body, True) for body in bodies]))
        elif len(bodies) == 1 and total > SLICE:
            self.send_data(call, PREFIX.pack(0, total))
            self.send_data(call, bodies[0])
        else:
            parts: list[bytes] = []
            for body in bodies:
                size = len(body)
                parts += (_PREFIXES[size] if size < 4096 else PREFIX.pack(0, size), body)
            self.send_data(call, b"".join(parts))

    def send_data(self, call: Call, data: bytes) -> None:
        """Bytes of the response body: at once when they fit one frame and nothing is before them."""
        size = len(data)
        outbox = call.outbox
        if not outbox and size <= MIN_MAX_FRAME and size <= self.room and size <= self.initial_window + call.credit:
            self.room -= size
            call.credit -= size
            self.data_frames += 1
            self.wrote = True
            self.put(FRAME.pack(size << 8, 0, call.stream) + data)
            return
        if outbox is None:
            outbox = call.outbox = Outbox()
        outbox.chunks.append(data)
        call.pending += size
        outbox.held += size
        self.held += size
        self._enqueue(call)

    def _enqueue(self, call: Call) -> None:
        self.waiting[call] = None
        if self.quiet and self.room > 0:
            self.announce()

    def send_rope(self, call: Call, size: int, pieces: Iterator[bytes]) -> None:
        """One message whose body is pulled later."""
        if call.head.compress:
            self.send_messages(call, (b"".join(pieces),))
            return
        call.head.method.sent += 1
        self.traffic.sent += size
        if not call.headers_sent:
            self.send_headers(call)
        self.send_data(call, PREFIX.pack(0, size))
        if not size:
            return
        outbox = call.outbox or Outbox()
        call.outbox = outbox
        outbox.source = pieces
        outbox.source_left = size
        call.pending += size
        self._enqueue(call)

    # -- ends ------------------------------------------------------------------------------------------------------

    def end(self, call: Call, block: bytes) -> None:
        """The call is answered; its trailers follow what is still pending."""
        call.open = False
        call.on_cancel = None
        call.phase = Phase.MIXED
        if call.outbox:
            call.outbox.trailers = block
        else:
            self._close(call, block)

    def _close(self, call: Call, block: bytes) -> None:
        """Trailers leave; a client that has not ended its side is told to stop (gRPC-Go does the same)."""
        self.waiting.pop(call, None)
        self.streams.pop(call.stream, None)
        call.inbound = None  # the handler has the call: this cycle would keep both for the collector
        if call.reader is not None:
            self.held -= call.reader.held
            call.reader = None
        self.wrote = True
        ended = call.state is StreamState.HALF_CLOSED
        call.state = StreamState.CLOSED if ended else StreamState.RESET
        self.abort(call.stream, block, ended)

    def abort(self, stream: int, block: bytes, ended: bool) -> None:
        """A header block that ends a stream, with RST_STREAM(NO_ERROR) behind it unless the client has ended, too."""
        self.put(OK_LEAD + U32.pack(stream) + OK_BLOCK if block is OK_BLOCK else header_frames(stream, block, True))
        if not ended:
            self.reset_stream(stream, ErrorCode.NO_ERROR)

    def reset_stream(self, stream: int, code: int) -> None:
        self.put(reset_frame(stream, code))
        self.forgive(stream)

    def forgive(self, stream: int) -> None:
        """What still arrives on this stream is dropped: its client does not know yet."""
        forgiven = self.forgiven
        forgiven[stream] = None
        if len(forgiven) > REMEMBERED:
            del forgiven[next(iter(forgiven))]

    def reset(self, call: Call, code: int) -> None:
        """RST_STREAM from our side; the handler hears of it as a cancellation."""
        self.drop(call, StreamState.RESET)
        self.reset_stream(call.stream, code)
        self.cancel(call)

    def drop(self, call: Call, state: StreamState) -> None:
        """Forgets a stream and what it still had to send."""
        self.streams.pop(call.stream, None)
        self.waiting.pop(call, None)
        outbox = call.outbox
        if outbox is not None:
            self.held -= outbox.held
            call.outbox = None
        call.inbound = None
        if call.reader is not None:
            self.held -= call.reader.held
            call.reader = None
        call.pending = 0
        call.state = state
        call.phase = Phase.MIXED

    def cancel(self, call: Call, code: int = 1) -> None:
        """Tells the handler, once, that nobody waits for its answer any more."""
        if not call.open:
            return
        call.open = False
        call.head.method.handled[code] += 1
        callback, call.on_cancel = call.on_cancel, None
        call.on_drain = None
        if callback is not None:
            self.guarded(callback)

    def guarded(self, callback: Callable[[], None]) -> None:
        """A handler's mistake must not take the connection with it."""
        try:
            callback()
        except Exception as problem:
            self._on_error(problem)
