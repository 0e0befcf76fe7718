"""The loop as this room sees it: what time it is, the end of this turn, one coarse timer for many connections."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from math import inf
from typing import Any, Protocol

GRANULARITY = 0.01
"""Seconds of one bucket of the wheel: how late a deadline may fire."""


class Turns(Protocol):
    """Clock and scheduler; seconds, monotonic."""

    def now(self) -> float: ...

    def soon(self, callback: Callable[[], None]) -> None:
        """After everything this turn of the loop still has to read."""

    def later(self, delay: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Returns a function that cancels it."""


class LoopTurns:
    """On an asyncio loop (uvloop included)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.now = loop.time

    def soon(self, callback: Callable[[], None]) -> None:
        self._loop.call_soon(callback)

    def later(self, delay: float, callback: Callable[[], None]) -> Callable[[], None]:
        return self._loop.call_later(delay, callback).cancel


class ReactorTurns:
    """On any Twisted reactor."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.now = time.monotonic

    def soon(self, callback: Callable[[], None]) -> None:
        self._reactor.callLater(0, callback)

    def later(self, delay: float, callback: Callable[[], None]) -> Callable[[], None]:
        call = self._reactor.callLater(delay, callback)

        def cancel() -> None:
            if call.active():
                call.cancel()

        return cancel


class Sleeper(Protocol):
    """Something the wheel wakes."""

    wake_scheduled: float
    """When the wheel will wake it; inf when it will not."""

    def tick(self, now: float) -> None: ...


def _bucket(at: float) -> int:
    """The first bucket that begins at or after a moment."""
    return int(at / GRANULARITY) + 1


class Wheel:
    """Wakes sleepers at about the time they asked for, with one timer of the loop for all of them."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._buckets: dict[int, dict[Sleeper, None]] = {}
        self._order: list[int] = []
        self._cancel: Callable[[], None] = lambda: None
        self._armed = inf

    def wake(self, sleeper: Sleeper, at: float) -> None:
        """``sleeper.tick`` will be called at about ``at``, and not at the time asked for before."""
        self.forget(sleeper)
        sleeper.wake_scheduled = at
        bucket = _bucket(at)
        sleepers = self._buckets.get(bucket)
        if sleepers is None:
            sleepers = self._buckets[bucket] = {}
            heapq.heappush(self._order, bucket)
            self._arm()
        sleepers[sleeper] = None

    def forget(self, sleeper: Sleeper) -> None:
        """``sleeper`` will not be called, nor kept."""
        if sleeper.wake_scheduled != inf:
            sleepers = self._buckets.get(_bucket(sleeper.wake_scheduled))
            if sleepers is not None:
                sleepers.pop(sleeper, None)
            sleeper.wake_scheduled = inf

    def stop(self) -> None:
        self._cancel()
        self._buckets.clear()
        self._order.clear()
        self._armed = inf

    def _arm(self) -> None:
        """The loop's one timer runs to the first bucket."""
        moment = self._order[0] * GRANULARITY if self._order else inf
        if moment >= self._armed:
            return
        self._cancel()
        self._armed = moment
        self._cancel = self._turns.later(max(0.0, moment - self._turns.now()), self._fire)

    def _fire(self) -> None:
        self._armed = inf
        now = self._turns.now()
        due: dict[Sleeper, None] = {}
        while self._order and self._order[0] * GRANULARITY <= now:
            due |= self._buckets.pop(heapq.heappop(self._order))
        for sleeper in due:
            sleeper.wake_scheduled = inf
            sleeper.tick(now)
        self._arm()
