"""Brings watchers that are behind up to the present, by reading the store's history.

A pass takes up to 512 watchers and walks the history once for all of them, in slices so that the loop stays free.
Watchers that are nearly current never wait for one that began at revision 1: near and far ones go in passes of their
own, slices in turn.  The last slice of a pass ends at the store's revision of that moment, so its watchers are synced
without a gap.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from pyetcd.watch.history_pass import HistoryPass
from pyetcd.watch.watcher import State, Watcher

if TYPE_CHECKING:
    from pyetcd.watch.hub import Hub

PASS_WATCHERS = 512
PERIOD = 0.1
"""Seconds between the beginnings of passes, so that many new watchers share one.  The first goes at once."""
URGENT_PERIOD = 0.01
"""The same when a stream that was full has drained: its client waits for nothing but us."""
NEAR = 1000
"""Revisions; a watcher that is no further behind takes part in a near pass."""


class CatchUp:
    """Watchers that wait for a pass, and the passes: one near and one far at most."""

    __slots__ = ("_hub", "_last_start", "_period", "passes", "waiting")

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.waiting: dict[Watcher, None] = {}
        self.passes: deque[HistoryPass] = deque()
        self._last_start = float("-inf")
        self._period = PERIOD

    def add(self, watcher: Watcher, *, urgent: bool = False) -> None:
        watcher.state = State.UNSYNCED
        sooner = urgent and self._period > URGENT_PERIOD
        news = sooner or not self.waiting
        self.waiting[watcher] = None
        if sooner:
            self._period = URGENT_PERIOD
        if news:
            self._hub.wake()

    def remove(self, watcher: Watcher) -> None:
        if watcher in self.waiting:
            del self.waiting[watcher]
            return
        for each in self.passes:
            if watcher in each:
                each.remove(watcher)

    def step(self, now: float) -> float | None:
        """See Hub.sync_step()."""
        if self.waiting and now >= self._last_start + self._period:
            self._start(now)
        if self.passes:
            current = self.passes.popleft()
            if not current.step():
                self.passes.append(current)
        if self.passes:
            return 0.0
        return max(0.0, self._last_start + self._period - now) if self.waiting else None

    def _start(self, now: float) -> None:
        near_from = self._hub.store.revision - NEAR
        running = {each.near for each in self.passes}
        for near in (True, False):
            if near not in running:
                chosen = list(islice((w for w in self.waiting if (w.next_revision > near_from) is near), PASS_WATCHERS))
                if chosen:
                    self.passes.append(HistoryPass(self._hub, chosen, near))
                    for watcher in chosen:
                        del self.waiting[watcher]
        self._last_start = now
        # more than one pass can take: the next begins as soon as this one is through
        self._period = 0.0 if len(self.waiting) >= PASS_WATCHERS else PERIOD

    def __len__(self) -> int:
        return len(self.waiting) + sum(map(len, self.passes))

    def check(self) -> None:
        everyone = [*self.waiting, *(watcher for each in self.passes for watcher in each)]
        assert len(everyone) == len(set(everyone))
        assert all(watcher.state is State.UNSYNCED for watcher in everyone)
        for each in self.passes:
            each.check()
