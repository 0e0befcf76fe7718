"""A request on its way through the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyetcd.apply.outcome import Applied
from pyetcd.auth.caller import Caller
from pyetcd.errors import EtcdError

Result = Applied | EtcdError
Done = Callable[[Result], object]


class Proposal:
    """One request offered to consensus by this member, until it is applied or given up.

    field, message   what is applied when its entry commits
    done             told once: the outcome, or why there is none
    caller           who asks; None: nobody has said who he is
    deadline         loop time after which the caller hears Timeout, whatever becomes of the entry
    """

    __slots__ = ("caller", "deadline", "done", "field", "message")

    def __init__(self, field: str, message: Any, done: Done, deadline: float, caller: Caller | None = None) -> None:
        self.field = field
        self.message = message
        self.done: Done | None = done
        self.deadline = deadline
        self.caller = caller

    def finish(self, result: Result) -> None:
        """Tell the caller, once."""
        done = self.done
        if done is not None:
            self.done = None
            done(result)
