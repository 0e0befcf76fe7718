"""Alarms by type and member, kept in the ``alarm`` bucket: marshalled AlarmMember → empty value (section 11.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyetcd.mvcc.backend import Backend, Bucket
from pyetcd.pb import rpc_pb2 as rpc

NONE, NOSPACE, CORRUPT = 0, 1, 2


@dataclass(slots=True)
class Alarms:
    """The active alarms; both verbs are idempotent (section 6.3)."""

    backend: Backend
    active: dict[int, dict[int, bytes]] = field(default_factory=dict)  # alarm type → member id → marshalled AlarmMember

    def load(self) -> None:
        """Rebuild from the backend after a restart."""
        self.active = {}
        for key, _ in self.backend.scan(Bucket.ALARM, b"", None):
            entry = rpc.AlarmMember.FromString(key)
            self.active.setdefault(entry.alarm, {})[entry.memberID] = key

    def get(self, alarm: int = NONE) -> list[bytes]:
        """Marshalled AlarmMembers of one type; NONE asks for all."""
        kinds = self.active.values() if alarm == NONE else [self.active.get(alarm, {})]
        return [row for members in kinds for row in members.values()]

    def activate(self, member_id: int, alarm: int) -> bytes:
        """Set it; gives the entry whether or not it was set before."""
        members = self.active.setdefault(alarm, {})
        row = members.get(member_id)
        if row is None:
            row = members[member_id] = marshal(member_id, alarm)
            self.backend.put(Bucket.ALARM, row, b"")
        return row

    def deactivate(self, member_id: int, alarm: int) -> bytes | None:
        """Clear it; None when it was not set."""
        row = self.active.get(alarm, {}).pop(member_id, None)
        if row is not None:
            self.backend.delete(Bucket.ALARM, row)
        return row


def marshal(member_id: int, alarm: int) -> bytes:
    """AlarmMember bytes (alarm types outside the enumeration are kept, as official 3.7 does)."""
    return bytes(rpc.AlarmMember(memberID=member_id, alarm=alarm).SerializeToString())  # type: ignore[arg-type]
