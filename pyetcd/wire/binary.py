"""Values of request headers as Go reads them: base64 of ``-bin`` headers, grpc-timeout.  Errors carry Go's texts."""

from __future__ import annotations

import base64

from pyetcd.wire.status import quoted

_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_PAD = ord("=")
_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
LONGEST_TIMEOUT = (2**63 - 1) / 1e9
"""Go's largest duration, in seconds."""


def decode_binary(value: bytes) -> bytes:
    """A ``-bin`` header: padded when its length is a multiple of four, else unpadded.  ValueError with Go's text."""
    padded = len(value) % 4 == 0
    wrong = _first_error(value, padded)
    if wrong is not None:
        raise ValueError(f"illegal base64 data at input byte {wrong}")
    return base64.b64decode(value + b"=" * (-len(value) % 4))


def _first_error(value: bytes, padded: bool) -> int | None:
    """The offset Go reports for the first illegal byte, None when the value is sound."""
    for offset, byte in enumerate(value):
        if byte in _ALPHABET:
            continue
        if byte != _PAD or not padded:
            return offset
        return _padding_error(value, offset)
    if not padded and len(value) % 4 == 1:
        return len(value) - 1
    return None


def _padding_error(value: bytes, offset: int) -> int | None:
    place = offset % 4
    if place < 2:
        return offset
    if place == 2:
        offset += 1
        if offset == len(value):
            return len(value)
        if value[offset] != _PAD:
            return offset - 1
    return None if offset + 1 == len(value) else offset + 1


def decode_timeout(value: bytes) -> float:
    """grpc-timeout in seconds: one to eight digits and a unit.  ValueError with gRPC-Go's text."""
    if len(value) < 2:
        raise ValueError(f"transport: timeout string is too short: {quoted(value)}")
    if len(value) > 9:
        raise ValueError(f"transport: timeout string is too long: {quoted(value)}")
    unit = _UNITS.get(value[-1:])
    if unit is None:
        raise ValueError(f"transport: timeout unit is not recognized: {quoted(value)}")
    digits = value[:-1]
    if not digits.isdigit():
        raise ValueError(f"strconv.ParseUint: parsing {quoted(digits)}: invalid syntax")
    return min(int(digits) * unit, LONGEST_TIMEOUT)
