"""A watcher of the member's own: what a client would see on a Watch stream, heard inside the process."""

from __future__ import annotations

from collections.abc import Callable

from pyetcd.member.member import Member
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.wire.call import Call


class SelfWatch:
    """Responses with events, or the one that says the watcher is canceled (compacted away), given to ``heard``.

    They are handed over in a turn of their own, so that whoever hears them may read, propose and watch.  ``reader``:
    the call the events end up in; while it is full the watcher is held like that of a slow client.
    """

    __slots__ = ("_heard", "_inbox", "_member", "_open", "_reader", "_stream")

    def __init__(
        self,
        member: Member,
        key: bytes,
        end: bytes,
        start: int,
        heard: Callable[[rpc.WatchResponse], object],
        reader: Call | None = None,
    ) -> None:
        self._member = member
        self._heard = heard
        self._reader = reader
        self._inbox: list[bytes] = []
        self._open = True
        self._stream = member.hub.open(self)
        self._stream.create(key, end, start)

    def close(self) -> None:
        """Hear nothing more."""
        if self._open:
            self._open = False
            self._stream.close()

    def drained(self) -> None:
        """The reader has room again."""
        self._stream.drained()

    # -- the outlet of a watch stream ----------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        return 0 if self._reader is None else self._reader.pending

    @property
    def crowded(self) -> bool:
        return self._reader is not None and self._reader.crowded

    def send(self, body: bytes) -> None:
        self.send_many([body])

    def send_many(self, bodies: list[bytes]) -> None:
        if not self._inbox:
            self._member.soon(self._hand_over)
        self._inbox += bodies

    def _hand_over(self) -> None:
        bodies, self._inbox = self._inbox, []
        for body in bodies:
            response = rpc.WatchResponse.FromString(body)
            if self._open and (response.events or response.canceled):
                self._heard(response)
