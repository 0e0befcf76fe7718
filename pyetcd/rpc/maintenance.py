"""etcdserverpb.Maintenance: Status, Hash, HashKV, Alarm, Snapshot, Defragment (wire contract, section 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

from pyetcd.apply.outcome import Applied
from pyetcd.apply.quota import DEFAULT_BYTES
from pyetcd.errors import EtcdError
from pyetcd.member.member import Member
from pyetcd.member.proposal import Result
from pyetcd.member.versions import STORAGE_VERSION
from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.bucket_hash import hash_buckets
from pyetcd.mvcc.hashing import HashResult
from pyetcd.mvcc.record import varint
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.decode import STREAM, decode
from pyetcd.rpc.errors import fail
from pyetcd.rpc.guard import Guard
from pyetcd.rpc.snapshot import Rows, SnapshotStream
from pyetcd.wire.call import Call, Kind, Method

GET = 0


class Space(Protocol):
    """What Status, Snapshot and Defragment need of the disk."""

    def size(self) -> int:
        """Bytes the database file takes."""

    def size_in_use(self) -> int:
        """Bytes of it that hold data."""

    def rows(self) -> Rows:
        """Reads every bucket as it is now, also later."""

    def defragment(self, done: Callable[[BaseException | None], object]) -> None:
        """Give space back; ``done`` runs on the loop."""


class MaintenanceService:
    """The member about itself; leadership.py and downgrade.py have the rest of the service."""

    def __init__(
        self, member: Member, space: Space, *, version: str, quota_bytes: int, guard: Guard | None = None
    ) -> None:
        self.member = member
        self.guard = guard or Guard(member)
        self.space = space
        self.version = version
        self.quota_bytes = quota_bytes or DEFAULT_BYTES

    def methods(self) -> list[Method]:
        """The service's RPCs."""
        prefix = b"/etcdserverpb.Maintenance/"
        return [
            Method(prefix + b"Status", Kind.UNARY, self.status),
            Method(prefix + b"Hash", Kind.UNARY, self.hash),
            Method(prefix + b"HashKV", Kind.UNARY, self.hash_kv),
            Method(prefix + b"Alarm", Kind.UNARY, self.alarm),
            Method(prefix + b"Snapshot", Kind.SERVER_STREAM, self.snapshot),
            Method(prefix + b"Defragment", Kind.UNARY, self.defragment),
        ]

    def _let(self, call: Call, check: Callable[[Call], None]) -> bool:
        """Whether ``check`` lets the caller in; if not, the call has ended."""
        try:
            check(call)
        except EtcdError as error:
            fail(call, error)
            return False
        return True

    def status(self, call: Call, body: bytes) -> None:
        if decode(call, rpc.StatusRequest, body) is None or not self._let(call, self.guard.check_known):
            return
        member = self.member
        downgrade = member.membership.downgrade
        answer = rpc.StatusResponse(
            version=self.version,
            dbSize=self.space.size(),
            leader=member.leader,
            raftIndex=member.commit_index,
            raftTerm=member.term,
            raftAppliedIndex=member.applied_index,
            errors=self._errors(),
            dbSizeInUse=self.space.size_in_use(),
            storageVersion=self._storage_version(),
            dbSizeQuota=self.quota_bytes,
            downgradeInfo=rpc.DowngradeInfo(enabled=downgrade.enabled, targetVersion=downgrade.target),
        )
        call.reply(member.header(member.store.revision) + answer.SerializeToString())

    def _storage_version(self) -> str:
        return (self.member.backend.get(Bucket.META, STORAGE_VERSION) or b"").decode()

    def _errors(self) -> list[str]:
        """No leader, then one line per alarm in protobuf's text form."""
        errors = [] if self.member.leader else ["etcdserver: no leader"]
        for row in self.member.alarms.get():
            alarm = rpc.AlarmMember.FromString(row)
            errors.append(f"memberID:{alarm.memberID}  alarm:{alarm_name(alarm.alarm)}")
        return errors

    def hash(self, call: Call, body: bytes) -> None:
        if decode(call, rpc.HashRequest, body) is not None and self._let(call, self.guard.check_root):
            self._work(call, hash_buckets(self.member.backend), self._answer_hash)

    def _answer_hash(self, call: Call, value: int) -> None:
        field = b"\x10" + varint(value) if value else b""
        call.reply(self.member.header(self.member.store.revision) + field)

    def hash_kv(self, call: Call, body: bytes) -> None:
        r = decode(call, rpc.HashKVRequest, body)
        if r is not None and self._let(call, self.guard.check_root):
            self._work(call, self.member.store.hash_kv_steps(r.revision), self._answer_hash_kv)

    def _answer_hash_kv(self, call: Call, result: HashResult) -> None:
        answer = rpc.HashKVResponse(
            hash=result.hash, compact_revision=result.compact_revision, hash_revision=result.hash_revision
        )
        call.reply(self.member.header(self.member.store.revision) + answer.SerializeToString())

    def _work(self, call: Call, steps: Iterator[Any], answer: Callable[[Call, Any], None]) -> None:
        """Run bounded steps, one per turn, until one gives the result."""
        if not call.open:
            return
        try:
            result = next(steps)
        except EtcdError as error:
            fail(call, error)
            return
        if result is None:
            self.member.soon(partial(self._work, call, steps, answer))
        else:
            answer(call, result)

    def alarm(self, call: Call, body: bytes) -> None:
        """All three actions go through the log, GET included (section 6.3)."""
        r = decode(call, rpc.AlarmRequest, body)
        if r is None:
            return
        if self._let(call, self.guard.check_known if r.action == GET else self.guard.check_root):
            self.guard.propose(call, "alarm", body, r, partial(self._answer_alarm, call))

    def _answer_alarm(self, call: Call, result: Result) -> None:
        if isinstance(result, Applied):
            call.reply(self.member.header(result.revision) + result.body)
        else:
            fail(call, result)

    def snapshot(self, call: Call, body: bytes) -> None:
        """The whole state as a bbolt file (section 6.6)."""
        if decode(call, rpc.SnapshotRequest, body, STREAM) is None or not self._let(call, self.guard.check_root):
            return
        try:
            rows = self.space.rows()
        except EtcdError as error:
            fail(call, error)
            return
        SnapshotStream(call, rows, self._storage_version(), self.member.soon).step()

    def defragment(self, call: Call, body: bytes) -> None:
        """The answer is empty, header included."""
        if decode(call, rpc.DefragmentRequest, body) is not None and self._let(call, self.guard.check_root):
            self.space.defragment(partial(self._answer_defragment, call))

    def _answer_defragment(self, call: Call, error: BaseException | None) -> None:
        if error is None:
            call.reply(b"")
        else:
            fail(call, error)


def alarm_name(alarm: int) -> str:
    """The name of an alarm type; one outside the enumeration shows as its number."""
    known = rpc.AlarmType.DESCRIPTOR.values_by_number.get(alarm)
    return str(alarm) if known is None else str(known.name)
