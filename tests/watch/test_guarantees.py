"""The guarantees of wire contract 3.5, held against a dumb model while clients stall, compactions overtake, watchers
come and go and progress is asked for.

The model is the list of everything that ever happened.  A client checks each response as it arrives; whatever is
still owed is demanded when the test lets everybody read (settle).
"""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pyetcd.errors import Compacted, FutureRevision
from pyetcd.mvcc.memory import MemoryBackend
from pyetcd.mvcc.store import Store
from pyetcd.pb.kv_pb2 import Event, KeyValue
from pyetcd.pb.rpc_pb2 import WatchResponse
from pyetcd.watch import catch_up, history_pass, hub, stream
from pyetcd.watch.hub import Hub
from pyetcd.watch.watcher import NO_DELETE, NO_PUT
from tests.watch.outlet import Outlet

KEYS = st.sampled_from([b"a", b"b", b"ba", b"bb", b"c"])
RANGES = st.sampled_from([(b"a", b""), (b"b", b""), (b"b", b"c"), (b"a", b"bb"), (b"", b"\0"), (b"bb", b"\0")])
FILTERS = st.sampled_from([(), (), (NO_PUT,), (NO_DELETE,), (NO_PUT, NO_DELETE), (7,)])
CLIENTS = st.sampled_from([0, 1])
BATCH = 3  # revisions in one catch-up response


class Past:
    """What happened: for every revision its events in order, and each key's value at every revision."""

    def __init__(self) -> None:
        self.events: dict[int, list[tuple[bool, KeyValue]]] = {}
        self.live: list[dict[bytes, KeyValue]] = [{}, {}]

    def record(self, revision: int, changes: list[tuple[bytes, bytes | None]]) -> None:
        assert revision == len(self.live)
        before, now = self.live[-1], dict(self.live[-1])
        events = []
        for key, value in changes:
            if value is None:
                del now[key]
                events.append((True, KeyValue(key=key, mod_revision=revision)))
                continue
            old = now.get(key) or KeyValue(create_revision=revision)
            now[key] = KeyValue(
                key=key, value=value, create_revision=old.create_revision, mod_revision=revision,
                version=old.version + 1,
            )  # fmt: skip
            events.append((False, now[key]))
        assert before is not now
        self.live.append(now)
        self.events[revision] = events

    def prev(self, key: bytes, revision: int) -> KeyValue | None:
        return self.live[revision - 1].get(key)


class Ward:
    """One watcher as its client knows it."""

    def __init__(self, world: Guarantees, request: dict[str, object], range: tuple[bytes, bytes], next: int) -> None:
        self.world = world
        self.key, self.end = range[0] or b"\0", range[1]
        self.filters: tuple[int, ...] = request["filters"]  # type: ignore[assignment]
        self.prev_kv = bool(request["prev_kv"])
        self.next = next  # no event below it is owed any more
        self.bookmark = 0
        self.fragments: list[Event] = []
        self.compacted = False

    def owed(self, revision: int) -> list[tuple[bool, KeyValue]]:
        """Events of a revision that concern it."""
        return [
            (deleted, kv)
            for deleted, kv in self.world.past.events.get(revision, [])
            if (kv.key == self.key if not self.end else kv.key >= self.key and (self.end == b"\0" or kv.key < self.end))
            and (NO_DELETE if deleted else NO_PUT) not in self.filters
        ]

    def acceptable(self, revision: int) -> list[list[tuple[bool, KeyValue]]]:
        """What may come of a revision: all of it; once compacted also without what the same revision overwrote."""
        owed = self.owed(revision)
        if revision > self.world.store.compact_revision:
            return [owed]
        newest = {kv.key: (deleted, kv) for deleted, kv in self.world.past.events.get(revision, [])}
        return [owed, [each for each in owed if newest[each[1].key] == each]]

    def receive(self, response: WatchResponse) -> None:
        events = list(response.events)
        self.fragments += events
        if response.fragment:
            return
        events, self.fragments = self.fragments, []
        revisions = [each.kv.mod_revision for each in events]
        assert revisions == sorted(revisions), "ordered"
        assert revisions[0] >= self.next, "unique, and nothing from before the start"
        assert revisions[0] > self.bookmark, "bookmarkable"
        assert response.header.revision >= revisions[-1]
        assert len(set(revisions)) <= BATCH
        for revision in range(self.next, revisions[-1] + 1):
            got = [(e.type == Event.DELETE, e.kv) for e in events if e.kv.mod_revision == revision]
            assert got in self.acceptable(revision), "reliable, atomic"
        for event in events:
            self.check_prev(event)
        self.next = revisions[-1] + 1

    def check_prev(self, event: Event) -> None:
        created = event.type == Event.PUT and event.kv.create_revision == event.kv.mod_revision
        before = None if created or not self.prev_kv else self.world.past.prev(event.kv.key, event.kv.mod_revision)
        if event.HasField("prev_kv"):
            assert event.prev_kv == before
        elif before is not None:
            assert event.kv.mod_revision - 1 < self.world.store.compact_revision, "only compaction takes prev_kv away"

    def demand_everything(self) -> None:
        assert not self.fragments
        missing = [r for r in range(self.next, self.world.store.revision + 1) if self.owed(r)]
        assert not missing or self.compacted


