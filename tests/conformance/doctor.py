"""A man in the middle: passes every call on to a real member, and changes the answers a test asks it to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from pyetcd.conformance.schema import RPCS

Change = Callable[[bytes], bytes]
PATHS = {rpc.path: rpc for rpc in RPCS.values()}


class Doctor(grpc.GenericRpcHandler):  # type: ignore[misc]
    """``changes``: short method name → what happens to each message of the answer."""

    def __init__(self, address: str, changes: dict[str, Change], texts: dict[str, str]) -> None:
        self._channel = grpc.insecure_channel(address)
        self._changes = changes
        self._texts = texts

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        rpc = PATHS.get(details.method)
        if rpc is None:
            return None
        change = self._changes.get(rpc.name, lambda body: body)
        if rpc.unary:
            return grpc.unary_unary_rpc_method_handler(self._unary(rpc.path, change))
        if rpc.client_streams:
            return grpc.stream_stream_rpc_method_handler(self._both(rpc.path, change))
        return grpc.unary_stream_rpc_method_handler(self._down(rpc.path, change))

    def _unary(self, path: str, change: Change) -> Callable[[bytes, Any], bytes]:
        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                return change(self._channel.unary_unary(path)(request, timeout=20))
            except grpc.RpcError as error:
                details = error.details() or ""
                context.abort(error.code(), self._texts.get(details, details))
                raise

        return handle

    def _down(self, path: str, change: Change) -> Callable[[bytes, Any], Iterator[bytes]]:
        def handle(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            try:
                yield from map(change, self._channel.unary_stream(path)(request))
            except grpc.RpcError as error:
                context.abort(error.code(), error.details() or "")

        return handle

    def _both(self, path: str, change: Change) -> Callable[[Iterator[bytes], Any], Iterator[bytes]]:
        def handle(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            call = self._channel.stream_stream(path)(requests)
            context.add_callback(call.cancel)
            try:
                yield from map(change, call)
            except grpc.RpcError as error:
                context.abort(error.code(), error.details() or "")

        return handle


@contextmanager
def doctored(
    address: str, changes: dict[str, Change] | None = None, texts: dict[str, str] | None = None
) -> Iterator[str]:
    """The URL of a doctor before ``address``."""
    server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((Doctor(address, changes or {}, texts or {}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(None)
