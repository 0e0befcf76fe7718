"""RocksBackend: against the backend in memory, over restarts and crashes."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from pyetcd.disk.rocks import RocksBackend
from pyetcd.disk.space import PAGE, PageAccount
from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.memory import MemoryBackend

buckets = st.sampled_from([Bucket.KEY, Bucket.META, Bucket.LEASE, Bucket.MEMBERS_REMOVED])
keys = st.binary(max_size=2) | st.sampled_from([b"\x00", b"\xff", b"\xff\xff"])


class RocksTwin(RuleBasedStateMachine):
    """Everything the Protocol promises, on both."""

    def __init__(self) -> None:
        super().__init__()
        self.path = tempfile.mkdtemp(prefix="rocks-twin-")
        self.rocks = RocksBackend(self.path)
        self.twin = MemoryBackend()

    @rule(bucket=buckets, key=keys, value=st.binary(max_size=20))
    def put(self, bucket: Bucket, key: bytes, value: bytes) -> None:
        self.rocks.put(bucket, key, value)
        self.twin.put(bucket, key, value)

    @rule(bucket=buckets, key=keys)
    def delete(self, bucket: Bucket, key: bytes) -> None:
        self.rocks.delete(bucket, key)
        self.twin.delete(bucket, key)

    @rule()
    def commit(self) -> None:
        self.rocks.commit()
        self.twin.commit()

    @rule()
    def restart(self) -> None:
        self.rocks.close()
        self.twin.commit()
        self.rocks = RocksBackend(self.path)

    @rule(bucket=buckets, key=keys)
    def get(self, bucket: Bucket, key: bytes) -> None:
        assert self.rocks.get(bucket, key) == self.twin.get(bucket, key)

    @rule(bucket=buckets, start=keys, end=st.none() | keys, limit=st.integers(0, 4))
    def scan(self, bucket: Bucket, start: bytes, end: bytes | None, limit: int) -> None:
        assert self.rocks.scan(bucket, start, end, limit) == self.twin.scan(bucket, start, end, limit)

    def teardown(self) -> None:
        for bucket in Bucket:
            assert self.rocks.scan(bucket, b"", None) == self.twin.scan(bucket, b"", None)
        self.rocks.close()
        shutil.rmtree(self.path)


RocksTwin.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestRocksTwin = RocksTwin.TestCase

WRITER = """
import sys
from random import Random
from threading import Thread
from pyetcd.disk.rocks import RocksBackend
from pyetcd.mvcc.backend import Bucket
backend, random = RocksBackend(sys.argv[1]), Random(int(sys.argv[2]))
first = int.from_bytes(backend.get(Bucket.META, b"n") or b"", "big") + 1
for n in range(first, first + 1_000_000):
    for bucket in (Bucket.KEY, Bucket.LEASE, Bucket.MEMBERS_REMOVED):
        backend.put(bucket, n.to_bytes(8, "big"), b"%d" % n * random.randrange(200))
    if n > 10:
        backend.delete(Bucket.LEASE, (n - 10).to_bytes(8, "big"))
    backend.put(Bucket.META, b"n", n.to_bytes(8, "big"))
    backend.commit()
    if random.random() < 0.002:
        flushed = n
        def flush(n=n):
            backend.flush()
            sys.stdout.write("%d\\n" % n)
            sys.stdout.flush()
        thread = Thread(target=flush)
        thread.start()
        if random.random() < 0.5:
            thread.join()
