"""The life of a lease, tested whole: every state with every input (diagram: pyetcd/lease/lease.py)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyetcd.errors import LeaseExists, LeaseNotFound, NotPrimaryLessor
from pyetcd.lease.lease import LeaseState
from pyetcd.lease.lessor import Lessor
from pyetcd.mvcc.memory import MemoryBackend

HELD, RUNNING, EXPIRED, GONE = LeaseState.HELD, LeaseState.RUNNING, LeaseState.EXPIRED, LeaseState.GONE
ID, TTL, NOW = 7, 10, 100.0


def lessor_in(state: LeaseState) -> Lessor:
    """A lessor whose lease ID is in ``state`` at NOW.  It is primary unless the lease is held."""
    lessor = Lessor(MemoryBackend(), min_ttl=2)
    if state is not HELD:
        lessor.promote(0.0, 0.0)
    if state is not GONE:
        lessor.grant(ID, TTL, NOW - TTL - 1 if state is EXPIRED else NOW)
        lessor.attach(ID, b"k")
    assert lessor.state(ID, NOW) is state
    return lessor


INPUTS: dict[str, Callable[[Lessor], object]] = {
    "grant": lambda lessor: lessor.grant(ID, TTL, NOW),
    "revoke": lambda lessor: lessor.revoke(ID),
    "renew": lambda lessor: lessor.renew(ID, NOW),
    "attach": lambda lessor: lessor.attach(ID, b"other"),
    "detach": lambda lessor: lessor.detach(ID, b"k"),
    "checkpoint": lambda lessor: lessor.checkpoint(ID, 5, NOW),
    "promote": lambda lessor: lessor.promote(NOW, 1.0),
    "demote": lambda lessor: lessor.demote(),
    "time": lambda lessor: None,
    "time_to_live": lambda lessor: lessor.time_to_live(ID, NOW),
    "expired": lambda lessor: lessor.expired(NOW),
    "leases": lambda lessor: lessor.leases(NOW),
}

# (state, input) -> (answer or exception, state afterwards); "time" means: look again when the TTL is over
TABLE: dict[tuple[LeaseState, str], tuple[object, LeaseState]] = {
    (HELD, "grant"): (LeaseExists, HELD),
    (HELD, "revoke"): ([b"k"], GONE),
    (HELD, "renew"): (NotPrimaryLessor, HELD),
    (HELD, "attach"): (None, HELD),
    (HELD, "detach"): (None, HELD),
    (HELD, "checkpoint"): (None, HELD),
    (HELD, "promote"): (None, RUNNING),
    (HELD, "demote"): (None, HELD),
    (HELD, "time"): (None, HELD),
    (HELD, "time_to_live"): (NotPrimaryLessor, HELD),
    (HELD, "expired"): ([], HELD),
    (HELD, "leases"): ([ID], HELD),
    (RUNNING, "grant"): (LeaseExists, RUNNING),
    (RUNNING, "revoke"): ([b"k"], GONE),
    (RUNNING, "renew"): (TTL, RUNNING),
    (RUNNING, "attach"): (None, RUNNING),
    (RUNNING, "detach"): (None, RUNNING),
    (RUNNING, "checkpoint"): (None, RUNNING),
    (RUNNING, "promote"): (None, RUNNING),
    (RUNNING, "demote"): (None, HELD),
    (RUNNING, "time"): (None, EXPIRED),
    (RUNNING, "time_to_live"): ((TTL, TTL - 1, [b"k"]), RUNNING),
    (RUNNING, "expired"): ([], RUNNING),
    (RUNNING, "leases"): ([ID], RUNNING),
    (EXPIRED, "grant"): (LeaseExists, EXPIRED),
    (EXPIRED, "revoke"): ([b"k"], GONE),
    (EXPIRED, "renew"): (0, EXPIRED),
    (EXPIRED, "attach"): (None, EXPIRED),
    (EXPIRED, "detach"): (None, EXPIRED),
    (EXPIRED, "checkpoint"): (None, EXPIRED),
    (EXPIRED, "promote"): (None, RUNNING),
    (EXPIRED, "demote"): (None, HELD),
    (EXPIRED, "time"): (None, EXPIRED),
    (EXPIRED, "time_to_live"): ((TTL, -1, [b"k"]), EXPIRED),
    (EXPIRED, "expired"): ([ID], EXPIRED),
    (EXPIRED, "leases"): ([ID], EXPIRED),
    (GONE, "grant"): (TTL, RUNNING),
    (GONE, "revoke"): (LeaseNotFound, GONE),
    (GONE, "renew"): (None, GONE),
    (GONE, "attach"): (LeaseNotFound, GONE),
    (GONE, "detach"): (None, GONE),
    (GONE, "checkpoint"): (None, GONE),
    (GONE, "promote"): (None, GONE),
    (GONE, "demote"): (None, GONE),
    (GONE, "time"): (None, GONE),
    (GONE, "time_to_live"): (None, GONE),
    (GONE, "expired"): ([], GONE),
    (GONE, "leases"): ([], GONE),
}


def test_table_is_whole() -> None:
    assert set(TABLE) == {(state, name) for state in LeaseState for name in INPUTS}


@pytest.mark.parametrize(("state", "name"), TABLE, ids=lambda part: getattr(part, "value", part))
def test_row(state: LeaseState, name: str) -> None:
    answer, after = TABLE[state, name]
    lessor = lessor_in(state)
    if isinstance(answer, type):
        with pytest.raises(answer):
            INPUTS[name](lessor)
    else:
        assert INPUTS[name](lessor) == answer
    lessor.check()
    assert lessor.state(ID, NOW + TTL if name == "time" else NOW) is after
