"""The scripts in testdata/mvcc: stories about revisions, one store each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pyetcd.errors import EtcdError
from pyetcd.mvcc import Bucket, Change, MemoryBackend, Query, RangeResult, Store
from pyetcd.mvcc.record import decode, lease_of
from pyetcd.mvcc.revision import from_key, text
from tests.datadriven import Command, run_script

SCRIPTS = sorted((Path(__file__).parent.parent / "testdata" / "mvcc").glob("*.txt"))


class Story:
    """One handler per command; every handler returns what it prints."""

    def __init__(self) -> None:
        self.backend = MemoryBackend()
        self.store = Store(self.backend)

    def handle(self, command: Command) -> str:
        handler: Callable[[Command], str] = getattr(self, "do_" + command.name)
        try:
            return handler(command)
        except EtcdError as error:
            return f"error: {type(error).__name__}"

    def do_put(self, c: Command) -> str:
        key, value = c.words
        return self.written([self.store.put(_bytes(key), _bytes(value), int(c.options.get("lease", 0)))])

    def do_delete(self, c: Command) -> str:
        return self.written(self.store.delete_range(*_interval(c.words)))

    def do_txn(self, c: Command) -> str:
        """Operations separated by ``/``."""
        txn, printed = self.store.begin(), []
        for op in " ".join(c.words).split(" / "):
            name, *words = op.split()
            if name == "put":
                txn.put(_bytes(words[0]), _bytes(words[1]))
            elif name == "delete":
                txn.delete_range(*_interval(tuple(words)))
            else:
                printed += ["  sees " + line for line in _result(txn.range(Query(*_interval(tuple(words)))))]
        return "\n".join([self.written(txn.end()), *printed])

    def written(self, changes: list[Change]) -> str:
        lines = [f"revision {self.store.revision}"]
        lines += [_change(change) for change in changes]
        return "\n".join(lines)

    def do_range(self, c: Command) -> str:
        options = {name: int(value) for name, value in c.options.items()}
        flags = {"keys_only": "keys_only" in c.words, "count_only": "count_only" in c.words}
        words = tuple(word for word in c.words if word not in flags)
        return "\n".join(_result(self.store.range(Query(*_interval(words), **options, **flags))))

    def do_index(self, c: Command) -> str:
        """The generations of keys."""
        return "\n".join(self.store.describe(_bytes(word)) for word in c.words)

    def do_backend(self, c: Command) -> str:
        """The revisions on disk."""
        entries = self.backend.scan(Bucket.KEY, b"", None)
        return " ".join(text(from_key(raw)) for raw, _ in entries) or "nothing"

    def do_compact(self, c: Command) -> str:
        self.store.compact(int(c.words[0]))
        return f"compact revision {self.store.compact_revision}"

    def do_step(self, c: Command) -> str:
        """Steps of the background pass, in batches of two entries."""
        if self.store.compaction is None:
            return "nothing to do"
        done = [self.store.compaction.step(2) for _ in range(int(c.words[0]))]
        return "done" if done[-1] else "not done"

    def do_finish(self, c: Command) -> str:
        compaction = self.store.compaction
        assert compaction is not None
        while not compaction.step():
            pass
        return f"done, {compaction.deleted} deleted"

    def do_hash(self, c: Command) -> str:
        result = self.store.hash_kv(int(c.words[0]))
        return f"{result.hash} of revision {result.hash_revision}, compacted at {result.compact_revision}"

    def do_changes(self, c: Command) -> str:
        lines: list[str] = []
        for revision, changes in self.store.changes(int(c.words[0]), int(c.words[1]), int(c.options.get("limit", 99))):
            lines += [f"revision {revision}", *map(_change, changes)]
        return "\n".join(lines) or "nothing"

    def do_restart(self, c: Command) -> str:
        self.store = Store(self.backend)
        self.store.load()
        self.store.check()
        state = "a compaction to finish" if self.store.compaction else "no compaction to finish"
        return f"revision {self.store.revision}, compact revision {self.store.compact_revision}, {state}"


def _bytes(word: str) -> bytes:
    return b"" if word == "-" else word.encode().decode("unicode_escape").encode("latin-1")


def _interval(words: tuple[str, ...]) -> tuple[bytes, bytes]:
    return _bytes(words[0]), _bytes(words[1]) if len(words) > 1 else b""


def _kv(framed: bytes) -> str:
    r = decode(framed)
    lease = f" lease={lease_of(framed)}" if r.lease else ""
    key, value = r.key.decode("latin-1"), r.value.decode("latin-1")
    return f"{key}={value} create={r.create_revision} mod={r.mod_revision} version={r.version}{lease}"


def _change(change: Change) -> str:
    was = f"  was {_kv(change.prev)}" if change.prev is not None else ""
    if change.deleted:
        return f"  DELETE {change.key.decode()}{was}"
    return f"  {'CREATE' if change.created else 'PUT'} {_kv(change.kv)}{was}"


def _result(result: RangeResult) -> list[str]:
    more = ", more" if result.more else ""
    return [*map(_kv, result.kvs.entries()), f"{result.returned} of {result.count}{more} at revision {result.revision}"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path: Path, rewrite: bool) -> None:
    run_script(path, Story().handle, rewrite=rewrite)
