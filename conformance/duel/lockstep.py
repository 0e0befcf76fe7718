"""Two players, one script: every line goes to both servers, and the two outcomes are compared."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ..case import RECORDED, Answer, Outcome, Step
from ..compare import Comparison, compare, normalise, sort_key
from ..parse import parse_case
from ..player import Player
from ..rebase import Rebase
from ..schema import rpc_for
from ..target import Session


@dataclass(slots=True)
class Parting:
    """The first step at which two servers differ."""

    at: int  # index of the line block in the script
    step: Step
    method: str
    reference: Outcome
    endpoint: Outcome
    comparison: Comparison


class Lockstep:
    """Plays steps on both sides.  ``reference`` is the one that is right."""

    def __init__(self, reference: Session, endpoint: Session) -> None:
        self._reference = Player(reference, recording=True, lenient=True)
        self._endpoint = Player(endpoint, recording=True, lenient=True)
        self._pool = ThreadPoolExecutor(1)

    def step(self, step: Step, at: int) -> tuple[Outcome | None, Parting | None]:
        """The reference's outcome in the recordings' numbers, and where the endpoint parted from it."""
        left_step, right_step = _copy(step), _copy(step)
        # both servers work at the same time; neither goes on before the other has answered
        waiting = self._pool.submit(self._endpoint.step, right_step)
        left, right = self._reference.step(left_step), waiting.result()
        if step.verb not in RECORDED:
            return None, None
        assert left is not None and right is not None
        kind = self._reference.kind(step)
        outcome = _normal(left.actual, kind, self._reference.rebase, step.sorts)
        rebase = self._toward_reference()
        found = compare(outcome, right.actual, kind, rebase, step.sorts, live=True)
        parting = None if found.same else Parting(at, step, left.method, outcome, found.normal or right.actual, found)
        return outcome, parting

    def _toward_reference(self) -> Rebase:
        """The endpoint's numbers become the recordings', and its captured values the reference's."""
        rebase = self._endpoint.rebase
        for name, variable in rebase.variables.items():
            known = self._reference.rebase.variables.get(name)
            if known is not None:
                variable.recorded = known.actual
        return rebase

    def method(self, step: Step) -> str:
        return self._reference.method(step)

    def close(self) -> None:
        self._reference.close()
        self._endpoint.close()
        self._pool.shutdown()


def _copy(step: Step) -> Step:
    return replace(step, outcome=None, captured={})


def _normal(outcome: Outcome, kind: type | None, rebase: Rebase, sorts: bool) -> Outcome:
    shifted = replace(rebase, variables={})
    answers: list[Answer] = [normalise(answer, kind, shifted) for answer in outcome.answers]
    if sorts:
        answers.sort(key=lambda answer: sort_key(answer, kind))
    return Outcome(tuple(answers), outcome.status)


def parse_lines(lines: list[str]) -> list[Step]:
    """Lines of a case to steps.  Raises CaseError."""
    from pathlib import Path

    return parse_case("\n".join(lines), Path("duel"), "duel").steps


__all__ = ["Lockstep", "Parting", "parse_lines", "rpc_for"]
