"""How long disk operations took, in the buckets etcd's metrics use; plain numbers for whoever exports them."""

from __future__ import annotations

from bisect import bisect_left

#: Upper bounds in seconds: 1 ms, doubled thirteen times (etcd_disk_wal_fsync_duration_seconds and its siblings).
BOUNDS = tuple(0.001 * 2**n for n in range(14))


class Timings:
    """A histogram: ``counts[i]`` operations took at most ``BOUNDS[i]``, the last one counts the longer ones."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one operation."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        """How many operations there were."""
        return sum(self.counts)
