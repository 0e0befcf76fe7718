"""Finds case files and selects among them."""

from __future__ import annotations

import fnmatch
from pathlib import Path

from .case import Case
from .parse import load

CASES = Path(__file__).with_name("cases")


def load_all(root: Path = CASES, only: list[str] | None = None) -> list[Case]:
    """All cases below ``root`` in order of name; ``only`` are globs on the name (``kv/*``) or names of groups.

    Raises CaseError for a file that does not parse and LookupError when a selection matches nothing.
    """
    found = [load(path, root) for path in sorted(root.rglob("*.txt"))]
    if not only:
        return found
    chosen = [case for case in found if any(matches(case, pattern) for pattern in only)]
    if not chosen:
        raise LookupError(f"no case is called {' or '.join(only)}")
    return chosen


def matches(case: Case, pattern: str) -> bool:
    return case.group == pattern or case.name == pattern or fnmatch.fnmatch(case.name, pattern)
