"""One watcher: what it wants and where it has got to.

    SYNCED ◀─────caught up────── UNSYNCED ◀──drained── HELD
      │  └──its stream is full──────────────────────────▲ ▲
      │                             └──stream is full──┘  │
      └─(any)──cancel──▶ CANCELED       UNSYNCED ──compaction overtook──▶ COMPACTED ──cancel──▶ CANCELED

SYNCED: every event below the hub's next revision was sent (or does not concern it).  UNSYNCED: waits for, or takes
part in, a pass over history.  HELD: its stream takes no more bytes; it asks history again when the stream drains.
COMPACTED: told so; it keeps its id until the client cancels it.  ``next_revision`` is kept up to date outside SYNCED
only: a synced watcher's is the hub's next revision, or its start when that lies in the future.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from pyetcd.watch.messages import SharedEvent, id_field

if TYPE_CHECKING:
    from pyetcd.watch.stream import WatchStream

NO_PUT = 0
NO_DELETE = 1


class State(Enum):
    SYNCED = "synced"
    UNSYNCED = "unsynced"
    HELD = "held"
    COMPACTED = "compacted"
    CANCELED = "canceled"


class Watcher:
    """``end``: None for the one key, b"" for every key from ``key`` on, else exclusive.

    ``plain``: the hub may send any event of the key without asking: no filter, no fragments, no start in the future.
    ``due``: the next progress tick sends; events since the last one put it off.
    """

    __slots__ = ("due", "end", "fragment", "id", "id_field", "key", "next_revision", "no_delete", "no_put", "plain",
                 "prev_kv", "progress", "special", "start_revision", "state", "stream")  # fmt: skip

    def __init__(
        self,
        stream: WatchStream,
        id: int,
        key: bytes,
        end: bytes | None,
        start_revision: int,
        *,
        filters: frozenset[int] = frozenset(),
        prev_kv: bool = False,
        progress: bool = False,
        fragment: bool = False,
    ) -> None:
        self.stream = stream
        self.id = id
        self.id_field = id_field(id)
        self.key = key
        self.end = end
        self.start_revision = start_revision
        self.next_revision = start_revision
        self.no_put = NO_PUT in filters
        self.no_delete = NO_DELETE in filters
        self.prev_kv = prev_kv
        self.progress = progress
        self.fragment = fragment
        self.due = progress
        self.special = self.no_put or self.no_delete or fragment
        self.state = State.UNSYNCED
        self.plain = False

    def settle(self, next_revision: int) -> None:
        """It is synced now; the hub's next event will have ``next_revision``."""
        self.state = State.SYNCED
        self.next_revision = max(self.next_revision, next_revision)
        self.plain = self.next_revision <= next_revision and not self.special

    def wanted(self, events: Sequence[SharedEvent]) -> list[bytes]:
        """What its filters leave of ``events``, encoded as it asked for them; the keys are not looked at."""
        with_prev = self.prev_kv
        if not (self.no_put or self.no_delete):
            return [each.encoded(with_prev) for each in events]
        drops = (self.no_put, self.no_delete)
        return [each.encoded(with_prev) for each in events if not drops[each.change.deleted]]

    def __repr__(self) -> str:
        interval = repr(self.key) if self.end is None else f"[{self.key!r}, {self.end!r})"
        return f"Watcher({self.id} {interval} {self.state.value} next={self.next_revision})"
