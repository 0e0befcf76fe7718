"""Maintenance.MoveLeader (wire contract, section 6.4)."""

from __future__ import annotations

from pyetcd.errors import BadLeaderTransferee, EtcdError, NotLeader
from pyetcd.member.member import Member
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.decode import decode
from pyetcd.rpc.errors import fail
from pyetcd.rpc.guard import Guard
from pyetcd.wire.call import Call, Kind, Method


class LeadershipService:
    """The only voter can give leadership to nobody but itself, and that is done at once."""

    def __init__(self, member: Member, guard: Guard | None = None) -> None:
        self.member = member
        self.guard = guard or Guard(member)

    def methods(self) -> list[Method]:
        """The service's RPCs."""
        return [Method(b"/etcdserverpb.Maintenance/MoveLeader", Kind.UNARY, self.move_leader)]

    def move_leader(self, call: Call, body: bytes) -> None:
        """The answer is empty, header included."""
        r = decode(call, rpc.MoveLeaderRequest, body)
        if r is None:
            return
        try:
            self.guard.check_root(call)
        except EtcdError as error:
            fail(call, error)
            return
        if not self.member.is_leader:
            fail(call, NotLeader())
        elif r.targetID != self.member.id:
            fail(call, BadLeaderTransferee())
        else:
            call.reply(b"")
