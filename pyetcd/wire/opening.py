"""Header blocks of requests on the general path: assembled, decoded, judged, and calls opened from them."""

from __future__ import annotations

from pyetcd.wire.binary import decode_timeout
from pyetcd.wire.call import Call, Code, Kind, Phase
from pyetcd.wire.control import header_fragment
from pyetcd.wire.frames import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    STREAM_MASK,
    ConnectionFault,
    ErrorCode,
)
from pyetcd.wire.guard import BlockAssembly
from pyetcd.wire.headers import Field
from pyetcd.wire.inbound import end_of_requests
from pyetcd.wire.lifetime import Lifetime
from pyetcd.wire.requests import Head, Malformed, check_trailers
from pyetcd.wire.states import StreamInput, StreamState
from pyetcd.wire.status import trailer_block

_MAX_BLOCKS = 256
_MAX_BLOCK_SIZE = 512
_MAX_HEADS = 256
_MAX_HEAD_FIELDS = 32
_MAX_GAPS = 64
_DEADLINE = trailer_block(Code.DEADLINE_EXCEEDED, "context deadline exceeded")


def on_headers(connection: Lifetime, stream: int, flags: int, payload: bytes) -> None:
    stream &= STREAM_MASK
    if not stream:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "HEADERS on stream 0")
    if flags & ~END_STREAM == END_HEADERS:
        _on_block(connection, stream, flags, payload, False)
        return
    fragment, self_dependent = header_fragment(stream, flags, payload)
    if flags & END_HEADERS:
        _on_block(connection, stream, flags, fragment, self_dependent)
        return
    limit = connection.settings.max_header_list
    connection.assembly = BlockAssembly(stream, flags, fragment, limit, self_dependent)


def on_continuation(
    connection: Lifetime, assembly: BlockAssembly, kind: int, stream: int, flags: int, payload: bytes
) -> None:
    """Any frame while a header block is being assembled."""
    if kind != CONTINUATION:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "header block interrupted by another frame")
    block = assembly.add(stream & STREAM_MASK, flags, payload)
    if block is not None:
        connection.assembly = None
        _on_block(connection, stream, assembly.flags, block, assembly.self_dependent)


def _on_block(connection: Lifetime, stream: int, flags: int, block: bytes, self_dependent: bool) -> None:
    """A whole header block: it opens a stream, or it is trailers, or a mistake."""
    ended = bool(flags & END_STREAM)
    if not stream & 1:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a client opened an even stream")
    if stream <= connection.last_stream:
        _on_late_block(connection, stream, ended, block)
        return
    head = connection.blocks.get(block)
    if head is not None:
        timeout = head.timeout
    else:
        head, timeout = _judge_block(connection, block)
    _remember(connection, stream)
    if self_dependent:
        _refuse(connection, stream, ErrorCode.PROTOCOL_ERROR)
    elif head.reset is not None:
        _refuse(connection, stream, head.reset)
    elif head.abort is not None:
        connection.output.abort(stream, head.abort, ended)
    elif connection.draining:
        connection.output.forgive(stream)  # above the last stream of our GOAWAY: the client knows it was not processed
    elif connection.refusing and connection.must_refuse():
        _refuse(connection, stream, ErrorCode.REFUSED_STREAM)
    elif timeout is not None and timeout <= 0:
        connection.output.abort(stream, head.only_block + _DEADLINE, ended)
    else:
        _open(connection, stream, head, timeout, ended)


def _decode(connection: Lifetime, block: bytes) -> tuple[Field, ...]:
    """The fields of a block.  Equal blocks mean equal fields only while the table stands still."""
    decoder = connection.decoder
    changes = decoder.changes
    fields = decoder.decode(block)
    if decoder.changes != changes and connection.blocks:
        connection.blocks.clear()
    return fields


def _judge_block(connection: Lifetime, block: bytes) -> tuple[Head, float | None]:
    """The verdict on a block not seen since the table changed, and its timeout in seconds."""
    decoder = connection.decoder
    changes = decoder.changes
    fields = decoder.decode(block)
    heads = connection.heads
    head = heads.get(fields)
    if head is None:
        head = connection.resolver.resolve(fields)
        if len(fields) <= _MAX_HEAD_FIELDS and len(block) <= _MAX_BLOCK_SIZE:
            if len(heads) >= _MAX_HEADS:
                heads.clear()
            heads[fields] = head
    raw = decoder.timeout
    blocks = connection.blocks
    if decoder.changes != changes:
        if blocks:
            blocks.clear()
    elif raw is None and len(block) <= _MAX_BLOCK_SIZE:
        if len(blocks) >= _MAX_BLOCKS:
            blocks.clear()
        blocks[block] = head
    if raw is None:
        return head, head.timeout
    try:
        return head, decode_timeout(raw)
    except ValueError:
        return connection.resolver.resolve(fields, raw), None


def _remember(connection: Lifetime, stream: int) -> None:
    """Stream numbers only rise; those jumped over can never be used any more (RFC 9113 §5.1.1)."""
    expected = connection.last_stream + 2
    if stream > expected:
        gaps = connection.skipped
        gaps.append(range(expected, stream, 2))
        if len(gaps) > _MAX_GAPS:
            del gaps[0]
    connection.last_stream = stream


def _refuse(connection: Lifetime, stream: int, code: ErrorCode) -> None:
    connection.control.spend(connection.now)
    connection.output.reset_stream(stream, code)


def _open(connection: Lifetime, stream: int, head: Head, timeout: float | None, ended: bool) -> None:
    deadline = None if timeout is None else connection.deadline(timeout)
    call = Call(connection.output, stream, head, deadline)
    connection.streams[stream] = call
    if len(connection.streams) >= connection.max_streams:
        connection.refusing = True
    if head.expected is not None:
        _owe(connection, stream, head.expected)
    if ended:
        call.state = StreamState.HALF_CLOSED
        call.phase = Phase.MIXED
        if head.expected:
            connection.stream_error(call, ErrorCode.PROTOCOL_ERROR)
            return
    if head.refusal is not None:
        call.message = b""  # whatever comes is not read
        connection.whole.append(call)
    elif head.method.kind is Kind.BIDI:
        start_stream(connection, call)
    if ended:
        connection.resolver.ended_with_headers(call)


def _owe(connection: Lifetime, stream: int, length: int) -> None:
    """Notes a content-length; those of streams that ended early are dropped now and then."""
    lengths = connection.lengths
    lengths[stream] = length
    if len(lengths) > 64 + 2 * len(connection.streams):
        connection.lengths = {known: owed for known, owed in lengths.items() if known in connection.streams}


def start_stream(connection: Lifetime, call: Call) -> None:
    """Gives a bidirectional call to its handler, which hears of the messages as they come."""
    method = call.head.method
    method.started += 1
    try:
        call.inbound = call.head.start(call)
    except Exception as problem:
        connection.handler_failed(call, problem)


def _on_late_block(connection: Lifetime, stream: int, ended: bool, block: bytes) -> None:
    """A block on a stream that was opened before: trailers when it is open, else the table says what."""
    fields = _decode(connection, block)
    if not connection.judge(stream, StreamInput.RECV_HEADERS_END if ended else StreamInput.RECV_HEADERS):
        return
    call = connection.streams[stream]
    try:
        check_trailers(fields, connection.settings.max_header_list)
    except Malformed as problem:
        connection.stream_error(call, problem.code)
        return
    end_of_requests(connection, call)
