"""One HTTP/2 connection of a gRPC server: bytes in, calls started, bytes out.

``receive`` parses frames straight from the buffer.  Two shortcuts carry nearly all load: a HEADERS frame whose block
was seen before, and a DATA frame that is exactly one message.  Whatever else may come goes through the
general path, which consults the state table.  A rule broken by the peer surfaces as ConnectionFault and ends here in
GOAWAY.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pyetcd.wire.call import Call, Phase, Router
from pyetcd.wire.frames import (
    ACK,
    DATA,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    FRAME,
    HEAD_SIZE,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    MIN_MAX_FRAME,
    PREFACE,
    PREFIX,
    SETTINGS,
    ConnectionFault,
    ErrorCode,
    settings_frame,
    window_frame,
)
from pyetcd.wire.guard import MAX_UNSENT_FRAMES
from pyetcd.wire.inbound import deliver, deliver_message, start
from pyetcd.wire.lifetime import Lifetime
from pyetcd.wire.opening import on_continuation, on_headers, start_stream
from pyetcd.wire.outbox import Traffic
from pyetcd.wire.peer_frames import on_frame
from pyetcd.wire.requests import Resolver
from pyetcd.wire.settings import UNLIMITED_STREAMS, Settings
from pyetcd.wire.states import StreamState

_LARGEST_WORD = MIN_MAX_FRAME << 8 | 0xFF
_HALF_CLOSED = StreamState.HALF_CLOSED
_FRESH, _WHOLE, _BETWEEN = Phase.FRESH, Phase.WHOLE, Phase.BETWEEN


def _raise(problem: Exception) -> None:
    raise problem


class Connection(Lifetime):
    """The server's end of one connection.

    ``now`` is the caller's monotonic clock in seconds.  ``on_output`` is called when output appears outside
    ``receive`` and none was pending; ``on_error`` gets exceptions of handlers (default: they are raised).
    ``traffic`` may be shared by connections; ``resolver`` too, it is made from the router when not given."""

    def __init__(
        self,
        router: Router,
        settings: Settings | None = None,
        *,
        now: float,
        peer: str = "",
        on_output: Callable[[Connection], None] = lambda _connection: None,
        on_error: Callable[[Exception], None] = _raise,
        traffic: Traffic | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        settings = settings or Settings()
        super().__init__(
            settings,
            resolver or Resolver(router, settings),
            now,
            peer,
            traffic or Traffic(),
            partial(on_output, self),
            on_error,
        )
        self._rest = b""
        self._greeted = False
        self._window = settings.connection_window
        self._greet(settings)

    def _greet(self, settings: Settings) -> None:
        values = {MAX_FRAME_SIZE: MIN_MAX_FRAME}
        if settings.max_concurrent_streams != UNLIMITED_STREAMS:
            values[MAX_CONCURRENT_STREAMS] = settings.max_concurrent_streams
        values[INITIAL_WINDOW_SIZE] = settings.stream_window
        values[MAX_HEADER_LIST_SIZE] = settings.max_header_list
        self.output.put(settings_frame(values))
        if settings.connection_window > DEFAULT_WINDOW:
            self.output.put(window_frame(0, settings.connection_window - DEFAULT_WINDOW))

    @property
    def pending_output(self) -> bool:
        """``take`` would give something now."""
        return self.output.ready

    def take(self) -> bytes | list[bytes]:
        """All output gathered since the last take; large bodies come in bursts, one per take."""
        data = self.output.take()
        if self.draining:
            self.finish_drain()
        return data

    def transport_writable(self, yes: bool) -> None:
        """Back-pressure of the socket: while False nothing is pulled and calls' ``pending`` grows."""
        self.output.transport_writable(yes)

    def receive(self, data: bytes, now: float) -> None:
        """Parses what arrived and starts calls; afterwards ``pending_output`` says whether to ``take``."""
        self.now = self.last_read = now
        if self.closing:
            return
        output = self.output
        quiet, output.quiet = output.quiet, False
        try:
            if output.held > self.settings.max_held:
                self.overloaded()
            if not output.writable and len(output.frames) > MAX_UNSENT_FRAMES:
                raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "answers are not read")
            self._rest = self._parse(self._rest + data if self._rest else data)
            if self.whole:
                self._start_whole()
            if output.acks:
                self._acknowledge()
        except ConnectionFault as fault:
            self.fail(fault.code, fault.debug)
        output.quiet = quiet and not output.ready
        if self.draining:
            self.finish_drain()

    def _parse(self, buffer: bytes) -> bytes:
        """Handles every whole frame of the buffer; returns the rest."""
        if not self._greeted:
            if not self._read_preface(buffer):
                return buffer
            buffer = buffer[len(PREFACE) :]
        position = 0
        size = len(buffer)
        streams = self.streams
        blocks = self.blocks
        output = self.output
        traffic = output.traffic
        half_window = self.settings.connection_window // 2
        unpack = FRAME.unpack_from
        unpack_prefix = PREFIX.unpack_from
        while size - position >= HEAD_SIZE:
            word, flags, stream = unpack(buffer, position)
            if word > _LARGEST_WORD:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "frame above MAX_FRAME_SIZE")
            start_at = position + HEAD_SIZE
            end = start_at + (word >> 8)
            if end > size:
                break
            position = end
            kind = word & 0xFF
            if self.assembly is not None:
                on_continuation(self, self.assembly, kind, stream, flags, buffer[start_at:end])
            elif kind == DATA:
                self._window -= end - start_at
                if self._window < half_window:
                    self._give_back()
                call = streams.get(stream)
                if (
                    call is not None
                    and flags == END_STREAM
                    and call.phase is _FRESH
                    and end - start_at >= 5
                    and unpack_prefix(buffer, start_at) == (0, end - start_at - 5)
                ):
                    call.phase = _WHOLE
                    call.state = _HALF_CLOSED
                    head = call.head
                    method = head.method
                    method.started += 1
                    method.received += 1
                    traffic.received += end - start_at - 5
                    try:
                        head.start(call, buffer[start_at + 5 : end])
                    except Exception as problem:
                        self.handler_failed(call, problem)
                elif call is not None and call.phase is _BETWEEN:
                    deliver_message(self, call, flags, buffer[start_at:end])
                else:
                    deliver(self, stream, flags, buffer[start_at:end])
            elif kind == HEADERS:
                block = buffer[start_at:end]
                if (
                    flags == END_HEADERS
                    and (head_or_none := blocks.get(block)) is not None
                    and stream == self.last_stream + 2
                    and head_or_none.direct
                    and not self.refusing
                ):
                    self.last_stream = stream
                    timeout = head_or_none.timeout
                    if timeout is not None:
                        timeout = self.deadline(timeout)
                    streams[stream] = call = Call(output, stream, head_or_none, timeout)
                    if len(streams) >= self.max_streams:
                        self.refusing = True
                    if call.phase is _BETWEEN:
                        start_stream(self, call)
                else:
                    on_headers(self, stream, flags, block)
            else:
                on_frame(self, kind, flags, stream, buffer[start_at:end])
        return buffer[position:]

    def _read_preface(self, buffer: bytes) -> bool:
        """True when the preface and the head of the client's SETTINGS frame are there."""
        if not buffer.startswith(PREFACE[: len(buffer)]):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "bogus greeting")
        if len(buffer) < len(PREFACE) + HEAD_SIZE:
            return False
        word, flags, _stream = FRAME.unpack_from(buffer, len(PREFACE))
        if word & 0xFF != SETTINGS or flags & ACK:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "first frame is not SETTINGS")
        self._greeted = True
        self.greeted()
        return True

    def _give_back(self) -> None:
        """Half of the connection's receive window is used: return it (RFC 9113 §6.9)."""
        whole = self.settings.connection_window
        if self._window < 0:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "connection window exceeded")
        self.output.put(window_frame(0, whole - self._window))
        self._window = whole

    def _acknowledge(self) -> None:
        """Answers PINGs, later when the reply to a request is about to leave anyway."""
        call = self.streams.get(self.last_stream)
        if call is None or call.phase is not _WHOLE:
            self.output.acknowledge()
        elif self.acks_due < self.wake_at:
            self.wake_at = self.acks_due

    def _start_whole(self) -> None:
        """Calls to be answered though the client may not have ended the stream: the message of a unary call is
        complete, or there is no such method.  Waiting until the buffer is parsed lets an END_STREAM right behind
        count, as it does in gRPC-Go."""
        whole, self.whole = self.whole, []
        for call in whole:
            refusal = call.head.refusal
            if refusal is None:
                start(self, call)
            else:
                call.fail(*refusal)
