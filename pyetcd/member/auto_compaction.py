"""Lets an automatic compactor act: asks it when its time has come and proposes what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pyetcd.apply.outcome import Applied
from pyetcd.errors import Compacted
from pyetcd.member.member import Member
from pyetcd.member.proposal import Result
from pyetcd.pb import rpc_pb2 as rpc


class Schedule(Protocol):
    """server/autocompaction.py: when, and to which revision."""

    next_tick: float

    def tick(self, now: float, revision: int) -> int | None: ...

    def done(self, now: float, revision: int) -> None: ...


class AutoCompaction:
    """Drives one schedule for as long as the member runs."""

    def __init__(self, member: Member, schedule: Schedule) -> None:
        self.member = member
        self.schedule = schedule
        self._cancel: Callable[[], None] | None = None

    def start(self) -> None:
        """Wait for the next tick."""
        delay = max(self.schedule.next_tick - self.member.now(), 0.0)
        self._cancel = self.member.later(delay, self._tick)

    def stop(self) -> None:
        if self._cancel is not None:
            self._cancel()

    def _tick(self) -> None:
        target = self.schedule.tick(self.member.now(), self.member.store.revision)
        if target is not None:
            request = rpc.CompactionRequest(revision=target)
            self.member.propose(
                "compaction", request.SerializeToString(), request, lambda result: self._heard(target, result)
            )
        self.start()

    def _heard(self, target: int, result: Result) -> None:
        """Somebody else having compacted that far is as good."""
        if isinstance(result, (Applied, Compacted)):
            self.schedule.done(self.member.now(), target)
