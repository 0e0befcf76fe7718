"""Cuts a stream of bytes into JSON values, with the words of Go's encoding/json for what is none.

Bytes may come in any pieces; each is looked at once.  What a value means is of no interest here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pyetcd.gateway.json.quoting import quoted_byte

DEPTH_LIMIT = 10_000

_SPACE = frozenset(b" \t\r\n")
_HEX = frozenset(b"0123456789abcdefABCDEF")
_DIGITS = frozenset(b"0123456789")
_ESCAPES = frozenset(b'bfnrt\\/"')
_WORDS = {word[0]: word for word in (b"true", b"false", b"null")}
_BLANKS = re.compile(rb"[ \t\r\n]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_NUMERALS = re.compile(rb"[0-9]*")
_OBJECT_KEY, _OBJECT_VALUE, _ARRAY_VALUE = range(3)


class SyntaxFault(ValueError):
    """The text says what is wrong; nothing behind it can be read."""


class Scanner:
    """``feed`` bytes, then ``next`` gives value by value; ``end`` says that no more will come."""

    __slots__ = ("_buffer", "_ended", "_fault", "_position", "left", "stack", "state", "word")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0
        self._ended = False
        self._fault: SyntaxFault | None = None
        self.state: State = begin_value
        self.stack = bytearray()
        """What encloses the present byte, outermost first."""
        self.word = b""
        self.left = 0

    @property
    def held(self) -> int:
        """Bytes that were not given out yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def end(self) -> None:
        self._ended = True

    def next(self) -> bytes | None:
        """The next value without the blanks around it; None: more bytes are needed, or the input has ended cleanly.

        Raises SyntaxFault, from then on always the same."""
        if self._fault is not None:
            raise self._fault
        if self._position == 0:
            del self._buffer[: self._run(_BLANKS, 0)]
        try:
            done = self._scan()
        except SyntaxFault as fault:
            self._fault = fault
            raise
        if done:
            return self._cut()
        if self._ended and self._buffer:
            self._fault = SyntaxFault("unexpected EOF")
            raise self._fault
        return None

    def _run(self, pattern: re.Pattern[bytes], start: int) -> int:
        """Where a run ends; no match outlives this, a buffer that is looked at cannot be cut."""
        found = pattern.match(self._buffer, start)
        return start if found is None else found.end()

    def _scan(self) -> bool:
        """Whether a whole value lies in front of the position."""
        buffer = self._buffer
        position = self._position
        size = len(buffer)
        stack = self.stack
        while position < size:
            run = _RUNS.get(self.state)
            if run is not None:
                position = self._run(run, position)
                if position == size:
                    break
            byte = buffer[position]
            if self.state(self, byte):
                self._position = position
                return True
            position += 1
            if not stack and (byte == 0x7D or byte == 0x5D) and self.state is end_value:
                self._position = position
                return True
        self._position = position
        # A number, word or string that stands alone may end with the input.
        return self._ended and bool(buffer) and not stack and self.state in _MAY_END

    def _cut(self) -> bytes:
        value = bytes(memoryview(self._buffer)[: self._position])
        del self._buffer[: self._position]
        self._position = 0
        self.state = begin_value
        return value


State = Callable[[Scanner, int], "bool | None"]
"""Takes one byte; True when a value ended before it.  Raises SyntaxFault."""


def wrong(byte: int, context: str) -> SyntaxFault:
    return SyntaxFault(f"invalid character {quoted_byte(byte)} {context}")


def enter(scanner: Scanner, byte: int, kind: int, state: State) -> None:
    scanner.stack.append(kind)
    if len(scanner.stack) > DEPTH_LIMIT:
        raise wrong(byte, "exceeded max depth")
    scanner.state = state


def leave(scanner: Scanner) -> None:
    scanner.stack.pop()
    scanner.state = end_value


def begin_value(scanner: Scanner, byte: int) -> None:
    if byte in _SPACE:
        return
    if byte == 0x22:
        scanner.state = in_string
    elif byte == 0x7B:
        enter(scanner, byte, _OBJECT_KEY, begin_key_or_end)
    elif byte == 0x5B:
        enter(scanner, byte, _ARRAY_VALUE, begin_value_or_end)
    elif byte == 0x2D:
        scanner.state = negative
    elif byte == 0x30:
        scanner.state = zero
    elif byte in _DIGITS:
        scanner.state = integer
    elif byte in _WORDS:
        scanner.word = _WORDS[byte]
        scanner.left = 1
        scanner.state = in_word
    else:
        raise wrong(byte, "looking for beginning of value")


