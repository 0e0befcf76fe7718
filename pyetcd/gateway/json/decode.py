"""JSON into the bytes of a protobuf message, by protojson's rules: unknown fields are passed over, null is nothing.

Works on a stack of its own, so that a value as deep as the scanner lets through is no danger.
"""

from __future__ import annotations

import base64
import re

from pyetcd.gateway.json.numbers import BOUNDS, integer, integer_text
from pyetcd.gateway.json.shapes import LENGTH_DELIMITED, Field, Shape, varint
from pyetcd.gateway.json.tokens import NAME, STRING, WORD, Token, Tokens

_STANDARD = re.compile("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?")
_NO_NEWLINES = str.maketrans("", "", "\r\n")
_TO_STANDARD = str.maketrans("-_+/", "+/!!")
_BOOLS = {b"true": 1, b"false": 0}


class _Message:
    """A message on its way: the pieces of its fields by number."""

    __slots__ = ("list", "parts", "seen", "shape", "taken")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.parts: list[tuple[int, bytes]] = []
        self.seen: set[int] = set()
        self.taken: set[str] = set()
        """Oneofs that are set."""
        self.list: Field | None = None
        """The field whose list of messages is being read."""

    def body(self) -> bytes:
        """Fields ascending, as protobuf-go writes them."""
        self.parts.sort(key=_number)
        return b"".join([part for _, part in self.parts])

    def add(self, field: Field, body: bytes) -> None:
        self.parts.append((field.number, b"".join((field.tag, varint(len(body)), body))))


def _number(part: tuple[int, bytes]) -> int:
    return part[0]


def decode(value: bytes, shape: Shape) -> bytes:
    """``value`` is well-formed JSON without blanks around it.  Raises ValueFault."""
    tokens = Tokens(value)
    _open_object(tokens)
    stack = [_Message(shape)]
    held: list[Field] = []
    while True:
        message = stack[-1]
        if message.list is not None:
            inner = _element(tokens, message)
        else:
            token = tokens.read()
            if token.kind != NAME:  # the closing brace
                stack.pop()
                if not stack:
                    return message.body()
                stack[-1].add(held.pop(), message.body())
                continue
            inner = _field(tokens, token, message)
        if inner is not None:
            held.append(inner)
            stack.append(_Message(inner.message))


def _open_object(tokens: Tokens) -> None:
    token = tokens.read()
    if token.raw != b"{":
        raise tokens.unexpected(token)


def _element(tokens: Tokens, message: _Message) -> Field | None:
    """The next message of a list: its field, whose object is open now; None at the end of the list."""
    field = message.list
    if tokens.peek() == b"]":
        tokens.read()
        message.list = None
        return None
    _open_object(tokens)
    return field


def _field(tokens: Tokens, name: Token, message: _Message) -> Field | None:
    """One field: read at once, or a field whose message is open now."""
    field = message.shape.by_name.get(name.text)
    if field is None:
        tokens.skip()
        return None
    if field.number in message.seen:
        raise tokens.fault(name.position, f"duplicate field {name.raw.decode()}")
    message.seen.add(field.number)
    if tokens.peek() == b"n":
        tokens.read()
        return None
    if field.repeated:
        _list(tokens, field, message)
        return None
    if field.oneof is not None:
        if field.oneof in message.taken:
            text = f"error parsing {name.raw.decode()}, oneof {field.oneof} is already set"
            raise tokens.fault(name.position, text)
        message.taken.add(field.oneof)
    if field.kind == "message":
        _open_object(tokens)
        return field
    scalar = _scalar(tokens, field)
    if scalar is not None and (field.oneof is not None or not _is_zero(scalar, field)):
        _put(message, field, scalar)
    return None


def _is_zero(scalar: bytes, field: Field) -> bool:
    return not scalar or (scalar == b"\0" and field.kind not in LENGTH_DELIMITED)


def _put(message: _Message, field: Field, scalar: bytes) -> None:
    if field.kind in LENGTH_DELIMITED:
        message.add(field, scalar)
    else:
        message.parts.append((field.number, field.tag + scalar))


def _list(tokens: Tokens, field: Field, message: _Message) -> None:
    token = tokens.read()
    if token.raw != b"[":
        raise tokens.unexpected(token)
    if field.kind == "message":
        message.list = field
        return
    items = []
    while tokens.peek() != b"]":
        item = _scalar(tokens, field)
        if item is not None:
            items.append(item)
    tokens.read()
    if field.kind in LENGTH_DELIMITED:
        for item in items:
            message.add(field, item)
    elif items:
        message.add(field, b"".join(items))


def _scalar(tokens: Tokens, field: Field) -> bytes | None:
    """The value's bytes on the wire, without tag and length; None for the name of an enum value nobody knows."""
    token = tokens.read()
    kind = field.kind
    found: bytes | None = None
    if kind == "bytes":
        found = _base64(token.text) if token.kind == STRING else None
    elif kind == "string":
        found = token.text.encode() if token.kind == STRING else None
    elif kind == "enum":
        if token.kind == STRING:
            known = field.numbers.get(token.text)
            return None if known is None else varint(known)
        found = _varint_or_none(integer(token.raw, "int32") if token.kind == WORD else None)
    elif kind == "bool":
        found = _varint_or_none(_BOOLS.get(token.raw))
    else:
        found = _varint_or_none(_integer(token, kind))
    if found is None:
        text = f"invalid value for {kind} field {field.json_name}: {token.raw.decode()}"
        raise tokens.fault(token.position, text)
    return found


def _integer(token: Token, kind: str) -> int | None:
    assert kind in BOUNDS
    if token.kind == STRING:
        return integer_text(token.text, kind)
    return integer(token.raw, kind) if token.kind == WORD else None


def _varint_or_none(value: int | None) -> bytes | None:
    return None if value is None else varint(value)


def _base64(text: str) -> bytes | None:
    """Standard or URL alphabet; padded when the length is a multiple of four, otherwise not; newlines are ignored."""
    padded = len(text.encode()) % 4 == 0
    if "-" in text or "_" in text:
        text = text.translate(_TO_STANDARD)
    if "\n" in text or "\r" in text:
        text = text.translate(_NO_NEWLINES)
    if _STANDARD.fullmatch(text) is None:
        return None
    if padded:
        return base64.b64decode(text) if len(text) % 4 == 0 else None
    return None if text.endswith("=") else base64.b64decode(text + "=" * (-len(text) % 4))
