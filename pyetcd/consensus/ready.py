"""Ready: one batch of work an engine hands out, and the order in which its parts must happen.

The order is the whole contract, for one voter as for five (thesis sections 3.8 and 10.2.1):

1. ``snapshot`` is made durable before anything else of the batch.
2. ``hard_state`` and ``entries`` go to the log together, entries first, in one write.  With ``must_sync`` they are
   synced before :meth:`Engine.persisted`; without it (only the commit index moved) they may wait in memory for the
   next synced write: losing them loses nothing, commit is found again.
3. ``messages`` may leave at once, alongside the write; ``messages_after_persist`` only after it.
4. ``committed`` was made durable by earlier batches (here or on a quorum).  It may be applied before, during or after
   this batch's write, always in order, and what it answers may be sent to clients at once.  The applied index goes
   into the same atomic write of the state as the changes it covers; then :meth:`Engine.applied`.

Batches are numbered; several may be in flight; they are persisted in order.
"""

from __future__ import annotations

from typing import NamedTuple

from pyetcd.consensus.records import Entry, HardState


class ReadState(NamedTuple):
    """A linearizable read asked for with ``context`` may be served once ``index`` is applied."""

    context: object
    index: int  # type: ignore[assignment]  # shadows tuple.index


class Ready:
    """See the module's text for what comes before what."""

    __slots__ = (
        "committed",
        "entries",
        "hard_state",
        "messages",
        "messages_after_persist",
        "must_sync",
        "number",
        "reads",
        "snapshot",
    )

    def __init__(
        self,
        number: int,
        hard_state: HardState | None,
        entries: list[Entry],
        committed: list[Entry],
        must_sync: bool,
    ) -> None:
        #: Counts up from 1 in the order batches were handed out.
        self.number = number
        #: To the log AFTER ``entries`` in the same write; None when unchanged.
        self.hard_state = hard_state
        #: New tail of the log; replaces whatever the log holds from the first one's index on.
        self.entries = entries
        #: To apply, in order; durable already.
        self.committed = committed
        #: True: ``entries`` and ``hard_state`` are synced BEFORE persisted(), replies and messages_after_persist.
        self.must_sync = must_sync
        #: raftpb.Message bytes by destination member; may leave BEFORE the write is durable (a leader's appends).
        self.messages: list[tuple[int, bytes]] = []
        #: raftpb.Message bytes by destination member; leave only AFTER the write is durable (votes, acknowledgements).
        self.messages_after_persist: list[tuple[int, bytes]] = []
        #: Reads that were confirmed; serve each once its index is applied.
        self.reads: list[ReadState] = []
        #: raftpb.Snapshot bytes to make durable BEFORE everything else; replaces the state and the log.
        self.snapshot: bytes | None = None

    def __repr__(self) -> str:
        """One line for logs and recorded scripts: ``Ready 3 entries=[2/2] hard=(2,1,1) sync committed=[1/1]``."""
        parts = [f"Ready {self.number}"]
        if self.entries:
            parts.append("entries=" + _span(self.entries))
        if self.hard_state is not None:
            parts.append("hard=({},{},{})".format(*self.hard_state))
        if self.must_sync:
            parts.append("sync")
        if self.committed:
            parts.append("committed=" + _span(self.committed))
        return " ".join(parts)


def _span(entries: list[Entry]) -> str:
    return "[" + " ".join(f"{entry.term}/{entry.index}" for entry in entries) + "]"
