"""A call that came as JSON, with the face of wire.call.Call: handlers cannot tell it from one over HTTP/2."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from pyetcd.wire.call import CROWDED_BYTES, Code, Inbound, Metadata, Method
from pyetcd.wire.outbox import Traffic


class Answerer(Protocol):
    """Where what a handler says goes to."""

    @property
    def pending(self) -> int: ...

    def headers(self) -> None:
        """The call has headers, though no message yet."""

    def message(self, size: int, pieces: Iterable[bytes]) -> None: ...

    def end(self) -> None:
        """With status OK."""

    def fail(self, code: int, text: str, *, by_service: bool) -> None:
        """``by_service``: not because time was up on the way."""


class GatewayCall:
    """See wire.call.Call for what the members mean."""

    __slots__ = (
        "_answerer",
        "_cancel_timer",
        "_on_error",
        "_traffic",
        "deadline",
        "inbound",
        "metadata",
        "method",
        "on_cancel",
        "on_drain",
        "open",
        "peer",
    )

    def __init__(
        self,
        method: Method,
        metadata: Metadata,
        peer: str,
        answerer: Answerer,
        traffic: Traffic,
        on_error: Callable[[Exception], object],
    ) -> None:
        self.method = method
        self.metadata = metadata
        self.peer = peer
        self.deadline: float | None = None
        self.open = True
        self.on_cancel: Callable[[], object] | None = None
        self.on_drain: Callable[[], object] | None = None
        self.inbound: Inbound | None = None
        self._answerer = answerer
        self._traffic = traffic
        self._on_error = on_error
        self._cancel_timer: Callable[[], object] | None = None

    # -- what handlers use ------------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        return self._answerer.pending

    @property
    def crowded(self) -> bool:
        return self._answerer.pending > CROWDED_BYTES

    def reply(self, body: bytes) -> None:
        self.reply_rope(len(body), (body,))

    def reply_rope(self, size: int, pieces: Iterable[bytes]) -> None:
        if self.open:
            self._message(size, pieces)
            self.finish()

    def send(self, body: bytes) -> None:
        if self.open:
            self._message(len(body), (body,))

    def send_many(self, bodies: list[bytes]) -> None:
        for body in bodies:
            self.send(body)

    def send_headers(self) -> None:
        if self.open:
            self._answerer.headers()

    def finish(self) -> None:
        if self.open:
            self._close(Code.OK)
            self._answerer.end()

    def fail(self, code: int, text: str) -> None:
        if self.open:
            self._close(code)
            self._answerer.fail(code, text, by_service=True)

    def _message(self, size: int, pieces: Iterable[bytes]) -> None:
        self.method.sent += 1
        self._traffic.sent += size
        self._answerer.message(size, pieces)

    def _close(self, code: int) -> None:
        self.open = False
        self.method.handled[int(code)] += 1
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    # -- what the gateway uses --------------------------------------------------------------------------------------

    def expires_with(self, deadline: float, cancel_timer: Callable[[], object]) -> None:
        """The call has a deadline; the timer for it is stopped when the call ends earlier."""
        self.deadline = deadline
        self._cancel_timer = cancel_timer

    def start(self, message: bytes) -> None:
        """A method that takes one message."""
        self.method.started += 1
        self._received(message)
        self._guarded(lambda: self.method.start(self, message))

    def open_stream(self) -> None:
        """A method that takes many."""
        self.method.started += 1

        def begin() -> None:
            self.inbound = self.method.start(self)

        self._guarded(begin)

    def take(self, message: bytes) -> None:
        """One more message of the client."""
        inbound = self.inbound
        if self.open and inbound is not None:
            self._received(message)
            self._guarded(lambda: inbound.message(message))

    def half_close(self) -> None:
        inbound = self.inbound
        if self.open and inbound is not None:
            self._guarded(inbound.half_close)

    def cancel(self) -> None:
        """Nobody waits for the answer any more."""
        if self.open:
            self._close(Code.CANCELLED)
            self._tell()

    def expire(self) -> None:
        """The deadline has passed."""
        if self.open:
            self._close(Code.DEADLINE_EXCEEDED)
            self._answerer.fail(Code.DEADLINE_EXCEEDED, "context deadline exceeded", by_service=False)
            self._tell()

    def discard(self) -> bool:
        """End it before the service has heard of it; whether it was open until now."""
        was_open, self.open = self.open, False
        self._stop_timer()
        return was_open

    def abandon(self, code: int, text: str) -> None:
        """End it from outside: the client gets a status, the handler is told to stop."""
        if self.open:
            self.fail(code, text)
            self._tell()

    def drained(self) -> None:
        """The client has taken what was pending."""
        if self.open and self.on_drain is not None:
            self._guarded(self.on_drain)

    def _received(self, message: bytes) -> None:
        self.method.received += 1
        self._traffic.received += len(message)

    def _tell(self) -> None:
        callback, self.on_cancel = self.on_cancel, None
        self.on_drain = None
        if callback is not None:
            try:
                callback()
            except Exception as problem:
                self._on_error(problem)

    def _guarded(self, action: Callable[[], object]) -> None:
        """A handler's mistake must not leave its client waiting for ever."""
        try:
            action()
        except Exception as problem:
            self.abandon(Code.INTERNAL, "internal error")
            self._on_error(problem)
