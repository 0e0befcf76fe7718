"""Paces the background passes of compactions: one batch, a pause, the next (wire contract, section 2.9)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pyetcd.member.loop import Loop
from pyetcd.mvcc.backend import Backend
from pyetcd.mvcc.compaction import BATCH_LIMIT, Compaction

EAGER_STEPS = 3  # each a millisecond or two at most


class Compactor:
    """Runs compactions one after another, ``pause`` seconds between two batches of ``batch_limit`` backend entries."""

    def __init__(self, backend: Backend, loop: Loop, pause: float, batch_limit: int = BATCH_LIMIT) -> None:
        self.backend = backend
        self.loop = loop
        self.pause = pause
        self.batch_limit = batch_limit
        self._queue: deque[Compaction] = deque()
        self._waiting: deque[tuple[int, Callable[[], object]]] = deque()
        self._added = 0
        self._finished = 0
        self._stopped = False

    def add(self, compaction: Compaction) -> None:
        """Queue a pass.  A small one is over at once: whoever asks next sees its outcome, as with etcd."""
        for _ in range(0 if self._queue else EAGER_STEPS):
            if compaction.step(self.batch_limit):
                return
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
        compaction = self._queue[0]
        was_in_backend = compaction.in_backend
        if compaction.step(self.batch_limit):
            self._queue.popleft()
            self._finished += 1
            was_in_backend = False
        self.backend.commit()
        self._tell()
        if self._queue:
            self._go_on(pause=was_in_backend)

    def _go_on(self, pause: bool) -> None:
        """Only batches of the backend are spread over time; the index is done as fast as turns come."""
        if pause:
            self.loop.later(self.pause, self._step)
        else:
            self.loop.soon(self._step)

    def _tell(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._finished:
            self._waiting.popleft()[1]()
