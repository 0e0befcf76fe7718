"""What the member needs of an event loop; the assembly gives it Twisted's, tests a stepped one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Loop(Protocol):
    """One thread's time and turn-taking."""

    @property
    def now(self) -> Callable[[], float]:
        """Monotonic seconds."""

    @property
    def soon(self) -> Callable[[Callable[[], object]], object]:
        """Run an action in the next turn: after everything that is readable now has been read."""

    def later(self, seconds: float, action: Callable[[], object]) -> Callable[[], None]:
        """Run ``action`` after ``seconds``; the result cancels it."""
