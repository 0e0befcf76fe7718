"""Which lease comes next: a heap that tolerates being out of date.

A renewal is the hot path, so it does not touch the heap.  An entry says "look at this lease at that time"; whoever
takes it out compares with the lease's present deadline and puts it back when it came too early.
"""

from __future__ import annotations

from heapq import heappop, heappush


class DueQueue:
    """Ids by the time (seconds) they want to be looked at; at most one live entry per id."""

    __slots__ = ("_due", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._due: dict[int, float] = {}

    def schedule(self, id: int, due: float) -> None:
        """Look at ``id`` at ``due``; replaces what was scheduled for it before."""
        self._due[id] = due
        heappush(self._heap, (due, id))
        if len(self._heap) > 64 + 2 * len(self._due):
            self._compact()

    def forget(self, id: int) -> None:
        self._due.pop(id, None)

    def clear(self) -> None:
        self._heap.clear()
        self._due.clear()

    def take(self, now: float) -> int | None:
        """The id whose time came first, taken out, or None when nothing is due at ``now``."""
        heap, live = self._heap, self._due
        while heap and heap[0][0] <= now:
            due, id = heappop(heap)
            if live.get(id) == due:
                del live[id]
                return id
        return None

    def __len__(self) -> int:
        return len(self._due)

    def _compact(self) -> None:
        """Drop the entries that were replaced or forgotten, so the heap stays in proportion to the ids."""
        self._heap = sorted((due, id) for id, due in self._due.items())

    def check(self) -> None:
        entries = set(self._heap)
        assert all((due, id) in entries for id, due in self._due.items())
        assert all(self._heap[(i - 1) // 2] <= self._heap[i] for i in range(1, len(self._heap)))
