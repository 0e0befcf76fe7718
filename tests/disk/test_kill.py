"""kill -9 of a writer at random moments, again and again on the same directory (seeded)."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from random import Random

from pyetcd.disk.files import Files
from pyetcd.disk.recovery import recover
from pyetcd.disk.rocks import RocksBackend
from pyetcd.mvcc.backend import Bucket

ROUNDS = 30
WRITER = Path(__file__).with_name("kill_writer.py")


def run_and_kill(directory: Path, seed: int) -> list[int]:
    """What the writer acknowledged before it was killed; it gets to acknowledge something first."""
    random = Random(seed)
    command = [sys.executable, str(WRITER), str(directory), str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    lines = [process.stdout.readline() for _ in range(random.choice((0, 1, 20, 200)))]
    timer = threading.Timer(random.random() ** 2 * 0.4, process.kill)
    timer.start()
    rest = process.stdout.read().splitlines(keepends=True)
    timer.join()
    assert process.wait() == -signal.SIGKILL, process.stderr.read()
    process.stderr.close()
    return [int(line) for line in lines + rest if line.endswith("\n")]


def number(backend: RocksBackend, name: bytes) -> int:
    return int.from_bytes(backend.get(Bucket.META, name) or b"", "big")


def check(directory: Path, acknowledged: int) -> int:
    """State and log together hold every entry up to some number, at least the acknowledged one, each once."""
    backend = RocksBackend(str(directory / "member" / "snap" / "rocks"))
    applied, count = number(backend, b"consistent_index"), number(backend, b"count")
    assert number(backend, b"sum") == count * (count + 1) // 2
    keys = [int.from_bytes(key, "big") for key, _ in backend.scan(Bucket.KEY, b"", None)]
    assert keys == list(range(1, count + 1))
    backend.abandon()
    contents = recover(str(directory / "member" / "wal"), applied, Files())
    logged = [int(entry.data.split(b".")[0]) for entry in contents.entries if entry.data and not entry.type]
    assert logged == list(range(count + 1, count + 1 + len(logged)))
    assert count + len(logged) >= acknowledged
    return count + len(logged)


def test_kill_9_loses_nothing_acknowledged_and_halves_nothing(tmp_path: Path) -> None:
    total = 0
    for seed in range(ROUNDS):
        acknowledged = run_and_kill(tmp_path, seed)
        assert acknowledged == sorted(set(acknowledged)), "answered in order, once"
        if (tmp_path / "member" / "wal").exists():
            total = check(tmp_path, max(acknowledged, default=total))
    assert total > 1000
