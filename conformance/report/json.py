"""The run as one JSON document."""

from __future__ import annotations

import json
from typing import Any

from ..player import StepResult
from ..runner import CaseResult
from ..write import render_outcome
from .data import Report


def write_json(report: Report) -> str:
    """Shape: name, version, same, steps, equal, declared {path: n}, cases [{name, group, rules, same, …}]."""
    steps = report.judged
    document = {
        "name": report.name,
        "version": report.version,
        "same": report.same,
        "steps": len(steps),
        "equal": sum(1 for step in steps if step.comparison and step.comparison.same),
        "declared": dict(report.declared()),
        "cases": [_case(result) for result in report.results],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _case(result: CaseResult) -> dict[str, Any]:
    return {
        "name": result.case.name,
        "group": result.case.group,
        "rules": result.case.rules,
        "title": result.case.title,
        "same": result.same,
        "skipped": result.skipped,
        "broken": result.broken,
        "seconds": round(result.seconds, 3),
        "steps": len(result.judged),
        "differences": [_difference(step) for step in result.judged if step.comparison and not step.comparison.same],
    }


def _difference(step: StepResult) -> dict[str, Any]:
    assert step.comparison is not None and step.step.outcome is not None and step.comparison.normal is not None
    return {
        "line": step.step.line,
        "method": step.method,
        "step": "\n".join(step.step.source),
        "where": [
            {"path": item.where, "recorded": item.recorded, "actual": item.actual}
            for item in step.comparison.differences
        ],
        "recorded": render_outcome(step.step.outcome, step.method),
        "actual": render_outcome(step.comparison.normal, step.method),
    }