def begin_value_or_end(scanner: Scanner, byte: int) -> None:
    if byte == 0x5D:
        leave(scanner)
    elif byte not in _SPACE:
        begin_value(scanner, byte)


def begin_key_or_end(scanner: Scanner, byte: int) -> None:
    if byte == 0x7D:
        leave(scanner)
    else:
        begin_key(scanner, byte)


def begin_key(scanner: Scanner, byte: int) -> None:
    if byte == 0x22:
        scanner.state = in_string
    elif byte not in _SPACE:
        raise wrong(byte, "looking for beginning of object key string")


def end_value(scanner: Scanner, byte: int) -> bool:
    stack = scanner.stack
    if not stack:
        return True
    scanner.state = end_value
    if byte in _SPACE:
        return False
    within = stack[-1]
    if within == _OBJECT_KEY:
        after_key(scanner, byte)
    elif within == _OBJECT_VALUE:
        after_pair(scanner, byte)
    else:
        after_element(scanner, byte)
    return False


def after_key(scanner: Scanner, byte: int) -> None:
    if byte != 0x3A:
        raise wrong(byte, "after object key")
    scanner.stack[-1] = _OBJECT_VALUE
    scanner.state = begin_value


def after_pair(scanner: Scanner, byte: int) -> None:
    if byte == 0x2C:
        scanner.stack[-1] = _OBJECT_KEY
        scanner.state = begin_key
    elif byte == 0x7D:
        leave(scanner)
    else:
        raise wrong(byte, "after object key:value pair")


def after_element(scanner: Scanner, byte: int) -> None:
    if byte == 0x2C:
        scanner.state = begin_value
    elif byte == 0x5D:
        leave(scanner)
    else:
        raise wrong(byte, "after array element")


def in_string(scanner: Scanner, byte: int) -> None:
    if byte == 0x22:
        scanner.state = end_value
    elif byte == 0x5C:
        scanner.state = escape
    else:
        raise wrong(byte, "in string literal")


def escape(scanner: Scanner, byte: int) -> None:
    if byte in _ESCAPES:
        scanner.state = in_string
    elif byte == 0x75:
        scanner.left = 4
        scanner.state = hexadecimal
    else:
        raise wrong(byte, "in string escape code")


def hexadecimal(scanner: Scanner, byte: int) -> None:
    if byte not in _HEX:
        raise wrong(byte, "in \\u hexadecimal character escape")
    scanner.left -= 1
    if not scanner.left:
        scanner.state = in_string


def negative(scanner: Scanner, byte: int) -> None:
    if byte not in _DIGITS:
        raise wrong(byte, "in numeric literal")
    scanner.state = zero if byte == 0x30 else integer


def zero(scanner: Scanner, byte: int) -> bool:
    """A zero in front takes no more digits."""
    if byte == 0x2E:
        scanner.state = point
    elif byte in b"eE":
        scanner.state = exponent_sign
    else:
        return end_value(scanner, byte)
    return False


def integer(scanner: Scanner, byte: int) -> bool:
    """Behind a run of digits; the same continues a number as behind a zero."""
    return zero(scanner, byte)


def point(scanner: Scanner, byte: int) -> None:
    if byte not in _DIGITS:
        raise wrong(byte, "after decimal point in numeric literal")
    scanner.state = fraction


def fraction(scanner: Scanner, byte: int) -> bool:
    if byte in b"eE":
        scanner.state = exponent_sign
        return False
    return end_value(scanner, byte)


def exponent_sign(scanner: Scanner, byte: int) -> None:
    if byte in b"+-":
        scanner.state = exponent_begin
    else:
        exponent_begin(scanner, byte)


def exponent_begin(scanner: Scanner, byte: int) -> None:
    if byte not in _DIGITS:
        raise wrong(byte, "in exponent of numeric literal")
    scanner.state = exponent


def exponent(scanner: Scanner, byte: int) -> bool:
    return end_value(scanner, byte)


def in_word(scanner: Scanner, byte: int) -> None:
    word = scanner.word
    if byte != word[scanner.left]:
        raise wrong(byte, f"in literal {word.decode()} (expecting '{chr(word[scanner.left])}')")
    scanner.left += 1
    if scanner.left == len(word):
        scanner.state = end_value


_RUNS: dict[State, re.Pattern[bytes]] = {
    in_string: _PLAIN,
    integer: _NUMERALS,
    fraction: _NUMERALS,
    exponent: _NUMERALS,
}
"""States that pass over many bytes of one kind at once."""
_MAY_END = frozenset((end_value, zero, integer, fraction, exponent))
