"""A store, its hub and one stream, moved by hand."""

from __future__ import annotations

from typing import Any

from pyetcd.mvcc.memory import MemoryBackend
from pyetcd.mvcc.store import Store
from pyetcd.watch.hub import Hub
from tests.watch.outlet import Outlet


class World:
    """A store, its hub, one stream; after ``puts`` puts of ``k`` the revision is that + 1."""

    def __init__(self, puts: int = 0, **options: int) -> None:
        self.store = Store(MemoryBackend())
        self.hub = Hub(self.store, **options)  # type: ignore[arg-type]
        self.outlet = Outlet()
        self.stream = self.hub.open(self.outlet)
        self.now = 0.0
        for _ in range(puts):
            self.put()

    def put(self, key: bytes = b"k", value: bytes = b"v") -> None:
        change = self.store.put(key, value)
        self.hub.notify(self.store.revision, (change,))
        self.hub.flush()

    def delete(self, key: bytes = b"k", end: bytes = b"") -> None:
        changes = self.store.delete_range(key, end)
        self.hub.notify(self.store.revision, changes)
        self.hub.flush()

    def compact(self, revision: int) -> None:
        compaction = self.store.compact(revision)
        while not compaction.step():
            pass

    def sync(self) -> None:
        while (delay := self.hub.sync_step(self.now)) is not None:
            self.now += delay
        self.hub.check()

    def said(self) -> list[tuple[Any, ...]]:
        """Since last asked: (watch id, flags or event revisions, header revision)."""
        lines = []
        for r in self.outlet.take():
            flags = [name for name in ("created", "canceled", "fragment") if getattr(r, name)]
            flags += [f"compact={r.compact_revision}"] if r.compact_revision else []
            flags += [r.cancel_reason] if r.cancel_reason else []
            revisions = [str(event.kv.mod_revision) for event in r.events]
            lines.append((r.watch_id, " ".join(flags + revisions), r.header.revision))
        return lines
