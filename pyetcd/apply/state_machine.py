"""One log entry in, one outcome: the table of what each kind of request does.

Deterministic: the same entries give the same state on every member.  ``now`` only feeds the lessor's local deadlines,
which are no part of the replicated state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyetcd.apply.auth import AuthEntries, Permits
from pyetcd.apply.kv import Writes, compact, query, range_tail
from pyetcd.apply.outcome import Applied, Reconfigured
from pyetcd.apply.quota import NO_QUOTA, OverQuota, Quota, cost
from pyetcd.auth.caller import NOBODY, Caller
from pyetcd.auth.store import AuthStore
from pyetcd.cluster import changes
from pyetcd.cluster.alarms import CORRUPT, NOSPACE, Alarms
from pyetcd.cluster.membership import Membership
from pyetcd.cluster.versions import Downgrade
from pyetcd.consensus.conf_change import decode_conf_change
from pyetcd.errors import Corrupt, EtcdError, NoSpace
from pyetcd.lease.lessor import Lessor
from pyetcd.mvcc.record import varint
from pyetcd.mvcc.store import Store

from . import txn

GET, ACTIVATE, DEACTIVATE = 0, 1, 2
GROWTH = frozenset(("put", "lease_grant"))
CHANGES = GROWTH | {"txn", "delete_range", "compaction", "lease_revoke"}

Handler = Callable[[Any, float], Applied]


class StateMachine:
    """Everything entries change: the store, leases, alarms and the membership."""

    def __init__(
        self,
        store: Store,
        lessor: Lessor,
        alarms: Alarms,
        membership: Membership,
        auth: AuthStore,
        quota: Quota = NO_QUOTA,
    ) -> None:
        self.store = store
        self.lessor = lessor
        self.alarms = alarms
        self.membership = membership
        self.auth = auth
        self.quota = quota
        self.permits = Permits(auth, lessor)
        self._auth_entries = AuthEntries(auth, store)
        self.writes = Writes(store, lessor)
        self._handlers: dict[str, Handler] = {
            "range": self._range,
            "put": self._put,
            "delete_range": self._delete_range,
            "txn": self._txn,
            "compaction": self._compaction,
            "lease_grant": self._lease_grant,
            "lease_revoke": self._lease_revoke,
            "lease_checkpoint": self._lease_checkpoint,
            "alarm": self._alarm,
            "cluster_version_set": self._cluster_version_set,
            "cluster_member_attr_set": self._cluster_member_attr_set,
            "downgrade_info_set": self._downgrade_info_set,
            **self._auth_entries.handlers(),
        }

    def apply(
        self, field: str, request: Any, now: float, caller: Caller | None = None, index: int = 0
    ) -> Applied | EtcdError:
        """Carry out one request; errors of the request itself are returned, everything else is our own bug.

        ``caller`` is the one the entry's header names, ``index`` the entry's place in the log.
        """
        handler = self._handlers.get(field)
        if handler is None:
            if field == "authenticate":
                return self._auth_entries.authenticate(request, index)
            raise LookupError(f"log entry holds a {field} request, which this release does not know how to apply")
        try:
            if self.alarms.active:
                self._refuse_for_alarms(field, request)
            if self.auth.enabled:
                self.permits.check(field, request, caller or NOBODY)
            if self.quota.near:
                return self._weighed(handler, field, request, now)
            return handler(request, now)
        except EtcdError as error:
            return error

    def _weighed(self, handler: Handler, field: str, request: Any, now: float) -> Applied | EtcdError:
        """Near the quota: what does not fit any more is carried out and refused, as in etcd."""
        fits = self.quota.fits(cost(field, request))
        applied = handler(request, now)
        return applied if fits else OverQuota(applied)

    def read_txn(self, request: Any) -> Applied:
        """A read-only transaction, outside the log; raises EtcdError."""
        return txn.read(self.writes, request)

    def apply_conf_change(self, data: bytes) -> Reconfigured | EtcdError:
        """A committed membership change; it may no longer fit, and then nothing happens."""
        change = decode_conf_change(data)
        try:
            changes.check(self.membership, change)
        except EtcdError as error:
            return error
        changes.apply(self.membership, change)
        return Reconfigured(self.membership.sorted())

    # -- requests -----------------------------------------------------------------------------------------------

    def _range(self, r: Any, now: float) -> Applied:
        result = self.store.range(query(r))
        return Applied(self.store.revision, result.kvs.join() + range_tail(result))

    def _put(self, r: Any, now: float) -> Applied:
        return self.writes.put(r)

    def _delete_range(self, r: Any, now: float) -> Applied:
        return self.writes.delete_range(r)

    def _txn(self, r: Any, now: float) -> Applied:
        return txn.write(self.writes, r)

    def _compaction(self, r: Any, now: float) -> Applied:
        return compact(self.store, r)

    def _lease_grant(self, r: Any, now: float) -> Applied:
        ttl = self.lessor.grant(r.ID, r.TTL, now)
        body = b"\x10" + varint(r.ID & 0xFFFFFFFFFFFFFFFF) + b"\x18" + varint(ttl)
        return Applied(self.store.revision, body)

    def _lease_revoke(self, r: Any, now: float) -> Applied:
        return self.writes.revoke(r.ID)

    def _lease_checkpoint(self, r: Any, now: float) -> Applied:
        for point in r.checkpoints:
            self.lessor.checkpoint(point.ID, point.remaining_TTL, now)
        return Applied(self.store.revision)

    def _alarm(self, r: Any, now: float) -> Applied:
        rows: list[bytes] = []
        if r.action == GET:
            rows = self.alarms.get(r.alarm)
        elif r.action == ACTIVATE and r.alarm:
            rows = [self.alarms.activate(r.memberID, r.alarm)]
        elif r.action == DEACTIVATE:
            row = self.alarms.deactivate(r.memberID, r.alarm)
            rows = [] if row is None else [row]
        return Applied(self.store.revision, b"".join(b"\x12" + varint(len(row)) + row for row in rows))

    def _cluster_version_set(self, r: Any, now: float) -> Applied:
        self.membership.set_version(r.ver)
        return Applied(self.store.revision)

    def _cluster_member_attr_set(self, r: Any, now: float) -> Applied:
        attributes = r.member_attributes
        self.membership.set_attributes(r.member_ID, attributes.name, attributes.client_urls)
        return Applied(self.store.revision)

    def _downgrade_info_set(self, r: Any, now: float) -> Applied:
        self.membership.set_downgrade(Downgrade(r.enabled, r.ver if r.enabled else ""))
        return Applied(self.store.revision)

    # -- alarms -------------------------------------------------------------------------------------------------

    def _refuse_for_alarms(self, field: str, r: Any) -> None:
        """CORRUPT refuses every change, NOSPACE whatever makes the store larger; CORRUPT wins when both are set."""
        if field not in CHANGES:
            return
        if self.alarms.get(CORRUPT):
            raise Corrupt
        if self.alarms.get(NOSPACE) and (field in GROWTH or (field == "txn" and has_put(r))):
            raise NoSpace


def has_put(r: Any) -> bool:
    """Whether either branch contains a Put; etcd looks at the top level and below."""
    for op in (*r.success, *r.failure):
        kind = op.WhichOneof("request")
        if kind == "request_put" or (kind == "request_txn" and has_put(op.request_txn)):
            return True
    return False
