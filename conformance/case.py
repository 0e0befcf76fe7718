"""A case: one story, told as steps against one server, with what official etcd answered beside each."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path


class Verb(enum.Enum):
    """What a step does."""

    CALL = "call"  # a whole call in the foreground
    FILL = "fill"  # the same call for a row of numbers; only the last answer is recorded
    OPEN = "open"  # start a call and give it a name
    SEND = "send"
    EXPECT = "expect"  # the next messages of a named call
    QUIET = "quiet"  # nothing may arrive for so long
    END = "end"  # the status that ends a named call
    HALF_CLOSE = "half-close"
    CANCEL = "cancel"
    SLEEP = "sleep"
    RESTART = "restart"
    HTTP = "http"
    SETTLE = "settle"  # everything a watch stream has to say up to now
    SNAPSHOT = "snapshot"  # a whole snapshot, described by its outward facts


RECORDED = frozenset({Verb.CALL, Verb.FILL, Verb.EXPECT, Verb.QUIET, Verb.END, Verb.HTTP, Verb.SETTLE, Verb.SNAPSHOT})
"""Verbs with an outcome: the steps that judge."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One message from the server.  Of a large one only length and SHA-256 are kept, and ``body`` is None."""

    body: bytes | None
    size: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """How a call ended.  ``text`` is None where the client itself ended the call, so nothing came from the server."""

    code: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Messages in order, then the status when the call ended in this step."""

    answers: tuple[Answer, ...] = ()
    status: Status | None = None


@dataclass(slots=True)
class Step:
    """One line of the story.

    ``source`` are the lines as written (call, continuation, captures); ``before`` the blank and comment lines above.
    """

    verb: Verb
    line: int
    source: list[str]
    before: list[str] = field(default_factory=list)
    client: str = "a"
    name: str = ""  # of the stream
    method: str = ""  # KV.Range, /some/path, or GET /health
    options: dict[str, str] = field(default_factory=dict)
    request: str = ""
    count: int = 1
    any_order: bool = False
    seconds: float = 0.0
    numbers: range = range(0)
    captures: dict[str, str] = field(default_factory=dict)  # variable → path in the answer
    outcome: Outcome | None = None
    captured: dict[str, int | str] = field(default_factory=dict)  # as recorded

    @property
    def sorts(self) -> bool:
        """Messages of different watchers have no order among each other; they are sorted by watch id."""
        return self.any_order or self.verb is Verb.SETTLE


@dataclass(slots=True)
class Case:
    """A parsed file."""

    path: Path
    name: str  # relative path without suffix: kv/range_limit
    title: str
    headers: dict[str, str]
    preamble: list[str]
    steps: list[Step]
    after: list[str] = field(default_factory=list)

    @property
    def group(self) -> str:
        return self.headers.get("group") or self.name.split("/")[0]

    @property
    def rules(self) -> list[str]:
        return [part.strip() for part in self.headers.get("rule", "").split(",") if part.strip()]

    @property
    def flags(self) -> list[str]:
        return self.headers.get("server", "").split()

    @property
    def needs(self) -> set[str]:
        """``fresh``: a server just started.  ``managed``: one this tool may restart or start with flags."""
        found = set(self.headers.get("needs", "").split())
        if self.flags or any(step.verb is Verb.RESTART for step in self.steps):
            found.add("managed")
        return found

    @property
    def recorded(self) -> bool:
        return all(step.outcome is not None for step in self.steps if step.verb in RECORDED)
