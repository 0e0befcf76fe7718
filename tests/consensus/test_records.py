"""Raft's records: our bytes against protobuf's, and against bytes etcd 3.7.1 wrote."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyetcd.consensus.conf_change import (
    ConfChange,
    bootstrap_entries,
    decode_conf_change,
    encode_conf_change,
)
from pyetcd.consensus.records import (
    ConfState,
    Entry,
    HardState,
    decode_conf_state,
    decode_entry,
    decode_hard_state,
    encode_conf_state,
    encode_entry,
    encode_hard_state,
)
from pyetcd.consensus.varint import decode_varint, encode_varint
from pyetcd.pb import raft_pb2

numbers = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1))
Members = tuple[int, ...]
members = st.lists(numbers, max_size=4).map(tuple)
MEMBER = 0x8E9E05C52164694D

# Bytes of a log written by etcd 3.7.1 on its first start with default flags.
RECORDED_CONTEXT = b'{"id":10276657743932975437,"peerURLs":["http://localhost:2380"],"name":"default"}'
RECORDED_BOOTSTRAP = bytes.fromhex("0801100118012260100018cdd2918bd2b881cf8e012251") + RECORDED_CONTEXT
RECORDED_VOTE = bytes.fromhex("080210cdd2918bd2b881cf8e011801")
RECORDED_CONF_STATE = bytes.fromhex("08ecd481eea0a6dd8fb7012800")


def test_the_first_entry_is_the_one_etcd_writes() -> None:
    [entry] = bootstrap_entries([(MEMBER, RECORDED_CONTEXT)])
    assert encode_entry(entry) == RECORDED_BOOTSTRAP
    assert decode_entry(RECORDED_BOOTSTRAP) == entry
    assert decode_conf_change(entry.data) == ConfChange(0, MEMBER, RECORDED_CONTEXT)


def test_bootstrap_entries_are_in_order_of_member_id() -> None:
    entries = bootstrap_entries([(9, b"nine"), (2, b"two"), (5, b"five")])
    assert [(e.term, e.index, decode_conf_change(e.data).node_id) for e in entries] == [(1, 1, 2), (1, 2, 5), (1, 3, 9)]


def test_hard_state_and_conf_state_are_the_ones_etcd_writes() -> None:
    assert encode_hard_state(HardState(2, MEMBER, 1)) == RECORDED_VOTE
    assert encode_hard_state(HardState(1, 0, 1)) == bytes.fromhex("080110001801")
    assert encode_conf_state(ConfState((0xB71F75320DC06A6C,))) == RECORDED_CONF_STATE


def test_an_empty_entry_is_term_and_index_only() -> None:
    assert encode_entry(Entry(2, 2)) == bytes.fromhex("10021802")


def test_entries_of_older_releases_name_every_field() -> None:
    assert decode_entry(bytes.fromhex("080010021802")) == Entry(2, 2)
    assert decode_entry(bytes.fromhex("0800100218022200")) == Entry(2, 2)


@given(numbers, numbers, st.integers(0, 2), st.binary(max_size=200))
@settings(deadline=None)
def test_entry_twin(term: int, index: int, kind: int, data: bytes) -> None:
    twin = raft_pb2.Entry(Term=term, Index=index)
    if kind:
        twin.Type = raft_pb2.EntryType.Name(kind)  # type: ignore[assignment]
    if data:
        twin.Data = data
    entry = Entry(term, index, kind, data)
    assert encode_entry(entry) == twin.SerializeToString(deterministic=True)
    assert decode_entry(twin.SerializeToString()) == entry


@given(numbers, numbers, numbers)
@settings(deadline=None)
def test_hard_state_twin(term: int, vote: int, commit: int) -> None:
    state = HardState(term, vote, commit)
    twin = raft_pb2.HardState(term=term, vote=vote, commit=commit).SerializeToString()
    assert encode_hard_state(state) == twin
    assert decode_hard_state(twin) == state


@given(members, members, members, members, st.booleans())
@settings(deadline=None)
def test_conf_state_twin(a: Members, b: Members, c: Members, d: Members, e: bool) -> None:
    state = ConfState(a, b, c, d, e)
    twin = raft_pb2.ConfState(voters=a, learners=b, voters_outgoing=c, learners_next=d, auto_leave=e)
    assert encode_conf_state(state) == twin.SerializeToString()
    assert decode_conf_state(twin.SerializeToString()) == state


@given(st.integers(0, 3), numbers, st.binary(max_size=50), numbers)
@settings(deadline=None)
def test_conf_change_twin(kind: int, node_id: int, context: bytes, request: int) -> None:
    twin = raft_pb2.ConfChange(type=raft_pb2.ConfChangeType.Name(kind), node_id=node_id)
    if context:
        twin.context = context
    if request:
        twin.id = request
    change = ConfChange(kind, node_id, context, request)
    assert encode_conf_change(change) == twin.SerializeToString()
    assert decode_conf_change(twin.SerializeToString()) == change


@given(numbers)
def test_varint_round_trip(value: int) -> None:
    assert decode_varint(b"x" + encode_varint(value), 1) == (value, 1 + len(encode_varint(value)))


@pytest.mark.parametrize("data", [b"\x10", b"\x10\x80", b"\x22\x05abc", b"\x0d\x00\x00\x00\x00", b"\xff" * 11])
def test_malformed_records_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode_entry(data)
