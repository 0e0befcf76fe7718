"""Servers this tool starts itself: one fresh member with the recordings' identity, in a temporary directory."""

from __future__ import annotations

import http.client
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import grpc
from pyetcd.pb import rpc_pb2

from .client import connect

MEMBER_NAME, CLIENT_URL, PEER_URL = "default", "http://localhost:2379", "http://localhost:2380"
IDENTITY = [
    f"--name={MEMBER_NAME}",
    f"--advertise-client-urls={CLIENT_URL}",
    f"--initial-advertise-peer-urls={PEER_URL}",
    f"--initial-cluster={MEMBER_NAME}={PEER_URL}",
]
"""Only listening addresses differ between runs, so cluster_id and member_id are always the recordings'."""

READY_SECONDS = 30.0


class ServerError(RuntimeError):
    """The server under judgement did not come up; the sentence carries the end of its log."""


def free_ports(count: int, within: range | None = None) -> list[int]:
    """Ports nobody listens on now, taken from a range or from the system."""
    found: list[int] = []
    sockets = []
    candidates = iter(within) if within is not None else iter([0] * count)
    for port in candidates:
        listener = socket.socket()
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.close()
            continue
        sockets.append(listener)
        found.append(listener.getsockname()[1])
        if len(found) == count:
            break
    for listener in sockets:
        listener.close()
    if len(found) < count:
        raise ServerError("no free port")
    return found


class ManagedServer:
    """``command`` takes etcd's flags.  ``start`` returns when the member has applied its first four entries."""

    def __init__(self, command: str, flags: list[str] | None = None) -> None:
        self.command = shlex.split(command)
        self.flags = flags or []
        self.directory = Path(tempfile.mkdtemp(prefix="conformance-"))
        self.client_port, self.peer_port = free_ports(2)
        self.address = f"127.0.0.1:{self.client_port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = [
            *self.command,
            f"--data-dir={self.directory / 'data'}",
            f"--listen-client-urls=http://{self.address}",
            f"--listen-peer-urls=http://127.0.0.1:{self.peer_port}",
            *IDENTITY,
            *self.flags,
        ]
        with open(self.directory / "log", "ab") as log:
            try:
                self.process = subprocess.Popen(arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            except OSError as error:
                raise ServerError(f"{self.command[0]} cannot be started: {error.strerror}") from None
        self._wait_ready()

    def _wait_ready(self) -> None:
        assert self.process is not None
        end = time.monotonic() + READY_SECONDS
        with connect(self.address) as channel:
            status = channel.unary_unary("/etcdserverpb.Maintenance/Status")
            while time.monotonic() < end:
                if self.process.poll() is not None:
                    raise ServerError(f"{self.command[0]} exited with {self.process.returncode}: {self.log_tail()}")
                try:
                    answer = rpc_pb2.StatusResponse.FromString(status(b"", timeout=2, wait_for_ready=True))
                except grpc.RpcError:
                    if self._healthy():
                        return
                    time.sleep(0.05)
                    continue
                if answer.leader and answer.raftAppliedIndex >= 4 and is_settled(answer):
                    return
                time.sleep(0.02)
        raise ServerError(f"{self.command[0]} was not ready within {READY_SECONDS:.0f} s: {self.log_tail()}")

    def _healthy(self) -> bool:
        """A restarted member with auth on refuses Status, but /health asks nobody for a token."""
        connection = http.client.HTTPConnection(self.address, timeout=2)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def log_tail(self) -> str:
        text = (self.directory / "log").read_text(errors="replace").strip().splitlines()
        return " | ".join(text[-3:])[-600:]

    def stop(self) -> None:
        """Ask, wait, then kill."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def is_settled(status: rpc_pb2.StatusResponse) -> bool:
    """A new member calls its storage 3.5.0 for a moment, until it has caught up with the cluster's version."""
    return status.version.startswith("3.5.") or status.storageVersion not in ("", "3.5.0")
