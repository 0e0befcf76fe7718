"""Keeps leases that were renewed together (a leader change renews all) from all ending in the same second.

The revoke rate is 1000 a second.  Within each window that starts with the earliest end, three quarters of that rate
may end; whoever comes later is moved back in proportion (wire contract 4.2).
"""

from __future__ import annotations

from collections.abc import Collection

from pyetcd.lease.lease import Lease

REVOKE_RATE = 1000
"""Revokes a second."""


def spread_deadlines(leases: Collection[Lease], now: float, extend: float, rate: int = REVOKE_RATE) -> None:
    """Move deadlines back where more than 3/4 ``rate`` would fall into one window; fewer than ``rate`` leases: never.

    ``extend``: seconds the deadlines were already extended by.
    """
    if len(leases) < rate:
        return
    ordered = sorted(leases, key=lambda lease: (lease.deadline, lease.id))
    target = 3 * rate // 4
    window_start = ordered[0].deadline - now
    window_end = window_start + 1.0
    ends = 0
    for lease in ordered:
        remaining = lease.deadline - now
        if remaining > window_end:
            window_start = remaining
            window_end = window_start + 1.0
            ends = 1
            continue
        ends += 1
        if ends <= target:
            continue
        delay = ends / target - (remaining - window_start)
        window_end = window_start + delay
        lease.restart(now, delay + extend)
