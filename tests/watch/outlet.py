"""The client's end of a watch stream in tests: what was sent, read only when the test says so."""

from __future__ import annotations

from typing import Any

from pyetcd.pb.rpc_pb2 import WatchResponse


class Outlet:
    """Stands in for a call: keeps what is sent; ``pending`` grows while the client is not ``reading``."""

    def __init__(self, kind: Any = WatchResponse) -> None:
        self.kind = kind
        self.sent: list[Any] = []
        self.raw: list[bytes] = []
        self.pieces: list[int] = []
        self.pending = 0
        self.crowded = False
        self.reading = True

    def send(self, body: bytes) -> None:
        self.send_many([body])

    def send_many(self, bodies: list[bytes]) -> None:
        self.pieces.append(len(bodies))
        self.raw += bodies
        for body in bodies:
            self.sent.append(self.kind.FromString(body))
            if not self.reading:
                self.pending += len(body)

    def take(self) -> list[Any]:
        """Everything since the last take."""
        sent, self.sent = self.sent, []
        self.raw.clear()
        return sent
