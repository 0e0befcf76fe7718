"""DATA on the general path: padding, the stream's window, content-length, messages in any cut (wire contract §8.2)."""

from __future__ import annotations

from pyetcd.wire.call import Call, Code, Kind, Phase
from pyetcd.wire.control import unpadded
from pyetcd.wire.frames import END_STREAM, PREFIX, STREAM_MASK, ConnectionFault, ErrorCode, window_frame
from pyetcd.wire.lifetime import Lifetime
from pyetcd.wire.messages import StatusFault
from pyetcd.wire.states import StreamInput, StreamState

_NO_MESSAGE = "cardinality violation: received no request message from non-client-streaming RPC"
_TWO_MESSAGES = "cardinality violation: received multiple request messages for non-client-streaming RPC"


def deliver(connection: Lifetime, stream: int, flags: int, payload: bytes) -> None:
    """A DATA frame; the connection's window is already booked."""
    stream &= STREAM_MASK
    if not stream:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "DATA on stream 0")
    data = unpadded(flags, payload)
    ended = bool(flags & END_STREAM)
    if not data and not ended:
        connection.control.spend(connection.now, connection.work)
    if not connection.judge(stream, StreamInput.RECV_DATA_END if ended else StreamInput.RECV_DATA):
        return
    call = connection.streams[stream]
    if not _book(connection, call, len(payload), len(data), ended):
        return
    if data and call.open and not (call.message is not None and call.method.kind is Kind.UNARY):
        _read(connection, call, data)
    if ended:
        end_of_requests(connection, call)


def deliver_message(connection: Lifetime, call: Call, flags: int, payload: bytes) -> None:
    """DATA for a call that is BETWEEN messages: one message and nothing else, or the client's end, at once."""
    size = len(payload)
    if flags == END_STREAM and not size:
        call.state = StreamState.HALF_CLOSED
        end_of_requests(connection, call)
    elif (
        flags
        or size < 5
        or PREFIX.unpack_from(payload) != (0, size - 5)
        or call.received + size > connection.settings.stream_window // 2
    ):
        deliver(connection, call.stream, flags, payload)
    else:
        call.received += size
        _on_message(connection, call, payload[5:])


def _book(connection: Lifetime, call: Call, size: int, data_size: int, ended: bool) -> bool:
    """Stream window and content-length; False when the stream had to be reset."""
    call.received += size
    window = connection.settings.stream_window
    if call.received > window:
        connection.stream_error(call, ErrorCode.FLOW_CONTROL_ERROR)
        return False
    if not ended and call.received > window // 2:
        connection.output.put(window_frame(call.stream, call.received))
        call.received = 0
    owed = connection.lengths.get(call.stream)
    if owed is not None:
        connection.lengths[call.stream] = owed = owed - data_size
        if owed < 0:
            connection.stream_error(call, ErrorCode.PROTOCOL_ERROR)
            return False
    return True


def _read(connection: Lifetime, call: Call, data: bytes) -> None:
    """Cuts data into messages and hands them on."""
    reader = call.reader
    if reader is None:
        reader = call.reader = call.head.new_reader()
        call.phase = Phase.MIXED
    output = connection.output
    reader.feed(data)
    output.held += len(data)
    try:
        while call.open:
            before = reader.held
            try:
                message = reader.next()
            finally:
                output.held -= before - reader.held
            if message is None:
                break
            _on_message(connection, call, message)
    except StatusFault as fault:
        connection.abandon(call, fault.code, fault.text)
    if output.held > connection.settings.max_held:
        connection.overloaded()


def _on_message(connection: Lifetime, call: Call, message: bytes) -> None:
    kind = call.method.kind
    if kind is Kind.BIDI:
        call.method.received += 1
        connection.output.traffic.received += len(message)
        if call.inbound is not None:
            try:
                call.inbound.message(message)
            except Exception as problem:
                connection.handler_failed(call, problem)
    elif call.message is None:
        call.message = message
        if kind is Kind.UNARY:
            connection.whole.append(call)
    elif kind is Kind.SERVER_STREAM:
        raise StatusFault(Code.INTERNAL, _TWO_MESSAGES)


def start(connection: Lifetime, call: Call) -> None:
    """Gives a unary or server-streaming call to its handler."""
    message = call.message
    if not call.open or message is None:
        return
    head = call.head
    head.method.started += 1
    head.method.received += 1
    connection.output.traffic.received += len(message)
    if call.state is StreamState.HALF_CLOSED and not head.compress:
        call.phase = Phase.WHOLE
    try:
        head.start(call, message)
    except Exception as problem:
        connection.handler_failed(call, problem)


def end_of_requests(connection: Lifetime, call: Call) -> None:
    """The client has ended its side.  A cut-off prefix counts as a clean end, a cut-off body does not: gRPC-Go."""
    if connection.lengths.pop(call.stream, 0):
        connection.stream_error(call, ErrorCode.PROTOCOL_ERROR)
        return
    if not call.open:
        return
    cut_off = call.reader is not None and call.reader.held >= 5
    kind = call.method.kind
    if kind is Kind.UNARY:
        if call.message is None:
            connection.abandon(call, Code.UNKNOWN, "unexpected EOF" if cut_off else "EOF")
    elif cut_off:
        connection.abandon(call, Code.INTERNAL, "unexpected EOF")
    elif kind is Kind.SERVER_STREAM:
        if call.message is None:
            connection.abandon(call, Code.INTERNAL, _NO_MESSAGE)
        else:
            start(connection, call)
    elif call.inbound is not None:
        call.phase = Phase.MIXED
        try:
            call.inbound.half_close()
        except Exception as problem:
            connection.handler_failed(call, problem)
