"""Work that blocks, off the loop: one thread per worker, jobs in the order they were given.

Measured on two cores, uvloop: a job there and its answer back cost 38 µs of waiting and 28 µs of CPU when the loop is
idle; eventfds instead of the queue and call_soon_threadsafe made no difference.  While the loop is busy the thread
must wait for the interpreter's lock: for one switch interval, so SWITCH_INTERVAL is short (5 ms by default would keep
the disk idle that long; with it a write overlaps with the turn that follows it).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

#: Seconds, for sys.setswitchinterval; the assembly sets it, once per process.
SWITCH_INTERVAL = 0.0002

Job = Callable[[], object]
#: Hears None, or the exception the job raised.
Done = Callable[[BaseException | None], object]


class Worker(Protocol):
    """Somewhere to run jobs in order."""

    def submit(self, job: Job, done: Done) -> None:
        """Run ``job`` elsewhere; ``done`` runs on the loop afterwards."""

    def close(self) -> None:
        """Finish what was submitted, then end; what ``done`` would do is still handed to the loop."""


class ThreadWorker:
    """A Worker with a thread.

    ``call_from_thread(function, *args)`` queues a call on the loop and may be called on any thread
    (call_soon_threadsafe, callFromThread).
    """

    def __init__(self, call_from_thread: Callable[..., object], name: str) -> None:
        self._call_from_thread = call_from_thread
        self._jobs: SimpleQueue[tuple[Job, Done] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job, done: Done) -> None:
        """Queue ``job``; never blocks."""
        self._jobs.put((job, done))

    def close(self) -> None:
        """Blocks until the last job is finished."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        take, answer = self._jobs.get, self._call_from_thread
        while work := take():
            job, done = work
            try:
                job()
            except BaseException as error:
                answer(done, error)
            else:
                answer(done, None)


class SteppedWorker:
    """A Worker without a thread: a test or a simulation decides when each job happens."""

    def __init__(self) -> None:
        self.jobs: deque[tuple[Job, Done]] = deque()

    def submit(self, job: Job, done: Done) -> None:
        """Keep ``job`` for a later step."""
        self.jobs.append((job, done))

    def step(self) -> bool:
        """Run the oldest job and tell its ``done``; False when there was none."""
        if not self.jobs:
            return False
        job, done = self.jobs.popleft()
        try:
            job()
        except BaseException as error:
            done(error)
        else:
            done(None)
        return True

    def close(self) -> None:
        """Run all that is left."""
        while self.step():
            pass
