"""Go's spelling of flag values: numbers, booleans, durations, quoted strings.

etcd's flags are read by Go's ``flag`` and ``strconv`` packages, and what those accept and how they complain is part
of the command's behaviour (wire contract 10.1).  Durations are plain float seconds everywhere in pyetcd; only here
and in the logs do they have a spelling.
"""

from __future__ import annotations

import re

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))

_DIGITS = {
    2: re.compile(r"0[bB](_?[01])+"),
    8: re.compile(r"0[oO]?(_?[0-7])+"),
    16: re.compile(r"0[xX](_?[0-9a-fA-F])+"),
    10: re.compile(r"0|[1-9](_?[0-9])*"),
}

_SECOND = 10**9
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": _SECOND, "m": 60 * _SECOND}
_NANOSECONDS["h"] = 3600 * _SECOND
_PART = re.compile(r"([0-9]+)?(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_MAX_INT64 = (1 << 63) - 1


class ValueSyntax(ValueError):
    """A value that cannot be read; the text is what Go prints after the flag's name."""


def parse_bool(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueSyntax("parse error")


def _magnitude(text: str) -> int:
    for base, digits in _DIGITS.items():
        if digits.fullmatch(text):
            body = text.replace("_", "")
            return int(body, base) if base in (10, 2, 16) else int(body.lower().replace("o", ""), 8)
    raise ValueSyntax("parse error")


def parse_int(text: str) -> int:
    """A signed 64-bit integer, with Go's base prefixes and underscores."""
    sign = -1 if text.startswith("-") else 1
    value = sign * _magnitude(text[1:] if text[:1] in ("+", "-") else text)
    if not -(1 << 63) <= value <= _MAX_INT64:
        raise ValueSyntax("value out of range")
    return value


def parse_uint(text: str) -> int:
    """An unsigned 64-bit integer; no sign at all."""
    value = _magnitude(text)
    if value >= 1 << 64:
        raise ValueSyntax("value out of range")
    return value


def parse_uint32(text: str) -> int:
    """An unsigned 32-bit integer; this one flag of etcd complains with strconv's own words."""
    try:
        value = _magnitude(text)
    except ValueSyntax:
        raise ValueSyntax(f"strconv.ParseUint: parsing {quote(text)}: invalid syntax") from None
    if value >= 1 << 32:
        raise ValueSyntax(f"strconv.ParseUint: parsing {quote(text)}: value out of range")
    return value


def duration_nanoseconds(text: str) -> int:
    """``"1h30m"``, ``"1.5s"``, ``"-2ms"``, ``"0"`` in nanoseconds; ValueSyntax has the words of time.ParseDuration."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0
    total, position = 0, 0
    while position < len(body):
        part = _PART.match(body, position)
        if part is None or (part[1] is None and not part[2]):
            raise ValueSyntax(_duration_complaint(text, body[position:]))
        unit = _NANOSECONDS[part[3]]
        total += int(part[1] or 0) * unit
        if part[2]:
            total += int(part[2]) * unit // 10 ** len(part[2])
        position = part.end()
    if not body or total > _MAX_INT64:
        raise ValueSyntax(f"time: invalid duration {quote(text)}")
    return -total if text.startswith("-") else total


def _duration_complaint(text: str, rest: str) -> str:
    number = re.match(r"[0-9]*\.?[0-9]*", rest)
    assert number is not None
    unit_text = rest[number.end() :]
    unit = re.match(r"[^0-9.]*", unit_text)
    assert unit is not None
    if number[0] in ("", "."):
        return f"time: invalid duration {quote(text)}"
    if not unit[0]:
        return f"time: missing unit in duration {quote(text)}"
    return f"time: unknown unit {quote(unit[0])} in duration {quote(text)}"


def parse_duration(text: str) -> float:
    """A duration flag, in seconds."""
    try:
        return duration_nanoseconds(text) / 1e9
    except ValueSyntax:
        raise ValueSyntax("parse error") from None


def format_duration(seconds: float) -> str:
    """Seconds as Go prints a time.Duration: ``1m0s``, ``100ms``, ``1.5s``, ``0s``."""
    total = round(seconds * 1e9)
    sign, total = ("-", -total) if total < 0 else ("", total)
    if total == 0:
        return "0s"
    for unit, size in (("ns", 10**3), ("µs", 10**6), ("ms", 10**9)):
        if total < size:
            return f"{sign}{_decimal(total, size // 1000)}{unit}"
    whole, rest = divmod(total, 60 * 10**9)
    text = _decimal(rest, 10**9) + "s"
    if whole:
        hours, minutes = divmod(whole, 60)
        text = (f"{hours}h" if hours else "") + f"{minutes}m" + text
    return sign + text


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}"


_SHORT_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def quote(text: str) -> str:
    """Go's ``%q``: double quotes, backslash escapes, unprintable characters by number."""
    out = ['"']
    for character in text:
        if character in '"\\':
            out.append("\\" + character)
        elif character in _SHORT_ESCAPES:
            out.append(_SHORT_ESCAPES[character])
        elif character == " " or character.isprintable():
            out.append(character)
        elif "\udc80" <= character <= "\udcff":
            out.append(f"\\x{ord(character) - 0xDC00:02x}")
        elif ord(character) < 0x80:
            out.append(f"\\x{ord(character):02x}")
        else:
            out.append(f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}")
    out.append('"')
    return "".join(out)
