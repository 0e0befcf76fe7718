"""SoloEngine: the raft of a cluster with one voter, counting terms and indexes as etcd's does.

A voter alone needs no messages: its own vote is a majority and its own disk a quorum.  What remains is the order of
writes, and the numbers, which clients and tools see (wire contract 6.2: a fresh member is in term 2 at index 2 before
its first proposal).

    follower --campaign--> candidate --vote on disk--> leader
       `- hands out what the log already holds committed     `- entries committed as soon as they are on disk

Each step back is a restart: a new engine from (hard state, log after the applied index).
"""

from __future__ import annotations

from collections.abc import Sequence

from pyetcd.consensus.engine import Role
from pyetcd.consensus.ready import ReadState, Ready
from pyetcd.consensus.records import Entry, EntryType, HardState
from pyetcd.errors import NoLeader


class SoloEngine:
    """Engine of the only voter ``node_id``.

    ``entries`` is the log after ``applied`` as found on disk (ascending, without gaps); on a first start use
    :meth:`bootstrap` instead.  ValueError when log and state do not fit together.
    """

    __slots__ = (
        "_committed",
        "_election_wanted",
        "_hard_state",
        "_number",
        "_persisted_index",
        "_reads",
        "_term_start",
        "_unstable",
        "_waiting",
        "applied_index",
        "commit_index",
        "last_index",
        "leader",
        "node_id",
        "role",
        "term",
        "vote",
    )

    def __init__(self, node_id: int, hard_state: HardState, entries: Sequence[Entry], applied: int) -> None:
        self.node_id = node_id
        self.role = Role.FOLLOWER
        self.leader = 0
        self.term = hard_state.term
        self.vote = hard_state.vote
        self.applied_index = applied
        self.last_index = entries[-1].index if entries else applied
        # The commit index is written lazily (Ready, rule 2), so the state may be ahead of it.
        self.commit_index = max(hard_state.commit, applied)
        self._check(hard_state, entries)
        known = self.commit_index - applied
        self._committed = list(entries[:known])  # to hand out
        self._waiting = list(entries[known:])  # handed out or on disk, not committed yet
        self._unstable: list[Entry] = []  # not handed out yet
        self._hard_state = hard_state  # as last handed out
        self._persisted_index = self.last_index
        self._reads: list[object] = []
        self._number = 0
        self._election_wanted = False
        self._term_start = 0  # index of this leader's first entry

    def _check(self, hard_state: HardState, entries: Sequence[Entry]) -> None:
        """The log must begin right after the applied index, have no gap, and reach the commit index."""
        for expected, entry in enumerate(entries, start=self.applied_index + 1):
            if entry.index != expected:
                raise ValueError(f"log has entry {entry.index} where {expected} belongs")
        if self.last_index < hard_state.commit:
            raise ValueError(f"log ends at {self.last_index}, but {hard_state.commit} was committed")

    @classmethod
    def bootstrap(cls, node_id: int, entries: Sequence[Entry]) -> SoloEngine:
        """A member that never ran: ``entries`` (see bootstrap_entries) are committed by decree, in term 1."""
        engine = cls(node_id, HardState(), (), 0)
        engine.term = 1
        engine._unstable = list(entries)
        engine.last_index = engine.commit_index = entries[-1].index
        return engine

    # -- what happens ---------------------------------------------------------------------------------------------

    def campaign(self) -> None:
        """Stand for election as soon as everything known to be committed is applied; then a new term, its own vote.

        Raft asks for this order: what is committed may change who votes.
        """
        self._election_wanted = self.role is Role.FOLLOWER
        self._stand_if_due()

    def propose(self, batch: Sequence[tuple[bytes, object]]) -> None:
        """One entry per ``(data, request)``, in order.  NoLeader before the election is over."""
        self._require_leader()
        term, index = self.term, self.last_index
        append = self._unstable.append
        for data, request in batch:
            index += 1
            append(Entry(term, index, 0, data, request))
        self.last_index = index

    def propose_conf_change(self, data: bytes, request: object = None) -> None:
        """One conf change entry.  NoLeader before the election is over."""
        self._require_leader()
        self._append(EntryType.CONF_CHANGE, data, request)

    def read_index(self, context: object) -> None:
        """Confirmed at the commit index by the first ready() after an entry of this term is committed.

        Nobody else could have been elected since; but before that entry the commit index may lag behind what an
        earlier run of this member acknowledged.
        """
        self._require_leader()
        self._reads.append(context)

    def tick(self) -> None:
        """Time changes nothing: there is nobody to time out on."""

    def step(self, message: bytes) -> None:
        """Dropped, as raft drops a message from a member it does not know: all of them, here."""

    def persisted(self, ready: Ready) -> None:
        """``ready`` is on disk: its entries are committed; a vote among it makes this voter the leader."""
        if ready.entries:
            self._persisted_index = ready.entries[-1].index
        if self.role is Role.LEADER:
            # Never by an entry of an earlier term alone (thesis 3.6.2): the leader's own first entry commits those.
            if self._persisted_index >= self._term_start:
                self.commit_index = self._persisted_index
        elif self.role is Role.CANDIDATE and ready.hard_state is not None and ready.hard_state.term == self.term:
            self._become_leader()
        self._release()

    def applied(self, index: int) -> None:
        """Everything up to ``index`` is in the state.  ValueError when it was not committed, or goes backwards."""
        if not self.applied_index <= index <= self.commit_index:
            raise ValueError(f"applied {index} outside {self.applied_index}..{self.commit_index}")
        self.applied_index = index
        if self._election_wanted:
            self._stand_if_due()

    # -- what is to be done ---------------------------------------------------------------------------------------

    def ready(self) -> Ready | None:
        """The next batch; see :mod:`pyetcd.consensus.ready` for the order of its parts."""
        previous = self._hard_state
        state = HardState(self.term, self.vote, self.commit_index)
        entries, committed = self._unstable, self._committed
        reads = self._reads if self._reads and self.commit_index >= self._term_start else None
        if not (entries or committed or reads) and state == previous:
            return None
        must_sync = bool(entries) or state[:2] != previous[:2]
        self._number += 1
        ready = Ready(self._number, None if state == previous else state, entries, committed, must_sync)
        self._hard_state = state
        self._waiting += entries
        # New lists even for empty ones: what is handed out must not grow afterwards.
        self._unstable = []
        self._committed = []
        if reads:
            ready.reads = [ReadState(context, self.commit_index) for context in reads]
            self._reads = []
        return ready

    # -- inside ---------------------------------------------------------------------------------------------------

    def _require_leader(self) -> None:
        if self.role is not Role.LEADER:
            raise NoLeader

    def _append(self, kind: int, data: bytes, request: object) -> None:
        self.last_index += 1
        self._unstable.append(Entry(self.term, self.last_index, kind, data, request))

    def _stand_if_due(self) -> None:
        if self._election_wanted and self.applied_index == self.commit_index:
            self._election_wanted = False
            self.role = Role.CANDIDATE
            self.term += 1
            self.vote = self.node_id

    def _become_leader(self) -> None:
        self.role = Role.LEADER
        self.leader = self.node_id
        self._term_start = self.last_index + 1
        self._append(EntryType.NORMAL, b"", None)

    def _release(self) -> None:
        """Move what is both committed and on disk from waiting to committed."""
        waiting = self._waiting
        count = min(self.commit_index, self._persisted_index) - waiting[0].index + 1 if waiting else 0
        if count <= 0:
            return
        self._committed = self._committed + waiting[:count] if self._committed else waiting[:count]
        self._waiting = waiting[count:]
