"""What is asked of a store and what it answers; names and numbers are those of RangeRequest and RangeResponse."""

from __future__ import annotations

from pyetcd.errors import InvalidSortOption
from pyetcd.mvcc.rope import Rope

ORDER_NONE, ORDER_ASCEND, ORDER_DESCEND = range(3)
TARGET_KEY, TARGET_VERSION, TARGET_CREATE, TARGET_MOD, TARGET_VALUE = range(5)


class Query:
    """A RangeRequest.  ``end`` b"": the single key; b"\\0": everything from ``key`` on; else the interval [key, end).

    ``plain`` is worked out once: no order but the natural one, no filter, values wanted.
    """

    __slots__ = (
        "count_only",
        "end",
        "key",
        "keys_only",
        "limit",
        "max_create",
        "max_mod",
        "min_create",
        "min_mod",
        "order",
        "plain",
        "revision",
        "target",
    )

    def __init__(
        self,
        key: bytes,
        end: bytes = b"",
        limit: int = 0,
        revision: int = 0,
        order: int = 0,
        target: int = 0,
        keys_only: bool = False,
        count_only: bool = False,
        min_mod: int = 0,
        max_mod: int = 0,
        min_create: int = 0,
        max_create: int = 0,
    ) -> None:
        self.key = key
        self.end = end
        self.limit = limit
        self.revision = revision
        self.order = order
        self.target = target
        self.keys_only = keys_only
        self.count_only = count_only
        self.min_mod = min_mod
        self.max_mod = max_mod
        self.min_create = min_create
        self.max_create = max_create
        self.plain = not (order or target or keys_only or min_mod or max_mod or min_create or max_create)

    def check(self) -> None:
        """Raises InvalidSortOption for an order or target outside the enumeration."""
        if not (0 <= self.order <= ORDER_DESCEND and 0 <= self.target <= TARGET_VALUE):
            raise InvalidSortOption

    @property
    def filtered(self) -> bool:
        return bool(self.min_mod or self.max_mod or self.min_create or self.max_create)

    @property
    def explicit_order(self) -> bool:
        """Whether everything must be read before the order is known (the limit then applies to the sorted result)."""
        return self.order != ORDER_NONE and not (self.target == TARGET_KEY and self.order == ORDER_ASCEND)


class RangeResult:
    """``kvs`` framed entries; ``count`` keys in the interval; ``revision`` the store's own at the time of reading."""

    __slots__ = ("count", "kvs", "more", "returned", "revision")

    def __init__(self, kvs: Rope, returned: int, more: bool, count: int, revision: int) -> None:
        self.kvs = kvs
        self.returned = returned
        self.more = more
        self.count = count
        self.revision = revision


class Change:
    """One key changed in a revision.

    ``kv``: framed KeyValue (a delete: key and mod_revision only).  ``prev``: framed KeyValue as it was before the
    transaction, None when there was none (or, in history, when it is compacted).  ``created``: a put whose create
    revision is its mod revision; etcd's watch sends no prev_kv for these, even if ``prev`` is there.
    """

    __slots__ = ("created", "deleted", "key", "kv", "prev")

    def __init__(self, deleted: bool, key: bytes, kv: bytes, prev: bytes | None, created: bool) -> None:
        self.deleted = deleted
        self.key = key
        self.kv = kv
        self.prev = prev
        self.created = created

    def __repr__(self) -> str:
        return f"Change({'DELETE' if self.deleted else 'PUT'} {self.key!r}, created={self.created})"
