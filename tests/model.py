"""The dumb twin: etcd's key-value semantics as whole states in a dict, obviously right and slow.

Depends on nothing but the standard library; follows the wire contract (section 2), not our implementation, and is
meant to be read beside it.  Property tests drive it together with the store, and it judges recorded histories.

``Model.states[r]`` is the complete content after revision ``r``.  Every write copies the whole content; that is the
point.  Requests and answers are plain dataclasses, errors are ``Refused`` with etcd's own text.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Union

MAX_TXN_OPS = 128

EMPTY_KEY = "etcdserver: key is not provided"
VALUE_PROVIDED = "etcdserver: value is provided"
LEASE_PROVIDED = "etcdserver: lease is provided"
KEY_NOT_FOUND = "etcdserver: key not found"
LEASE_NOT_FOUND = "etcdserver: requested lease not found"
TOO_MANY_OPS = "etcdserver: too many operations in txn request"
DUPLICATE_KEY = "etcdserver: duplicate key given in txn request"
INVALID_SORT = "etcdserver: invalid sort option"
COMPACTED = "etcdserver: mvcc: required revision has been compacted"
FUTURE_REVISION = "etcdserver: mvcc: required revision is a future revision"


class Refused(Exception):
    """The request has no effect; ``text`` is what the client reads."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


# -- values -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class KV:
    """One key as it is at some revision."""

    key: bytes
    create: int
    mod: int
    version: int
    value: bytes
    lease: int = 0


ABSENT = KV(b"", 0, 0, 0, b"")


@dataclass(frozen=True)
class Event:
    """One change of a revision.  A delete's ``kv`` has only key and mod.  ``prev``: the state before the revision."""

    deleted: bool
    kv: KV
    prev: KV | None


# -- requests: names and numbers of etcd's messages ---------------------------------------------------------------


@dataclass(frozen=True)
class Range:
    key: bytes
    end: bytes = b""
    limit: int = 0
    revision: int = 0
    order: int = 0  # 0 none, 1 ascend, 2 descend
    target: int = 0  # 0 key, 1 version, 2 create, 3 mod, 4 value
    keys_only: bool = False
    count_only: bool = False
    min_mod: int = 0
    max_mod: int = 0
    min_create: int = 0
    max_create: int = 0


@dataclass(frozen=True)
class Put:
    key: bytes
    value: bytes = b""
    lease: int = 0
    prev_kv: bool = False
    ignore_value: bool = False
    ignore_lease: bool = False


@dataclass(frozen=True)
class DeleteRange:
    key: bytes
    end: bytes = b""
    prev_kv: bool = False


@dataclass(frozen=True)
class Compare:
    """``result``: 0 equal, 1 greater, 2 less, 3 not equal.  ``target``: 0 version, 1 create, 2 mod, 3 value, 4 lease.

    ``operand``: None when the request's oneof does not fit the target (read as zero or empty).
    """

    key: bytes
    end: bytes = b""
    target: int = 0
    result: int = 0
    operand: int | bytes | None = None


@dataclass(frozen=True)
class Txn:
    compare: tuple[Compare, ...] = ()
    success: tuple[Op, ...] = ()
    failure: tuple[Op, ...] = ()


Op = Union[Range, Put, DeleteRange, Txn, None]  # noqa: UP007  None: a RequestOp without any request


# -- answers: ``revision`` is the header's (None: an empty header) ------------------------------------------------


@dataclass(frozen=True)
class RangeAnswer:
    kvs: tuple[KV, ...]
    count: int
    more: bool
    revision: int


@dataclass(frozen=True)
class PutAnswer:
    revision: int
    prev: KV | None = None


@dataclass(frozen=True)
class DeleteAnswer:
    deleted: int
    revision: int
    prevs: tuple[KV, ...] = ()


@dataclass(frozen=True)
class TxnAnswer:
    succeeded: bool
    responses: tuple[Answer, ...]
    revision: int | None


Answer = Union[RangeAnswer, PutAnswer, DeleteAnswer, TxnAnswer]  # noqa: UP007


# -- intervals ----------------------------------------------------------------------------------------------------


def inside(key: bytes, start: bytes, end: bytes) -> bool:
    """Whether ``key`` lies in the interval of a request: one key, from a key on (end b"\\0"), or [start, end)."""
    if not end:
        return key == start
    return start <= key and (end == b"\0" or key < end)


