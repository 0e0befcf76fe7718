"""What applying one request gives back."""

from __future__ import annotations

from collections.abc import Sequence

from pyetcd.cluster.membership import Member
from pyetcd.mvcc.compaction import Compaction
from pyetcd.mvcc.query import Change


class Applied:
    """The answer to one applied request, as values for whoever has to act on them.

    revision     what the response header shows (the store's revision after this request)
    body         the response's bytes without its header field
    changes      what watchers must hear, in sub order; all of one revision
    compaction   the background pass a compaction has started
    """

    __slots__ = ("body", "changes", "compaction", "revision")

    def __init__(
        self, revision: int, body: bytes = b"", changes: Sequence[Change] = (), compaction: Compaction | None = None
    ) -> None:
        self.revision = revision
        self.body = body
        self.changes = changes
        self.compaction = compaction


class Reconfigured(Applied):
    """The answer to an applied membership change: the members right after it, by ascending id."""

    __slots__ = ("members",)

    def __init__(self, members: list[Member]) -> None:
        super().__init__(0)
        self.members = members
