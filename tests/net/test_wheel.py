"""The timer wheel on a simulated clock."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from pyetcd.net.turns import GRANULARITY, Wheel


class Clock:
    """Turns with a hand-wound clock."""

    def __init__(self) -> None:
        self.time = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        return self.time

    def soon(self, callback: Callable[[], None]) -> None:
        raise AssertionError

    def later(self, delay: float, callback: Callable[[], None]) -> Callable[[], None]:
        timer = (self.time + delay, callback)
        self.timers.append(timer)
        return lambda: self.timers.remove(timer) if timer in self.timers else None

    def advance(self, until: float) -> None:
        while self.timers and min(self.timers)[0] <= until:
            timer = min(self.timers, key=lambda timer: timer[0])
            self.timers.remove(timer)
            self.time = timer[0]
            timer[1]()
        self.time = until


class Sleeper:
    def __init__(self) -> None:
        self.wake_scheduled = inf
        self.ticks: list[float] = []

    def tick(self, now: float) -> None:
        self.ticks.append(now)


def test_sleepers_are_woken_in_time_with_one_timer() -> None:
    clock = Clock()
    wheel = Wheel(clock)
    sleepers = [Sleeper() for _ in range(100)]
    for number, sleeper in enumerate(sleepers):
        wheel.wake(sleeper, 5.0 - number / 50)
        assert len(clock.timers) == 1
    clock.advance(10.0)
    for number, sleeper in enumerate(sleepers):
        asked = 5.0 - number / 50
        assert len(sleeper.ticks) == 1 and asked <= sleeper.ticks[0] <= asked + 2 * GRANULARITY


def test_the_last_wish_counts() -> None:
    clock = Clock()
    wheel = Wheel(clock)
    sleeper = Sleeper()
    for at in (7.0, 3.0, 5.0):
        wheel.wake(sleeper, at)
    clock.advance(4.0)
    assert sleeper.ticks == []
    clock.advance(10.0)
    assert len(sleeper.ticks) == 1


def test_the_forgotten_are_not_kept() -> None:
    clock = Clock()
    wheel = Wheel(clock)
    sleeper = Sleeper()
    wheel.wake(sleeper, 7200.0)
    wheel.forget(sleeper)
    assert not any(wheel._buckets.values()) and sleeper.wake_scheduled == inf
    clock.advance(8000.0)
    assert sleeper.ticks == []
