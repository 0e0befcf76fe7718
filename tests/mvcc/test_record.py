"""KeyValues by hand against protobuf's own encoding."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pyetcd.mvcc import record, revision
from pyetcd.pb import kv_pb2

numbers = st.one_of(st.integers(1, 300), st.integers(1, 1 << 30), st.integers(1, (1 << 63) - 1))
keys = st.one_of(st.binary(min_size=1, max_size=40), st.binary(min_size=120, max_size=140), st.just(b"k" * 20_000))
values = st.one_of(st.binary(max_size=40), st.binary(min_size=120, max_size=400), st.just(b"v" * 20_000))
leases = st.one_of(st.just(0), st.integers(-(1 << 63), (1 << 63) - 1))


@given(key=keys, create=numbers, mod=numbers, version=numbers, value=values, lease=leases)
def test_encoding_is_protobufs(key: bytes, create: int, mod: int, version: int, value: bytes, lease: int) -> None:
    message = kv_pb2.KeyValue(
        key=key, create_revision=create, mod_revision=mod, version=version, value=value, lease=lease
    )
    body = record.encode_kv(key, create, mod, version, value, lease)
    assert body == message.SerializeToString()
    framed = record.frame(body)
    assert record.body_of(framed) == body and record.key_of_body(body) == key
    assert record.decode(framed) == (key, create, mod, version, value, lease)
    assert (record.create_of(framed), record.mod_of(framed), record.version_of(framed)) == (create, mod, version)


@given(key=keys, create=numbers, mod=numbers, version=numbers, value=values, lease=leases, new=values, then=leases)
def test_successor_keeps_key_and_create_revision(
    key: bytes, create: int, mod: int, version: int, value: bytes, lease: int, new: bytes, then: int
) -> None:
    version = min(version, (1 << 63) - 2)
    framed = record.frame(record.encode_kv(key, create, mod, version, value, lease))
    after = record.successor(framed, len(key), b"\x18" + record.varint(mod), new, then)
    assert after == record.encode_kv(key, create, mod, version + 1, new, then)
    assert record.first(key, create, new, then) == record.encode_kv(key, create, create, 1, new, then)


@given(key=keys, create=numbers, mod=numbers, version=numbers, value=values, lease=leases)
def test_without_value(key: bytes, create: int, mod: int, version: int, value: bytes, lease: int) -> None:
    framed = record.frame(record.encode_kv(key, create, mod, version, value, lease))
    for keep in (False, True):
        short = record.encode_kv(key, create, mod, version, b"", lease if keep else 0)
        assert record.without_value(framed, keep_lease=keep) == record.frame(short)


@given(key=keys, mod=numbers)
def test_deletes_have_little(key: bytes, mod: int) -> None:
    assert record.encode_deleted(key, mod) == kv_pb2.KeyValue(key=key, mod_revision=mod).SerializeToString()
    assert record.encode_tombstone(key) == kv_pb2.KeyValue(key=key).SerializeToString()


@given(main=st.integers(0, (1 << 63) - 1), sub=st.integers(0, revision.SUB_MASK), tombstone=st.booleans())
def test_revision_keys(main: int, sub: int, tombstone: bool) -> None:
    packed = revision.pack(main, sub, tombstone)
    raw = main.to_bytes(8, "big") + b"_" + sub.to_bytes(8, "big") + (b"t" if tombstone else b"")
    assert revision.to_key(packed) == raw and revision.from_key(raw) == packed
    assert (revision.main_of(packed), revision.sub_of(packed)) == (main, sub)
    assert revision.text(packed) == f"{main}.{sub}" + ("(t)" if tombstone else "")


@pytest.mark.parametrize("raw", [b"", bytes(17), bytes(8) + b"_" + bytes(7), bytes(8) + b"_" + bytes(8) + b"x"])
def test_other_keys_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        revision.from_key(raw)
