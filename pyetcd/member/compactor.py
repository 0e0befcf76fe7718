"""Paces the background passes of compactions: one batch, a pause, the next (wire contract, section 2.9)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pyetcd.member.loop import Loop
from pyetcd.mvcc.backend import Backend
from pyetcd.mvcc.compaction import Compaction


class Compactor:
    """Runs compactions one after another, ``pause`` seconds between two batches."""

    def __init__(self, backend: Backend, loop: Loop, pause: float) -> None:
        self.backend = backend
        self.loop = loop
        self.pause = pause
        self._queue: deque[Compaction] = deque()
        self._waiting: deque[tuple[int, Callable[[], object]]] = deque()
        self._added = 0
        self._finished = 0
        self._stopped = False

    def add(self, compaction: Compaction) -> None:
        """Queue a pass; it starts in a later turn."""
        self._queue.append(compaction)
        self._added += 1
        if len(self._queue) == 1:
            self.loop.soon(self._step)

    def when_idle(self, action: Callable[[], object]) -> None:
        """Run ``action`` when everything queued up to now is gone from the backend."""
        if self._finished == self._added:
            action()
        else:
            self._waiting.append((self._added, action))

    def stop(self) -> None:
        """Leave the rest to the next start, which resumes it."""
        self._stopped = True

    def _step(self) -> None:
        if self._stopped or not self._queue:
            return
        if self._queue[0].step():
            self._queue.popleft()
            self._finished += 1
            self.backend.commit()
            self._tell()
        else:
            self.backend.commit()
        if self._queue:
            self.loop.later(self.pause, self._step)

    def _tell(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._finished:
            self._waiting.popleft()[1]()
