"""Messages as text: protobuf's text form, plus ``$name`` for a value known only at run time and ``"x"*1000``.

``$cluster`` and ``$member`` stand for the two ids of the recordings' fresh member; other names are captured by a case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

CLUSTER_ID = 14841639068965178418
MEMBER_ID = 10276657743932975437
"""Ids of a member with default URLs and token: the recordings' server, and every managed one, runs with these flags."""

IDS = f"cluster_id: {CLUSTER_ID} member_id: {MEMBER_ID}"
"""What ``$ids`` stands for in a shown header."""

CONSTANTS: dict[str, int | str] = {"cluster": CLUSTER_ID, "member": MEMBER_ID}
WIDTH = 118

_STRING = r'"(?:[^"\\]|\\.)*"'
_TOKENS = re.compile(rf"(?P<repeat>{_STRING})\*(?P<times>\d+)|(?P<string>{_STRING})|\$(?P<name>\w+)")
_INSIDE = re.compile(r"\$\{(\w+)(:x)?\}")


class TextError(ValueError):
    """The text of a message does not parse; the sentence says where."""


def expand(text: str, variables: Mapping[str, int | str]) -> str:
    """Replace ``$name`` outside strings, ``${name}`` and ``${name:x}`` (hexadecimal) inside, and repeated strings.

    >>> expand('key: "ab"*2 lease: $l', {"l": 7})
    'key: "abab" lease: 7'
    """

    def value(name: str) -> int | str:
        if name not in variables:
            raise TextError(f"nothing has been captured as ${name}")
        return variables[name]

    def inside(match: re.Match[str]) -> str:
        found = value(match[1])
        return format(int(found) % 2**64, "x") if match[2] else str(found)

    def token(match: re.Match[str]) -> str:
        if match["repeat"]:
            return '"' + match["repeat"][1:-1] * int(match["times"]) + '"'
        if match["string"]:
            return _INSIDE.sub(inside, match["string"])
        if match["name"] == "ids":
            return IDS
        found = value(match["name"])
        return str(found) if isinstance(found, int) else json.dumps(found)

    return _TOKENS.sub(token, text)


def parse(text: str, kind: type[Message], variables: Mapping[str, int | str] = CONSTANTS) -> Message:
    """Text to message.  Raises TextError."""
    try:
        return text_format.Parse(expand(text, variables), kind())
    except text_format.ParseError as error:
        raise TextError(f"{kind.DESCRIPTOR.name}: {error}") from None


def pieces(message: Message) -> list[str]:
    """One text piece per top-level field value; a value wider than a line is opened into its own pieces."""
    found = []
    for field, value in message.ListFields():
        for item in value if field.is_repeated else [value]:
            part = type(message)()
            _set(part, field, item)
            text = _names(text_format.MessageToString(part, as_one_line=True).strip())
            if len(text) > WIDTH and isinstance(item, Message):
                found += [f"{field.name} {{", *pieces(item), "}"]
            else:
                found.append(text)
    return found


def _names(text: str) -> str:
    """The recordings' two ids by name."""
    text = text.replace(IDS, "$ids")
    return text.replace(f": {CLUSTER_ID}", ": $cluster").replace(f": {MEMBER_ID}", ": $member")


def _set(part: Message, field: FieldDescriptor, item: Any) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        raise TypeError("map fields are printed whole")
    if field.is_repeated:
        getattr(part, field.name).append(item)
    elif field.message_type is not None:
        getattr(part, field.name).CopyFrom(item)
        getattr(part, field.name).SetInParent()
    else:
        setattr(part, field.name, item)


def show(message: Message) -> str:
    """A message as text, wrapped between field values; the ids of the recordings' member are shown by name.

    >>> from pyetcd.pb import rpc_pb2
    >>> show(rpc_pb2.PutRequest(key=b"a", lease=3))
    'key: "a" lease: 3'
    """
    try:
        return wrap(pieces(message))
    except TypeError:
        return _names(text_format.MessageToString(message, as_one_line=True).strip())


def wrap(parts: list[str]) -> str:
    """Join with blanks, breaking lines before they pass WIDTH; continuation lines are indented by two."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 1 + len(part) <= WIDTH:
            lines[-1] += " " + part
        else:
            lines.append(part if not lines else "  " + part)
    return "\n".join(lines)
