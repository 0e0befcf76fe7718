"""v3electionpb.Election: candidates stand in line under ``name/``, the oldest leads (wire contract, section 4.5)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pyetcd.apply.outcome import Applied
from pyetcd.errors import EtcdError
from pyetcd.mvcc.query import RangeResult
from pyetcd.mvcc.record import varint
from pyetcd.pb import election_pb2 as election
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.decode import STREAM, decode
from pyetcd.rpc.observer import Observer, told
from pyetcd.rpc.sessions import Sessions, Turn, key_in_line, key_values, oldest, refuse
from pyetcd.wire.call import Call, Kind, Method

MISSING_LEADER = '"leader" field must be provided'
NOT_LEADER = "election: not leader"
NO_LEADER = "election: no leader"


def if_created(key: bytes, revision: int, success: rpc.RequestOp, failure: list[rpc.RequestOp]) -> rpc.TxnRequest:
    """A transaction on the age of a key; ``revision`` 0: it does not exist."""
    compare = rpc.Compare(target=rpc.Compare.CREATE, key=key, create_revision=revision)
    return rpc.TxnRequest(compare=[compare], success=[success], failure=failure)


def proclamation(leader: election.LeaderKey, value: bytes) -> rpc.TxnRequest:
    put = rpc.PutRequest(key=leader.key, value=value, lease=leader.lease)
    return if_created(leader.key, leader.rev, rpc.RequestOp(request_put=put), [])


def resignation(leader: election.LeaderKey) -> rpc.TxnRequest:
    delete = rpc.DeleteRangeRequest(key=leader.key)
    return if_created(leader.key, leader.rev, rpc.RequestOp(request_delete_range=delete), [])


class ElectionService:
    """Campaign waits for leadership; Proclaim and Resign act on a leader key; Leader and Observe look."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.member = sessions.member

    def methods(self) -> list[Method]:
        """The service's RPCs."""
        prefix = b"/v3electionpb.Election/"
        return [
            Method(prefix + b"Campaign", Kind.UNARY, self.campaign),
            Method(prefix + b"Proclaim", Kind.UNARY, self.proclaim),
            Method(prefix + b"Leader", Kind.UNARY, self.leader),
            Method(prefix + b"Observe", Kind.SERVER_STREAM, self.observe),
            Method(prefix + b"Resign", Kind.UNARY, self.resign),
        ]

    def campaign(self, call: Call, body: bytes) -> None:
        r = decode(call, election.CampaignRequest, body)
        if r is not None:
            self.sessions.with_lease(call, r.lease, lambda lease: Campaign(self.sessions, call, r, lease).start())

    def proclaim(self, call: Call, body: bytes) -> None:
        r = decode(call, election.ProclaimRequest, body)
        if r is not None:
            self._with_leader(call, r, lambda: self.sessions.txn(
                call, proclamation(r.leader, r.value), partial(self._proclaimed, call)
            ))  # fmt: skip

    def _proclaimed(self, call: Call, applied: Applied) -> None:
        if rpc.TxnResponse.FromString(applied.body).succeeded:
            call.reply(self.member.header(applied.revision))
        else:
            refuse(call, NOT_LEADER)

    def resign(self, call: Call, body: bytes) -> None:
        """Not leading is no error."""
        r = decode(call, election.ResignRequest, body)
        if r is not None:
            self._with_leader(call, r, lambda: self.sessions.txn(
                call, resignation(r.leader), lambda applied: call.reply(self.member.header(applied.revision))
            ))  # fmt: skip

    def _with_leader(
        self, call: Call, r: election.ProclaimRequest | election.ResignRequest, then: Callable[[], object]
    ) -> None:
        """A leader key without a lease gets one of its own, as everybody's session does."""
        if not r.HasField("leader"):
            refuse(call, MISSING_LEADER)
            return

        def leased(lease: int) -> None:
            r.leader.lease = lease
            then()

        self.sessions.with_lease(call, r.leader.lease, leased)

    def leader(self, call: Call, body: bytes) -> None:
        r = decode(call, election.LeaderRequest, body)
        if r is not None:
            self.sessions.read(call, oldest(r.name + b"/"), partial(self._answer_leader, call))

    def _answer_leader(self, call: Call, result: RangeResult) -> None:
        if result.returned:
            call.reply(told(self.member.header(result.revision), key_values(result)[0]))
        else:
            refuse(call, NO_LEADER)

    def observe(self, call: Call, body: bytes) -> None:
        r = decode(call, election.LeaderRequest, body, STREAM)
        if r is not None:
            Observer(self.sessions, call, r.name + b"/").start()


class Campaign:
    """One Campaign call.  Its header is that of the transaction which got in line, however long the wait."""

    __slots__ = ("_call", "_header", "_leader", "_prefix", "_sessions", "_value")

    def __init__(self, sessions: Sessions, call: Call, r: election.CampaignRequest, lease: int) -> None:
        self._sessions = sessions
        self._call = call
        self._prefix = r.name + b"/"
        self._value = r.value
        self._leader = election.LeaderKey(name=r.name, key=key_in_line(self._prefix, lease), lease=lease)
        self._header = b""

    def start(self) -> None:
        """Get in line, or find the candidacy that is there already."""
        key = self._leader.key
        put = rpc.PutRequest(key=key, value=self._value, lease=self._leader.lease)
        get = rpc.RequestOp(request_range=rpc.RangeRequest(key=key))
        request = if_created(key, 0, rpc.RequestOp(request_put=put), [get])
        self._sessions.txn(self._call, request, self._in_line)

    def _in_line(self, applied: Applied) -> None:
        self._header = self._sessions.member.header(applied.revision)
        answer = rpc.TxnResponse.FromString(applied.body)
        if answer.succeeded:
            self._leader.rev = applied.revision
            self._wait()
            return
        known = answer.responses[0].response_range.kvs[0]
        self._leader.rev = known.create_revision
        if known.value == self._value:
            self._wait()
        else:
            request = proclamation(self._leader, self._value)
            self._sessions.txn(self._call, request, self._proclaimed, self._not_proclaimed)

    def _proclaimed(self, applied: Applied) -> None:
        if rpc.TxnResponse.FromString(applied.body).succeeded:
            self._wait()
        else:
            refuse(self._call, NOT_LEADER)

    def _not_proclaimed(self, error: EtcdError) -> None:
        self._resign()
        refuse(self._call, error)

    def _wait(self) -> None:
        Turn(self._sessions, self._call, self._prefix, self._leader.rev, self._answer, self._resign).start()

    def _resign(self) -> None:
        self._sessions.txn(self._call, resignation(self._leader), lambda _: None)

    def _answer(self) -> None:
        leader = self._leader.SerializeToString()
        self._call.reply(self._header + b"\x12" + varint(len(leader)) + leader)
