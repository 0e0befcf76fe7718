"""Counts for the matrix of RPC by rule."""

from __future__ import annotations

from dataclasses import dataclass

from .data import Report


@dataclass
class Cell:
    same: int = 0
    total: int = 0

    def add(self, same: bool) -> None:
        self.total += 1
        self.same += same


def matrix(report: Report) -> tuple[dict[str, Cell], dict[str, str], dict[tuple[str, str], Cell]]:
    """Rows (RPC → all its steps), columns (section → its rules' names) and cells by (RPC, section)."""
    rows: dict[str, Cell] = {}
    columns: dict[str, set[str]] = {}
    cells: dict[tuple[str, str], Cell] = {}
    for result in report.results:
        sections = {rule.split(" ")[0]: rule for rule in result.case.rules} or {"other": "other"}
        for played in result.judged:
            assert played.comparison is not None
            row = _row(played.method)
            rows.setdefault(row, Cell()).add(played.comparison.same)
            for section, rule in sections.items():
                columns.setdefault(section, set()).add(rule)
                cells.setdefault((row, section), Cell()).add(played.comparison.same)
    ordered = {name: ", ".join(sorted(columns[name])) for name in sorted(columns, key=_order)}
    return dict(sorted(rows.items())), ordered, cells


def _row(method: str) -> str:
    if method.startswith("/"):
        return "unknown methods"
    return "HTTP" if " " in method else method


def _order(section: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 999 for part in section.split("."))
