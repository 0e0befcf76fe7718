"""One lease: its record on disk and its life.

Its life, as a client could tell it:

    HELD ──promote──▶ RUNNING ──time──▶ EXPIRED ──revoke──▶ GONE
      ◀──demote────────┘  ▲ renew          │
      ◀──demote────────────────────────────┘

HELD: this member is not the leader, nothing expires here.  EXPIRED: the deadline has passed and the revoke is on its
way through the log; a renewal may not revive it.  Every state with every input: tests/lease/test_lease_states.py.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from math import ceil, inf

from pyetcd.pb.lease_pb2 import Lease as LeaseRecord

NO_LEASE = 0
MAX_TTL = 9_000_000_000
_UINT64 = (1 << 64) - 1


class LeaseState(Enum):
    HELD = "held"
    RUNNING = "running"
    EXPIRED = "expired"
    GONE = "gone"


class Lease:
    """``ttl`` in seconds as granted; ``deadline`` in seconds of the caller's clock, ``inf`` while held.

    ``checkpointed``: remaining seconds at the last checkpoint, 0 when there is none.
    ``waiters``: called once, when a renewal that found the lease expired can be decided (it is gone or held).
    """

    __slots__ = ("checkpointed", "deadline", "id", "keys", "ttl", "waiters")

    def __init__(self, id: int, ttl: int, checkpointed: int = 0) -> None:
        self.id = id
        self.ttl = ttl
        self.checkpointed = checkpointed
        self.deadline = inf
        self.keys: dict[bytes, None] = {}
        self.waiters: list[Callable[[], None]] = []

    @property
    def full(self) -> int:
        """Seconds a new term of this lease lasts: the checkpoint if there is one, else the granted TTL."""
        return self.checkpointed or self.ttl

    def restart(self, now: float, extend: float = 0.0) -> None:
        self.deadline = now + extend + self.full

    def state(self, now: float) -> LeaseState:
        if self.deadline == inf:
            return LeaseState.HELD
        return LeaseState.RUNNING if now < self.deadline else LeaseState.EXPIRED

    def remaining(self, now: float) -> int:
        """Whole seconds left, truncated; strictly less than ``ttl`` even within the instant of the grant.

        Official etcd reads its clock again for the answer, so some time has always passed there.
        """
        left = self.deadline - now
        return ceil(left) - 1 if left > 0 else int(left)

    def settle(self) -> None:
        """Wake the renewals that waited for the revoke (or for the leader to change)."""
        waiters, self.waiters = self.waiters, []
        for wake in waiters:
            wake()

    def record(self) -> bytes:
        """leasepb.Lease as it lies in the ``lease`` bucket."""
        return LeaseRecord(ID=self.id, TTL=self.ttl, RemainingTTL=self.checkpointed).SerializeToString()


def record_key(id: int) -> bytes:
    """Eight bytes big-endian; negative ids as their two's complement (wire contract 4.3)."""
    return (id & _UINT64).to_bytes(8, "big")


def from_record(value: bytes, min_ttl: int) -> Lease:
    record = LeaseRecord.FromString(value)
    return Lease(record.ID, max(record.TTL, min_ttl), record.RemainingTTL)
