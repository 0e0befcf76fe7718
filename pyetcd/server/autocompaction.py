"""Automatic compaction: when it is due and to which revision (wire contract 10.2).  Pure; time is an argument.

*periodic* samples the revision every tenth of min(retention, 1 h) and, once a full retention has passed, compacts to
the sample that is a retention old; later ones follow every min(retention, 1 h).  *revision* looks every five minutes
and keeps the last N revisions.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from pyetcd.server.values import duration_nanoseconds

Retention = int
"""Nanoseconds in periodic mode, a number of revisions in revision mode; 0 (or less) switches it off."""

_HOUR = 3600 * 10**9
_SAMPLES_PER_PERIOD = 10
_REVISION_INTERVAL = 300.0


def parse_retention(mode: str, text: str) -> Retention:
    """``"5"`` is five hours or five revisions, ``"30m"`` a duration; raises ValueSyntax.

    A duration in revision mode is its number of nanoseconds, as in etcd.
    """
    try:
        number = int(text) if text.isascii() and "_" not in text and text == text.strip() else -1
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 63:
        return duration_nanoseconds(text)
    return number if mode == "revision" else number * _HOUR


class AutoCompactor(Protocol):
    """The owner calls ``tick`` when ``next_tick`` has come, compacts to what it returns and reports success."""

    next_tick: float

    def tick(self, now: float, revision: int) -> int | None:
        """The revision to compact to now, or None; ``revision`` is the store's current one."""

    def done(self, now: float, revision: int) -> None:
        """The compaction went through, or somebody else had compacted that far already."""


class PeriodicCompactor:
    """Keeps as much history as a period is long.  A failed compaction is tried again with the next sample."""

    def __init__(self, period: Retention, now: float, revision: int) -> None:
        if period <= 0:
            raise ValueError("a periodic compactor needs a period")
        interval = min(period, _HOUR)
        sampling = max(interval // _SAMPLES_PER_PERIOD, 1)
        self._sampling = sampling / 1e9
        self._samples: deque[int] = deque([revision], maxlen=period // sampling + 1)
        self._interval = interval / 1e9
        self._wait = period / 1e9  # the first time a whole period, then the interval
        self._last_success = now
        self._last_revision = 0
        self.next_tick = now + self._sampling

    def tick(self, now: float, revision: int) -> int | None:
        if now < self.next_tick:
            return None
        self.next_tick = now + self._sampling
        oldest = self._samples[0]
        due = now - self._last_success >= self._wait and oldest != self._last_revision
        self._samples.append(revision)
        if not due:
            return None
        self._wait = self._interval
        return oldest

    def done(self, now: float, revision: int) -> None:
        self._last_revision = revision
        self._last_success = now


class RevisionCompactor:
    """Keeps the last ``retention`` revisions."""

    def __init__(self, retention: Retention, now: float) -> None:
        self._retention = retention
        self._previous = 0
        self.next_tick = now + _REVISION_INTERVAL

    def tick(self, now: float, revision: int) -> int | None:
        if now < self.next_tick:
            return None
        self.next_tick = now + _REVISION_INTERVAL
        target = revision - self._retention
        return None if target <= 0 or target == self._previous else target

    def done(self, now: float, revision: int) -> None:
        self._previous = revision


def auto_compactor(mode: str, retention: Retention, now: float, revision: int) -> AutoCompactor | None:
    """The compactor the flags ask for, or None when automatic compaction is off."""
    if retention <= 0:
        return None
    if mode == "revision":
        return RevisionCompactor(retention, now)
    return PeriodicCompactor(retention, now, revision)
