"""Text in quotes the way Go prints it in error messages."""

from __future__ import annotations

import unicodedata

_NAMED = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 0x5C: "\\\\"}


def _printable(char: str) -> bool:
    return char == " " or unicodedata.category(char)[0] not in "CZ"


def _escaped(char: str, quote: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if char == quote:
        return "\\" + quote
    if code in _NAMED:
        return _NAMED[code]
    if _printable(char):
        return char
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quoted(raw: bytes) -> str:
    """Go's %q of bytes."""
    return '"' + "".join(_escaped(char, '"') for char in raw.decode("utf-8", "surrogateescape")) + '"'


def quoted_byte(byte: int) -> str:
    """A byte in single quotes, read as the character of that number."""
    return "'" + _escaped(chr(byte), "'") + "'"
