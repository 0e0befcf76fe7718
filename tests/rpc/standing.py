"""A stepped member that serves Lock and Election, and what tests ask of it."""

from __future__ import annotations

from typing import Any

from pyetcd.mvcc.query import Query
from pyetcd.pb import election_pb2 as election
from pyetcd.pb import lock_pb2 as lock
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.election import ElectionService
from pyetcd.rpc.lock import LockService
from pyetcd.rpc.sessions import Sessions
from tests.rpc.watched import RecordedCall, Served


class Standing(Served):
    """Calls that wait are given back as they are; a settled world has done all it can."""

    def __init__(self, max_txn_ops: int = 128) -> None:
        super().__init__()
        self.sessions = Sessions(self.member, max_txn_ops)
        self.locks = LockService(self.sessions)
        self.elections = ElectionService(self.sessions)
        for lease in range(1, 10):
            self.grant(lease, 1000)

    def ask(self, start: Any, request: Any, kind: Any) -> RecordedCall:
        call = RecordedCall(kind)
        start(call, request.SerializeToString())
        self.world.settle()
        return call

    def lock(self, lease: int, name: bytes = b"l") -> RecordedCall:
        return self.ask(self.locks.lock, lock.LockRequest(name=name, lease=lease), lock.LockResponse)

    def unlock(self, key: bytes) -> RecordedCall:
        return self.ask(self.locks.unlock, lock.UnlockRequest(key=key), lock.UnlockResponse)

    def campaign(self, lease: int, value: bytes = b"", name: bytes = b"e") -> RecordedCall:
        request = election.CampaignRequest(name=name, lease=lease, value=value)
        return self.ask(self.elections.campaign, request, election.CampaignResponse)

    def proclaim(self, leader: Any, value: bytes) -> RecordedCall:
        request = election.ProclaimRequest(leader=leader, value=value)
        return self.ask(self.elections.proclaim, request, election.ProclaimResponse)

    def resign(self, leader: Any) -> RecordedCall:
        return self.ask(self.elections.resign, election.ResignRequest(leader=leader), election.ResignResponse)

    def observe(self, name: bytes = b"e") -> RecordedCall:
        return self.ask(self.elections.observe, election.LeaderRequest(name=name), election.LeaderResponse)

    def delete(self, key: bytes, end: bytes = b"") -> None:
        request = rpc.DeleteRangeRequest(key=key, range_end=end)
        self.member.propose("delete_range", request.SerializeToString(), request, lambda _: None)
        self.world.settle()

    def hang_up(self, call: RecordedCall) -> None:
        call.reset()
        self.world.settle()

    def keys(self) -> list[bytes]:
        """All keys in line, by age."""
        request = Query(b"\0", b"\0", order=1, target=2)
        framed = self.member.store.range(request).kvs.join()
        return [kv.key for kv in rpc.RangeResponse.FromString(framed).kvs]
