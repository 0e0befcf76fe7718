"""Start and stop whole servers, official or ours, for end-to-end tests and benchmarks.

Both take etcd's flags, so a server is a command and a folder.  Advertised URLs are the same constants for every
server unless asked otherwise: the identity (cluster id, member id) is a hash of them, so two servers
started side by side on different ports carry the same ids and their answers can be compared unmasked.
"""

from __future__ import annotations

import itertools
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.peers import FOLDER, ROOT

READY = b"ready to serve client requests"
ADVERTISED_CLIENT = "http://127.0.0.1:2379"
ADVERTISED_PEER = "http://127.0.0.1:2380"
# Under the range the kernel hands out for outgoing connections, so that none of those takes a port between the
# look and the listen; each process starts elsewhere in it.
PORTS = range(24000, 30000)

OFFICIAL = (str(FOLDER / "etcd"),)


def our_command() -> tuple[str, ...]:
    """The installed ``pyetcd`` of the environment that runs this.

    ``PYETCD_UNDER_TEST`` names another command: official etcd in its place proves a test itself.
    """
    if instead := os.environ.get("PYETCD_UNDER_TEST"):
        return tuple(shlex.split(instead))
    script = Path(sys.executable).parent / "pyetcd"
    return (str(script),) if script.exists() else (sys.executable, "-m", "pyetcd.cli.main")


def _ports() -> Iterator[int]:
    start = os.getpid() * 41 % len(PORTS)
    for offset in itertools.count(start):
        port = PORTS[offset % len(PORTS)]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


free_ports = _ports()


class NotReady(RuntimeError):
    """The server ended, or said nothing of being ready in time; the end of its log is in the text."""


class Server:
    """One server process on a data directory that outlives its restarts."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        flags: Sequence[str] = (),
        *,
        cpu: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.command = tuple(command)
        self.folder = folder
        self.flags = tuple(flags)
        self.cpu = cpu
        self.environment = dict(environment or {})
        self.client_port = next(free_ports)
        self.peer_port = next(free_ports)
        self.data_dir = folder / "data"
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.client_port}"

    @property
    def pid(self) -> int:
        assert self.process is not None, "the server is not running"
        return self.process.pid

    def arguments(self) -> list[str]:
        """etcd's flags for this server; later ones win, so ``flags`` may replace any of them."""
        return [
            *self.command,
            "--name=default",
            f"--data-dir={self.data_dir}",
            f"--listen-client-urls=http://{self.endpoint}",
            f"--advertise-client-urls={ADVERTISED_CLIENT}",
            f"--listen-peer-urls=http://127.0.0.1:{self.peer_port}",
            f"--initial-advertise-peer-urls={ADVERTISED_PEER}",
            f"--initial-cluster=default={ADVERTISED_PEER}",
            *self.flags,
        ]

    def start(self, timeout: float = 60) -> float:
        """Start and wait for the ready line in the log; returns the seconds that took."""
        self.folder.mkdir(parents=True, exist_ok=True)
        pin = [] if self.cpu is None else ["taskset", "-c", str(self.cpu)]
        begun = time.perf_counter()
        with self.log.open("ab") as log:
            log_start = log.tell()
            self.process = subprocess.Popen(
                [*pin, *self.arguments()],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        self._wait_until_ready(begun + timeout, log_start)
        return time.perf_counter() - begun

    def _wait_until_ready(self, give_up: float, log_start: int) -> None:
        assert self.process is not None
        with self.log.open("rb") as log:
            log.seek(log_start)
            seen = b""
            while READY not in seen:
                seen += log.read()
                ended = self.process.poll()
                if ended is not None or time.perf_counter() > give_up:
                    self.kill()
                    state = "no ready line in time" if ended is None else f"exit status {ended}"
                    text = seen[-2000:].decode("utf-8", "replace")
                    raise NotReady(f"{' '.join(self.arguments())}: {state}\n{text}")
                time.sleep(0.005)

    def stop(self, timeout: float = 20) -> int:
        """SIGTERM and wait; returns the exit status (killed when it does not end in time)."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                return self.kill()
        status = self.process.wait()
        self.process = None
        return status

    def kill(self) -> int:
        """SIGKILL: what a crash of the process looks like from outside."""
        if self.process is None:
            return 0
        self.process.kill()
        status = self.process.wait()
        self.process = None
        return status


def etcdctl(
    endpoint: str, *arguments: str, stdin: str | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """One call of official etcdctl; its environment holds nothing but PATH, so no ETCDCTL_* leaks in."""
    return subprocess.run(
        [str(FOLDER / "etcdctl"), f"--endpoints={endpoint}", *arguments],
        input=None if stdin is None else stdin.encode(),
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        timeout=timeout,
        env={"PATH": os.environ.get("PATH", "")},
    )
