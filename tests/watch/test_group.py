"""The group's lookup against a look at every watcher."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pyetcd.watch import group
from pyetcd.watch.group import Group
from pyetcd.watch.watcher import Watcher

KEYS = st.binary(max_size=2).map(lambda raw: bytes(byte % 4 for byte in raw) or b"\0")


def covers(watcher: Watcher, key: bytes) -> bool:
    if watcher.end is None:
        return key == watcher.key
    return watcher.key <= key and (not watcher.end or key < watcher.end)


class Lookups(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.group = Group()
        self.watchers: list[Watcher] = []

    @rule(key=KEYS, end=st.one_of(st.none(), st.just(b""), KEYS))
    def add(self, key: bytes, end: bytes | None) -> None:
        if end and end <= key:
            return
        watcher = Watcher(None, len(self.watchers), key, end, 0)  # type: ignore[arg-type]
        self.group.add(watcher)
        self.watchers.append(watcher)

    @rule(which=st.integers(0, 1000))
    def remove(self, which: int) -> None:
        if self.watchers:
            self.group.remove(self.watchers.pop(which % len(self.watchers)))

    @rule(key=KEYS)
    def look(self, key: bytes) -> None:
        found = [watcher for members in self.group.watching(key) for watcher in members]
        assert len(found) == len(set(found))
        assert set(found) == {watcher for watcher in self.watchers if covers(watcher, key)}

    @invariant()
    def holds(self) -> None:
        self.group.check()
        assert set(self.group) == set(self.watchers)
        assert len(self.group) == len(self.watchers)


class ForgetfulLookups(Lookups):
    """The same with hardly any room for ready answers."""

    def __init__(self) -> None:
        super().__init__()
        self.limit = group.CACHED_LIMIT
        group.CACHED_LIMIT = 3

    def teardown(self) -> None:
        group.CACHED_LIMIT = self.limit


Lookups.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
ForgetfulLookups.TestCase.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
TestLookups = Lookups.TestCase
TestForgetfulLookups = ForgetfulLookups.TestCase
