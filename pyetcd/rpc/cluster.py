"""etcdserverpb.Cluster: who the members are, and changing it (wire contract, section 6.1).

A learner can be added beside the one voter, changed and removed.  A second voter is refused: from its entry on nothing
could be committed without it, and this server has no way to replicate to it yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from pyetcd.apply.outcome import Reconfigured
from pyetcd.cluster import changes
from pyetcd.cluster.membership import Member as ClusterMember
from pyetcd.consensus.conf_change import ConfChange
from pyetcd.errors import EtcdError, LearnerNotReady, MemberNotFound, SingleVoterOnly
from pyetcd.member.member import Member
from pyetcd.member.proposal import Done, Result
from pyetcd.mvcc.record import varint
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.decode import decode
from pyetcd.rpc.errors import fail
from pyetcd.rpc.guard import Guard
from pyetcd.wire.call import Call, Kind, Method

MEMBER, MEMBERS, MEMBERS_OF_ADD = b"\x12", b"\x12", b"\x1a"  # tags of response fields

NewMember = Callable[[Iterable[str], bool], ClusterMember]
"""A member with an id of its own from peer URLs and whether it is a learner; raises BadMemberURLs."""


class ClusterService:
    """Headers of this service carry no revision.  ``strict`` is --strict-reconfig-check."""

    def __init__(
        self, member: Member, new_member: NewMember, *, strict: bool, guard: Guard | None = None
    ) -> None:
        self.member = member
        self.guard = guard or Guard(member)
        self.membership = member.membership
        self.new_member = new_member
        self.strict = strict

    def methods(self) -> list[Method]:
        """The service's RPCs."""
        prefix = b"/etcdserverpb.Cluster/"
        return [
            Method(prefix + b"MemberList", Kind.UNARY, self.member_list),
            Method(prefix + b"MemberAdd", Kind.UNARY, self.member_add),
            Method(prefix + b"MemberRemove", Kind.UNARY, self.member_remove),
            Method(prefix + b"MemberUpdate", Kind.UNARY, self.member_update),
            Method(prefix + b"MemberPromote", Kind.UNARY, self.member_promote),
        ]

    def member_list(self, call: Call, body: bytes) -> None:
        r = decode(call, rpc.MemberListRequest, body)
        if r is None:
            return
        if r.linearizable:
            self.member.linearizable(partial(self._list, call))
        else:
            self._list(call, None)

    def _list(self, call: Call, error: EtcdError | None) -> None:
        try:
            self.guard.check_known(call)
        except EtcdError as refused:
            error = error or refused
        if error is not None:
            fail(call, error)
        else:
            call.reply(self.member.header(0) + framed(MEMBERS, self.membership.sorted()))

    # -- changes ------------------------------------------------------------------------------------------------

    def member_add(self, call: Call, body: bytes) -> None:
        r = decode(call, rpc.MemberAddRequest, body)
        if r is None:
            return
        try:
            new = self.new_member(r.peerURLs, r.isLearner)
            self.guard.check_root(call)
        except EtcdError as error:
            fail(call, error)
            return
        self._propose_addition(call, new)

    def _propose_addition(self, call: Call, new: ClusterMember) -> None:
        """What etcd refuses becomes an entry, as there; the second voter, which it takes, must not become one."""
        change = changes.addition(new)
        try:
            changes.check(self.membership, change)
        except SingleVoterOnly as error:
            fail(call, error)
            return
        except EtcdError:
            pass
        self._propose(call, change, partial(self._answer_add, call, new))

    def member_remove(self, call: Call, body: bytes) -> None:
        r = decode(call, rpc.MemberRemoveRequest, body)
        if r is None:
            return
        try:
            self.guard.check_root(call)
            changes.check_quorum_without(self.membership, r.ID, strict=self.strict)
        except EtcdError as error:
            fail(call, error)
            return
        self._propose(call, changes.removal(r.ID))

    def member_update(self, call: Call, body: bytes) -> None:
        """The URLs are not looked at: the serving member stores anything, and so do we for the others."""
        r = decode(call, rpc.MemberUpdateRequest, body)
        if r is None:
            return
        try:
            self.guard.check_root(call)
        except EtcdError as error:
            fail(call, error)
            return
        self._propose(call, changes.update(r.ID, tuple(r.peerURLs)))

    def member_promote(self, call: Call, body: bytes) -> None:
        """A learner must have the leader's log, and nobody has been sent it; a voter hears so when it is applied."""
        r = decode(call, rpc.MemberPromoteRequest, body)
        if r is None:
            return
        try:
            self.guard.check_root(call)
        except EtcdError as error:
            fail(call, error)
            return
        known = self.membership.members.get(r.ID)
        if known is None:
            fail(call, MemberNotFound())
        elif known.is_learner:
            fail(call, LearnerNotReady())
        else:
            self._propose(call, changes.promotion(r.ID))

    def _propose(self, call: Call, change: ConfChange, done: Done | None = None) -> None:
        self.member.propose_conf_change(change, done or partial(self._answer, call))

    def _answer(self, call: Call, result: Result) -> None:
        if isinstance(result, Reconfigured):
            call.reply(self.member.header(0) + framed(MEMBERS, result.members))
        else:
            assert isinstance(result, EtcdError)
            fail(call, result)

    def _answer_add(self, call: Call, new: ClusterMember, result: Result) -> None:
        if isinstance(result, Reconfigured):
            call.reply(self.member.header(0) + framed(MEMBER, [new]) + framed(MEMBERS_OF_ADD, result.members))
        else:
            self._answer(call, result)


def framed(tag: bytes, members: Iterable[ClusterMember]) -> bytes:
    """One response field per member."""
    rows = [
        rpc.Member(
            ID=m.id, name=m.name, peerURLs=m.peer_urls, clientURLs=m.client_urls, isLearner=m.is_learner
        ).SerializeToString()
        for m in members
    ]
    return b"".join(tag + varint(len(row)) + row for row in rows)
