"""Payloads of the frames that steer a connection: read and judged, nothing applied (RFC 9113 §6.3–§6.9)."""

from __future__ import annotations

from pyetcd.wire.frames import (
    ACK,
    ENABLE_PUSH,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    MAX_MAX_FRAME,
    MAX_WINDOW,
    MIN_MAX_FRAME,
    PADDED,
    PRIORITIZED,
    SETTING,
    STREAM_MASK,
    U32,
    ConnectionFault,
    ErrorCode,
)


def read_settings(stream: int, flags: int, payload: bytes) -> list[tuple[int, int]] | None:
    """The parameters in order; None for an acknowledgement."""
    if stream:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream")
    if flags & ACK:
        if payload:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS acknowledgement with a payload")
        return None
    if len(payload) % 6:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS payload is not a multiple of six")
    parameters = list(SETTING.iter_unpack(payload))
    for name, value in parameters:
        if name == ENABLE_PUSH and value > 1:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is neither 0 nor 1")
        if name == INITIAL_WINDOW_SIZE and value > MAX_WINDOW:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE above 2^31-1")
        if name == MAX_FRAME_SIZE and not MIN_MAX_FRAME <= value <= MAX_MAX_FRAME:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "MAX_FRAME_SIZE out of range")
    return parameters


def read_ping(stream: int, payload: bytes) -> bytes:
    if stream:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PING on a stream")
    if len(payload) != 8:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "PING payload is not eight bytes")
    return payload


def read_window_update(payload: bytes) -> int:
    """The increment; 0 is wrong, but by the stream it names."""
    if len(payload) != 4:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE payload is not four bytes")
    return int(U32.unpack(payload)[0]) & MAX_WINDOW


def read_reset(stream: int, payload: bytes) -> int:
    if not stream:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "RST_STREAM on stream 0")
    if len(payload) != 4:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM payload is not four bytes")
    return int(U32.unpack(payload)[0])


def check_goaway(stream: int, payload: bytes) -> None:
    if stream:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "GOAWAY on a stream")
    if len(payload) < 8:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY payload is too short")


def check_priority(stream: int, payload: bytes) -> bool:
    """False when the stream depends on itself, which is that stream's error."""
    if not stream:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PRIORITY on stream 0")
    if len(payload) != 5:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY payload is not five bytes")
    return int(U32.unpack_from(payload)[0]) & STREAM_MASK != stream


def unpadded(flags: int, payload: bytes) -> bytes:
    """The payload of a DATA or HEADERS frame without its padding."""
    if not flags & PADDED:
        return payload
    if not payload:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "padded frame without its pad length")
    end = len(payload) - payload[0]
    if end < 1:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "padding longer than the frame")
    return payload[1:end]


def header_fragment(stream: int, flags: int, payload: bytes) -> tuple[bytes, bool]:
    """The header block fragment of a HEADERS frame, and whether its stream depends on itself."""
    fragment = unpadded(flags, payload)
    if not flags & PRIORITIZED:
        return fragment, False
    if len(fragment) < 5:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "HEADERS frame too short for its priority")
    return fragment[5:], int(U32.unpack_from(fragment)[0]) & STREAM_MASK == stream
