"""Frames that steer the connection, applied (control.py has read and judged them)."""

from __future__ import annotations

from collections.abc import Callable

from pyetcd.wire.control import (
    check_goaway,
    check_priority,
    read_ping,
    read_reset,
    read_settings,
    read_window_update,
)
from pyetcd.wire.frames import (
    ACK,
    CONTINUATION,
    GOAWAY,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    PING,
    PING_ACK,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    SETTINGS_ACK,
    STREAM_MASK,
    WINDOW_UPDATE,
    ConnectionFault,
    ErrorCode,
)
from pyetcd.wire.guard import TINY_WINDOW
from pyetcd.wire.keepalive import ACK_PATIENCE
from pyetcd.wire.lifetime import DRAIN_PING, Lifetime
from pyetcd.wire.states import StreamInput, StreamState


def on_frame(connection: Lifetime, kind: int, flags: int, stream: int, payload: bytes) -> None:
    """Any frame but HEADERS and DATA, while no header block is being assembled."""
    handler = _HANDLERS.get(kind)
    if handler is not None:
        handler(connection, stream & STREAM_MASK, flags, payload)
    else:
        connection.control.spend(connection.now, connection.work)  # unknown types are ignored (RFC 9113 §5.5)


def _on_priority(connection: Lifetime, stream: int, _flags: int, payload: bytes) -> None:
    connection.control.spend(connection.now, connection.work)
    if check_priority(stream, payload):
        return
    call = connection.streams.get(stream)
    if call is not None:
        connection.stream_error(call, ErrorCode.PROTOCOL_ERROR)
    else:
        connection.output.reset_stream(stream, ErrorCode.PROTOCOL_ERROR)


def _on_reset(connection: Lifetime, stream: int, _flags: int, payload: bytes) -> None:
    read_reset(stream, payload)
    call = connection.streams.get(stream)
    if call is None and stream & 1 and stream <= connection.last_stream:
        # A Go client resets each stream it is done with; whatever state this one ended in, the table says: ignore.
        connection.control.spend(connection.now, connection.work)
        return
    if not connection.judge(stream, StreamInput.RECV_RESET) or call is None:
        return
    connection.output.drop(call, StreamState.CLOSED)
    connection.output.cancel(call)
    connection.lengths.pop(stream, None)
    connection.resets.spend(connection.now)


def _on_settings(connection: Lifetime, stream: int, flags: int, payload: bytes) -> None:
    connection.control.spend(connection.now, connection.work)
    parameters = read_settings(stream, flags, payload)
    if parameters is None:
        return
    output = connection.output
    for name, value in parameters:
        if name == INITIAL_WINDOW_SIZE and value != output.initial_window:
            output.initial_window_changed(value)
        elif name == MAX_FRAME_SIZE:
            output.max_frame = value
    output.put(SETTINGS_ACK)


def _on_push_promise(_connection: Lifetime, _stream: int, _flags: int, _payload: bytes) -> None:
    raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a client may not push")


def _on_ping(connection: Lifetime, stream: int, flags: int, payload: bytes) -> None:
    data = read_ping(stream, payload)
    if flags & ACK:
        connection.control.spend(connection.now, connection.work)
        if data == DRAIN_PING:
            connection.drain_acknowledged()
        return
    output = connection.output
    if not output.acks:
        connection.acks_due = connection.now + ACK_PATIENCE
    output.acks += PING_ACK + data
    wrote, output.wrote = output.wrote, False
    if not connection.pings.allows(connection.now, len(connection.streams), wrote):
        raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too_many_pings")


def _on_goaway(connection: Lifetime, stream: int, _flags: int, payload: bytes) -> None:
    """The client opens no more streams; those it has go on, and it closes when it likes (gRPC-Go ignores it, too)."""
    connection.control.spend(connection.now, connection.work)
    check_goaway(stream, payload)


def _on_window_update(connection: Lifetime, stream: int, _flags: int, payload: bytes) -> None:
    increment = read_window_update(payload)
    if increment < TINY_WINDOW:
        connection.control.spend(connection.now, connection.work)
    if not stream:
        if not increment:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of zero")
        connection.output.window_update(increment)
        return
    if not connection.judge(stream, StreamInput.RECV_WINDOW):
        return
    call = connection.streams[stream]
    if not increment:
        connection.stream_error(call, ErrorCode.PROTOCOL_ERROR)
    elif not connection.output.stream_window_update(call, increment):
        connection.stream_error(call, ErrorCode.FLOW_CONTROL_ERROR)


def _on_stray_continuation(_connection: Lifetime, _stream: int, _flags: int, _payload: bytes) -> None:
    raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS")


_HANDLERS: dict[int, Callable[[Lifetime, int, int, bytes], None]] = {
    PRIORITY: _on_priority,
    RST_STREAM: _on_reset,
    SETTINGS: _on_settings,
    PUSH_PROMISE: _on_push_promise,
    PING: _on_ping,
    GOAWAY: _on_goaway,
    WINDOW_UPDATE: _on_window_update,
    CONTINUATION: _on_stray_continuation,
}
