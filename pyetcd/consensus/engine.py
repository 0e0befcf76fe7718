"""What the member needs of consensus, whoever provides it: one voter or a raft of many."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from pyetcd.consensus.ready import Ready


class Role(Enum):
    """A member's part in the current term."""

    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEADER = "leader"


class Engine(Protocol):
    """Values in, :class:`Ready` out.  Nothing here blocks, waits or looks at a clock."""

    @property
    def role(self) -> Role: ...
    @property
    def node_id(self) -> int: ...
    @property
    def term(self) -> int: ...
    @property
    def leader(self) -> int:
        """Member id of the leader, 0 when there is none."""

    @property
    def last_index(self) -> int: ...
    @property
    def commit_index(self) -> int: ...
    @property
    def applied_index(self) -> int: ...

    def propose(self, batch: Sequence[tuple[bytes, object]]) -> None:
        """Append ``(data, request)`` pairs, one entry each.  Raises NoLeader when nobody can take them."""

    def propose_conf_change(self, data: bytes, request: object = None) -> None:
        """Append one membership change (raftpb.ConfChange bytes).  Raises NoLeader."""

    def read_index(self, context: object) -> None:
        """Ask for a linearizable read; a later Ready answers in ``reads``.  Raises NoLeader."""

    def ready(self) -> Ready | None:
        """The next batch of work, None when there is none."""

    def persisted(self, ready: Ready) -> None:
        """``ready`` and every batch before it is on disk (or, without must_sync, queued for the disk)."""

    def applied(self, index: int) -> None:
        """Everything up to ``index`` is in the state."""

    def campaign(self) -> None:
        """Stand for election now."""

    def tick(self) -> None:
        """One heartbeat interval went by."""

    def step(self, message: bytes) -> None:
        """A raftpb.Message came from a peer."""
