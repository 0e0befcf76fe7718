"""etcdserverpb.Cluster: MemberList (the calls that change the membership are not served yet)."""

from __future__ import annotations

from pyetcd.errors import EtcdError
from pyetcd.member.member import Member
from pyetcd.mvcc.record import varint
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.decode import decode
from pyetcd.rpc.errors import fail
from pyetcd.wire.call import Call, Kind, Method


class ClusterService:
    """Answers from the membership; headers of this service carry no revision (wire contract, section 6.1)."""

    def __init__(self, member: Member) -> None:
        self.member = member

    def methods(self) -> list[Method]:
        """The service's RPCs."""
        return [Method(b"/etcdserverpb.Cluster/MemberList", Kind.UNARY, self.member_list)]

    def member_list(self, call: Call, body: bytes) -> None:
        r = decode(call, rpc.MemberListRequest, body)
        if r is None:
            return
        if r.linearizable:
            self.member.linearizable(lambda error: self._answer(call, error))
        else:
            self._answer(call, None)

    def _answer(self, call: Call, error: EtcdError | None) -> None:
        if error is not None:
            fail(call, error)
            return
        rows = [
            rpc.Member(
                ID=m.id, name=m.name, peerURLs=m.peer_urls, clientURLs=m.client_urls, isLearner=m.is_learner
            ).SerializeToString()
            for m in self.member.membership.sorted()
        ]
        members = b"".join(b"\x12" + varint(len(row)) + row for row in rows)
        call.reply(self.member.header(0) + members)
