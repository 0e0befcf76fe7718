"""Membership changes as log entries, and the entries a new cluster starts its log with."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from pyetcd.consensus.records import Entry, EntryType
from pyetcd.consensus.varint import encode_varint, fields


class ConfChangeType(IntEnum):
    """What happens to the member named in a change."""

    ADD_NODE = 0
    REMOVE_NODE = 1
    UPDATE_NODE = 2
    ADD_LEARNER_NODE = 3


class ConfChange(NamedTuple):
    """raftpb.ConfChange.  ``context`` is the member as JSON; ``id`` is the proposal's request id, 0 for none."""

    type: int
    node_id: int
    context: bytes = b""
    id: int = 0


def encode_conf_change(change: ConfChange) -> bytes:
    """The bytes etcd writes: request id when there is one, type always, then node and context."""
    parts = [b"\x08", encode_varint(change.id)] if change.id else []
    parts += (b"\x10", encode_varint(change.type), b"\x18", encode_varint(change.node_id))
    if change.context:
        parts += (b"\x22", encode_varint(len(change.context)), change.context)
    return b"".join(parts)


def decode_conf_change(data: bytes) -> ConfChange:
    """ValueError when the bytes are no raftpb.ConfChange."""
    numbers = {1: 0, 2: 0, 3: 0}
    context = b""
    for number, value in fields(data):
        if isinstance(value, bytes):
            context = value
        elif number in numbers:
            numbers[number] = value
    return ConfChange(numbers[2], numbers[3], context, numbers[1])


def bootstrap_entries(members: Iterable[tuple[int, bytes]]) -> list[Entry]:
    """The log of a cluster that never ran: one AddNode per ``(member id, context)``, by id, from 1/1 (term/index)."""
    changes = [ConfChange(ConfChangeType.ADD_NODE, node_id, context) for node_id, context in sorted(members)]
    return [
        Entry(1, index, EntryType.CONF_CHANGE, encode_conf_change(change))
        for index, change in enumerate(changes, start=1)
    ]
