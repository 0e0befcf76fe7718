"""A client that writes down, byte for byte, what a server answers to watch and lease calls."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from pyetcd.pb import rpc_pb2 as rpc

PATIENCE = 30.0
"""Seconds a message may take before the server is said not to send it."""
QUIET = 0.4
"""Seconds without a message after which a stream is taken to have nothing to say (passes run every 0.1 s)."""

_RESPONSES: dict[str, Any] = {
    "KV/Put": rpc.PutResponse,
    "KV/DeleteRange": rpc.DeleteRangeResponse,
    "KV/Txn": rpc.TxnResponse,
    "KV/Compact": rpc.CompactionResponse,
    "Lease/LeaseGrant": rpc.LeaseGrantResponse,
    "Lease/LeaseRevoke": rpc.LeaseRevokeResponse,
    "Lease/LeaseTimeToLive": rpc.LeaseTimeToLiveResponse,
    "Lease/LeaseLeases": rpc.LeaseLeasesResponse,
    "Watch/Watch": rpc.WatchResponse,
    "Lease/LeaseKeepAlive": rpc.LeaseKeepAliveResponse,
}


class Stream:
    """A bidirectional call: ``expect`` waits for messages, ``quiet`` asserts by writing down that none comes."""

    def __init__(self, transcript: Transcript, method: str, name: str) -> None:
        self._transcript = transcript
        self._method = method
        self._name = name
        self._requests: queue.Queue[bytes | None] = queue.Queue()
        self._responses: queue.Queue[bytes | None] = queue.Queue()
        start = transcript.channel.stream_stream(f"/etcdserverpb.{method}")
        self._call = start(iter(self._requests.get, None))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            for body in self._call:
                self._responses.put(body)
        except grpc.RpcError:
            pass
        self._responses.put(None)

    def say(self, request: Any) -> None:
        self._requests.put(request.SerializeToString())

    def create(self, key: bytes, **fields: Any) -> None:
        self.say(rpc.WatchRequest(create_request=rpc.WatchCreateRequest(key=key, **fields)))

    def cancel(self, watch_id: int) -> None:
        self.say(rpc.WatchRequest(cancel_request=rpc.WatchCancelRequest(watch_id=watch_id)))

    def progress(self) -> None:
        self.say(rpc.WatchRequest(progress_request=rpc.WatchProgressRequest()))

    def expect(self, count: int = 1) -> None:
        """Write down the next messages."""
        for _ in range(count):
            try:
                body = self._responses.get(timeout=PATIENCE)
            except queue.Empty:
                self._transcript.note(self._name, "nothing")
                return
            if body is None:
                self._transcript.note(self._name, "ended")
                return
            self._transcript.record(self._name, self._method, body)

    def quiet(self) -> None:
        """Write down whatever comes until nothing does."""
        while True:
            try:
                body = self._responses.get(timeout=QUIET)
            except queue.Empty:
                self._transcript.note(self._name, "quiet")
                return
            if body is None:
                self._transcript.note(self._name, "ended")
                return
            self._transcript.record(self._name, self._method, body)

    def half_close(self) -> None:
        self._requests.put(None)

    def ending(self) -> None:
        """Wait for the server to end the call and write down how."""
        deadline = time.monotonic() + PATIENCE
        while self._call.code() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        self._transcript.note(self._name, f"{self._call.code()} {self._call.details()!r}")

    def close(self) -> None:
        self._call.cancel()
        self._requests.put(None)
        self._reader.join(PATIENCE)


class Transcript:
    """Calls to one server and ``lines``: (what, raw bytes or a note, the same readable)."""

    def __init__(self, endpoint: str) -> None:
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.channel = grpc.insecure_channel(endpoint, options=options)
        self.lines: list[tuple[str, bytes | str, str]] = []
        self._streams: list[Stream] = []

    def note(self, name: str, text: str) -> None:
        self.lines.append((name, text, text))

    def record(self, name: str, method: str, body: bytes) -> None:
        self.lines.append((name, body, readable(_RESPONSES[method].FromString(body))))

    def unary(self, method: str, request: Any, mask: Callable[[Any], None] | None = None) -> Any:
        """Call and write the answer down; ``mask`` blanks what may differ from run to run."""
        call = self.channel.unary_unary(f"/etcdserverpb.{method}")
        try:
            body = call(request.SerializeToString(), timeout=PATIENCE)
        except grpc.RpcError as error:
            self.note(method, f"{error.code()} {error.details()!r}")
            return None
        answer = _RESPONSES[method].FromString(body)
        if mask is not None:
            masked = _RESPONSES[method].FromString(body)
            mask(masked)
            body = masked.SerializeToString()
        self.record(method, method, body)
        return answer

    def put(self, key: bytes, value: bytes = b"v", **fields: Any) -> int:
        """The revision of the put."""
        answer = self.unary("KV/Put", rpc.PutRequest(key=key, value=value, **fields))
        return int(answer.header.revision) if answer is not None else 0

    def delete(self, key: bytes, end: bytes = b"") -> None:
        self.unary("KV/DeleteRange", rpc.DeleteRangeRequest(key=key, range_end=end))

    def compact(self, revision: int) -> None:
        self.unary("KV/Compact", rpc.CompactionRequest(revision=revision, physical=True))

    def txn(self, *operations: Any) -> None:
        wrapped = [
            rpc.RequestOp(request_put=each)
            if isinstance(each, rpc.PutRequest)
            else rpc.RequestOp(request_delete_range=each)
            for each in operations
        ]
        self.unary("KV/Txn", rpc.TxnRequest(success=wrapped))

    def watch(self, name: str = "watch") -> Stream:
        return self._stream("Watch/Watch", name)

    def keep_alive(self, name: str = "keep-alive") -> Stream:
        return self._stream("Lease/LeaseKeepAlive", name)

    def _stream(self, method: str, name: str) -> Stream:
        stream = Stream(self, method, name)
        self._streams.append(stream)
        return stream

    def close(self) -> None:
        for stream in self._streams:
            stream.close()
        self.channel.close()


def readable(message: Any) -> str:
    text = " ".join(str(message).split())
    return text if len(text) < 400 else f"{text[:400]}... ({len(text)} characters)"


def differences(ours: Transcript, official: Transcript) -> Iterator[str]:
    """Where the transcripts part, each side readable."""
    for number in range(max(len(ours.lines), len(official.lines))):
        mine = ours.lines[number] if number < len(ours.lines) else ("", "-", "-")
        theirs = official.lines[number] if number < len(official.lines) else ("", "-", "-")
        if mine[:2] != theirs[:2]:
            yield f"line {number}\n  ours     {mine[0]}: {mine[2]}\n  official {theirs[0]}: {theirs[2]}"
