"""The client side of a case: grpcio with identity serializers, so that every message is seen as the bytes it was."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from .case import Answer, Outcome, Status
from .schema import Rpc

OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
]
LARGE = 4096
"""Messages above this size are kept as length and SHA-256."""

LOCAL = {"Locally cancelled by application!", "Deadline Exceeded"}
"""Status texts grpcio invents without hearing from the server."""

_END = object()


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files of a TLS client, any of which may be missing."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    def channel_credentials(self) -> grpc.ChannelCredentials:
        def read(name: str | None) -> bytes | None:
            if name is None:
                return None
            with open(name, "rb") as file:
                return file.read()

        return grpc.ssl_channel_credentials(read(self.ca), read(self.key), read(self.certificate))


def connect(address: str, credentials: Credentials | None = None) -> grpc.Channel:
    """A channel of its own TCP connection.  ``address`` is host:port."""
    if credentials is not None:
        return grpc.secure_channel(address, credentials.channel_credentials(), OPTIONS)
    return grpc.insecure_channel(address, OPTIONS)


def status_of(error: grpc.RpcError) -> Status:
    """Code in etcd's spelling (``InvalidArgument``) and the server's text."""
    code = "".join(word.capitalize() for word in error.code().name.split("_"))
    code = {"Ok": "OK", "Cancelled": "Canceled"}.get(code, code)
    details = error.details() or ""
    return Status(code, None if details in LOCAL or details.startswith("Stream removed") else details)


class Call:
    """One call of any shape; answers are pulled by a thread, so that quiet and order can be observed."""

    def __init__(
        self,
        channel: grpc.Channel,
        rpc: Rpc,
        request: bytes | None,
        metadata: list[tuple[str, str | bytes]],
        timeout: float | None,
        gzip: bool,
    ) -> None:
        self._answers: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._stash: object | None = None
        self.status: Status | None = None
        compression = grpc.Compression.Gzip if gzip else None
        first = request if request is not None else b""
        if rpc.client_streams:
            if request is not None:
                self._requests.put(request)
            self._call = channel.stream_stream(rpc.path)(
                self._outgoing(), metadata=metadata, timeout=timeout, compression=compression
            )
        elif rpc.server_streams:
            self._call = channel.unary_stream(rpc.path)(
                first, metadata=metadata, timeout=timeout, compression=compression
            )
        else:
            self._call = channel.unary_unary(rpc.path).future(
                first, metadata=metadata, timeout=timeout, compression=compression
            )
        pull = self._pull_unary if rpc.unary else self._pull
        threading.Thread(target=pull, daemon=True).start()

    def _outgoing(self) -> Iterator[bytes]:
        while (body := self._requests.get()) is not None:
            yield body

    def _pull(self) -> None:
        try:
            for body in self._call:
                self._answers.put(body)
            self.status = Status("OK", "")
        except grpc.RpcError as error:
            self.status = status_of(error)
        self._answers.put(_END)

    def _pull_unary(self) -> None:
        try:
            self._answers.put(self._call.result())
            self.status = Status("OK", "")
        except grpc.RpcError as error:
            self.status = status_of(error)
        except grpc.FutureCancelledError:
            self.status = Status("Canceled")
        self._answers.put(_END)

    def send(self, body: bytes) -> None:
        self._requests.put(body)

    def half_close(self) -> None:
        self._requests.put(None)

    def cancel(self) -> None:
        self._call.cancel()
        self._requests.put(None)

    def next(self, timeout: float) -> bytes | None:
        """The next message; None when the call has ended or nothing came in time."""
        if self._stash is None:
            try:
                self._stash = self._answers.get(timeout=timeout)
            except queue.Empty:
                return None
        if self._stash is _END:
            return None
        body, self._stash = self._stash, None
        assert isinstance(body, bytes)
        return body

    @property
    def ended(self) -> bool:
        return self._stash is _END


def call_unary(
    channel: grpc.Channel,
    rpc: Rpc,
    request: bytes,
    metadata: list[tuple[str, str | bytes]],
    timeout: float | None,
    gzip: bool = False,
) -> tuple[list[bytes], Status]:
    """The quick way for a foreground unary call: no thread."""
    compression = grpc.Compression.Gzip if gzip else None
    try:
        body = channel.unary_unary(rpc.path)(request, metadata=metadata, timeout=timeout, compression=compression)
    except grpc.RpcError as error:
        return [], status_of(error)
    return [body], Status("OK", "")


def outcome_of(bodies: list[bytes], status: Status | None) -> Outcome:
    """OK of an unary or finished call is implied by its messages and is only written for streams."""
    return Outcome(tuple(Answer(body, len(body)) for body in bodies), status)
