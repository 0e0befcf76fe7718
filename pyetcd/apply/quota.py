"""The backend quota: what a request may cost, and whether that still fits (wire contract, section 2.11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pyetcd.apply.outcome import Applied
from pyetcd.errors import NoSpace

DEFAULT_BYTES = 2 * 1024 * 1024 * 1024
LEASE_COST = 64
PUT_COST = 256  # beside its key and value
_COST_PER_REQUEST_BYTE = PUT_COST // 4 + 1  # no put in a transaction is encoded in less than four bytes

Size = Callable[[], int]


class Quota:
    """How much the database may grow.

    ``near`` is what the hot path looks at: while it is False every request of any size fits.  ``refresh`` sets it and
    must be called whenever the size may have changed.
    """

    __slots__ = ("_limit", "_margin", "_size", "near")

    def __init__(self, size: Size, flag: int, largest_request: int) -> None:
        """``flag`` as --quota-backend-bytes has it: 0 is 2 GiB, negative switches the quota off.

        size             bytes of the database file, as it never shrinks
        largest_request  bytes of a request the server takes
        """
        self._size = size
        self._limit = DEFAULT_BYTES if flag == 0 else max(flag, 0)
        self._margin = largest_request * _COST_PER_REQUEST_BYTE
        self.near = False
        self.refresh()

    def refresh(self) -> None:
        """The size may have changed."""
        self.near = self._limit > 0 and self._size() + self._margin >= self._limit

    def fits(self, cost: int) -> bool:
        """Whether a request of this cost is let in; one that costs nothing always is."""
        return not cost or not self._limit or self._size() + cost < self._limit


NO_QUOTA = Quota(lambda: 0, -1, 0)


class OverQuota(NoSpace):
    """A request that was admitted, and carried out, but did not fit any more when it was: etcd refuses it all the same.

    ``applied`` is what it did; watchers hear of it.
    """

    def __init__(self, applied: Applied) -> None:
        super().__init__()
        self.applied = applied


def cost(field: str, r: Any) -> int:
    """What a request of this kind adds to the database, as etcd estimates it."""
    if field == "put":
        return put_cost(r)
    if field == "txn":
        return txn_cost(r)
    return LEASE_COST if field == "lease_grant" else 0


def put_cost(r: Any) -> int:
    """Of a PutRequest."""
    return PUT_COST + len(r.key) + len(r.value)


def txn_cost(r: Any) -> int:
    """Of a TxnRequest: its dearer branch; only puts count.  Without recursion, because etcd's may be 5,000 deep."""
    outer = [_Transaction(r, 0)]
    while True:
        innermost = outer[-1]
        for branch, op in innermost.ops:
            if op.HasField("request_put"):
                innermost.costs[branch] += put_cost(op.request_put)
            elif op.HasField("request_txn"):
                outer.append(_Transaction(op.request_txn, branch))
                break
        else:
            outer.pop()
            dearer = max(innermost.costs)
            if not outer:
                return dearer
            outer[-1].costs[innermost.branch] += dearer


class _Transaction:
    """How far the costs of one transaction are added up; ``branch`` is where it stands in the one around it."""

    __slots__ = ("branch", "costs", "ops")

    def __init__(self, r: Any, branch: int) -> None:
        self.branch = branch
        self.costs = [0, 0]
        self.ops = _operations(r)


def _operations(r: Any) -> Iterator[tuple[int, Any]]:
    for op in r.success:
        yield 0, op
    for op in r.failure:
        yield 1, op
