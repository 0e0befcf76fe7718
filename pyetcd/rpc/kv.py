"""etcdserverpb.KV: Range, Put, DeleteRange, Txn, Compact (RangeStream: range_stream.py)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain

from google.protobuf.message import DecodeError

from pyetcd.apply import guarded, txn
from pyetcd.apply.deep import parse_txn
from pyetcd.apply.kv import query, range_tail
from pyetcd.apply.outcome import Applied
from pyetcd.auth.caller import Caller
from pyetcd.errors import Compacted, EtcdError, NoLeader
from pyetcd.member.compactor import Compactor
from pyetcd.member.member import Member
from pyetcd.member.proposal import Result
from pyetcd.mvcc.query import RangeResult
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.admission import admitted
from pyetcd.rpc.check import check_delete, check_put, check_range, check_txn
from pyetcd.rpc.decode import decode
from pyetcd.rpc.errors import fail
from pyetcd.rpc.guard import Guard
from pyetcd.rpc.range_stream import range_stream
from pyetcd.wire.call import Call, Kind, Method

# Above this a reply is sent piece by piece as the client's windows open, instead of being joined first.
ROPE_BYTES = 512 * 1024
_SERIALIZABLE = b"\x38\x01"
_COUNT_ONE = b"\x20\x01"
_parse_put = rpc.PutRequest.FromString


class KVService:
    """Reads are answered from the member's store, writes go through its log."""

    def __init__(self, member: Member, compactor: Compactor, max_txn_ops: int, guard: Guard | None = None) -> None:
        self.member = member
        self.guard = guard or Guard(member)
        self.auth = member.auth
        self.quota = member.machine.quota
        self.compactor = compactor
        self.max_txn_ops = max_txn_ops
        self.operations = member.machine.writes.operations

    def methods(self) -> list[Method]:
        """The service's RPCs."""
        prefix = b"/etcdserverpb.KV/"
        return [
            Method(prefix + b"Range", Kind.UNARY, self.range),
            Method(prefix + b"RangeStream", Kind.SERVER_STREAM, partial(range_stream, self.guard)),
            Method(prefix + b"Put", Kind.UNARY, self.put),
            Method(prefix + b"DeleteRange", Kind.UNARY, self.delete_range),
            Method(prefix + b"Txn", Kind.UNARY, self.txn),
            Method(prefix + b"Compact", Kind.UNARY, self.compact),
        ]

    # -- reads --------------------------------------------------------------------------------------------------

    def range(self, call: Call, body: bytes) -> None:
        """One key as it is now, by far the most frequent request, is answered without decoding a message."""
        if len(body) > 2 and body[0] == 0x0A and body[1] < 0x80 and not self.auth.enabled:
            end = body[1] + 2
            rest = body[end:]
            if (not rest or rest == _SERIALIZABLE) and len(body) >= end > 2:
                if rest or type(self.member.refusal) is not NoLeader:
                    self._one_key(call, body[2:end])
                else:
                    fail(call, NoLeader())
                return
        self._range(call, body)

    def _one_key(self, call: Call, key: bytes) -> None:
        member = self.member
        store = member.store
        self.operations.ranges += 1
        kv = store.get(key)
        header = member.header(store.revision)
        call.reply(header if kv is None else header + kv + _COUNT_ONE)

    def _range(self, call: Call, body: bytes) -> None:
        r = decode(call, rpc.RangeRequest, body)
        if r is None:
            return
        try:
            check_range(r)
        except EtcdError as error:
            fail(call, error)
            return
        read = partial(self._run_range, call, r)
        if r.serializable:
            read(None)
        else:
            self.member.linearizable(read)

    def _run_range(self, call: Call, r: rpc.RangeRequest, error: EtcdError | None) -> None:
        if error is None:
            try:
                caller = self.guard.reader(call, self.guard.permits.range, r)
            except EtcdError as refused:
                error = refused
        if error is not None:
            fail(call, error)
        else:
            self._slice(call, caller, self.member.store.range_steps(query(r)))

    def _slice(self, call: Call, caller: Caller, steps: Iterator[RangeResult | None]) -> None:
        """Work on a range for a bounded time, go on in the next turn: other calls come in between."""
        if not call.open:
            return
        try:
            result = next(steps)
            if result is not None:
                self.guard.check_still(caller)
        except EtcdError as error:
            fail(call, error)
            return
        if result is None:
            self.member.soon(partial(self._slice, call, caller, steps))
        else:
            self._answer_range(call, result)

    def _answer_range(self, call: Call, result: RangeResult) -> None:
        self.operations.ranges += 1
        header = self.member.header(result.revision)
        tail = range_tail(result)
        kvs = result.kvs
        if kvs.size < ROPE_BYTES:
            call.reply(b"".join((header, *kvs.pieces(), tail)))
        else:
            size = len(header) + kvs.size + len(tail)
            call.reply_rope(size, chain((header,), kvs.pieces(), (tail,) if tail else ()))

    # -- writes -------------------------------------------------------------------------------------------------

    def put(self, call: Call, body: bytes) -> None:
        try:
            r = _parse_put(body)
        except DecodeError:
            decode(call, rpc.PutRequest, body)
            return
        if self.quota.near and not admitted(self.guard, call, "put", r):
            return
        try:
            check_put(r)
        except EtcdError as error:
            fail(call, error)
            return
        if self.auth.enabled:
            self.guard.propose(call, "put", body, r, partial(self._answer, call))
        else:
            self.member.propose("put", body, r, partial(self._answer, call))

    def delete_range(self, call: Call, body: bytes) -> None:
        r = decode(call, rpc.DeleteRangeRequest, body)
        if r is None:
            return
        try:
            check_delete(r)
        except EtcdError as error:
            fail(call, error)
            return
        self.guard.propose(call, "delete_range", body, r, partial(self._answer, call))

    def txn(self, call: Call, body: bytes) -> None:
        """The transaction of Kubernetes has no argument left to check; all others are decoded and checked."""
        put = guarded.parse(body)
        if put is None or not self.max_txn_ops or self.quota.near:
            self._txn(call, body)
        else:
            self.guard.propose(call, "txn", body, put, partial(self._answer, call))

    def _txn(self, call: Call, body: bytes) -> None:
        try:
            r = parse_txn(rpc.TxnRequest, body)
        except DecodeError:
            decode(call, rpc.TxnRequest, body)
            return
        if self.quota.near and not admitted(self.guard, call, "txn", r):
            return
        try:
            check_txn(r, self.max_txn_ops)
        except EtcdError as error:
            fail(call, error)
            return
        if not txn.is_read_only(r):
            self.guard.propose(call, "txn", body, r, partial(self._answer, call))
        elif txn.is_serializable(r):
            self._read_txn(call, r, None)
        else:
            self.member.linearizable(partial(self._read_txn, call, r))

    def _read_txn(self, call: Call, r: rpc.TxnRequest, error: EtcdError | None) -> None:
        if error is not None:
            fail(call, error)
            return
        try:
            caller = self.guard.reader(call, self.guard.permits.txn, r)
            applied = self.member.machine.read_txn(r)
            self.guard.check_still(caller)
        except EtcdError as refused:
            fail(call, refused)
            return
        self._answer(call, applied)

    def compact(self, call: Call, body: bytes) -> None:
        r = decode(call, rpc.CompactionRequest, body)
        if r is None:
            return
        try:
            self.guard.check_root(call)
        except EtcdError as error:
            fail(call, error)
            return
        answer = partial(self._answer, call)
        if r.physical:
            answer = partial(self._answer_when_gone, call)
        self.guard.propose(call, "compaction", body, r, answer)

    def _answer_when_gone(self, call: Call, result: Result) -> None:
        """Physical: the old revisions are gone from the backend first, also before the Compacted error is told."""
        if isinstance(result, EtcdError) and not isinstance(result, Compacted):
            fail(call, result)
        else:
            self.compactor.when_idle(partial(self._answer, call, result))

    def _answer(self, call: Call, result: Result) -> None:
        if type(result) is Applied:
            call.reply(self.member.header(result.revision) + result.body)
        else:
            assert isinstance(result, EtcdError)
            fail(call, result)
