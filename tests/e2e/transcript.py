"""Run the same etcdctl calls against two servers and reduce what they print to what must be equal.

Only what cannot be equal is masked: the endpoint's port, lease ids (the server draws them) and keys made of them,
times, sizes of files on disk, and the memory address in etcdctl's own error log.  Revisions, indexes, ids
of cluster and member, hashes, texts and the order of everything stay as printed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.peers import FOLDER
from tests.servers import Server, etcdctl

T = TypeVar("T")

MASKS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r'"ts":"[^"]+"'), '"ts":"TIME"'),
    (re.compile(r"etcd-endpoints://0x[0-9a-f]+/"), "etcd-endpoints://ADDRESS/"),
    (re.compile(r"LocalAddr: '[\d.:]+'"), "LocalAddr: 'ADDRESS'"),
    (re.compile(r"took = [\d.]+[µm]?s"), "took = TIME"),
    (re.compile(r'"took":"[\d.]+[µm]?s"'), '"took":"TIME"'),
    (re.compile(r"took [\d.]+[µm]?s"), "took TIME"),
    (re.compile(r"remaining\(\d+s\)"), "remaining(TIME)"),
    (re.compile(r'"ttl":\d+'), '"ttl":TIME'),
    # dbSize and dbSizeInUse are pages of a bbolt file on one side and of none on the other
    (re.compile(r'"dbSize(InUse)?":\d+'), r'"dbSize\1":SIZE'),
    (re.compile(r'"DBSize(InUse)?" : \d+'), r'"DBSize\1" : SIZE'),
    (re.compile(r"\b\d+(\.\d+)? [kMG]?B\b"), "SIZE"),
    (re.compile(r"\b\d+%"), "SHARE"),
    # a lock's or an election's key ends in the lease id
    (re.compile(r"(?<=/)[0-9a-f]{14,16}\b"), "LEASE"),
]


@dataclass
class Output:
    """What one etcdctl call left: comparable as a whole."""

    status: int
    stdout: str
    stderr: str


@dataclass
class Side:
    """One of the two servers and the lease ids it gave out, by the name the transcript uses for them."""

    server: Server
    leases: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str | None = None) -> Output:
        done = etcdctl(self.server.endpoint, *map(self.fill, arguments), stdin=stdin)
        # utf-8 with escapes keeps binary output (-w protobuf) comparable byte by byte
        out, err = (text.decode("utf-8", "backslashreplace") for text in (done.stdout, done.stderr))
        return Output(done.returncode, out, err)

    def fill(self, argument: str) -> str:
        """Put this server's lease ids where the transcript names them, as ``{name}``."""
        for name, lease in self.leases.items():
            argument = argument.replace("{" + name + "}", lease)
        return argument

    def mask(self, text: str) -> str:
        text = text.replace(self.server.endpoint, "ENDPOINT")
        for name, lease in self.leases.items():
            text = re.sub(rf"\b{lease}\b|\b{int(lease, 16)}\b", f"LEASE-{name}", text)
        for pattern, replacement in MASKS:
            text = pattern.sub(replacement, text)
        # official etcd keeps a lease's keys in a map and lists them in no order
        text = re.sub(r"(?<=attached keys\(\[)[^\]]*", lambda keys: " ".join(sorted(keys[0].split())), text)
        # a masked cell of a table has another width: collapse its padding and rules
        return re.sub(r" {2,}", " ", re.sub(r"-{3,}", "---", text))

    def masked(self, output: Output) -> Output:
        return Output(output.status, self.mask(output.stdout), self.mask(output.stderr))


class Pair:
    """The two servers, asked the same things in the same order."""

    def __init__(self, official: Server, ours: Server) -> None:
        self.sides = (Side(official), Side(ours))

    def same(self, *arguments: str, stdin: str | None = None, status: int = 0) -> str:
        """Run on both; the answers must be equal and end with ``status``.  Returns official's text, masked."""
        expected, got = self.both(lambda side: side.masked(side.run(*arguments, stdin=stdin)))
        assert got == expected, f"etcdctl {' '.join(arguments)}"
        assert expected.status == status, expected
        return expected.stdout + expected.stderr

    def grant(self, name: str, ttl: int) -> None:
        """Grant a lease on both and remember the ids as ``name``."""

        def granted(side: Side) -> str:
            text = side.run("lease", "grant", str(ttl)).stdout
            found = re.match(r"lease ([0-9a-f]+) granted", text)
            assert found, text
            side.leases[name] = found.group(1)
            return side.mask(text)

        expected, got = self.both(granted)
        assert got == expected

    def both(self, ask: Callable[[Side], T]) -> tuple[T, T]:
        official, ours = self.sides
        return ask(official), ask(ours)


class Background:
    """An etcdctl call that runs until told to stop (watch, lock, elect, keep-alive)."""

    def __init__(self, side: Side, *arguments: str) -> None:
        self.side = side
        self.lines: list[str] = []
        self._arrived = threading.Condition()
        self.process = subprocess.Popen(
            [str(FOLDER / "etcdctl"), f"--endpoints={side.server.endpoint}", *map(side.fill, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", "")},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._arrived:
                self.lines.append(self.side.mask(line.decode("utf-8", "backslashreplace")))
                self._arrived.notify_all()

    def wait_for(self, count: int, timeout: float = 30) -> list[str]:
        """The first ``count`` lines, once they are there."""
        with self._arrived:
            self._arrived.wait_for(lambda: len(self.lines) >= count, timeout)
            return self.lines[:count]

    def stop(self) -> tuple[int, list[str]]:
        """Interrupt as a person's Ctrl-C would; returns the exit status and all lines."""
        self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(30)
        finally:
            self.process.kill()
        self._reader.join(10)
        return status, self.lines

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
