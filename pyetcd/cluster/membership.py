"""Members, the cluster version and its downgrade, kept in the ``members``, ``members_removed`` and ``cluster`` buckets.

Exactly as etcd keeps them: wire contract section 11.2 (JSON shapes) and section 6.1 (member list).  Ids are given,
never made here: section 9's recipe lives in server/identity.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pyetcd.cluster.go_json import go_json
from pyetcd.cluster.versions import NO_DOWNGRADE, Downgrade
from pyetcd.consensus.records import ConfState
from pyetcd.mvcc.backend import Backend, Bucket

CLUSTER_VERSION_KEY = b"clusterVersion"
DOWNGRADE_KEY = b"downgrade"
REMOVED = b"removed"


@dataclass(frozen=True, slots=True)
class Member:
    """One server of the cluster; ``name`` and ``client_urls`` are empty until it has started once."""

    id: int
    peer_urls: tuple[str, ...]
    name: str = ""
    client_urls: tuple[str, ...] = ()
    is_learner: bool = False

    def to_json(self) -> bytes:
        """The member as etcd writes it: fields in this order, no blanks; empty ones are left out, peerURLs is null."""
        fields: dict[str, object] = {"id": self.id, "peerURLs": list(self.peer_urls) or None}
        if self.is_learner:
            fields["isLearner"] = True
        if self.name:
            fields["name"] = self.name
        if self.client_urls:
            fields["clientURLs"] = list(self.client_urls)
        return go_json(fields)

    @classmethod
    def from_json(cls, data: bytes) -> Member:
        """Inverse of to_json; raises ValueError on anything else."""
        fields = json.loads(data)
        return cls(
            id=fields["id"],
            peer_urls=tuple(fields.get("peerURLs") or ()),
            name=fields.get("name", ""),
            client_urls=tuple(fields.get("clientURLs") or ()),
            is_learner=fields.get("isLearner", False),
        )


def member_key(member_id: int) -> bytes:
    """The bucket key of a member: its id in lowercase hex without padding."""
    return f"{member_id:x}".encode()


@dataclass(slots=True)
class Membership:
    """The members by id, the ids that may never return, the cluster version; all written through to the backend."""

    backend: Backend
    cluster_id: int
    max_learners: int = 1
    members: dict[int, Member] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    version: str = ""
    downgrade: Downgrade = NO_DOWNGRADE

    def load(self) -> None:
        """Rebuild from the backend after a restart."""
        rows = self.backend.scan(Bucket.MEMBERS, b"", None)
        self.members = {m.id: m for m in (Member.from_json(value) for _, value in rows)}
        self.removed = {int(key, 16) for key, _ in self.backend.scan(Bucket.MEMBERS_REMOVED, b"", None)}
        self.version = (self.backend.get(Bucket.CLUSTER, CLUSTER_VERSION_KEY) or b"").decode()
        downgrade = self.backend.get(Bucket.CLUSTER, DOWNGRADE_KEY)
        self.downgrade = NO_DOWNGRADE if downgrade is None else Downgrade.from_json(downgrade)

    def add(self, member: Member) -> None:
        """A committed conf change added ``member``."""
        self._save(member)

    def remove(self, member_id: int) -> None:
        """A committed conf change removed a member; its id stays known."""
        del self.members[member_id]
        self.removed.add(member_id)
        self.backend.delete(Bucket.MEMBERS, member_key(member_id))
        self.backend.put(Bucket.MEMBERS_REMOVED, member_key(member_id), REMOVED)

    def set_peer_urls(self, member_id: int, peer_urls: tuple[str, ...]) -> None:
        """A committed conf change gave a member other peer URLs."""
        self._save(replace(self.members[member_id], peer_urls=peer_urls))

    def set_attributes(self, member_id: int, name: str, client_urls: Iterable[str]) -> None:
        """A started member published its name and client URLs; ids of removed members are ignored."""
        member = self.members.get(member_id)
        if member is not None:
            self._save(replace(member, name=name, client_urls=tuple(client_urls)))

    def set_version(self, version: str) -> None:
        """The cluster agreed on a version such as ``3.7.0``."""
        self.version = version
        self.backend.put(Bucket.CLUSTER, CLUSTER_VERSION_KEY, version.encode())

    def set_downgrade(self, downgrade: Downgrade) -> None:
        """A downgrade was enabled, or cancelled."""
        self.downgrade = downgrade
        self.backend.put(Bucket.CLUSTER, DOWNGRADE_KEY, downgrade.to_json())

    def sorted(self) -> list[Member]:
        """All members by ascending id (the order of MemberList)."""
        return [self.members[i] for i in sorted(self.members)]

    def conf_state(self) -> ConfState:
        """Who votes and who only listens."""
        members = self.sorted()
        return ConfState(
            voters=tuple(m.id for m in members if not m.is_learner),
            learners=tuple(m.id for m in members if m.is_learner),
        )

    def conf_state_json(self) -> bytes:
        """The ``confState`` value of the meta bucket."""
        now = self.conf_state()
        learners = {"learners": list(now.learners)} if now.learners else {}
        return go_json({"voters": list(now.voters), **learners, "auto_leave": False})

    def _save(self, member: Member) -> None:
        self.members[member.id] = member
        self.backend.put(Bucket.MEMBERS, member_key(member.id), member.to_json())
