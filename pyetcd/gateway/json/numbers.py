"""Integers as protojson reads them: any decimal notation whose value is whole."""

from __future__ import annotations

import re

_MANTISSA = re.compile(rb"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")
_EXPONENT = re.compile(rb"[eE]([-+]?[0-9]*)")
_WORD = frozenset(b"-+._abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_BLANKS = " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_JSON_SPACE = b" \t\r\n"
_MAX_DIGITS = 20

BOUNDS = {
    "int32": (-(1 << 31), (1 << 31) - 1),
    "uint32": (0, (1 << 32) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint64": (0, (1 << 64) - 1),
}


def integer(raw: bytes, kind: str) -> int | None:
    """A JSON number as an integer of ``kind``; None when it is none or too large."""
    found = _MANTISSA.match(raw)
    if found is None:
        return None
    minus, whole, fraction = found.groups()
    rest = raw[found.end() :]
    exponent = _EXPONENT.match(rest) if len(rest) > 1 else None
    value = _whole_value(b"" if whole == b"0" else whole, (fraction or b"").rstrip(b"0"), exponent and exponent[1])
    if value is None:
        return None
    low, high = BOUNDS[kind]
    value = -value if minus else value
    return value if low <= value <= high else None


def _whole_value(whole: bytes, fraction: bytes, exponent: bytes | None) -> int | None:
    if not whole and not fraction:
        return 0
    shift = 0
    if exponent:
        if not exponent.lstrip(b"+-") or len(exponent.lstrip(b"+-0")) > 10:
            return None
        shift = int(exponent)
        if not -(1 << 31) <= shift < 1 << 31:
            return None
    if shift < 0:
        kept = len(whole) + shift
        if fraction or not 0 <= kept <= _MAX_DIGITS or whole[kept:].strip(b"0"):
            return None
        return int(whole[:kept])
    if len(fraction) > shift or len(whole) + shift > _MAX_DIGITS:
        return None
    return int(whole + fraction + b"0" * (shift - len(fraction)))


def integer_text(text: str, kind: str) -> int | None:
    """The number a string holds.  What follows it counts only when it could be part of it, as in protojson."""
    if text.strip(_BLANKS) != text:
        return None
    token = _number_token(text.encode())
    return None if token is None else integer(token, kind)


def _number_token(raw: bytes) -> bytes | None:
    """The number in front, cut the way protojson's tokenizer does: an exponent may lack its digits."""
    raw = raw.lstrip(_JSON_SPACE)
    found = _MANTISSA.match(raw)
    if found is None:
        return None
    end = found.end()
    exponent = _EXPONENT.match(raw, end) if len(raw) > end + 1 else None
    if exponent is not None:
        end = exponent.end()
        if end == len(raw) and exponent[1] in (b"+", b"-"):
            return None
    return None if end < len(raw) and raw[end] in _WORD else raw[:end]
