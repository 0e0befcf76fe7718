"""Requests through the argument checks and the state machine, beside the dumb twin: same answers, same refusals."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pyetcd.apply import guarded
from pyetcd.apply.outcome import Applied
from pyetcd.apply.state_machine import StateMachine
from pyetcd.apply.txn import is_read_only
from pyetcd.auth.store import AuthStore
from pyetcd.auth.tokens import NoTokens
from pyetcd.cluster.alarms import Alarms
from pyetcd.cluster.membership import Membership
from pyetcd.errors import EtcdError
from pyetcd.lease.lessor import Lessor
from pyetcd.member.header import Headers
from pyetcd.mvcc.memory import MemoryBackend
from pyetcd.mvcc.store import Store
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc import check
from pyetcd.rpc.errors import status
from tests.apply.translate import KINDS, RESPONSES, answer, request
from tests.model import Compare, DeleteRange, Model, Op, Put, Range, Refused, Txn

KEYS = st.sampled_from([b"a", b"b", b"b\0", b"c", b"d"])
KEYS_OR_NONE = st.sampled_from([b"", b"a", b"b", b"c", b"d"])
ENDS = st.sampled_from([b"", b"", b"\0", b"b", b"c", b"e"])
VALUES = st.sampled_from([b"", b"1", b"2"])
LEASES = st.sampled_from([0, 0, 0, 7, 8, -9])
SMALL = st.integers(-1, 6)

ranges = st.builds(
    Range, key=KEYS_OR_NONE, end=ENDS, limit=st.integers(-1, 3), revision=st.sampled_from([0, 0, 0, 2, 3, 99]),
    order=st.integers(0, 3), target=st.integers(0, 5), keys_only=st.booleans(), count_only=st.booleans(),
    min_mod=st.sampled_from([0, 0, 3]), max_mod=st.sampled_from([0, 0, 4]),
)  # fmt: skip
puts = st.builds(
    Put, key=KEYS_OR_NONE, value=VALUES, lease=LEASES, prev_kv=st.booleans(), ignore_value=st.booleans(),
    ignore_lease=st.booleans(),
)  # fmt: skip
plain_puts = st.builds(Put, key=KEYS, value=VALUES, lease=LEASES, prev_kv=st.booleans())
deletes = st.builds(DeleteRange, key=KEYS_OR_NONE, end=ENDS, prev_kv=st.booleans())


@st.composite
def compares(draw: Any) -> Compare:
    target = draw(st.integers(0, 4))
    operand = draw(st.none() | (VALUES if target == 3 else SMALL))
    return Compare(draw(KEYS), draw(ENDS), target, draw(st.integers(0, 4)), operand)


def txns(depth: int) -> st.SearchStrategy[Txn]:
    ops: st.SearchStrategy[Op] = plain_puts | puts | deletes | ranges | st.none() | plain_puts
    if depth:
        ops = ops | txns(depth - 1)
    branch = st.lists(ops, max_size=3).map(tuple)
    return st.builds(Txn, compare=st.lists(compares(), max_size=2).map(tuple), success=branch, failure=branch)


@st.composite
def guarded_puts(draw: Any) -> Txn:
    """As Kubernetes sends them: put if the key is at the expected revision, else get."""
    key = draw(KEYS)
    compare = Compare(key, b"", 2, 0, draw(st.integers(0, 6)))
    return Txn((compare,), (Put(key=key, value=draw(VALUES), lease=draw(LEASES)),), (Range(key=key),))


CHECKS = {
    Range: check.check_range,
    Put: check.check_put,
    DeleteRange: check.check_delete,
    Txn: lambda r: check.check_txn(r, 4),
}


class Twins(RuleBasedStateMachine):
    """The state machine and the model do the same things."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        backend = MemoryBackend()
        self.lessor = Lessor(backend)
        auth = AuthStore(backend, NoTokens())
        self.machine = StateMachine(Store(backend), self.lessor, Alarms(backend), Membership(backend, 1), auth)
        self.header = Headers(1, 2)

    def ours(self, op: Op) -> object:
        """Our answer, or the text of our refusal."""
        message = request(op)
        if isinstance(op, Txn):
            message = guarded.parse(message.SerializeToString()) or message
        try:
            CHECKS[type(op)](message)  # type: ignore[index]
            read = isinstance(op, Txn) and is_read_only(message)
            result = self.machine.read_txn(message) if read else self.machine.apply(KINDS[type(op)], message, 0.0)  # type: ignore[index]
        except EtcdError as error:
            result = error
        if not isinstance(result, Applied):
            return status(result)[1]
        body = self.header(result.revision) + result.body
        return answer(op, RESPONSES[type(op)].FromString(body))  # type: ignore[index]

    def theirs(self, op: Op) -> object:
        verbs = {Range: self.model.range, Put: self.model.put, DeleteRange: self.model.delete_range}
        try:
            return self.model.txn(op, 4) if isinstance(op, Txn) else verbs[type(op)](op)  # type: ignore[index,operator]
        except Refused as refused:
            return refused.text

    @rule(op=puts | plain_puts | deletes | ranges)
    def single(self, op: Op) -> None:
        assert self.ours(op) == self.theirs(op)

    @rule(op=txns(2))
    def transaction(self, op: Txn) -> None:
        assert self.ours(op) == self.theirs(op)

    @rule(op=guarded_puts())
    def guarded_put(self, op: Txn) -> None:
        """In one step where it has the usual form, and in the general way all the same."""
        assert self.ours(op) == self.theirs(op)

    @rule(lease=st.sampled_from([7, 8, -9]))
    def grant(self, lease: int) -> None:
        self.machine.apply("lease_grant", rpc.LeaseGrantRequest(ID=lease, TTL=10), 0.0)
        self.model.grant(lease)

    @rule(lease=st.sampled_from([7, 8, -9]))
    def revoke(self, lease: int) -> None:
        result = self.machine.apply("lease_revoke", rpc.LeaseRevokeRequest(ID=lease), 0.0)
        try:
            deleted = self.model.revoke(lease)
            assert isinstance(result, Applied) and len(result.changes) == deleted
        except Refused as refused:
            assert isinstance(result, EtcdError) and status(result)[1] == refused.text

    @rule(revision=st.integers(-1, 8))
    def compact(self, revision: int) -> None:
        result = self.machine.apply("compaction", rpc.CompactionRequest(revision=revision), 0.0)
        try:
            self.model.compact(revision)
            assert isinstance(result, Applied) and result.compaction is not None
            while not result.compaction.step():
                pass
        except Refused as refused:
            assert isinstance(result, EtcdError) and status(result)[1] == refused.text

    @invariant()
    def same_place(self) -> None:
        assert self.machine.store.revision == self.model.revision
        assert self.machine.store.compact_revision == self.model.compacted
        self.machine.store.check()
        self.lessor.check()


TestTwins = Twins.TestCase
