"""A million keys of 256 B: memory, restart, cheap questions about them, and who stands still meanwhile.

The stalls: small calls are sent at a fixed rate (open loop) while one piece of heavy work runs; their p99 is the
figure.  The heavy work's client is h2load, which throws answers away, at a lower priority: a client that
decodes a million keys on the CPU of the paced one would be measured instead of the server.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import measure, messages
from tests.bench.loads import fill
from tests.bench.tools import LOAD_CPU, Load, h2load_command, load
from tests.peers import FOLDER
from tests.servers import Server

KEYS = 1_000_000
RESTARTS = 3
FLAGS = ("--quota-backend-bytes=8589934592",)
PACE = "pace --clients=1 --conns=4 --rate=200 --seconds={seconds}"


@dataclass
class Size:
    """Memory in bytes and seconds, of one side."""

    fill_seconds: float
    rss_filled: int
    rss_restarted: int
    restart_seconds: float


def measure_size(server: Server, keys: int) -> Size:
    begun = time.monotonic()
    fill("million/", keys)(server)
    took = time.monotonic() - begun
    measure.settle(server.pid)
    filled = measure.rss_bytes(server.pid)
    restarts = []
    for _ in range(RESTARTS):
        server.stop()
        restarts.append(server.start(timeout=120))
    measure.settle(server.pid)
    return Size(took, filled, measure.rss_bytes(server.pid), sorted(restarts)[RESTARTS // 2])


@contextmanager
def beside(command: list[str]) -> Iterator[None]:
    """``command`` over and over on the load's CPU, at low priority, while the body runs."""
    quiet = ["nice", "-n", "10", "taskset", "-c", str(LOAD_CPU), *command]
    process = subprocess.Popen(quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def nothing(server: Server, seconds: float) -> Load:
    return load(server.endpoint, PACE.format(seconds=seconds))


def big_range(server: Server, seconds: float) -> Load:
    with tempfile.TemporaryDirectory() as scratch:
        command = h2load_command(
            server.endpoint, messages.RANGE, messages.every_key(), Path(scratch), "-n 1000 -c 1 -m 1 -t 1"
        )
        with beside(command):
            return nothing(server, seconds)


def compaction(server: Server, seconds: float) -> Load:
    """Compact away a history of as many revisions as there are keys (every key was written twice)."""
    fields = [str(FOLDER / "etcdctl"), f"--endpoints={server.endpoint}"]
    said = subprocess.run([*fields, "get", "x", "-w", "fields"], capture_output=True, text=True, check=True).stdout
    revision = said.split('"Revision" : ')[1].split("\n")[0]
    with beside([*fields, "compaction", revision]):
        return nothing(server, seconds)


def flush(server: Server, seconds: float) -> Load:
    """So many bytes written that state must go to disk several times: 16 KiB values, distinct keys."""
    command = [str(FOLDER / "benchmark"), f"--endpoints={server.endpoint}", "--clients=20", "--conns=2", "put"]
    sizes = ["--total=1000000", "--rate=1000", "--key-space-size=1000", "--val-size=16384", "--key-size=16"]
    with beside([*command, *sizes, "--sequential-keys"]):
        return nothing(server, seconds)


STALLS: tuple[tuple[str, str, Callable[[Server, float], Load]], ...] = (
    ("quiet", "nothing else", nothing),
    ("range", "a range of a million keys, one after the other", big_range),
    ("compaction", "a compaction of a million old revisions", compaction),
    ("flush", "1,000 puts of 16 KiB a second: state goes to disk", flush),
)


def measure_stalls(server: Server, keys: int, seconds: float, calm: float) -> dict[str, Load]:
    fill("million/", keys)(server)  # again: now every key has an old revision
    measure.settle(server.pid)
    found = {}
    for name, _, during in STALLS:
        measure.wait_for_calm(calm)
        found[name] = during(server, seconds)
        measure.settle(server.pid)
    return found
