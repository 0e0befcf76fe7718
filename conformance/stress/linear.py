"""Is a history linearizable?  The search of Wing and Gong, with Lowe's memory of states already tried.

Every answer of etcd carries the store's revision, so the order of most operations is given and the search hardly
branches; what remains open are reads at the same revision and calls whose outcome nobody learned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .history import NEVER, Operation, Pair

Items = tuple[tuple[bytes, Pair], ...]


@dataclass(frozen=True, slots=True)
class State:
    """The store in the model: its revision and its live pairs in order of key."""

    revision: int
    pairs: Items = ()

    def get(self, key: bytes) -> Pair | None:
        return next((pair for name, pair in self.pairs if name == key), None)

    def put(self, key: bytes, value: bytes) -> State:
        old = self.get(key)
        revision = self.revision + 1
        new = Pair(value, old.create if old else revision, revision, old.version + 1 if old else 1)
        rest = [item for item in self.pairs if item[0] != key]
        return State(revision, tuple(sorted([*rest, (key, new)], key=lambda item: item[0])))

    def delete(self, key: bytes) -> State:
        if self.get(key) is None:
            return self
        return State(self.revision + 1, tuple(item for item in self.pairs if item[0] != key))


def step(state: State, operation: Operation) -> tuple[State, tuple[object, ...]]:
    """The model: the next state, and what a client must then have seen."""
    kind, key = operation.kind, operation.key
    if kind == "put":
        new = state.put(key, operation.value)
        return new, (new.revision,)
    if kind == "delete":
        new = state.delete(key)
        return new, (new.revision, int(new is not state))
    if kind == "cas":
        found = state.get(key)
        good = (found.mod if found else 0) == operation.expected
        new = state.put(key, operation.value) if good else state
        return new, (new.revision, good)
    if kind == "get":
        return state, (state.revision, state.get(key))
    assert kind == "list"
    return state, (state.revision, state.pairs)


@dataclass(slots=True)
class _Node:
    """An entry of the doubly linked history: a call, or the return of one."""

    operation: int
    returns: bool
    before: _Node | None = None
    after: _Node | None = None
    match: _Node | None = None  # of a call: its return


def _linked(history: list[Operation]) -> _Node:
    """Calls and returns by time; at equal times calls go first, which is the generous reading."""
    moments: list[tuple[float, int, int]] = []
    for number, operation in enumerate(history):
        moments.append((operation.start, 0, number))
        moments.append((operation.end, 1, number))
    moments.sort()
    head = last = _Node(-1, False)
    calls: dict[int, _Node] = {}
    for _, returns, number in moments:
        node = _Node(number, bool(returns), before=last)
        last.after = node
        last = node
        if returns:
            calls[number].match = node
        else:
            calls[number] = node
    return head


def _lift(call: _Node) -> None:
    """Take a call and its return out of the list."""
    assert call.match is not None
    for node in (call, call.match):
        assert node.before is not None
        node.before.after = node.after
        if node.after is not None:
            node.after.before = node.before


def _unlift(call: _Node) -> None:
    assert call.match is not None
    for node in (call.match, call):
        assert node.before is not None
        node.before.after = node
        if node.after is not None:
            node.after.before = node


@dataclass(frozen=True, slots=True)
class Verdict:
    """``stuck``: the operations that could not be placed after the longest good order; ``after``: the state then."""

    good: bool
    placed: int
    stuck: tuple[Operation, ...] = ()
    after: State | None = None


def check(
    history: list[Operation],
    start: State,
    model: Callable[[State, Operation], tuple[State, tuple[object, ...]]] = step,
) -> Verdict:
    """Find one order of all operations that the model allows, or the place where none exists.

    An operation whose outcome nobody learned has ``end`` NEVER: it may stand anywhere after its start, or nowhere.
    """
    head = _linked(history)
    known = sum(1 for operation in history if operation.end < NEVER)
    order: list[tuple[_Node, State]] = []
    state, placed, mask, placed_known = start, 0, 0, 0
    tried: set[tuple[int, State]] = set()
    best: Verdict | None = None
    node = head.after
    while placed_known < known:
        if node is not None and not node.returns:
            operation = history[node.operation]
            new, must = model(state, operation)
            marked = (mask | 1 << node.operation, new)
            if (operation.seen is None or operation.seen == must) and marked not in tried:
                tried.add(marked)
                order.append((node, state))
                state, mask = marked[1], marked[0]
                placed += 1
                placed_known += operation.end < NEVER
                _lift(node)
                node = head.after
                continue
            node = node.after
            continue
        if best is None or placed > best.placed:
            best = Verdict(False, placed, _open(head, history), state)
        if not order:
            assert best is not None
            return best
        last, state = order.pop()
        mask &= ~(1 << last.operation)
        placed -= 1
        placed_known -= history[last.operation].end < NEVER
        _unlift(last)
        node = last.after
    return Verdict(True, placed, (), state)


def _open(head: _Node, history: list[Operation]) -> tuple[Operation, ...]:
    """Calls before the first return that is left: one of them would have to come next."""
    found: list[Operation] = []
    node: Any = head.after
    while node is not None and not node.returns:
        found.append(history[node.operation])
        node = node.after
    return tuple(found)