"""


def kill_while_writing(path: Path, seed: int) -> int:
    """Runs the writer until after a few flushes, kills it anywhere; the newest commit it said was flushed."""
    random = Random(seed)
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(seed)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    flushed = [int(process.stdout.readline()) for _ in range(random.randrange(1, 4))]
    try:
        process.wait(random.random() * 0.05)
    except subprocess.TimeoutExpired:
        process.kill()
    rest = process.stdout.read().split()
    assert process.wait() == -signal.SIGKILL
    return max(flushed + [int(n) for n in rest])


def test_kill_leaves_the_state_after_some_commit(tmp_path: Path) -> None:
    for seed in range(10):
        flushed = kill_while_writing(tmp_path / "state", seed)
        backend = RocksBackend(str(tmp_path / "state"))
        last = int.from_bytes(backend.get(Bucket.META, b"n") or b"", "big")
        assert last >= flushed
        everything = [n.to_bytes(8, "big") for n in range(1, last + 1)]
        expected = {Bucket.KEY: everything, Bucket.MEMBERS_REMOVED: everything, Bucket.LEASE: everything[-10:]}
        for bucket, kept in expected.items():
            assert [key for key, _ in backend.scan(bucket, b"", None)] == kept, (seed, bucket)
        backend.abandon()


def test_what_was_not_flushed_is_lost_and_nothing_else(tmp_path: Path) -> None:
    """Proof that RocksDB's own log is off: otherwise every commit would be written twice."""
    backend = RocksBackend(str(tmp_path))
    backend.put(Bucket.KEY, b"a", b"1")
    backend.commit()
    backend.flush()
    backend.put(Bucket.KEY, b"b", b"2")
    backend.commit()
    logs = [file for file in tmp_path.iterdir() if file.suffix == ".log"]
    assert sum(file.stat().st_size for file in logs) == 0
    copy = tmp_path.with_name("copy")
    shutil.copytree(tmp_path, copy)
    backend.close()
    crashed = RocksBackend(str(copy))
    assert crashed.scan(Bucket.KEY, b"", None) == [(b"a", b"1")]
    crashed.close()


FULL_DISK = """
import resource, signal, sys
from pyetcd.disk.rocks import RocksBackend
from pyetcd.errors import DiskFailure
from pyetcd.mvcc.backend import Bucket
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
backend = RocksBackend(sys.argv[1])
backend.put(Bucket.META, b"n", b"before")
backend.commit()
backend.flush()
backend.put(Bucket.KEY, b"big", bytes(range(256)) * 8192)
backend.put(Bucket.META, b"n", b"after")
backend.commit()
for attempt in range(2):
    try:
        backend.flush()
    except DiskFailure as error:
        print("refused:", error)
try:
    backend.put(Bucket.META, b"n", b"later")
    backend.commit()
except DiskFailure as error:
    print("refused:", error)
"""


def test_a_full_disk_is_a_disk_failure_and_stays_one(tmp_path: Path) -> None:
    assert resource.RLIMIT_FSIZE
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.stdout.count("refused: cannot") == 3, run.stdout + run.stderr
    backend = RocksBackend(str(tmp_path))
    assert backend.get(Bucket.META, b"n") == b"before" and backend.get(Bucket.KEY, b"big") is None
    backend.close()


def test_size_is_in_pages_and_survives_a_restart(tmp_path: Path) -> None:
    backend = RocksBackend(str(tmp_path))
    assert (backend.size(), backend.size_in_use()) == (20480, 16384), "as a fresh etcd 3.7.1 says"
    for n in range(100):
        backend.put(Bucket.KEY, n.to_bytes(17, "big"), b"x" * 1000)
    backend.commit()
    grown = backend.size()
    assert grown == backend.size_in_use() + PAGE and 25 * PAGE < grown <= 40 * PAGE
    for n in range(90):
        backend.delete(Bucket.KEY, n.to_bytes(17, "big"))
    backend.commit()
    backend.close()
    backend = RocksBackend(str(tmp_path))
    assert backend.size() == grown and backend.size_in_use() < 10 * PAGE
    backend.compact_files()
    assert backend.size() == backend.size_in_use() + PAGE and backend.size_on_disk() < 20 * PAGE
    assert len(backend.scan(Bucket.KEY, b"", None)) == 10
    backend.close()


def test_page_account_round_trip() -> None:
    account = PageAccount(12345, 99 * PAGE)
    again = PageAccount.decode(account.encode())
    assert (again.bytes, again.high_water) == (12345, 99 * PAGE)
    assert PageAccount.decode(b"").bytes == 0


def test_no_file_is_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "made"
    RocksBackend(str(path)).close()
    assert os.stat(path).st_mode & 0o777 == 0o700


def test_a_second_opener_is_refused(tmp_path: Path) -> None:
    from pyetcd.errors import DiskFailure

    backend = RocksBackend(str(tmp_path))
    with pytest.raises(DiskFailure, match="cannot open the state"):
        RocksBackend(str(tmp_path))
    backend.close()
