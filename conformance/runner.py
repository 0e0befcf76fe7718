"""Plays cases against a target."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import grpc

from .case import Case
from .player import Player, StepResult
from .target import Session, Target


@dataclass(slots=True)
class CaseResult:
    """``broken`` is a sentence when the story could not be played to its end."""

    case: Case
    steps: list[StepResult] = field(default_factory=list)
    broken: str = ""
    skipped: str = ""
    seconds: float = 0.0

    @property
    def judged(self) -> list[StepResult]:
        return [result for result in self.steps if result.comparison is not None]

    @property
    def same(self) -> bool:
        return not self.broken and all(r.comparison is not None and r.comparison.same for r in self.judged)


def play(case: Case, target: Target, recording: bool = False) -> CaseResult:
    """Run one case.  Never raises for what the server does; a server that cannot start makes the case broken."""
    result = CaseResult(case)
    reason = why_skip(case, target)
    if reason:
        result.skipped = reason
        return result
    start = time.monotonic()
    try:
        session = target.session(case)
    except (RuntimeError, grpc.RpcError) as error:
        result.broken = str(error)
        return result
    try:
        if "fresh" in case.needs and session.rebase.shifted:
            result.skipped = "needs a freshly started server"
        else:
            _play_on(case, session, result, recording)
    finally:
        session.close()
    result.seconds = time.monotonic() - start
    return result


def why_skip(case: Case, target: Target) -> str:
    if "managed" in case.needs and not target.managed:
        return "needs a server started by this tool"
    return ""


def _play_on(case: Case, session: Session, result: CaseResult, recording: bool) -> None:
    player = Player(session, recording)
    try:
        for step in case.steps:
            played = player.step(step)
            if played is not None:
                result.steps.append(played)
    except (ValueError, LookupError, OSError, RuntimeError, grpc.RpcError) as error:
        result.broken = f"line {step.line}: {type(error).__name__}: {error}"
    finally:
        player.close()
