"""What clients did and saw: operations with their time, and what watchers were told."""

from __future__ import annotations

from dataclasses import dataclass, field

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Pair:
    """A key-value pair as a client sees it."""

    value: bytes
    create: int
    mod: int
    version: int


@dataclass(frozen=True, slots=True)
class Operation:
    """One call.  ``kind`` is put, get, delete, cas or list; ``seen`` is None when the outcome is not known.

    ``seen``: put → (revision,), delete → (revision, deleted), get → (revision, Pair or None),
    cas → (revision, succeeded), list → (revision, {key: Pair}) as a sorted tuple of items.
    """

    client: int
    start: float
    end: float
    kind: str
    key: bytes = b""
    value: bytes = b""
    expected: int = 0
    seen: tuple[object, ...] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One event."""

    revision: int
    key: bytes
    deleted: bool
    pair: Pair | None  # None for a delete
    before: Pair | None  # prev_kv


@dataclass(slots=True)
class Report:
    """One message to a watcher: events, or the promise (progress) that none up to ``revision`` is missing."""

    revision: int
    events: tuple[Seen, ...] = ()

    @property
    def promise(self) -> bool:
        return not self.events


@dataclass(slots=True)
class Watched:
    """One watcher's life: what it asked for, from where, and what it was told, reconnections included."""

    name: str
    key: bytes
    end: bytes
    start: int
    prev_kv: bool
    puts: bool = True
    deletes: bool = True
    reports: list[Report] = field(default_factory=list)
    resumed: int = 0  # times it was cancelled and taken up again at the next revision

    def wants(self, event: Seen) -> bool:
        inside = (
            event.key == self.key
            if not self.end
            else self.key <= event.key and (self.end == b"\0" or event.key < self.end)
        )
        return inside and event.revision >= self.start and (self.deletes if event.deleted else self.puts)
