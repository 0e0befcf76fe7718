"""What the HTTP endpoints ask the member, and where they write what they noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol


class StatusSource(Protocol):
    """The member as its health checks see it."""

    @property
    def has_leader(self) -> bool: ...

    @property
    def is_learner(self) -> bool: ...

    @property
    def cluster_version(self) -> str | None:
        """``"3.7.0"``; None while the cluster has not decided."""

    @property
    def storage_version(self) -> str | None:
        """``"3.7.0"``; None while it cannot be told."""

    def alarms(self) -> Iterable[str]:
        """Names of the alarms that are raised, ``NOSPACE`` or ``CORRUPT``; a name may come more than once."""

    def check_read(self, linearizable: bool, done: Callable[[str | None], object]) -> None:
        """Read one key; ``done`` gets None, or the error's text as a client would see it.

        ``done`` is called exactly once, at once or later; the source keeps etcd's time limit (Config.request_timeout).
        """


class Log(Protocol):
    """The part of the server's log that is used here."""

    def debug(self, text: str, fields: Any = None, /, **more: Any) -> None: ...

    def warn(self, text: str, fields: Any = None, /, **more: Any) -> None: ...

    def error(self, text: str, fields: Any = None, /, **more: Any) -> None: ...


class HealthCounters:
    """Plain numbers the health checks leave behind for the metrics."""

    __slots__ = ("checks", "failures", "last", "successes")

    def __init__(self) -> None:
        self.successes = 0
        self.failures = 0
        self.last: dict[tuple[str, str], bool] = {}
        """By (``livez`` or ``readyz``, name of the check): whether it passed the last time."""
        self.checks: dict[tuple[str, str, str], int] = {}
        """By (kind, name, ``success`` or ``error``): how often."""

    def record(self, kind: str, name: str, passed: bool) -> None:
        self.last[kind, name] = passed
        key = kind, name, "success" if passed else "error"
        self.checks[key] = self.checks.get(key, 0) + 1
