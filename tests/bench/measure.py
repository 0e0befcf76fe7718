"""What a server cost: CPU and memory of a process tree from /proc, and what else the machine was doing."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def _fields(pid: int) -> list[str]:
    """/proc/PID/stat after the command name: index 1 is the parent, 11–14 the CPU ticks, 21 the resident pages."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def tree(pid: int) -> list[int]:
    """``pid`` and every living descendant."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = int(_fields(int(entry))[1])
            except OSError:  # ended meanwhile
                continue
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found


def cpu_seconds(pid: int) -> float:
    """User + system time of the tree; a child that ended and was waited for counts in its parent's third and fourth."""
    ticks = 0
    for member in tree(pid):
        try:
            ticks += sum(int(field) for field in _fields(member)[11:15])
        except OSError:
            continue
    return ticks / TICKS


def rss_bytes(pid: int) -> int:
    total = 0
    for member in tree(pid):
        try:
            total += int(_fields(member)[21]) * PAGE
        except OSError:
            continue
    return total


def machine_cpu_seconds() -> float:
    """Busy time of all CPUs together since boot."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, fields)
    return (user + nice + system + irq + softirq) / TICKS


def settle(pid: int, limit: float = 15.0) -> None:
    """Wait until the tree has finished what it put off (a flush, a compaction): under 5 % of a CPU for 0.4 s."""
    give_up = time.monotonic() + limit
    while time.monotonic() < give_up:
        before = cpu_seconds(pid)
        time.sleep(0.4)
        if cpu_seconds(pid) - before <= 0.02:
            return


def wait_for_calm(limit: float, share: float = 0.2) -> None:
    """Wait until less than ``share`` of a CPU is busy for a second, ``limit`` seconds at most."""
    give_up = time.monotonic() + limit
    while time.monotonic() < give_up:
        before = machine_cpu_seconds()
        time.sleep(1)
        if machine_cpu_seconds() - before < share:
            return


@dataclass
class Span:
    """What a span of time cost: filled by ``Meter``."""

    server_cpu: float = 0.0
    load_cpu: float = 0.0
    others: float = 0.0
    """CPUs' worth of work by anybody else, 0 to the number of CPUs"""


class Meter:
    """Server, load and everybody else over one run; work the server put off is charged to the run that caused it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.server = cpu_seconds(pid)
        self.load = _children()
        self.machine = machine_cpu_seconds()
        self.begun = time.monotonic()

    def stop(self) -> Span:
        elapsed = time.monotonic() - self.begun
        load = _children() - self.load
        others = machine_cpu_seconds() - self.machine - load - (cpu_seconds(self.pid) - self.server)
        settle(self.pid)
        return Span(cpu_seconds(self.pid) - self.server, load, max(others / elapsed, 0.0))


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def machine() -> str:
    """One line about where the figures come from."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} CPUs ({cpu}), {memory:.0f} GiB, {system}"
