"""A member in a world that moves only when told: stepped loop, log held in memory, time by hand."""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Callable
from itertools import count

from pyetcd.apply.state_machine import StateMachine
from pyetcd.auth.store import AuthStore
from pyetcd.auth.tokens import NoTokens
from pyetcd.cluster.alarms import Alarms
from pyetcd.cluster.membership import Membership
from pyetcd.consensus.conf_change import bootstrap_entries
from pyetcd.consensus.ready import Ready
from pyetcd.consensus.records import Entry, HardState
from pyetcd.consensus.solo import SoloEngine
from pyetcd.lease.lessor import Lessor
from pyetcd.member.compactor import Compactor
from pyetcd.member.member import CONSISTENT_INDEX, Limits, Member
from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.memory import MemoryBackend
from pyetcd.mvcc.store import Store
from pyetcd.pb import rpc_pb2 as rpc

MEMBER_ID, CLUSTER_ID = 0x1234, 0x5678
CONTEXT = json.dumps({"id": MEMBER_ID, "peerURLs": ["http://localhost:2380"], "name": "m"}).encode()


class SteppedLoop:
    """member.loop.Loop; ``run`` does everything due now, ``advance`` lets time pass."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.turns: deque[Callable[[], object]] = deque()
        self.timers: list[tuple[float, int, list[Callable[[], object]]]] = []
        self._number = count()

    def now(self) -> float:
        return self.time

    def soon(self, action: Callable[[], object]) -> None:
        self.turns.append(action)

    def later(self, seconds: float, action: Callable[[], object]) -> Callable[[], None]:
        cell = [action]
        heapq.heappush(self.timers, (self.time + seconds, next(self._number), cell))
        return cell.clear

    def run(self) -> None:
        while self.turns:
            self.turns.popleft()()

    def advance(self, seconds: float) -> None:
        end = self.time + seconds
        self.run()
        while self.timers and self.timers[0][0] <= end:
            self.time, _, cell = heapq.heappop(self.timers)
            for action in list(cell):
                action()
            self.run()
        self.time = end


class HeldLog:
    """A log whose writes reach the disk when ``complete`` says so; a restart finds ``entries`` and ``hard_state``."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.hard_state = HardState()
        self.waiting: deque[tuple[Ready, Callable[[BaseException | None], object]]] = deque()
        self.saves = 0

    def save(self, ready: Ready, done: Callable[[BaseException | None], object]) -> None:
        self.saves += 1
        self.waiting.append((ready, done))

    def complete(self, error: BaseException | None = None) -> None:
        ready, done = self.waiting.popleft()
        if error is None:
            # A real log keeps bytes only: what was proposed here is not known after a restart.
            self.entries += [Entry(e.term, e.index, e.type, e.data, None) for e in ready.entries]
            self.hard_state = ready.hard_state or self.hard_state
        done(error)


class SilentHub:
    """A hub nobody watches."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int]] = []

    def notify(self, revision: int, changes: object) -> None:
        self.heard.append((revision, len(changes)))  # type: ignore[arg-type]

    def flush(self) -> None:
        pass


class World:
    """One member over a backend and a log that survive ``restart``."""

    def __init__(self) -> None:
        self.backend = MemoryBackend()
        self.log = HeldLog()
        self.crashes: list[BaseException] = []
        self.start()

    def start(self) -> None:
        self.loop = SteppedLoop()
        self.hub = SilentHub()
        store = Store(self.backend)
        store.load()
        lessor = Lessor(self.backend)
        lessor.load()
        membership = Membership(self.backend, CLUSTER_ID)
        membership.load()
        alarms = Alarms(self.backend)
        alarms.load()
        auth = AuthStore(self.backend, NoTokens())
        auth.load()
        self.member = Member(
            CLUSTER_ID,
            MEMBER_ID,
            machine=StateMachine(store, lessor, alarms, membership, auth),
            engine=self._engine(),
            log=self.log,
            backend=self.backend,
            hub=self.hub,  # type: ignore[arg-type]
            compactions=Compactor(self.backend, self.loop, 0.01),
            loop=self.loop,
            request_ids=count(1),
            limits=Limits(),
            crash=self.crashes.append,
        )

    def _engine(self) -> SoloEngine:
        if not self.log.entries:
            return SoloEngine.bootstrap(MEMBER_ID, bootstrap_entries([(MEMBER_ID, CONTEXT)]))
        applied = int.from_bytes(self.backend.get(Bucket.META, CONSISTENT_INDEX) or b"", "big")
        return SoloEngine(MEMBER_ID, self.log.hard_state, self.log.entries[applied:], applied)

    def elect(self) -> None:
        """Start the member and complete every write until it takes proposals."""
        self.member.start()
        self.settle()
        assert self.member.refusal is None

    def settle(self) -> None:
        self.loop.run()
        while self.log.waiting:
            self.log.complete()
            self.loop.run()

    def restart(self) -> None:
        """The process dies: unwritten log writes and uncommitted backend writes are gone."""
        self.log.waiting.clear()
        self.start()

    def put(self, key: bytes, value: bytes = b"v") -> list[object]:
        """Propose a Put; the result appears in the returned list."""
        request = rpc.PutRequest(key=key, value=value)
        results: list[object] = []
        self.member.propose("put", request.SerializeToString(), request, results.append)
        return results
