"""The transaction Kubernetes writes everything with: put a key if its mod revision is the expected one, else get it.

It is read from its bytes and carried out in one step.  Everything about it is also true of the general way (txn.py),
which takes whatever differs in the least; the tests run both.
"""

from __future__ import annotations

from typing import Any

from pyetcd.apply.kv import Writes
from pyetcd.apply.outcome import Applied
from pyetcd.errors import LeaseNotFound
from pyetcd.mvcc.record import mod_of, read_varint, varint
from pyetcd.pb import rpc_pb2 as rpc

_MOD_OF_KEY = b"\x10\x02\x1a"  # Compare: result EQUAL is left out, target MOD, then the key
_SHORTEST = 26  # bytes of such a transaction with a key and a value of one byte
_LONGEST_KEY = 100  # so that lengths take one byte
_LONGEST_NUMBER = 9  # bytes of a varint that is not negative
_TOO_LONG = 1 << 62


class GuardedPut:
    """One such transaction; ``compare``, ``success`` and ``failure`` are there for whoever wants a TxnRequest."""

    __slots__ = ("_body", "expected", "key", "lease", "value")

    def __init__(self, body: bytes, key: bytes, expected: int, value: bytes, lease: int) -> None:
        self._body = body
        self.key = key
        self.expected = expected
        self.value = value
        self.lease = lease

    @property
    def compare(self) -> Any:
        return rpc.TxnRequest.FromString(self._body).compare

    @property
    def success(self) -> Any:
        return rpc.TxnRequest.FromString(self._body).success

    @property
    def failure(self) -> Any:
        return rpc.TxnRequest.FromString(self._body).failure

    def write(self, writes: Writes) -> Applied:
        """Carry it out; raises LeaseNotFound before anything is changed."""
        store, key, lease = writes.store, self.key, self.lease
        found = store.get(key)
        if (0 if found is None else mod_of(found)) != self.expected:
            writes.operations.ranges += 1
            writes.operations.txns += 1
            return Applied(store.revision, _got(varint(store.revision), found))
        if lease and lease not in writes.lessor:
            raise LeaseNotFound
        change = store.put(key, self.value, lease)
        writes.attach(key, lease)
        writes.operations.puts += 1
        writes.operations.txns += 1
        return Applied(store.revision, _done(varint(store.revision)), (change,))


def _done(revision: bytes) -> bytes:
    """TxnResponse without its header: succeeded, and a PutResponse that has nothing but a revision."""
    size = len(revision)
    return b"\x10\x01\x1a" + bytes((size + 5, 0x12, size + 3, 0x0A, size + 1, 0x18)) + revision


def _got(revision: bytes, found: bytes | None) -> bytes:
    """TxnResponse without its header: a RangeResponse with the key, if there is one."""
    answer = b"\x0a" + bytes((len(revision) + 1,)) + b"\x18" + revision
    if found is not None:
        answer += found + b"\x20\x01"
    op = b"\x0a" + varint(len(answer)) + answer
    return b"\x1a" + varint(len(op)) + op


def parse(body: bytes) -> GuardedPut | None:
    """``body`` as such a transaction, in the bytes that encoders make of it; None for everything else."""
    if len(body) < _SHORTEST or body[0] != 0x0A or body[2:5] != _MOD_OF_KEY or not 0 < body[5] <= _LONGEST_KEY:
        return None
    size = body[5]
    key = body[6 : 6 + size]
    at = 6 + size
    compare_end = 2 + body[1]
    get = b"\x1a%c\x0a%c\x0a%c%b" % (size + 4, size + 2, size, key)
    put_end = len(body) - len(get)
    if body[1] > 0x7F or not at + 1 < compare_end < put_end or not body.endswith(get) or body[at] != 0x30:
        return None
    expected = _number(body, at + 1, compare_end)
    if expected is None or body[compare_end] != 0x12:
        return None
    return _parse_put(body, compare_end + 1, put_end, key, expected)


def _parse_put(body: bytes, at: int, end: int, key: bytes, expected: int) -> GuardedPut | None:
    """The rest, from the length of the success operation to where the failure operation begins."""
    op_size, at = _length(body, at)
    if at + op_size != end or body[at] != 0x12:
        return None
    put_size, at = _length(body, at + 1)
    value_at = at + 2 + len(key)
    if at + put_size != end or value_at >= end or body[value_at] != 0x12:
        return None
    if body[at:value_at] != b"\x0a%c%b" % (len(key), key):
        return None
    value_size, value_at = _length(body, value_at + 1)
    value_end = value_at + value_size
    if value_end == end:
        return GuardedPut(body, key, expected, body[value_at:end], 0)
    lease = _number(body, value_end + 1, end) if value_end < end and body[value_end] == 0x18 else None
    return None if lease is None else GuardedPut(body, key, expected, body[value_at:value_end], lease)


def _length(body: bytes, at: int) -> tuple[int, int]:
    """A length of one or two bytes and where it ends; what protobuf says of longer ones is not known here."""
    low, high = body[at], body[at + 1]
    if low < 0x80:
        return low, at + 1
    return (low & 0x7F | high << 7, at + 2) if high < 0x80 else (_TOO_LONG, at)


def _number(body: bytes, at: int, end: int) -> int | None:
    """The varint that fills ``body[at:end]``, None when there is none or it may be negative."""
    if not at < end <= at + _LONGEST_NUMBER or body[end - 1] > 0x7F:
        return None
    number, after = read_varint(body, at)
    return number if after == end else None
