"""The life of a stream as one table (RFC 9113 §5.1): every state × every input has exactly one outcome.

A server that never pushes needs six states.  ``half-closed (local)`` is missing on purpose: gRPC ends a call whose
client has not ended its side with RST_STREAM(NO_ERROR), so such a stream goes from open straight to reset.

    idle ──HEADERS──► open ──END_STREAM──► half-closed ──answered──► closed
      │                 └──answered early, refused, any stream error──► reset
      └──a higher stream was opened──► skipped

``closed`` and ``reset`` differ in whose fault a late frame is: after a reset of ours the peer may not have heard of it
yet, so what still arrives is dropped; after the peer ended or reset the stream itself, it is an error.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import NamedTuple

from pyetcd.wire.frames import ErrorCode


class StreamState(IntEnum):
    IDLE = 0
    OPEN = 1
    HALF_CLOSED = 2
    CLOSED = 3
    RESET = 4
    SKIPPED = 5


class StreamInput(IntEnum):
    """Frames received (RECV_) or sent (SEND_) on a stream; _END: with END_STREAM."""

    RECV_HEADERS = 0
    RECV_HEADERS_END = 1
    RECV_DATA = 2
    RECV_DATA_END = 3
    RECV_RESET = 4
    RECV_WINDOW = 5
    RECV_PRIORITY = 6
    SEND_HEADERS = 7
    SEND_DATA = 8
    SEND_END = 9
    SEND_RESET = 10


class Verdict(Enum):
    """What an input means: the stream moves, nothing happens, or a rule was broken."""

    MOVE = "move"
    IGNORE = "ignore"
    STREAM_ERROR = "stream error"
    CONNECTION_ERROR = "connection error"
    OUR_BUG = "our bug"


class Outcome(NamedTuple):
    verdict: Verdict
    state: StreamState
    """The state afterwards."""
    code: ErrorCode = ErrorCode.NO_ERROR


_S, _I, _E = StreamState, StreamInput, ErrorCode


def _move(state: StreamState) -> Outcome:
    return Outcome(Verdict.MOVE, state)


def _stay(state: StreamState) -> Outcome:
    return Outcome(Verdict.IGNORE, state)


def _reset(code: ErrorCode) -> Outcome:
    return Outcome(Verdict.STREAM_ERROR, _S.RESET, code)


def _fatal(state: StreamState, code: ErrorCode) -> Outcome:
    return Outcome(Verdict.CONNECTION_ERROR, state, code)


def _bug(state: StreamState) -> Outcome:
    return Outcome(Verdict.OUR_BUG, state)


def _row(state: StreamState, *outcomes: Outcome) -> dict[tuple[StreamState, StreamInput], Outcome]:
    return {(state, given): outcome for given, outcome in zip(_I, outcomes, strict=True)}


TABLE: dict[tuple[StreamState, StreamInput], Outcome] = {
    **_row(
        _S.IDLE,
        _move(_S.OPEN),
        _move(_S.HALF_CLOSED),
        _fatal(_S.IDLE, _E.PROTOCOL_ERROR),
        _fatal(_S.IDLE, _E.PROTOCOL_ERROR),
        _fatal(_S.IDLE, _E.PROTOCOL_ERROR),
        _fatal(_S.IDLE, _E.PROTOCOL_ERROR),
        _stay(_S.IDLE),
        _bug(_S.IDLE),
        _bug(_S.IDLE),
        _bug(_S.IDLE),
        _bug(_S.IDLE),
    ),
    **_row(
        _S.OPEN,
        _reset(_E.PROTOCOL_ERROR),  # a second block must be trailers, and trailers end the stream
        _move(_S.HALF_CLOSED),
        _move(_S.OPEN),
        _move(_S.HALF_CLOSED),
        _move(_S.CLOSED),
        _move(_S.OPEN),
        _stay(_S.OPEN),
        _move(_S.OPEN),
        _move(_S.OPEN),
        _move(_S.RESET),  # answered early: RST_STREAM(NO_ERROR) follows
        _move(_S.RESET),
    ),
    **_row(
        _S.HALF_CLOSED,
        _reset(_E.STREAM_CLOSED),
        _reset(_E.STREAM_CLOSED),
        _reset(_E.STREAM_CLOSED),
        _reset(_E.STREAM_CLOSED),
        _move(_S.CLOSED),
        _move(_S.HALF_CLOSED),
        _stay(_S.HALF_CLOSED),
        _move(_S.HALF_CLOSED),
        _move(_S.HALF_CLOSED),
        _move(_S.CLOSED),
        _move(_S.RESET),
    ),
    **_row(
        _S.CLOSED,
        _fatal(_S.CLOSED, _E.STREAM_CLOSED),
        _fatal(_S.CLOSED, _E.STREAM_CLOSED),
        _reset(_E.STREAM_CLOSED),
        _reset(_E.STREAM_CLOSED),
        _stay(_S.CLOSED),
        _stay(_S.CLOSED),
        _stay(_S.CLOSED),
        _bug(_S.CLOSED),
        _bug(_S.CLOSED),
        _bug(_S.CLOSED),
        _bug(_S.CLOSED),
    ),
    **_row(
        _S.RESET,
        _stay(_S.RESET),
        _stay(_S.RESET),
        _stay(_S.RESET),
        _stay(_S.RESET),
        _stay(_S.RESET),
        _stay(_S.RESET),
        _stay(_S.RESET),
        _bug(_S.RESET),
        _bug(_S.RESET),
        _bug(_S.RESET),
        _bug(_S.RESET),
    ),
    **_row(
        _S.SKIPPED,
        _fatal(_S.SKIPPED, _E.PROTOCOL_ERROR),  # stream numbers only rise
        _fatal(_S.SKIPPED, _E.PROTOCOL_ERROR),
        _fatal(_S.SKIPPED, _E.STREAM_CLOSED),
        _fatal(_S.SKIPPED, _E.STREAM_CLOSED),
        _stay(_S.SKIPPED),
        _stay(_S.SKIPPED),
        _stay(_S.SKIPPED),
        _bug(_S.SKIPPED),
        _bug(_S.SKIPPED),
        _bug(_S.SKIPPED),
        _bug(_S.SKIPPED),
    ),
}
