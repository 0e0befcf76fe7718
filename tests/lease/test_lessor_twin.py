"""The lessor against a dumb twin: a dict of leases and a look at every one of them."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pyetcd.errors import LeaseExists, LeaseNotFound, NotPrimaryLessor
from pyetcd.lease.lessor import RETRY_SECONDS, Lessor
from pyetcd.mvcc.memory import MemoryBackend

IDS = st.sampled_from([1, 2, 3, -1, 2**63 - 1])
KEYS = st.sampled_from([b"a", b"b", b"c", b"d"])
MIN_TTL = 2


class Twin:
    def __init__(self, ttl: int) -> None:
        self.ttl = ttl
        self.checkpointed = 0
        self.end: float | None = None
        self.again = 0.0


class Leases(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.backend = MemoryBackend()
        self.lessor = Lessor(self.backend, MIN_TTL)
        self.twins: dict[int, Twin] = {}
        self.key_lease: dict[bytes, int] = {}
        self.primary = False
        self.now = 0.0

    @rule(id=IDS, ttl=st.integers(-1, 12))
    def grant(self, id: int, ttl: int) -> None:
        try:
            given = self.lessor.grant(id, ttl, self.now)
        except LeaseExists:
            assert id in self.twins
            return
        assert id not in self.twins
        twin = self.twins[id] = Twin(max(ttl, MIN_TTL))
        assert given == twin.ttl
        if self.primary:
            twin.end = self.now + twin.ttl

    @rule(id=IDS)
    def revoke(self, id: int) -> None:
        try:
            keys = self.lessor.revoke(id)
        except LeaseNotFound:
            assert id not in self.twins
            return
        del self.twins[id]
        assert keys == sorted(key for key, lease in self.key_lease.items() if lease == id)
        self.key_lease = {key: lease for key, lease in self.key_lease.items() if lease != id}

    @rule(id=IDS)
    def renew(self, id: int) -> None:
        twin = self.twins.get(id)
        try:
            answer = self.lessor.renew(id, self.now)
        except NotPrimaryLessor:
            assert not self.primary
            return
        assert self.primary
        if twin is None:
            assert answer is None
        elif twin.end is not None and twin.end <= self.now:
            assert answer == 0
        else:
            assert answer == twin.ttl
            twin.end = self.now + (twin.checkpointed or twin.ttl)

    @rule(id=IDS, key=KEYS)
    def attach(self, id: int, key: bytes) -> None:
        try:
            self.lessor.attach(id, key)
        except LeaseNotFound:
            assert id not in self.twins
            return
        assert id in self.twins
        self.key_lease[key] = id

    @rule(key=KEYS)
    def delete_key(self, key: bytes) -> None:
        self.lessor.detach(self.lessor.lease_of_key(key), key)
        self.key_lease.pop(key, None)

    @rule(id=IDS, remaining=st.integers(0, 5))
    def checkpoint(self, id: int, remaining: int) -> None:
        self.lessor.checkpoint(id, remaining, self.now)
        if id in self.twins:
            self.twins[id].checkpointed = remaining

    @rule(extend=st.sampled_from([0.0, 1.0]))
    def promote(self, extend: float) -> None:
        self.lessor.promote(self.now, extend)
        self.primary = True
        for twin in self.twins.values():
            twin.end = self.now + extend + (twin.checkpointed or twin.ttl)
            twin.again = 0.0

    @rule()
    def demote(self) -> None:
        self.lessor.demote()
        self.primary = False
        for twin in self.twins.values():
            twin.end = None

    @rule()
    def restart(self) -> None:
        self.lessor = Lessor(self.backend, MIN_TTL)
        self.lessor.load(self.key_lease.items())
        self.primary = False
        for twin in self.twins.values():
            twin.end = None

    @rule(seconds=st.sampled_from([0.25, 0.5, 1.0, 3.0, 8.0]), limit=st.sampled_from([1, 2, 500]))
    def pass_time(self, seconds: float, limit: int) -> None:
        self.now += seconds
        due = self.lessor.expired(self.now, limit)
        ready = {
            id for id, twin in self.twins.items() if twin.end is not None and max(twin.end, twin.again) <= self.now
        }
        assert len(set(due)) == len(due) == min(limit, len(ready))
        assert set(due) <= ready
        for id in due:
            self.twins[id].again = self.now + RETRY_SECONDS

    @invariant()
    def agrees(self) -> None:
        self.lessor.check()
        assert set(self.lessor.leases(self.now)) == set(self.twins)
        ends = {id: twin.end for id, twin in self.twins.items()}
        if self.primary:
            listed = [ends[id] for id in self.lessor.leases(self.now)]
            assert listed == sorted(ends.values(), key=lambda end: end or 0.0)
        for id in self.twins:
            assert sorted(self.lessor.keys(id)) == sorted(k for k, lease in self.key_lease.items() if lease == id)


Leases.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestLeases = Leases.TestCase
