"""Tokens of a JSON value that is known to be well formed, with protojson's words for strings it does not take."""

from __future__ import annotations

import re
from typing import NamedTuple

from pyetcd.gateway.json.quoting import quoted

_TOKEN = re.compile(
    rb'[ \t\r\n,]*(?:("[^"\\]*(?:\\.[^"\\]*)*")([ \t\r\n]*:)?|([{}\[\]])|([^\x00-\x20,:"{}\[\]]+))', re.DOTALL
)
_SIMPLE = {0x22: '"', 0x5C: "\\", 0x2F: "/", 0x62: "\b", 0x66: "\f", 0x6E: "\n", 0x72: "\r", 0x74: "\t"}
_BACKSLASH = 0x5C
_CUT_OFF = "proto:\u00a0unexpected EOF"

NAME, STRING, BRACKET, WORD = range(4)


class ValueFault(ValueError):
    """JSON that is no such message; the text is protojson's."""


class Token(NamedTuple):
    kind: int
    raw: bytes
    position: int
    text: str
    """Of names and strings: what they mean."""


class Tokens:
    """Reads a value front to back."""

    __slots__ = ("_match", "_next", "value")

    def __init__(self, value: bytes) -> None:
        self.value = value
        self._match = _TOKEN.match
        self._next = 0

    def peek(self) -> bytes:
        """The first byte of the next token."""
        found = self._match(self.value, self._next)
        assert found is not None
        group = found.lastindex or 0
        start = found.start(1 if group == 2 else group)
        return self.value[start : start + 1]

    def read(self) -> Token:
        """The next token; raises ValueFault for a string that is no text."""
        found = self._match(self.value, self._next)
        assert found is not None
        self._next = found.end()
        group = found.lastindex
        assert group is not None
        if group > 2:
            return Token(group - 1, found[group], found.start(group), "")
        raw = found[1]
        position = found.start(1)
        return Token(NAME if group == 2 else STRING, raw, position, self._text(raw, position))

    def skip(self) -> None:
        """Pass over one value; its strings are looked at nevertheless."""
        depth = 0
        while True:
            token = self.read()
            if token.kind == BRACKET:
                depth += 1 if token.raw in b"{[" else -1
            if token.kind != NAME and depth == 0:
                return

    def fault(self, position: int, text: str, kind: str = "") -> ValueFault:
        """protojson puts a plain or a no-break blank behind its prefix, chosen by the build."""
        before = self.value[:position]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "surrogateescape")) + 1
        return ValueFault(f"proto:\u00a0{kind}(line {line}:{column}): {text}")

    def unexpected(self, token: Token) -> ValueFault:
        return self.fault(token.position, f"unexpected token {token.raw.decode()}", "syntax error ")

    def _text(self, raw: bytes, position: int) -> str:
        if _BACKSLASH not in raw:
            return self._decoded(raw[1:-1], position)
        parts = []
        at = 1
        while True:
            end = raw.find(b"\\", at)
            if end < 0:
                parts.append(self._decoded(raw[at:-1], position))
                return "".join(parts)
            parts.append(self._decoded(raw[at:end], position))
            char, at = self._escape(end, position, raw)
            parts.append(char)

    def _decoded(self, part: bytes, position: int) -> str:
        try:
            return part.decode()
        except UnicodeDecodeError:
            raise self.fault(position, "invalid UTF-8 in string", "syntax error ") from None

    def _escape(self, at: int, position: int, raw: bytes) -> tuple[str, int]:
        """The character an escape at ``at`` stands for, and where it ends.  Halves of pairs need each other."""
        simple = _SIMPLE.get(raw[at + 1])
        if simple is not None:
            return simple, at + 2
        code = int(raw[at + 2 : at + 6], 16)
        at += 6
        if not 0xD800 <= code < 0xE000:
            return chr(code), at
        rest = self.value[position + at : position + at + 6]  # protojson looks behind the string's end
        if len(rest) < 6:
            raise ValueFault(_CUT_OFF)
        low = int(rest[2:], 16) if re.fullmatch(rb"\\u[0-9A-Fa-f]{4}", rest) else 0
        if code >= 0xDC00 or not 0xDC00 <= low < 0xE000:
            raise self.fault(position, f"invalid escape code {quoted(rest)} in string", "syntax error ")
        return chr(0x10000 + (code - 0xD800 << 10) + low - 0xDC00), at + 6
