"""Protobuf messages as JSON: names as in the .proto files, 64 bit numbers as strings, what is unset left out.

Two styles, as the gateway of etcd has two: an answer on its own comes from protojson, with a blank behind commas
(protojson decides that per build; the official binary has them); a message of a stream is compacted by encoding/json,
without blanks and with the characters escaped that HTML gives a meaning.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pyetcd.gateway.json.shapes import Field, Shape

PIECE_BYTES = 64 * 1024
"""How much of a large answer is made at once."""

_ESCAPED = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
_SPECIAL = re.compile('[\x00-\x1f"\\\\]')
_SPECIAL_IN_HTML = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029]')

Write = Callable[[Any, list[bytes]], None]
"""Appends a value's JSON."""


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    return _ESCAPED.get(char) or f"\\u{ord(char):04x}"


class Encoder:
    """Messages of every shape in one style; what it learns of a shape it keeps."""

    def __init__(self, comma: bytes, special: re.Pattern[str]) -> None:
        self.comma = comma
        self._special = special
        self._writers: dict[str, Write] = {}

    def string(self, text: str) -> bytes:
        return f'"{self._special.sub(_escape, text)}"'.encode()

    def encode(self, body: bytes, shape: Shape) -> bytes:
        """A message from its bytes; raises DecodeError."""
        out: list[bytes] = []
        self.writer(shape)(shape.kind.FromString(body), out)
        return b"".join(out)

    def status(self, code: int, text: str) -> bytes:
        """A google.rpc.Status."""
        fields = [b'"code":%d' % code] if code else []
        if text:
            fields.append(b'"message":' + self.string(text))
        return b"{" + self.comma.join(fields) + b"}"

    def writer(self, shape: Shape) -> Write:
        """What writes messages of ``shape``."""
        known = self._writers.get(shape.full_name)
        if known is not None:
            return known
        fields: list[tuple[str, bool, bytes, Write]] = []

        def write(message: Any, out: list[bytes]) -> None:
            before = b"{"
            for name, has_presence, label, write_value in fields:
                if has_presence:
                    if not message.HasField(name):
                        continue
                    value = getattr(message, name)
                else:
                    value = getattr(message, name)
                    if not value:
                        continue
                out.append(before + label)
                write_value(value, out)
                before = self.comma
            out.append(b"{}" if before == b"{" else b"}")

        self._writers[shape.full_name] = write
        for field in shape.fields:
            presence = not field.repeated and (field.kind == "message" or field.oneof is not None)
            fields.append((field.name, presence, b'"%s":' % field.name.encode(), self._value_writer(field)))
        return write

    def _value_writer(self, field: Field) -> Write:
        single = self.writer(field.message) if field.kind == "message" else self._scalar_writer(field)
        return self._list_writer(single) if field.repeated else single

    def _list_writer(self, single: Write) -> Write:
        comma = self.comma

        def write(values: Any, out: list[bytes]) -> None:
            before = b"["
            for value in values:
                out.append(before)
                single(value, out)
                before = comma
            out.append(b"]")

        return write

    def _scalar_writer(self, field: Field) -> Write:
        kind = field.kind
        names = field.names
        string = self.string
        encode = base64.b64encode
        writers: dict[str, Write] = {
            "int64": lambda value, out: out.append(b'"%d"' % value),
            "int32": lambda value, out: out.append(b"%d" % value),
            "bool": lambda value, out: out.append(b"true" if value else b"false"),
            "bytes": lambda value, out: out.append(b'"%s"' % encode(value)),
            "string": lambda value, out: out.append(string(value)),
            "enum": lambda value, out: out.append(string(names[value]) if value in names else b"%d" % value),
        }
        return writers[kind.removeprefix("u")]

    # -- large messages ---------------------------------------------------------------------------------------------

    def pieces(self, body: Iterable[bytes], shape: Shape) -> Iterator[bytes]:
        """The JSON of a message whose bytes come in pieces: never more than one field of it is held, and a little.

        Its top-level fields lie together in the order of their declaration, as the server writes them."""
        out: list[bytes] = []
        held = 0
        before = b"{"
        list_of: Field | None = None
        for field, value in _top_level(body, shape):
            if list_of is not None and field is not list_of:
                out.append(b"]")
                list_of = None
            opening = b'%s"%s":' % (before, field.name.encode())
            if field.repeated:
                opening = self.comma if field is list_of else opening + b"["
                list_of = field
            out.append(opening)
            self._item_writer(field)(value, out)
            before = self.comma
            held += len(value) if isinstance(value, bytes) else 16
            if held > PIECE_BYTES:
                yield b"".join(out)
                out, held = [], 0
        if list_of is not None:
            out.append(b"]")
        out.append(b"{}" if before == b"{" else b"}")
        yield b"".join(out)

    def _item_writer(self, field: Field) -> Write:
        if field.kind != "message":
            return self._scalar_writer(field)
        shape = field.message
        write = self.writer(shape)
        parse = shape.kind.FromString
        return lambda value, out: write(parse(value), out)


def _top_level(body: Iterable[bytes], shape: Shape) -> Iterator[tuple[Field, Any]]:
    """The fields of a message and their values, messages as bytes; ValueError when it is cut off."""
    buffer = bytearray()
    for piece in body:
        buffer += piece
        at = 0
        while True:
            found = _cut(buffer, at, shape)
            if found is None:
                break
            field, value, at = found
            yield field, value
        del buffer[:at]
    if buffer:
        raise ValueError("a message is cut off")


def _cut(buffer: bytearray, at: int, shape: Shape) -> tuple[Field, Any, int] | None:
    """One field, and where it ends; None when it is not all there.  Numbers in lists do not occur in answers."""
    tag = _varint(buffer, at)
    number = None if tag is None else _varint(buffer, tag[1])
    if tag is None or number is None:
        return None
    value, end = number
    field = shape.by_number[tag[0] >> 3]
    if tag[0] & 7 != 2:
        if field.kind == "bool":
            return field, bool(value), end
        if field.kind not in ("uint64", "uint32") and value >> 63:
            value -= 1 << 64
        return field, value, end
    if len(buffer) < end + value:
        return None
    content = bytes(memoryview(buffer)[end : end + value])
    return field, content.decode() if field.kind == "string" else content, end + value


def _varint(buffer: bytearray, at: int) -> tuple[int, int] | None:
    value = shift = 0
    size = len(buffer)
    while at < size:
        byte = buffer[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return None


UNARY = Encoder(b", ", _SPECIAL)
STREAM = Encoder(b",", _SPECIAL_IN_HTML)