class Client:
    """One stream, its watchers by id and what it was told."""

    def __init__(self, world: Guarantees) -> None:
        self.world = world
        self.outlet = Outlet()
        self.stream = world.hub.open(self.outlet)
        self.wards: dict[int, Ward] = {}

    def read(self) -> None:
        for response in self.outlet.take():
            self.receive(response)

    def receive(self, response: WatchResponse) -> None:
        if response.compact_revision:
            ward = self.wards[response.watch_id]
            assert not ward.compacted and response.canceled and not response.cancel_reason
            assert response.header.revision == 0
            assert max(ward.next, ward.bookmark + 1) < response.compact_revision <= self.world.store.compact_revision
            ward.compacted = True
        elif response.events:
            self.wards[response.watch_id].receive(response)
        elif not (response.created or response.canceled):
            told = self.wards.values() if response.watch_id == -1 else [self.wards[response.watch_id]]
            for ward in told:
                assert not ward.compacted
                ward.bookmark = response.header.revision

    def settle(self) -> None:
        self.outlet.reading = True
        self.outlet.pending = 0
        self.stream.drained()


class Guarantees(RuleBasedStateMachine):
    patches = (
        patch.object(stream, "HIGH_WATER", 12),
        patch.object(catch_up, "PASS_WATCHERS", 2),
        patch.object(catch_up, "NEAR", 3),
        patch.object(history_pass, "BATCH_REVISIONS", BATCH),
        patch.object(history_pass, "SLICE_REVISIONS", 2),
    )

    def __init__(self) -> None:
        super().__init__()
        for each in self.patches:
            each.start()

    @initialize(
        gather=st.sampled_from([100, 1 << 20]),
        batch=st.sampled_from([80, 1 << 20]),
        reading=st.sampled_from([(True, True), (False, True), (False, False)]),
    )
    def begin(self, gather: int, batch: int, reading: tuple[bool, bool]) -> None:
        self.limits = (patch.object(hub, "GATHER_LIMIT", gather), patch.object(history_pass, "BATCH_BYTES", batch))
        for each in self.limits:
            each.start()
        self.store = Store(MemoryBackend())
        self.hub = Hub(self.store, fragment_limit=120)
        self.past = Past()
        self.clients = [Client(self), Client(self)]
        for client, reads in zip(self.clients, reading, strict=True):
            client.outlet.reading = reads
        self.now = 0.0

    def teardown(self) -> None:
        if hasattr(self, "clients"):
            self.settle()
            for each in self.limits:
                each.stop()
        for each in self.patches:
            each.stop()

    # -- the store --------------------------------------------------------------------------------------------

    @rule(puts=st.lists(st.tuples(KEYS, st.sampled_from([b"", b"v", b"w" * 40])), min_size=1, max_size=4))
    def put(self, puts: list[tuple[bytes, bytes]]) -> None:
        for key, value in puts:
            change = self.store.put(key, value)
            self.past.record(self.store.revision, [(key, value)])
            self.hub.notify(self.store.revision, (change,))

    @rule(key=KEYS, end=st.sampled_from([b"", b"c", b"\0"]))
    def delete(self, key: bytes, end: bytes) -> None:
        changes = self.store.delete_range(key, end)
        if changes:
            self.past.record(self.store.revision, [(change.key, None) for change in changes])
            self.hub.notify(self.store.revision, changes)

    @rule(keys=st.lists(KEYS, unique=True, min_size=1), drop=KEYS)
    def transact(self, keys: list[bytes], drop: bytes) -> None:
        txn = self.store.begin()
        made: list[tuple[bytes, bytes | None]] = []
        for key in keys:
            if key == drop:
                made += [(change.key, None) for change in txn.delete_range(key, b"")]
            txn.put(key, b"t")
            made.append((key, b"t"))
        changes = txn.end()
        self.past.record(self.store.revision, made)
        self.hub.notify(self.store.revision, changes)

    @rule(back=st.integers(0, 6))
    def compact(self, back: int) -> None:
        try:
            compaction = self.store.compact(self.store.revision - back)
        except (Compacted, FutureRevision):
            return
        while not compaction.step():
            pass

    # -- clients ----------------------------------------------------------------------------------------------

    @rule(
        which=CLIENTS, range=RANGES, start=st.integers(-12, 3), id=st.sampled_from([0, 0, 0, 1, 5, 2**40]),
        filters=FILTERS, prev_kv=st.booleans(), progress=st.booleans(), fragment=st.booleans(),
    )  # fmt: skip
    def watch(self, which: int, range: tuple[bytes, bytes], start: int, id: int, **options: object) -> None:
        client = self.clients[which]
        client.stream.flush()
        client.read()
        current = self.store.revision
        revision = max(1, current + start) if start != 3 else 0
        client.stream.create(*range, revision, watch_id=id, **options)  # type: ignore[arg-type]
        (reply,) = client.outlet.take()
        assert reply.created and reply.header.revision == current
        if id in client.wards and id:
            assert reply.canceled and reply.watch_id == -1
            return
        assert not reply.canceled and reply.watch_id not in client.wards and id in (0, reply.watch_id)
        client.wards[reply.watch_id] = Ward(self, options, range, revision or current + 1)

    @rule(which=CLIENTS, id=st.sampled_from([0, 1, 2, 5, 2**40]))
    def cancel(self, which: int, id: int) -> None:
        client = self.clients[which]
        client.stream.flush()
        client.read()
        client.stream.cancel(id)
        replies = client.outlet.take()
        if client.wards.pop(id, None) is None:
            assert replies == []
        else:
            assert [(r.watch_id, r.canceled, r.header.revision) for r in replies] == [(id, True, self.store.revision)]

    @rule(which=CLIENTS, back=st.lists(st.integers(0, 8), min_size=1, max_size=4))
    def watch_everything(self, which: int, back: list[int]) -> None:
        """The plainest watchers, from here and there: most of what goes wrong goes wrong with them."""
        client = self.clients[which]
        client.stream.flush()
        client.read()
        for each in back:
            start = max(1, self.store.revision + 1 - each)
            client.stream.create(b"\0", b"\0", start)
            (reply,) = client.outlet.take()
            client.wards[reply.watch_id] = Ward(self, {"filters": (), "prev_kv": False}, (b"\0", b"\0"), start)

    @rule(which=CLIENTS)
    def ask_progress(self, which: int) -> None:
        client = self.clients[which]
        before = len(client.outlet.sent)
        client.stream.report_progress()
        client.stream.flush()
        answers = [r for r in client.outlet.sent[before:] if not r.events]
        if not client.wards:
            assert answers == []
        assert all((r.watch_id, r.header.revision) == (-1, self.store.revision) for r in answers)

    @rule(which=CLIENTS)
    def tick(self, which: int) -> None:
        self.clients[which].stream.tick()

    @rule(which=CLIENTS)
    def drain(self, which: int) -> None:
        """It reads all there is; from then on it reads as it comes, or stalls again."""
        client = self.clients[which]
        reading = client.outlet.reading
        client.settle()
        client.outlet.reading = not reading

    @rule(which=CLIENTS)
    def reconnect(self, which: int) -> None:
        """Resumable: a new stream that starts where each watcher was gets exactly the rest."""
        old = self.clients[which]
        old.stream.flush()
        old.read()
        old.stream.close()
        client = self.clients[which] = Client(self)
        for id, ward in old.wards.items():
            if not ward.compacted:
                client.stream.create(
                    ward.key, ward.end, ward.next, watch_id=id + 1, filters=ward.filters, prev_kv=ward.prev_kv
                )
                again = Ward(self, {"filters": ward.filters, "prev_kv": ward.prev_kv}, (ward.key, ward.end), ward.next)
                client.wards[id + 1] = again

    # -- time -------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.1]))
    def sync(self, seconds: float) -> None:
        self.hub.flush()
        self.now += seconds
        self.hub.sync_step(self.now)

    @rule(really=st.sampled_from([False, False, True]))
    def rest(self, really: bool) -> None:
        if really:
            self.settle()

    def settle(self) -> None:
        """Everybody reads and everything is caught up: nothing may be missing now."""
        self.hub.flush()
        for _ in range(1000):
            for client in self.clients:
                client.settle()
            delay = self.hub.sync_step(self.now)
            if delay is None and not any(client.stream.full for client in self.clients):
                break
            self.now += delay or 0.0
        else:
            raise AssertionError("catching up never ends")
        for client in self.clients:
            client.read()
            for ward in client.wards.values():
                ward.demand_everything()

    @invariant()
    def whole(self) -> None:
        if hasattr(self, "clients"):
            self.hub.check()
            for client in self.clients:
                client.read()


Guarantees.TestCase.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
TestGuarantees = Guarantees.TestCase