# -- the model ----------------------------------------------------------------------------------------------------


@dataclass
class Model:
    """All of etcd's key-value state: contents after every revision, events of every revision, known leases."""

    revision: int = 1
    compacted: int = -1
    states: dict[int, dict[bytes, KV]] = field(default_factory=lambda: {1: {}})
    events: dict[int, list[Event]] = field(default_factory=dict)
    leases: set[int] = field(default_factory=set)
    _draft: dict[bytes, KV] | None = None  # the content inside a write transaction, None outside
    _changes: list[Event] = field(default_factory=list)

    # -- reading

    def range(self, q: Range) -> RangeAnswer:
        if not q.key:
            raise Refused(EMPTY_KEY)
        if not (0 <= q.order <= 2 and 0 <= q.target <= 4):
            raise Refused(INVALID_SORT)
        return self._range(q)

    def _range(self, q: Range) -> RangeAnswer:
        current = self.revision + bool(self._changes)
        self._check_revision(q.revision, current)
        content = self._content(q.revision if q.revision > 0 else current)
        found = [content[key] for key in sorted(content) if inside(key, q.key, q.end)]
        count = len(found)
        if q.count_only:
            return RangeAnswer((), count, False, current)
        kvs = _cut(_sorted(q, _filtered(q, _fetched(q, found))), q.limit)
        more = len(kvs) < len(_filtered(q, found))
        if q.keys_only:
            kvs = [replace(kv, value=b"", lease=kv.lease if q.target == 4 else 0) for kv in kvs]
        return RangeAnswer(tuple(kvs), count, more, current)

    def _check_revision(self, revision: int, current: int) -> None:
        if revision > current:
            raise Refused(FUTURE_REVISION)
        if 0 < revision < self.compacted:
            raise Refused(COMPACTED)

    def _content(self, revision: int) -> dict[bytes, KV]:
        if self._changes and revision == self.revision + 1:
            assert self._draft is not None
            return self._draft
        return self.states[revision]

    def changes(self, start: int, end: int) -> list[tuple[int, list[Event]]]:
        """Events of the revisions start .. end - 1, as a watcher would read them back.

        A ``prev`` whose revision (the one before) is compacted is None.
        """
        if start < self.compacted:
            raise Refused(COMPACTED)
        return [
            (r, [e if r - 1 >= self.compacted else replace(e, prev=None) for e in self.events[r]])
            for r in range(max(start, 2), min(end, self.revision + 1))
            if r in self.events
        ]

    # -- writing

    def put(self, r: Put) -> PutAnswer:
        _check_op(r, 0)
        self._check_put(r)
        self._open()
        answer = self._put(r)
        self._close()
        return answer

    def delete_range(self, r: DeleteRange) -> DeleteAnswer:
        _check_op(r, 0)
        self._open()
        answer = self._delete_range(r)
        self._close()
        return answer

    def txn(self, r: Txn, max_ops: int = MAX_TXN_OPS) -> TxnAnswer:
        """Checked as a whole, compared as a whole, then executed: nothing fails half way."""
        _check_txn(r, max_ops)
        _check_keys(r.success)
        _check_keys(r.failure)
        path = self._compare(r)
        self._check_branch(r, list(path))
        self._open()
        answer = self._execute(r, list(path))
        self._close()
        return replace(answer, revision=self.revision)

    def _open(self) -> None:
        self._draft = dict(self.states[self.revision])
        self._changes = []

    def _close(self) -> None:
        assert self._draft is not None
        if self._changes:
            self.revision += 1
            self.states[self.revision] = self._draft
            self.events[self.revision] = self._changes
        self._draft, self._changes = None, []

    def _check_put(self, r: Put) -> None:
        """What depends on the state; looked at before anything is written."""
        if r.lease and r.lease not in self.leases:
            raise Refused(LEASE_NOT_FOUND)
        if (r.ignore_value or r.ignore_lease) and r.key not in self.states[self.revision]:
            raise Refused(KEY_NOT_FOUND)

    def _put(self, r: Put) -> PutAnswer:
        assert self._draft is not None
        main, old = self.revision + 1, self._draft.get(r.key)
        value = old.value if r.ignore_value and old else r.value
        lease = old.lease if r.ignore_lease and old else r.lease
        new = KV(r.key, old.create if old else main, main, old.version + 1 if old else 1, value, lease)
        self._draft[r.key] = new
        self._changes.append(Event(False, new, self.states[self.revision].get(r.key)))
        return PutAnswer(main, old if r.prev_kv else None)

    def _delete_range(self, r: DeleteRange) -> DeleteAnswer:
        assert self._draft is not None
        main = self.revision + 1
        old = [self._draft[key] for key in sorted(self._draft) if inside(key, r.key, r.end)]
        for kv in old:
            del self._draft[kv.key]
            before = self.states[self.revision].get(kv.key)
            self._changes.append(Event(True, KV(kv.key, 0, main, 0, b""), before))
        return DeleteAnswer(len(old), main if self._changes else self.revision, tuple(old) if r.prev_kv else ())

    def batch(self, ops: tuple[Put | DeleteRange | Range, ...]) -> list[Answer]:
        """Operations under one revision, with none of a transaction's checks but the ranges' own."""
        self._open()
        answers = [self._one(op) for op in ops]
        self._close()
        return answers

    def _one(self, op: Put | DeleteRange | Range) -> Answer:
        if isinstance(op, Range):
            return self._range(op)
        return self._put(op) if isinstance(op, Put) else self._delete_range(op)

    # -- transactions

    def _compare(self, r: Txn) -> list[bool]:
        """Which branch each transaction takes, depth first; all on the state before the transaction."""
        succeeded = all(self._holds(c) for c in r.compare)
        path = [succeeded]
        for op in r.success if succeeded else r.failure:
            if isinstance(op, Txn):
                path += self._compare(op)
        return path

    def _holds(self, c: Compare) -> bool:
        content = self.states[self.revision]
        found = [kv for key, kv in content.items() if inside(key, c.key, c.end)]
        if not found:
            return c.target != 3 and _compares(c, ABSENT)
        return all(_compares(c, kv) for kv in found)

    def _check_branch(self, r: Txn, path: list[bool]) -> None:
        for op in r.success if path.pop(0) else r.failure:
            if isinstance(op, Range) and op.revision:
                if op.revision > self.revision:
                    raise Refused(FUTURE_REVISION)
                if op.revision < self.compacted:
                    raise Refused(COMPACTED)
            elif isinstance(op, Put):
                self._check_put(op)
            elif isinstance(op, Txn):
                self._check_branch(op, path)

    def _execute(self, r: Txn, path: list[bool]) -> TxnAnswer:
        succeeded = path.pop(0)
        answers: list[Answer] = []
        for op in r.success if succeeded else r.failure:
            if isinstance(op, Txn):
                answers.append(self._execute(op, path))
            elif op is not None:
                answers.append(self._one(op))
        return TxnAnswer(succeeded, tuple(answers), None)

    # -- compaction, leases, history

    def compact(self, revision: int) -> None:
        if revision <= self.compacted:
            raise Refused(COMPACTED)
        if revision > self.revision:
            raise Refused(FUTURE_REVISION)
        self.compacted = revision
        for old in [r for r in self.states if r < revision]:
            del self.states[old]
        for old in [r for r in self.events if r < revision]:
            del self.events[old]

    def grant(self, lease: int) -> None:
        """The lease exists from now on."""
        self.leases.add(lease)

    def revoke(self, lease: int) -> int:
        """The lease and its keys are gone, in one revision; returns how many keys."""
        if lease not in self.leases:
            raise Refused(LEASE_NOT_FOUND)
        self.leases.remove(lease)
        keys = sorted(kv.key for kv in self.states[self.revision].values() if kv.lease == lease)
        self._open()
        for key in keys:
            self._delete_range(DeleteRange(key))
        self._close()
        return len(keys)


