"""SoloEngine: its stories from start to restart, and the whole table of states and inputs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyetcd.consensus import Entry, HardState, ReadState, Ready, Role, SoloEngine, bootstrap_entries
from pyetcd.consensus.engine import Engine
from pyetcd.errors import NoLeader

ME = 7


def next_ready(engine: Engine) -> Ready:
    ready = engine.ready()
    assert ready is not None
    return ready


def settle(engine: Engine) -> list[str]:
    """Write and apply until there is nothing left to do; what was handed out, as text."""
    seen = []
    while ready := engine.ready():
        seen.append(repr(ready))
        engine.persisted(ready)
        if ready.committed:
            engine.applied(ready.committed[-1].index)
    return seen


def bootstrapped() -> SoloEngine:
    return SoloEngine.bootstrap(ME, bootstrap_entries([(ME, b"{}")]))


def follower() -> SoloEngine:
    return SoloEngine(ME, HardState(2, ME, 2), (), 2)


def candidate() -> SoloEngine:
    engine = follower()
    engine.campaign()
    return engine


def leader() -> SoloEngine:
    engine = candidate()
    settle(engine)
    return engine


# -- stories -------------------------------------------------------------------------------------------------------


def test_a_fresh_member_is_in_term_2_at_index_2() -> None:
    engine: Engine = bootstrapped()
    engine.campaign()
    assert settle(engine) == [
        "Ready 1 entries=[1/1] hard=(1,0,1) sync",
        "Ready 2 committed=[1/1]",
        "Ready 3 hard=(2,7,1) sync",
        "Ready 4 entries=[2/2] sync",
        "Ready 5 hard=(2,7,2) committed=[2/2]",
    ]
    assert (engine.role, engine.leader, engine.term) == (Role.LEADER, ME, 2)
    assert (engine.last_index, engine.commit_index, engine.applied_index) == (2, 2, 2)


def test_a_restart_adds_one_term_and_one_empty_entry() -> None:
    engine = SoloEngine(ME, HardState(2, ME, 4), (), 4)
    engine.campaign()
    assert settle(engine) == [
        "Ready 1 hard=(3,7,4) sync",
        "Ready 2 entries=[3/5] sync",
        "Ready 3 hard=(3,7,5) committed=[3/5]",
    ]


def test_a_restart_replays_what_the_state_lacks() -> None:
    """Entries 4 and 5 were committed, 6 and 7 on disk when the commit index was still on its way."""
    log = [Entry(2, index, 0, b"x") for index in (4, 5, 6, 7)]
    engine = SoloEngine(ME, HardState(2, ME, 5), log, 3)
    engine.campaign()
    assert settle(engine) == [
        "Ready 1 committed=[2/4 2/5]",
        "Ready 2 hard=(3,7,5) sync",
        "Ready 3 entries=[3/8] sync",
        "Ready 4 hard=(3,7,8) committed=[2/6 2/7 3/8]",
    ]


def test_a_state_ahead_of_the_lazily_written_commit_index_is_committed() -> None:
    engine = SoloEngine(ME, HardState(2, ME, 5), (), 9)
    assert (engine.commit_index, engine.last_index) == (9, 9)


def test_proposals_of_one_turn_are_one_batch_and_commit_when_persisted() -> None:
    engine = leader()
    engine.propose([(b"a", "first"), (b"b", None)])
    engine.propose([(b"c", None)])
    ready = next_ready(engine)
    assert repr(ready) == "Ready 4 entries=[3/4 3/5 3/6] sync"
    assert ready.entries[0] == Entry(3, 4, 0, b"a", "first")
    assert engine.ready() is None and engine.commit_index == 3
    engine.persisted(ready)
    assert repr(engine.ready()) == "Ready 5 hard=(3,7,6) committed=[3/4 3/5 3/6]"


def test_batches_in_flight_commit_in_order() -> None:
    engine = leader()
    engine.propose([(b"a", None)])
    first = next_ready(engine)
    engine.propose([(b"b", None)])
    second = next_ready(engine)
    engine.persisted(first)
    engine.propose([(b"c", None)])
    assert repr(engine.ready()) == "Ready 6 entries=[3/6] hard=(3,7,4) sync committed=[3/4]"
    engine.persisted(second)
    assert repr(engine.ready()) == "Ready 7 hard=(3,7,5) committed=[3/5]"


def test_a_batch_handed_out_never_grows() -> None:
    """Found by the twin: a Ready without entries took in the next proposal, which then counted as persisted."""
    engine = candidate()
    while (ready := next_ready(engine)).must_sync:
        engine.persisted(ready)
    engine.propose([(b"a", None)])
    assert ready.entries == []
    engine.persisted(ready)
    assert engine.commit_index == 3


def test_an_election_waits_for_committed_entries_to_be_applied() -> None:
    engine = SoloEngine(ME, HardState(2, ME, 2), [Entry(2, 2)], 1)
    engine.campaign()
    assert state_of(engine) == (Role.FOLLOWER, 2, 2, 2)
    engine.applied(2)
    assert state_of(engine) == (Role.CANDIDATE, 3, 2, 2)


def test_a_read_waits_for_an_entry_of_the_new_term() -> None:
    """Entry 3 may have been acknowledged before the restart; a read at commit index 2 would miss it."""
    engine = SoloEngine(ME, HardState(2, ME, 2), [Entry(2, 3)], 2)
    engine.campaign()
    engine.persisted(next_ready(engine))
    engine.read_index("r")
    ready = next_ready(engine)
    assert repr(ready) == "Ready 2 entries=[3/4] sync" and ready.reads == []
    engine.persisted(ready)
    assert next_ready(engine).reads == [ReadState("r", 4)]


def test_log_and_state_must_fit_together() -> None:
    with pytest.raises(ValueError, match="entry 5 where 4 belongs"):
        SoloEngine(ME, HardState(2, ME, 3), [Entry(2, 5)], 3)
    with pytest.raises(ValueError, match="log ends at 3, but 9 was committed"):
        SoloEngine(ME, HardState(2, ME, 9), [Entry(2, 3)], 2)


# -- the table -----------------------------------------------------------------------------------------------------

STATES: dict[str, Callable[[], SoloEngine]] = {
    "bootstrapped": bootstrapped,
    "follower": follower,
    "candidate": candidate,
    "leader": leader,
}

INPUTS: dict[str, Callable[[SoloEngine], object]] = {
    "campaign": lambda engine: engine.campaign(),
    "propose": lambda engine: engine.propose([(b"x", None)]),
    "propose_conf_change": lambda engine: engine.propose_conf_change(b"x"),
    "read_index": lambda engine: engine.read_index("r"),
    "ready": lambda engine: engine.ready(),
    "persisted": lambda engine: engine.persisted(engine.ready() or Ready(0, None, [], [], False)),
    "applied_nothing": lambda engine: engine.applied(engine.applied_index),
    "applied_too_much": lambda engine: engine.applied(engine.commit_index + 1),
    "applied_backwards": lambda engine: engine.applied(engine.applied_index - 1),
    "tick": lambda engine: engine.tick(),
    "step": lambda engine: engine.step(b""),
}

# state -> input -> (role, term, last index, commit index) after it, or the error it raises; the same everywhere else.
TABLE: dict[str, dict[str, tuple[Role, int, int, int] | type[Exception]]] = {
    "bootstrapped": {
        "propose": NoLeader,
        "propose_conf_change": NoLeader,
        "read_index": NoLeader,
    },
    "follower": {
        "campaign": (Role.CANDIDATE, 3, 2, 2),
        "propose": NoLeader,
        "propose_conf_change": NoLeader,
        "read_index": NoLeader,
    },
    "candidate": {
        "propose": NoLeader,
        "propose_conf_change": NoLeader,
        "read_index": NoLeader,
        "persisted": (Role.LEADER, 3, 3, 2),
    },
    "leader": {
        "propose": (Role.LEADER, 3, 4, 3),
        "propose_conf_change": (Role.LEADER, 3, 4, 3),
    },
}


def state_of(engine: SoloEngine) -> tuple[Role, int, int, int]:
    return engine.role, engine.term, engine.last_index, engine.commit_index


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("state", STATES)
def test_every_state_takes_every_input(state: str, name: str) -> None:
    engine = STATES[state]()
    before = state_of(engine)
    refused = ValueError if name in ("applied_too_much", "applied_backwards") else before
    expected = TABLE[state].get(name, refused)
    if isinstance(expected, tuple):
        INPUTS[name](engine)
        assert state_of(engine) == expected
    else:
        with pytest.raises(expected):
            INPUTS[name](engine)
        assert state_of(engine) == before
