"""One server under changing load for a long time: what leaks, what grows, what a kill -9 loses.

Each cycle runs every kind of load, compacts, notes memory, open files and disk, then kills the server, starts it
again on the same directory and compares the revision.  Ends with status 1 when a restart lost revisions or when
memory or open files still grow in the second half.

usage: python -m tests.bench.soak [--seconds N] [--server COMMAND]
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench import measure
from tests.bench.tools import benchmark, load
from tests.peers import FOLDER, ROOT
from tests.servers import Server, our_command

GROWTH_MAX = 1.25
"""second half over first half, of the medians: caches may still fill a little, a leak does not stop there"""
LOADS = (
    ("--clients=50 --conns=10 put --total=5000 --key-space-size=2000 --val-size=512 --key-size=16", 5000),
    ("--clients=50 --conns=10 range /soak/ /soak0 --limit=100 --total=2000", 2000),
    ("--clients=20 --conns=5 txn-put --total=2000 --txn-ops=5 --key-space-size=2000 --val-size=99 --key-size=16", 2000),
    ("--clients=20 --conns=5 watch --streams=20 --watch-per-stream=10 --watched-key-total=100 --key-space-size=100 "
     "--sequential-keys --put-total=2000 --put-rate=1000000", 2000),
    ("--clients=20 --conns=5 lease-keepalive --total=2000", 2000),
)  # fmt: skip


@dataclass
class Note:
    """The state of the server after a cycle."""

    rss: int
    files: int
    disk: int


def revision(server: Server) -> int:
    command = [str(FOLDER / "etcdctl"), f"--endpoints={server.endpoint}", "get", "x", "-w", "fields"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return int(said.split('"Revision" : ')[1].split("\n")[0])


def compact(server: Server, at: int) -> None:
    command = [str(FOLDER / "etcdctl"), f"--endpoints={server.endpoint}", "compaction", str(at)]
    subprocess.run(command, capture_output=True, check=True, timeout=120)


def cycle(server: Server) -> Note:
    load(server.endpoint, "fill --clients=5 --conns=1 --total=2000 --prefix=/soak/")
    load(server.endpoint, "txn --clients=20 --conns=5 --total=5000 --keys=1000 --prefix=/soak/txn/")
    for arguments, operations in LOADS:
        benchmark(server.endpoint, arguments, operations, latency=False)
    compact(server, revision(server) - 100)
    measure.settle(server.pid)
    files = len(os.listdir(f"/proc/{server.pid}/fd"))
    disk = sum(path.stat().st_size for path in server.data_dir.rglob("*") if path.is_file())
    return Note(measure.rss_bytes(server.pid), files, disk)


def lost_by_a_kill(server: Server) -> int:
    """Revisions missing after kill -9 and a restart: everything was acknowledged, so this is 0."""
    before = revision(server)
    server.kill()
    server.start()
    return before - revision(server)


def grew(notes: list[Note], field: str) -> bool:
    half = len(notes) // 2
    first, second = (sorted(getattr(note, field) for note in part) for part in (notes[1:half], notes[half:]))
    return bool(first) and second[len(second) // 2] > GROWTH_MAX * first[len(first) // 2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--server", default=shlex.join(our_command()))
    parser.add_argument("--kill", type=int, default=5, help="kill -9 and restart after every so many cycles")
    chosen = parser.parse_args()
    end = time.monotonic() + chosen.seconds
    notes: list[Note] = []
    faults: list[str] = []
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as scratch:
        server = Server(tuple(shlex.split(chosen.server)), Path(scratch))
        server.start()
        try:
            while time.monotonic() < end:
                notes.append(note := cycle(server))
                sizes = f"RSS {note.rss >> 20} MiB, {note.files} files, {note.disk >> 20} MiB on disk"
                print(f"cycle {len(notes)}: {sizes}", flush=True)
                if len(notes) % chosen.kill == 0 and (lost := lost_by_a_kill(server)):
                    faults.append(f"cycle {len(notes)}: kill -9 lost {lost} revisions")
        finally:
            server.stop()
    faults += [f"{field} still grows" for field in ("rss", "files") if grew(notes, field)]
    print("\n".join(faults) if faults else f"{len(notes)} cycles without a fault")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
