"""KV.RangeStream, new in 3.7: one range as a stream of chunks at a pinned revision (wire contract, section 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pyetcd.apply.kv import query
from pyetcd.errors import EtcdError
from pyetcd.mvcc.query import Query
from pyetcd.mvcc.record import key_of, varint
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.check import check_range
from pyetcd.rpc.decode import STREAM, decode
from pyetcd.rpc.errors import fail
from pyetcd.wire.call import Code

if TYPE_CHECKING:
    from pyetcd.auth.caller import Caller
    from pyetcd.mvcc.store import Store
    from pyetcd.rpc.guard import Guard
    from pyetcd.wire.call import Call

FIRST_CHUNK = 10
# Chunks wait while the client has not taken this much: memory per stream stays bounded.
PENDING_BYTES = 4 * 1024 * 1024
_UNLIMITED = (1 << 63) - 1


def range_stream(guard: Guard, call: Call, body: bytes) -> None:
    """Start a stream; refuses sort orders and revision filters before reading anything."""
    r = decode(call, rpc.RangeRequest, body, STREAM)
    if r is None:
        return
    try:
        check_range(r)
    except EtcdError as error:
        fail(call, error)
        return
    if r.sort_order != 0 and not (r.sort_target == 0 and r.sort_order == 1):
        call.fail(Code.UNIMPLEMENTED, "RangeStream does not support custom sort orders")
    elif r.min_mod_revision or r.max_mod_revision or r.min_create_revision or r.max_create_revision:
        call.fail(Code.UNIMPLEMENTED, "RangeStream does not support revision filters")
    elif r.serializable:
        begin(guard, call, r, None)
    else:
        guard.member.linearizable(lambda error: begin(guard, call, r, error))


def begin(guard: Guard, call: Call, r: Any, error: EtcdError | None) -> None:
    """Let the caller in, pin the revision and send the first chunks."""
    if error is None:
        try:
            caller = guard.reader(call, guard.permits.range, r)
            if r.count_only:
                send_count(guard, caller, call, query(r))
            else:
                Chunks(guard, caller, call, r).send()
            return
        except EtcdError as refused:
            error = refused
    fail(call, error)


def send_count(guard: Guard, caller: Caller, call: Call, q: Query) -> None:
    """count_only is a single message."""
    member = guard.member
    result = member.store.range(q)
    send(call, member.header(result.revision) + count_field(result.count))
    guard.check_still(caller)
    call.finish()


def send(call: Call, response: bytes) -> None:
    """One RangeStreamResponse around a RangeResponse."""
    call.send(b"\x0a" + varint(len(response)) + response)


def count_field(count: int) -> bytes:
    return b"\x20" + varint(count) if count else b""


def open_cursor(store: Store, q: Query) -> Cursor:
    """Where chunks come from.  Raises Compacted or FutureRevision."""
    return SortedChunks(store, q) if q.target else store.stream(q)


class Cursor(Protocol):
    """Chunks of one range at one revision."""

    def next(self, limit: int) -> tuple[list[bytes], bool]:
        """At most ``limit`` framed entries (all when it is not positive), and whether more follow."""

    def remaining(self) -> int:
        """How many keys follow."""


class SortedChunks:
    """A sort target without an order is let through by etcd's check, and then each chunk is sorted by itself.

    The next chunk begins behind the last key *as sorted*, so keys may come twice.  A quirk of 3.7, copied.
    """

    def __init__(self, store: Store, q: Query) -> None:
        self.store = store
        self.q = q
        self.revision = q.revision if q.revision > 0 else store.revision
        self.key = q.key

    def next(self, limit: int) -> tuple[list[bytes], bool]:
        q = self.q
        result = self.store.range(
            Query(self.key, q.end, limit, self.revision, target=q.target, keys_only=q.keys_only)
        )
        kvs = result.kvs.entries()
        if result.more:
            self.key = key_of(kvs[-1]) + b"\0"
        return kvs, result.more

    def remaining(self) -> int:
        return self.store.range(Query(self.key, self.q.end, revision=self.revision, count_only=True)).count


class Chunks:
    """The stream of one request: how far it has come and how large the next chunk may be."""

    def __init__(self, guard: Guard, caller: Caller, call: Call, r: Any) -> None:
        self.guard = guard
        self.caller = caller
        self.member = member = guard.member
        self.call = call
        self.total = r.limit or _UNLIMITED
        self.limit = min(FIRST_CHUNK, self.total)
        self.revision = member.store.revision
        self.target = member.limits.max_request_bytes
        self.sent = 0
        self.cursor = open_cursor(member.store, query(r))
        call.on_drain = self.resume

    def resume(self) -> None:
        """The client has taken what was sent."""
        try:
            self.send()
        except EtcdError as error:
            fail(self.call, error)

    def send(self) -> None:
        """One chunk now, the next one in a later turn; raises Compacted when compaction overtook the stream."""
        if not self.call.open:
            return
        kvs, more = self.cursor.next(self.limit)
        self.sent += len(kvs)
        chunk = b"".join(kvs)
        if not more or self.sent == self.total:
            self.finish(chunk, more)
            return
        send(self.call, chunk)
        self.adjust(len(chunk))
        if self.call.pending < PENDING_BYTES:
            self.member.soon(self.resume)

    def finish(self, chunk: bytes, more: bool) -> None:
        """The last message carries header, more and count."""
        count = self.sent + (self.cursor.remaining() if more else 0)
        more_field = b"\x18\x01" if more else b""
        send(self.call, self.member.header(self.revision) + chunk + more_field + count_field(count))
        self.guard.check_still(self.caller)
        self.call.finish()

    def adjust(self, kvs_size: int) -> None:
        """Double, keep or halve the next chunk's limit by the size of the response just read, as etcd measures it."""
        limit = self.limit
        header = 3 + len(varint(self.revision))
        size = header + kvs_size + 2 + 1 + len(varint(limit + 1))
        if size < self.target // 2:
            limit *= 2
        elif size > self.target * 2:
            limit //= 2
        self.limit = min(max(limit, 1), self.total - self.sent)