# -- a Range's steps ----------------------------------------------------------------------------------------------


def _explicit(q: Range) -> bool:
    return q.order != 0 and not (q.target == 0 and q.order == 1)


def _has_filter(q: Range) -> bool:
    return bool(q.min_mod or q.max_mod or q.min_create or q.max_create)


def _fetched(q: Range, kvs: list[KV]) -> list[KV]:
    """With neither filter nor explicit order etcd reads limit + 1 keys and sorts only those."""
    if q.limit > 0 and not _explicit(q) and not _has_filter(q):
        return kvs[: q.limit + 1]
    return kvs


def _filtered(q: Range, kvs: list[KV]) -> list[KV]:
    kvs = [kv for kv in kvs if not q.max_mod or kv.mod <= q.max_mod]
    kvs = [kv for kv in kvs if not q.min_mod or kv.mod >= q.min_mod]
    kvs = [kv for kv in kvs if not q.max_create or kv.create <= q.max_create]
    return [kv for kv in kvs if not q.min_create or kv.create >= q.min_create]


def _sorted(q: Range, kvs: list[KV]) -> list[KV]:
    """A target other than KEY sorts even with order NONE.

    Ties keep key order, descending too; etcd promises that only up to twelve entries (Go's sort is not stable).
    """
    names = ("key", "version", "create", "mod", "value")
    return sorted(kvs, key=lambda kv: getattr(kv, names[q.target]), reverse=q.order == 2)


