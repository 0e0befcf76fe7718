"""What the live tree does not know: superseded revisions, dead keys, and the log of changes since the compaction.

A key that was written once and lives has no entry here, so a freshly loaded or compacted store needs nothing per key.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from pyetcd.mvcc.keyset import SortedKeys
from pyetcd.mvcc.revision import MAIN_SHIFT, TOMBSTONE, after, text, to_key

LONG = 32  # from here on a key's revisions are a list that grows in place


class History:
    """``revs``: key -> packed revisions, ascending: all but the live one; for a dead key all, a tombstone last.

    Short ones are tuples, because the garbage collector stops tracking a tuple of integers, and there may be a million.
    ``log_revs`` and ``log_keys``: every change with main >= the compact revision, in order; ``trimmed`` counts the
    entries cut off in front, so that a position survives trimming.
    """

    __slots__ = ("dead", "log_keys", "log_revs", "revs", "trimmed")

    def __init__(self) -> None:
        self.revs: dict[bytes, Sequence[int]] = {}
        self.dead = SortedKeys()
        self.log_revs: list[int] = []
        self.log_keys: list[bytes] = []
        self.trimmed = 0

    # -- writing

    def supersede(self, key: bytes, rev: int) -> None:
        """The live revision ``rev`` of ``key`` has been replaced."""
        revs = self.revs.get(key)
        if revs is None:
            self.revs[key] = (rev,)
        elif isinstance(revs, list):
            revs.append(rev)
        elif len(revs) < LONG:
            self.revs[key] = (*revs, rev)
        else:
            self.revs[key] = [*revs, rev]

    # -- reading

    def at(self, key: bytes, revision: int) -> int:
        """The packed revision under which ``key`` was live at main ``revision``; 0 for none.

        Knows only what is in ``revs``: the caller has looked at the live entry first.
        """
        revs = self.revs.get(key)
        if revs is None:
            return 0
        i = bisect_left(revs, revision + 1 << MAIN_SHIFT)
        if not i or revs[i - 1] & TOMBSTONE:
            return 0
        return revs[i - 1]

    def log_position(self, revision: int) -> int:
        """Where in the log the changes after main ``revision`` begin (counted with the trimmed ones)."""
        return self.trimmed + bisect_left(self.log_revs, after(revision))

    def log_slice(self, start: int, stop: int) -> list[bytes]:
        """Keys of the log between two positions; trimmed ones are left out."""
        return self.log_keys[max(start - self.trimmed, 0) : max(stop - self.trimmed, 0)]

    # -- compaction

    def compact_key(self, key: bytes, live: int, revision: int) -> list[bytes]:
        """Forget what compaction at ``revision`` drops of one key (``live``: its packed live revision or 0).

        Returns the backend keys to delete.  The newest revision <= ``revision`` survives, unless it is a tombstone
        with a smaller main (section 2.9).
        """
        revs = self.revs.get(key)
        if revs is None:
            return []
        n = bisect_left(revs, after(revision))
        if n and not 0 < live < after(revision):
            newest = revs[n - 1]
            if not newest & TOMBSTONE or newest >> MAIN_SHIFT == revision:
                n -= 1
        if not n:
            return []
        dropped = [to_key(rev) for rev in revs[:n]]
        if n == len(revs):
            del self.revs[key]
            self.dead.discard(key)
        else:
            self.revs[key] = revs[n:]
        return dropped

    def trim_log(self, revision: int, limit: int) -> bool:
        """Cut off changes before main ``revision``, at most ``limit``; True when none is left.

        Those at ``revision`` stay: their tombstones are not dropped yet.
        """
        n = bisect_left(self.log_revs, revision << MAIN_SHIFT)
        cut = min(n, limit)
        del self.log_revs[:cut], self.log_keys[:cut]
        self.trimmed += cut
        return cut == n

    # -- looking

    def describe(self, key: bytes, live: int) -> str:
        """``{2.0, 3.0(t)} {5.0}``: the generations of a key, oldest first."""
        generations: list[list[str]] = [[]]
        for rev in [*self.revs.get(key, ()), *([live] if live else [])]:
            generations[-1].append(text(rev))
            if rev & TOMBSTONE:
                generations.append([])
        return " ".join("{" + ", ".join(revs) + "}" for revs in generations if revs)
