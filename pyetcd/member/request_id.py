"""Ids of proposals, unique across members and restarts (wire contract, section 4.1: they also name leases)."""

from __future__ import annotations

from itertools import count

_SUFFIX_BITS = 48
_COUNTER_BITS = 8


def request_ids(member_id: int, unix_ms: int) -> count[int]:
    """Endless ids: 16 bits of the member id, then 40 bits of start time and a counter that runs on into them."""
    prefix = (member_id & 0xFFFF) << _SUFFIX_BITS
    start = (unix_ms & ((1 << (_SUFFIX_BITS - _COUNTER_BITS)) - 1)) << _COUNTER_BITS
    return count(prefix + start + 1)
