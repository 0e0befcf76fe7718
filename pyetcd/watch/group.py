"""Watchers by what they watch, for one question: who wants to hear of this key?

Exact keys lie in a dict.  Intervals are cut at all their boundaries into segments; within a segment every key has the
same watchers, so a lookup is one bisection and the segment's ready answer.  Answers are made when first asked for and
forgotten when an interval that covers the segment comes or goes.  (An interval tree was the alternative: its descent
costs several microseconds of Python per changed key, a bisection over thousands of boundaries a quarter of one.)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from pyetcd.watch.watcher import Watcher

Members = dict[Watcher, None]
"""A set that keeps its order."""

CACHED_LIMIT = 1 << 20
"""Places in all ready answers together; beyond it they are forgotten (thousands of nested intervals)."""


class _Interval:
    """All watchers of one [start, end); end None: no upper bound."""

    __slots__ = ("end", "members", "start")

    def __init__(self, start: bytes, end: bytes | None) -> None:
        self.start = start
        self.end = end
        self.members: Members = {}


_IntervalSet = dict[_Interval, None]


class Intervals:
    """Intervals and their watchers, cut into segments [bounds[i], bounds[i + 1])."""

    __slots__ = ("_answers", "_by_end", "_by_start", "_cached", "_intervals", "bounds")

    def __init__(self) -> None:
        self.bounds: list[bytes] = []
        self._answers: list[tuple[_Interval, ...] | None] = []
        self._cached = 0
        self._intervals: dict[tuple[bytes, bytes | None], _Interval] = {}
        self._by_start: dict[bytes, _IntervalSet] = {}
        self._by_end: dict[bytes, _IntervalSet] = {}

    def add(self, watcher: Watcher) -> None:
        place = (watcher.key, watcher.end or None)
        interval = self._intervals.get(place)
        if interval is None:
            interval = self._intervals[place] = _Interval(*place)
            self._insert(interval)
        interval.members[watcher] = None

    def remove(self, watcher: Watcher) -> None:
        place = (watcher.key, watcher.end or None)
        interval = self._intervals[place]
        del interval.members[watcher]
        if not interval.members:
            del self._intervals[place]
            self._delete(interval)

    def covering(self, key: bytes) -> tuple[_Interval, ...]:
        """The intervals ``key`` lies in."""
        at = bisect_right(self.bounds, key) - 1
        if at < 0:
            return ()
        answer = self._answers[at]
        return self._answer(at) if answer is None else answer

    def all(self) -> Iterable[_Interval]:
        return self._intervals.values()

    # -- cutting ----------------------------------------------------------------------------------------------

    def _insert(self, interval: _Interval) -> None:
        self._cut(interval.start)
        self._by_start.setdefault(interval.start, {})[interval] = None
        if interval.end is not None:
            self._cut(interval.end)
            self._by_end.setdefault(interval.end, {})[interval] = None
        self._forget(interval)

    def _delete(self, interval: _Interval) -> None:
        self._forget(interval)
        self._unregister(self._by_start, interval.start, interval)
        if interval.end is not None:
            self._unregister(self._by_end, interval.end, interval)
        self._join(interval.start)
        if interval.end is not None:
            self._join(interval.end)

    @staticmethod
    def _unregister(table: dict[bytes, _IntervalSet], bound: bytes, interval: _Interval) -> None:
        del table[bound][interval]
        if not table[bound]:
            del table[bound]

    def _cut(self, bound: bytes) -> None:
        """Make ``bound`` a boundary; the new segment has the answer of the one it was cut from."""
        bounds = self.bounds
        at = bisect_left(bounds, bound)
        if at < len(bounds) and bounds[at] == bound:
            return
        answer = self._answers[at - 1] if at else ()
        bounds.insert(at, bound)
        self._answers.insert(at, answer)
        self._cached += len(answer or ())

    def _join(self, bound: bytes) -> None:
        """Give the boundary up when nothing starts or ends there any more."""
        if bound not in self._by_start and bound not in self._by_end:
            at = bisect_left(self.bounds, bound)
            del self.bounds[at]
            self._cached -= len(self._answers.pop(at) or ())

    def _forget(self, interval: _Interval) -> None:
        """Drop the answers of all segments inside the interval."""
        first = bisect_left(self.bounds, interval.start)
        last = len(self.bounds) if interval.end is None else bisect_left(self.bounds, interval.end)
        answers = self._answers
        self._cached -= sum(len(answer) for answer in answers[first:last] if answer)
        answers[first:last] = [None] * (last - first)

    # -- answering --------------------------------------------------------------------------------------------

    def _answer(self, at: int) -> tuple[_Interval, ...]:
        """Work a segment's answer out, from the nearest one to the left that is known."""
        known = at
        while known >= 0 and self._answers[known] is None:
            known -= 1
        open_here = dict.fromkeys(self._answers[known] or ()) if known >= 0 else {}
        for i in range(known + 1, at + 1):
            bound = self.bounds[i]
            for ended in self._by_end.get(bound, ()):
                open_here.pop(ended, None)
            open_here.update(self._by_start.get(bound, {}))
        answer = tuple(open_here)
        if self._cached + len(answer) > CACHED_LIMIT:
            self._answers = [None] * len(self._answers)
            self._cached = 0
        self._answers[at] = answer
        self._cached += len(answer)
        return answer

    def check(self) -> None:
        assert self.bounds == sorted({b for place in self._intervals for b in place if b is not None})
        assert self._cached == sum(len(answer) for answer in self._answers if answer)
        for bound, answer in zip(self.bounds, self._answers, strict=True):
            inside = {i for i in self._intervals.values() if i.start <= bound and (i.end is None or bound < i.end)}
            assert answer is None or (set(answer) == inside and len(answer) == len(inside))
        assert all(interval.members for interval in self._intervals.values())


class Group:
    """A set of watchers that knows who wants to hear of a key."""

    __slots__ = ("_size", "intervals", "keys")

    def __init__(self) -> None:
        self.keys: dict[bytes, Members] = {}
        self.intervals = Intervals()
        self._size = 0

    def add(self, watcher: Watcher) -> None:
        self._size += 1
        if watcher.end is not None:
            self.intervals.add(watcher)
            return
        members = self.keys.get(watcher.key)
        if members is None:
            members = self.keys[watcher.key] = {}
        members[watcher] = None

    def remove(self, watcher: Watcher) -> None:
        """Raises KeyError when the watcher is not here."""
        if watcher.end is not None:
            self.intervals.remove(watcher)
        else:
            members = self.keys[watcher.key]
            del members[watcher]
            if not members:
                del self.keys[watcher.key]
        self._size -= 1

    def watching(self, key: bytes) -> list[Members]:
        """The sets of watchers of ``key``; a watcher is in one of them at most."""
        exact = self.keys.get(key)
        sets = [] if exact is None else [exact]
        if self.intervals.bounds:
            sets += [interval.members for interval in self.intervals.covering(key)]
        return sets

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Watcher]:
        for members in self.keys.values():
            yield from members
        for interval in self.intervals.all():
            yield from interval.members

    def check(self) -> None:
        self.intervals.check()
        assert all(self.keys.values())
        assert self._size == sum(1 for _ in self)
