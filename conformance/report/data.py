"""What all reports are made from: the results of a run, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..player import StepResult
from ..runner import CaseResult


@dataclass
class Report:
    """Results of one run against the server called ``name``."""

    name: str
    version: str
    results: list[CaseResult]

    @property
    def judged(self) -> list[StepResult]:
        return [step for result in self.results for step in result.judged]

    @property
    def skipped(self) -> list[CaseResult]:
        return [result for result in self.results if result.skipped]

    @property
    def broken(self) -> list[CaseResult]:
        return [result for result in self.results if result.broken]

    @property
    def same(self) -> bool:
        return all(result.same for result in self.results if not result.skipped)

    def declared(self) -> Counter[str]:
        """Declared differences that were needed, by field path."""
        return Counter(path for step in self.judged if step.comparison for path in step.comparison.declared)

    def summary(self) -> str:
        """One line for a person."""
        steps = self.judged
        equal = sum(1 for step in steps if step.comparison and step.comparison.same)
        share = 100.0 * equal / len(steps) if steps else 0.0
        text = f"{self.name} ({self.version}): {equal} of {len(steps)} steps the same ({share:.2f} %)"
        text += f" in {len(self.results)} cases"
        if self.skipped:
            text += f", {len(self.skipped)} cases skipped"
        if self.broken:
            text += f", {len(self.broken)} cases could not be played to the end"
        return text

    def first_reason(self) -> str:
        for result in self.results:
            if result.broken or result.skipped:
                return result.broken or result.skipped
        return "nothing was selected"
