"""The linearizability checker, against histories that are good by construction and against trying every order."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st
from pyetcd.conformance.stress.history import NEVER, Operation, Pair
from pyetcd.conformance.stress.linear import State, check, step

KEYS = [b"a", b"b"]
calls = st.tuples(st.sampled_from(["put", "get", "delete", "cas", "list"]), st.sampled_from(KEYS), st.integers(0, 4))


def executed(script: list[tuple[str, bytes, int]], spans: list[tuple[float, float]]) -> list[Operation]:
    """A true history: each call takes effect at its number, and lasts from some time before to some time after."""
    state = State(1)
    history = []
    for number, ((kind, key, expected), (before, after)) in enumerate(zip(script, spans, strict=True)):
        planned = Operation(number, number - before, number + after, kind, key, b"%d" % number, expected)
        state, seen = step(state, planned)
        history.append(Operation(number, planned.start, planned.end, kind, key, planned.value, expected, seen))
    return history


def histories(most: int) -> st.SearchStrategy[list[Operation]]:
    spans = st.tuples(st.floats(0, 3), st.floats(0, 3))
    return st.lists(st.tuples(calls, spans), max_size=most).map(
        lambda rows: executed([row[0] for row in rows], [row[1] for row in rows])
    )


def by_every_order(history: list[Operation]) -> bool:
    """Obviously right and slow: all orders that respect real time."""
    for order in permutations(history):
        if any(late.end < early.start for at, early in enumerate(order) for late in order[at + 1 :]):
            continue
        state = State(1)
        for operation in order:
            state, must = step(state, operation)
            if operation.seen is not None and operation.seen != must:
                break
        else:
            return True
    return False


@given(histories(30))
def test_what_happened_is_linearizable(history: list[Operation]) -> None:
    verdict = check(history, State(1))
    assert verdict.good and verdict.placed == len(history)


@given(histories(5), st.data())
def test_it_agrees_with_trying_every_order(history: list[Operation], data: st.DataObject) -> None:
    """With answers exchanged at random, most such histories are impossible."""
    answers = data.draw(st.permutations([operation.seen for operation in history]))
    mixed = [
        Operation(o.client, o.start, o.end, o.kind, o.key, o.value, o.expected, seen)
        for o, seen in zip(history, answers, strict=True)
    ]
    assert check(mixed, State(1)).good == by_every_order(mixed)


@given(histories(20), st.data())
def test_lost_answers_are_allowed(history: list[Operation], data: st.DataObject) -> None:
    lost = data.draw(st.sets(st.integers(0, max(0, len(history) - 1))))
    known = [
        Operation(o.client, o.start, NEVER, o.kind, o.key, o.value, o.expected, None) if at in lost else o
        for at, o in enumerate(history)
    ]
    assert check(known, State(1)).good


def test_a_stale_read_is_found() -> None:
    pair = Pair(b"1", 2, 2, 1)
    history = [
        Operation(0, 0, 1, "put", b"a", b"1", 0, (2,)),
        Operation(1, 2, 3, "get", b"a", seen=(2, pair)),
        Operation(1, 4, 5, "get", b"a", seen=(1, None)),
    ]
    verdict = check(history, State(1))
    assert not verdict.good
    assert verdict.stuck == (history[2],)
    assert verdict.after == State(2, ((b"a", pair),))


def test_a_lost_write_is_found() -> None:
    history = [
        Operation(0, 0, 1, "put", b"a", b"1", 0, (2,)),
        Operation(0, 2, 3, "put", b"a", b"2", 0, (2,)),
    ]
    assert not check(history, State(1)).good
