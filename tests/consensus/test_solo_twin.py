"""SoloEngine against a list: whatever the order of events, with restarts from what reached the disk."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pyetcd.consensus import Entry, HardState, Ready, Role, SoloEngine, bootstrap_entries

ME = 7


class SoloTwin(RuleBasedStateMachine):
    """A disk that keeps what was persisted, a state that is a list of applied entries, and crashes."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = SoloEngine.bootstrap(ME, bootstrap_entries([(ME, b"{}")]))
        self.engine.campaign()
        self.disk: list[Entry] = []
        self.hard_state = HardState()
        self.state: list[Entry] = []
        self.in_flight: list[Ready] = []
        self.pending: list[Entry] = []
        self.counter = 0

    @rule(count=st.integers(1, 4))
    def propose(self, count: int) -> None:
        if self.engine.role is Role.LEADER:
            self.engine.propose([(b"%d" % (self.counter + n), None) for n in range(count)])
            self.counter += count

    @rule()
    def take(self) -> None:
        ready = self.engine.ready()
        if ready is not None:
            self.in_flight.append(ready)
            self.pending += ready.committed

    @precondition(lambda self: self.in_flight)
    @rule()
    def persist(self) -> None:
        ready = self.in_flight.pop(0)
        self.disk += ready.entries
        self.hard_state = ready.hard_state or self.hard_state
        self.engine.persisted(ready)

    @precondition(lambda self: self.pending)
    @rule()
    def apply(self) -> None:
        self.state.append(self.pending.pop(0))
        self.engine.applied(self.state[-1].index)

    @precondition(lambda self: self.disk)
    @rule(kept=st.integers(0, 3))
    def crash(self, kept: int) -> None:
        """Everything in memory is lost; of the state, a few of the newest entries too (it is not synced)."""
        self.state = self.state[: max(0, len(self.state) - kept)]
        self.engine = SoloEngine(ME, self.hard_state, self.disk[len(self.state) :], len(self.state))
        self.engine.campaign()
        self.in_flight, self.pending = [], []

    @invariant()
    def log_has_no_gap(self) -> None:
        assert [entry.index for entry in self.disk] == list(range(1, len(self.disk) + 1))

    @invariant()
    def only_what_is_on_disk_is_applied(self) -> None:
        assert self.disk[: len(self.state)] == self.state

    @invariant()
    def terms_grow(self) -> None:
        terms = [entry.term for entry in self.disk]
        assert terms == sorted(terms) and self.hard_state.term <= self.engine.term

    def teardown(self) -> None:
        """Left alone, everything proposed and still known is on disk and applied."""
        while self.in_flight or self.pending or (ready := self.engine.ready()):
            if not self.in_flight and not self.pending:
                assert ready is not None
                self.in_flight.append(ready)
                self.pending += ready.committed
            while self.in_flight:
                self.persist()
            while self.pending:
                self.apply()
        assert self.state == self.disk and self.engine.role is Role.LEADER
        assert self.engine.commit_index == self.engine.last_index == len(self.disk)


SoloTwin.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestSoloTwin = SoloTwin.TestCase
