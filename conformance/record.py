"""Records outcomes from official etcd into case files; a case is written only when a second play agrees."""

from __future__ import annotations

import copy

from .case import Case
from .parse import parse_case
from .runner import CaseResult, play
from .target import Target
from .write import render

RELEASE = "3.7.1"


def record(case: Case, target: Target) -> CaseResult:
    """Play to record, play again to check, and write the file.

    Returns the result of the check; a case that did not repeat is not written: its differences say what varies.
    """
    fresh = copy.deepcopy(case)
    for step in fresh.steps:
        step.outcome, step.captured = None, {}
    first = play(fresh, target, recording=True)
    if first.broken or first.skipped:
        return first
    text = render(fresh)
    again = play(parse_case(text, case.path, case.name), target)
    if again.same:
        case.path.write_text(text, encoding="utf-8")
    return again
