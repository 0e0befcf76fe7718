"""WatchResponse as bytes (wire contract 1.4, 3.4, 3.6).

A response is the header (framed by the member), the watch id, some flags and the events, in field order.  The events
of a change are made once and shared by all who watch it; per watcher only the id differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyetcd.mvcc.query import Change
from pyetcd.mvcc.record import varint

STREAM_WIDE = -1
"""Watch id of rejections and of progress that holds for the whole stream."""

_CREATED = b"\x18\x01"
_CANCELED = b"\x20\x01"
_FRAGMENT = b"\x38\x01"
_EVENT = b"\x5a"
_DELETE = b"\x08\x01"


def _int_field(tag: bytes, number: int) -> bytes:
    return tag + varint(number) if number else b""


def id_field(watch_id: int) -> bytes:
    """Field 2; nothing for id 0, as proto3 leaves zeros out."""
    return _int_field(b"\x10", watch_id)


def event(change: Change) -> bytes:
    """Field 11 with the change, without prev_kv.  ``change.kv`` is already framed as field 2 of an Event."""
    kv = change.kv
    size = len(kv)
    if change.deleted:
        return _EVENT + varint(size + 2) + _DELETE + kv
    return _EVENT + varint(size) + kv


def event_with_prev(change: Change) -> bytes:
    """The same with prev_kv, where etcd sends one: not for a put that creates the key."""
    prev = change.prev
    if prev is None or (change.created and not change.deleted):
        return event(change)
    kind = _DELETE if change.deleted else b""
    # field 3 of Event is framed like field 2 but for its tag
    return b"".join((_EVENT, varint(len(kind) + len(change.kv) + len(prev)), kind, change.kv, b"\x1a", prev[1:]))


def created(header: bytes, watch_id: int) -> bytes:
    return header + id_field(watch_id) + _CREATED


def canceled(header: bytes, watch_id: int) -> bytes:
    return header + id_field(watch_id) + _CANCELED


def rejected(header: bytes, reason: str) -> bytes:
    """A creation that failed: created and canceled at once, under the stream-wide id."""
    text = reason.encode()
    return header + id_field(STREAM_WIDE) + _CREATED + _CANCELED + b"\x32" + varint(len(text)) + text


def compacted(header: bytes, watch_id: int, compact_revision: int) -> bytes:
    """Canceled because history was compacted; ``header`` is the one of revision 0, and there is no reason."""
    return header + id_field(watch_id) + _CANCELED + _int_field(b"\x28", compact_revision)


def progress(header: bytes, watch_id: int) -> bytes:
    return header + id_field(watch_id)


def fragments(head: bytes, events: Sequence[bytes], limit: int) -> Iterator[bytes]:
    """One response as pieces below ``limit`` bytes, or whole when it is below or has a single event.

    ``head``: header and id.  A single event that is larger than the limit makes a piece of its own.
    """
    if len(head) + sum(map(len, events)) < limit or len(events) < 2:
        yield head + b"".join(events)
        return
    piece: list[bytes] = []
    start = size = len(head) + len(_FRAGMENT)
    for each in events:
        if piece and size + len(each) >= limit:
            yield b"".join((head, _FRAGMENT, *piece))
            piece, size = [], start
        piece.append(each)
        size += len(each)
    yield b"".join((head, *piece))


class SharedEvent:
    """One change as events, each of the two forms made when first asked for and then shared."""

    __slots__ = ("_bare", "_with_prev", "change")

    def __init__(self, change: Change, bare: bytes | None = None) -> None:
        self.change = change
        self._bare = bare
        self._with_prev: bytes | None = None

    def encoded(self, with_prev: bool) -> bytes:
        if with_prev:
            if self._with_prev is None:
                self._with_prev = event_with_prev(self.change)
            return self._with_prev
        if self._bare is None:
            self._bare = event(self.change)
        return self._bare
