"""The member as its HTTP endpoints and metrics see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pyetcd.errors import EtcdError
from pyetcd.member.member import Member
from pyetcd.member.versions import STORAGE_VERSION
from pyetcd.mvcc.backend import Bucket
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.errors import status
from pyetcd.rpc.maintenance import alarm_name


class MemberStatus:
    """Implements gateway.status.StatusSource and gateway.collectors.ServerSource."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.id = member.id

    @property
    def has_leader(self) -> bool:
        return self.member.leader != 0

    @property
    def is_leader(self) -> bool:
        return self.member.is_leader

    @property
    def is_learner(self) -> bool:
        own = self.member.membership.members.get(self.member.id)
        return own is not None and own.is_learner

    @property
    def leader_changes(self) -> int:
        """A single member sees one: its own election."""
        return int(self.has_leader)

    @property
    def applied_index(self) -> int:
        return self.member.applied_index

    @property
    def commit_index(self) -> int:
        return self.member.commit_index

    @property
    def pending_proposals(self) -> int:
        return self.member.pending_proposals

    @property
    def failed_proposals(self) -> int:
        return self.member.failed_proposals

    @property
    def cluster_version(self) -> str | None:
        return self.member.membership.version or None

    @property
    def storage_version(self) -> str | None:
        stored = self.member.backend.get(Bucket.META, STORAGE_VERSION)
        return stored.decode() if stored else None

    def alarms(self) -> Iterable[str]:
        """Names of the alarms that are raised."""
        for row in self.member.alarms.get():
            yield alarm_name(rpc.AlarmMember.FromString(row).alarm)

    def check_read(self, linearizable: bool, done: Callable[[str | None], object]) -> None:
        """Read one key, as etcd's health checks do."""

        def read(error: EtcdError | None) -> None:
            if error is None:
                self.member.store.get(b"health")
            done(None if error is None else status(error)[1])

        if linearizable:
            self.member.linearizable(read)
        else:
            read(None)
