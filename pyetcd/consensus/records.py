"""Raft's records and their bytes, exactly as etcd 3.7's log holds them (wire contract 11.1, raft.proto).

Presence matters: a proposal's entry carries no type field and the leader's first entry no data field, while a hard
state always names its three numbers, zeros included.  Readers accept what older etcd wrote (every field, always).
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from pyetcd.consensus.varint import encode_varint, fields


class EntryType(IntEnum):
    """What an entry's data is."""

    NORMAL = 0
    CONF_CHANGE = 1
    CONF_CHANGE_V2 = 2


class Entry(NamedTuple):
    """One position of the log.

    ``type`` is an :class:`EntryType` as plain int; ``request`` is whatever the proposer attached, there only on the
    member that proposed and only until a restart: a shortcut around decoding ``data``, never a source of truth.
    """

    term: int
    index: int  # type: ignore[assignment]  # shadows tuple.index, which nobody calls on an entry
    type: int = 0
    data: bytes = b""
    request: object = None


class HardState(NamedTuple):
    """What raft must find again after a crash.  ``vote`` is 0 when no vote was given in ``term``."""

    term: int = 0
    vote: int = 0
    commit: int = 0


class ConfState(NamedTuple):
    """Who votes and who only listens; the outgoing half is filled during joint consensus alone."""

    voters: tuple[int, ...] = ()
    learners: tuple[int, ...] = ()
    voters_outgoing: tuple[int, ...] = ()
    learners_next: tuple[int, ...] = ()
    auto_leave: bool = False


def encode_entry(entry: Entry) -> bytes:
    """raftpb.Entry: type when it is not normal, term, index, data when there is any."""
    kind = b"\x08" + encode_varint(entry.type) if entry.type else b""
    head = kind + b"\x10" + encode_varint(entry.term) + b"\x18" + encode_varint(entry.index)
    if not entry.data:
        return head
    return b"".join((head, b"\x22", encode_varint(len(entry.data)), entry.data))


def decode_entry(data: bytes) -> Entry:
    """ValueError when the bytes are no raftpb.Entry."""
    numbers = [0, 0, 0, 0]
    body = b""
    for number, value in fields(data):
        if isinstance(value, bytes):
            if number == 4:
                body = value
        elif number < 4:
            numbers[number] = value
    return Entry(numbers[2], numbers[3], numbers[1], body)


def encode_hard_state(state: HardState) -> bytes:
    """raftpb.HardState, zeros written out."""
    return b"\x08%b\x10%b\x18%b" % (encode_varint(state.term), encode_varint(state.vote), encode_varint(state.commit))


def decode_hard_state(data: bytes) -> HardState:
    """ValueError when the bytes are no raftpb.HardState."""
    found = {number: value for number, value in fields(data) if isinstance(value, int)}
    return HardState(found.get(1, 0), found.get(2, 0), found.get(3, 0))


def encode_conf_state(state: ConfState) -> bytes:
    """raftpb.ConfState; ``auto_leave`` is written even when false."""
    parts: list[bytes] = []
    for tag, members in zip((b"\x08", b"\x10", b"\x18", b"\x20"), state[:4], strict=True):
        for member in members:
            parts += (tag, encode_varint(member))
    parts.append(b"\x28\x01" if state.auto_leave else b"\x28\x00")
    return b"".join(parts)


def decode_conf_state(data: bytes) -> ConfState:
    """ValueError when the bytes are no raftpb.ConfState."""
    groups: dict[int, list[int]] = {1: [], 2: [], 3: [], 4: []}
    auto_leave = False
    for number, value in fields(data):
        if isinstance(value, int) and number in groups:
            groups[number].append(value)
        elif number == 5:
            auto_leave = bool(value)
    return ConfState(tuple(groups[1]), tuple(groups[2]), tuple(groups[3]), tuple(groups[4]), auto_leave)
