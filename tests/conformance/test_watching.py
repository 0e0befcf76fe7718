"""The nine watch guarantees: a true account breaks none, and each kind of lie breaks its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pyetcd.conformance.stress.history import Pair, Report, Seen, Watched
from pyetcd.conformance.stress.watching import GUARANTEES, Log, judge, replay

A1, A2, A4 = Pair(b"1", 2, 2, 1), Pair(b"2", 2, 3, 2), Pair(b"4", 5, 5, 1)
B3 = Pair(b"x", 3, 3, 1)
LOG: Log = {
    2: (Seen(2, b"a", False, A1, None),),
    3: (Seen(3, b"a", False, A2, A1), Seen(3, b"b", False, B3, None)),
    4: (Seen(4, b"a", True, None, A2),),
    5: (Seen(5, b"a", False, A4, None),),
    6: (Seen(6, b"z", False, Pair(b"", 6, 6, 1), None),),
}


def watcher(reports: list[Report], **changes: object) -> Watched:
    watched = Watched("w", b"a", b"c", 2, prev_kv=True, reports=reports)
    for name, value in changes.items():
        setattr(watched, name, value)
    return watched


def truth() -> list[Report]:
    """Live reports, one a revision, and a promise after the third."""
    reports = [Report(revision, LOG[revision]) for revision in (2, 3, 4, 5)]
    return [*reports[:3], Report(4), reports[3]]


def test_a_true_account_breaks_nothing() -> None:
    assert judge(watcher(truth()), LOG, 6) == {}
    caught_up = [Report(5, LOG[2] + LOG[3] + LOG[4] + LOG[5])]
    assert judge(watcher(caught_up), LOG, 6) == {}


def test_what_was_not_asked_for_need_not_come() -> None:
    puts = [Report(revision, LOG[revision]) for revision in (2, 3, 5)]
    assert judge(watcher(puts, deletes=False), LOG, 6) == {}
    bare = [Report(one.revision, tuple(replace(event, before=None) for event in one.events)) for one in truth()]
    assert judge(watcher(bare, prev_kv=False), LOG, 6) == {}


Lie = Callable[[list[Report]], list[Report]]

LIES: list[tuple[str, Lie]] = [
    ("ordered", lambda r: [r[1], r[0], *r[2:]]),
    ("unique", lambda r: [*r, r[-1]]),
    ("atomic", lambda r: [r[0], Report(3, LOG[3][:1]), *r[2:]]),
    ("unique", lambda r: [r[0], Report(3, LOG[3][:1]), Report(3, LOG[3][1:]), *r[2:]]),
    ("reliable", lambda r: [r[0], *r[2:]]),
    ("reliable", lambda r: r[:-1]),
    ("reliable", lambda r: [Report(2, (replace(LOG[2][0], pair=replace(A1, value=b"?")),)), *r[1:]]),
    ("bookmarkable", lambda r: [Report(2), *r]),
    ("filtered", lambda r: [*r, Report(6, LOG[6])]),
    ("prev_kv", lambda r: [*r[:2], Report(4, (replace(LOG[4][0], before=A1),)), *r[3:]]),
    ("prev_kv", lambda r: [*r[:2], Report(4, (replace(LOG[4][0], before=None),)), *r[3:]]),
]


@pytest.mark.parametrize(("guarantee", "lie"), LIES)
def test_a_lie_breaks_its_guarantee(guarantee: str, lie: Lie) -> None:
    assert guarantee in judge(watcher(lie(truth())), LOG, 6)


def test_a_gap_after_a_resumption() -> None:
    assert set(judge(watcher([truth()[0], *truth()[2:]], resumed=1), LOG, 6)) == {"resumable"}


def test_a_creation_that_is_none() -> None:
    """The log says the key was there before, the pair says it is new."""
    false = {**LOG, 3: (Seen(3, b"a", False, replace(A2, create=3), A1), LOG[3][1])}
    assert "is_create" in judge(watcher([Report(3, false[3])], start=3), false, 3)


def test_every_guarantee_has_a_name() -> None:
    assert {name for name, _ in LIES} | {"resumable", "is_create"} == set(GUARANTEES)


def test_the_log_must_be_possible() -> None:
    assert replay(LOG, {}) == ""
    assert "instead of" in replay({**LOG, 2: (Seen(2, b"a", False, replace(A1, version=2), None),)}, {})
    assert "the pair before" in replay({**LOG, 5: (Seen(5, b"a", False, A4, A2),)}, {})
