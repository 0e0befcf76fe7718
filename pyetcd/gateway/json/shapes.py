"""What the codec knows of a message: its fields by every name they go by, in the order they are written.

Made once per message from the descriptors; the messages of etcd use no floats, maps, groups or extensions.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

_KINDS = {
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_ENUM: "enum",
    FieldDescriptor.TYPE_MESSAGE: "message",
}
LENGTH_DELIMITED = frozenset(("string", "bytes", "message"))


def varint(value: int) -> bytes:
    """A protobuf varint; negative numbers as their 64 bit complement."""
    if value < 0:
        value += 1 << 64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Field:
    """``kind`` is protobuf's name of the type, which error texts show; ``oneof`` the full name, None outside one."""

    __slots__ = ("_message_type", "json_name", "kind", "name", "names", "number", "numbers", "oneof", "repeated", "tag")

    def __init__(self, field: FieldDescriptor) -> None:
        self.name: str = field.name
        self.json_name: str = field.json_name
        self.number: int = field.number
        self.kind = _KINDS[field.type]
        self.repeated: bool = field.is_repeated
        self.oneof: str | None = field.containing_oneof.full_name if field.containing_oneof else None
        self._message_type = field.message_type
        values = field.enum_type.values if field.enum_type else ()
        self.numbers: dict[str, int] = {value.name: value.number for value in values}
        self.names: dict[int, str] = {value.number: value.name for value in reversed(values)}
        packed = self.repeated and self.kind not in LENGTH_DELIMITED
        self.tag = varint(self.number << 3 | (2 if packed or self.kind in LENGTH_DELIMITED else 0))
        """What stands before the value on the wire; numbers in a list are packed."""

    @property
    def message(self) -> Shape:
        """Of a field that holds messages: their shape."""
        return shape(self._message_type)


class Shape:
    """One kind of message."""

    __slots__ = ("by_name", "by_number", "fields", "full_name", "kind")

    def __init__(self, descriptor: Descriptor) -> None:
        self.full_name: str = descriptor.full_name
        self.kind: Any = GetMessageClass(descriptor)
        self.fields = [Field(field) for field in descriptor.fields]
        self.by_number = {field.number: field for field in self.fields}
        self.by_name = {field.name: field for field in self.fields}
        self.by_name.update((field.json_name, field) for field in self.fields)


@cache
def shape(descriptor: Descriptor) -> Shape:
    return Shape(descriptor)