def _cut(kvs: list[KV], limit: int) -> list[KV]:
    return kvs[:limit] if limit > 0 else kvs


# -- a Txn's checks -----------------------------------------------------------------------------------------------


def _compares(c: Compare, kv: KV) -> bool:
    if c.target == 3:
        wanted: int | bytes = c.operand if isinstance(c.operand, bytes) else b""
        actual: int | bytes = kv.value
    elif 0 <= c.target <= 4:
        wanted = c.operand if isinstance(c.operand, int) else 0
        actual = (kv.version, kv.create, kv.mod, 0, kv.lease)[c.target]
    else:
        wanted = actual = 0
    outcome = (actual > wanted) - (actual < wanted)  # type: ignore[operator]
    return {0: outcome == 0, 1: outcome > 0, 2: outcome < 0, 3: outcome != 0}.get(c.result, True)


def _check_txn(r: Txn, budget: int) -> None:
    ops = max(len(r.compare), len(r.success), len(r.failure))
    if ops > budget:
        raise Refused(TOO_MANY_OPS)
    if any(not c.key for c in r.compare):
        raise Refused(EMPTY_KEY)
    for op in (*r.success, *r.failure):
        _check_op(op, budget - ops)


def _check_op(op: Op, budget: int) -> None:
    """What is wrong with an operation whatever the state is."""
    if op is None:
        raise Refused(KEY_NOT_FOUND)
    if isinstance(op, Txn):
        return _check_txn(op, budget)
    if not op.key:
        raise Refused(EMPTY_KEY)
    if isinstance(op, Put):
        if op.ignore_value and op.value:
            raise Refused(VALUE_PROVIDED)
        if op.ignore_lease and op.lease:
            raise Refused(LEASE_PROVIDED)
    elif isinstance(op, Range) and not (0 <= op.order <= 2 and 0 <= op.target <= 4):
        raise Refused(INVALID_SORT)
    return None


def _check_keys(ops: tuple[Op, ...]) -> tuple[set[bytes], list[tuple[bytes, bytes]]]:
    """The duplicate-key rule.  Returns the keys put and the intervals deleted, here and below.

    Two quirks: a delete in a nested transaction meets only the puts of later siblings and of this level, and a
    from-key delete (end b"\\0") is the literal interval [key, b"\\0"), which holds nothing.
    """
    dels = [(op.key, op.end) for op in ops if isinstance(op, DeleteRange)]
    puts: set[bytes] = set()

    def add(key: bytes, exempt: set[bytes]) -> None:
        if (key in puts and key not in exempt) or any(_literally_inside(key, *d) for d in dels):
            raise Refused(DUPLICATE_KEY)
        puts.add(key)

    for op in ops:
        if isinstance(op, Txn):
            puts_then, dels_then = _check_keys(op.success)
            puts_else, dels_else = _check_keys(op.failure)
            for key in puts_then:
                add(key, set())
            for key in puts_else:
                add(key, puts_then)
            dels += dels_then + dels_else
    for op in ops:
        if isinstance(op, Put):
            add(op.key, set())
    return puts, dels


def _literally_inside(key: bytes, start: bytes, end: bytes) -> bool:
    return start <= key < end if end else key == start
