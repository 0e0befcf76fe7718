"""Grants, renews, expires and revokes leases (wire contract, section 4).

Every member applies grants and revokes; only the primary (the leader) counts time.  All times are seconds of one
monotonic clock, handed in as ``now``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil, inf

from pyetcd.errors import LeaseExists, LeaseNotFound, LeaseTTLTooLarge, NotPrimaryLessor
from pyetcd.lease.lease import MAX_TTL, NO_LEASE, Lease, LeaseState, from_record, record_key
from pyetcd.lease.queue import DueQueue
from pyetcd.lease.spread import spread_deadlines
from pyetcd.mvcc.backend import Backend, Bucket

EXPIRED_LIMIT = 500
"""Leases handed out by one expired() pass; with two passes a second this is etcd's 1000 revokes a second."""
RETRY_SECONDS = 3.0
"""How long a revoke may take before the lease is handed out again."""
CHECKPOINT_LIMIT = 1000
"""Checkpoints in one log entry."""


class Lessor:
    """All leases of a member.

    ``min_ttl``: seconds; a grant below it is raised silently.
    ``checkpoint_interval``: seconds between checkpoints of a long lease's remaining time, None (as in etcd by
    default) for no checkpoints at all.
    """

    __slots__ = (
        "_backend",
        "_checkpoints",
        "_expiries",
        "_lease_of",
        "_leases",
        "checkpoint_interval",
        "expired_count",
        "granted_count",
        "min_ttl",
        "primary",
        "renewed_count",
        "revoked_count",
    )

    def __init__(self, backend: Backend, min_ttl: int = 2, checkpoint_interval: float | None = None) -> None:
        self._backend = backend
        self.min_ttl = min_ttl
        self.checkpoint_interval = checkpoint_interval
        self.primary = False
        self.granted_count = self.renewed_count = self.revoked_count = self.expired_count = 0  # for the metrics
        self._leases: dict[int, Lease] = {}
        self._lease_of: dict[bytes, int] = {}
        self._expiries = DueQueue()
        self._checkpoints = DueQueue()

    # -- applied from the log ---------------------------------------------------------------------------------

    def grant(self, id: int, ttl: int, now: float) -> int:
        """A new lease; its effective TTL.  Raises LeaseTTLTooLarge, LeaseExists, LeaseNotFound (id 0)."""
        if id == NO_LEASE:
            raise LeaseNotFound
        if ttl > MAX_TTL:
            raise LeaseTTLTooLarge
        if id in self._leases:
            raise LeaseExists
        lease = self._leases[id] = Lease(id, max(ttl, self.min_ttl))
        self._backend.put(Bucket.LEASE, record_key(id), lease.record())
        self.granted_count += 1
        if self.primary:
            self._start(lease, now)
        return lease.ttl

    def revoke(self, id: int) -> list[bytes]:
        """Forget the lease; its keys ascending, for the caller to delete in one revision.  Raises LeaseNotFound."""
        lease = self._leases.pop(id, None)
        if lease is None:
            raise LeaseNotFound
        self.revoked_count += 1
        self._backend.delete(Bucket.LEASE, record_key(id))
        self._expiries.forget(id)
        self._checkpoints.forget(id)
        for key in lease.keys:
            del self._lease_of[key]
        lease.settle()
        return sorted(lease.keys)

    def attach(self, id: int, key: bytes) -> None:
        """``key`` now belongs to this lease and to no other.  Raises LeaseNotFound."""
        lease = self._leases.get(id)
        if lease is None:
            raise LeaseNotFound
        before = self._lease_of.get(key)
        if before is not None and before != id:
            del self._leases[before].keys[key]
        self._lease_of[key] = id
        lease.keys[key] = None

    def detach(self, id: int, key: bytes) -> None:
        """``key`` no longer belongs to this lease; nothing happens when it did not."""
        if self._lease_of.get(key) == id:
            del self._lease_of[key]
            del self._leases[id].keys[key]

    def checkpoint(self, id: int, remaining: int, now: float) -> None:
        """Remember the remaining seconds; they count at the next promote().  0 means the full TTL again."""
        lease = self._leases.get(id)
        if lease is None:
            return
        lease.checkpointed = remaining
        self._backend.put(Bucket.LEASE, record_key(id), lease.record())
        if self.primary:
            self._schedule_checkpoint(lease, now)

    # -- questions --------------------------------------------------------------------------------------------

    def lease_of_key(self, key: bytes) -> int:
        """Id of the lease ``key`` hangs on, 0 for none."""
        return self._lease_of.get(key, NO_LEASE)

    def __contains__(self, id: int) -> bool:
        return id in self._leases

    def keys(self, id: int) -> list[bytes]:
        """Attached keys in the order they were attached; empty for an unknown lease."""
        lease = self._leases.get(id)
        return list(lease.keys) if lease is not None else []

    def time_to_live(self, id: int, now: float) -> tuple[int, int, list[bytes]] | None:
        """(granted, remaining, keys), seconds; None when there is no such lease.  Raises NotPrimaryLessor."""
        lease = self._leases.get(id)
        if lease is None:
            return None
        if lease.deadline == inf:
            raise NotPrimaryLessor
        return lease.ttl, lease.remaining(now), list(lease.keys)

    def leases(self, now: float) -> list[int]:
        """Ids, the one that ends first in front."""
        return [lease.id for lease in sorted(self._leases.values(), key=lambda each: (each.deadline, each.id))]

    def state(self, id: int, now: float) -> LeaseState:
        lease = self._leases.get(id)
        return LeaseState.GONE if lease is None else lease.state(now)

    def __len__(self) -> int:
        return len(self._leases)

    # -- the primary's business -------------------------------------------------------------------------------

    def renew(self, id: int, now: float) -> int | None:
        """Start the lease anew: its TTL; None when there is none; 0 when it has expired but is not revoked yet.

        After a 0 the answer is not known before the revoke is applied: ask when_settled().  Raises NotPrimaryLessor.
        """
        if not self.primary:
            raise NotPrimaryLessor
        lease = self._leases.get(id)
        if lease is None:
            return None
        if now >= lease.deadline:
            return 0
        lease.deadline = now + (lease.checkpointed or lease.ttl)
        self.renewed_count += 1
        return lease.ttl

    def has_checkpoint(self, id: int) -> bool:
        """True when a renewal must first set the checkpoint back to 0 through the log (checkpointing on)."""
        lease = self._leases.get(id)
        return self.checkpoint_interval is not None and lease is not None and lease.checkpointed > 0

    def when_settled(self, id: int, wake: Callable[[], None]) -> None:
        """Call ``wake`` once when an expired lease was revoked, or when this member stopped being primary."""
        self._leases[id].waiters.append(wake)

    def expired(self, now: float, limit: int = EXPIRED_LIMIT) -> list[int]:
        """Leases to revoke now; one is handed out again after RETRY_SECONDS should its revoke have failed."""
        due: list[int] = []
        while len(due) < limit and (id := self._expiries.take(now)) is not None:
            deadline = self._leases[id].deadline
            if deadline > now:
                self._expiries.schedule(id, deadline)
                continue
            due.append(id)
            self.expired_count += 1
            self._expiries.schedule(id, now + RETRY_SECONDS)
        return due

    def due_checkpoints(self, now: float, limit: int = CHECKPOINT_LIMIT) -> list[tuple[int, int]]:
        """(id, remaining seconds rounded up) of long leases to propose as one LeaseCheckpointRequest."""
        due: list[tuple[int, int]] = []
        while len(due) < limit and (id := self._checkpoints.take(now)) is not None:
            lease = self._leases[id]
            remaining = ceil(lease.deadline - now)
            if 0 < remaining < lease.ttl:
                due.append((id, remaining))
        return due

    def promote(self, now: float, extend: float) -> None:
        """Become primary: every lease starts anew, ``extend`` seconds longer, and no second gets too many ends."""
        self.primary = True
        self._expiries.clear()
        self._checkpoints.clear()
        for lease in self._leases.values():
            lease.restart(now, extend)
        spread_deadlines(self._leases.values(), now, extend)
        for lease in self._leases.values():
            self._expiries.schedule(lease.id, lease.deadline)
            self._schedule_checkpoint(lease, now)

    def demote(self) -> None:
        """No longer primary: nothing expires here any more."""
        self.primary = False
        self._expiries.clear()
        self._checkpoints.clear()
        for lease in list(self._leases.values()):
            lease.deadline = inf
            lease.settle()

    # -- restart ----------------------------------------------------------------------------------------------

    def load(self, attachments: Iterable[tuple[bytes, int]] = ()) -> None:
        """Read all leases from the backend; ``attachments``: (key, lease id) of every live key that has a lease.

        All leases are held until promote().  An attachment to a lease that does not exist is ignored.
        """
        for lease in list(self._leases.values()):
            lease.deadline = inf
        gone, self._leases, self._lease_of = self._leases, {}, {}
        self.primary = False
        self._expiries.clear()
        self._checkpoints.clear()
        for _, value in self._backend.scan(Bucket.LEASE, b"", None):
            lease = from_record(value, self.min_ttl)
            self._leases[lease.id] = lease
        for key, id in attachments:
            if id in self._leases:
                self.attach(id, key)
        for lease in gone.values():
            lease.settle()

    # -- inside -----------------------------------------------------------------------------------------------

    def _start(self, lease: Lease, now: float) -> None:
        lease.restart(now)
        self._expiries.schedule(lease.id, lease.deadline)
        self._schedule_checkpoint(lease, now)

    def _schedule_checkpoint(self, lease: Lease, now: float) -> None:
        interval = self.checkpoint_interval
        if interval is not None and lease.full > interval:
            self._checkpoints.schedule(lease.id, now + interval)

    def check(self) -> None:
        """Assert every invariant; for tests."""
        self._expiries.check()
        self._checkpoints.check()
        attached = {key: lease.id for lease in self._leases.values() for key in lease.keys}
        assert attached == self._lease_of
        assert len(self._expiries) == (len(self._leases) if self.primary else 0)
        assert all((lease.deadline < inf) == self.primary for lease in self._leases.values())
        records = self._backend.scan(Bucket.LEASE, b"", None)
        assert dict(records) == {record_key(id): lease.record() for id, lease in self._leases.items()}
