"""Many watch streams of one connection whose client stops reading: bounded memory, no cut, nothing lost.

An HTTP/2 connection by hand (the h2 library), because a client library would go on reading.
"""

from __future__ import annotations

import socket
import struct
from collections import defaultdict
from pathlib import Path

import grpc
import h2.config
import h2.connection
import h2.events

from pyetcd.pb import rpc_pb2 as rpc
from tests.servers import Server

STREAMS = 60
PUTS = 150
VALUE = bytes(20_000)


class SlowClient:
    """One connection with watch streams; reads only when told."""

    def __init__(self, endpoint: str) -> None:
        host, port = endpoint.split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
        self.h2.initiate_connection()
        self.bodies: dict[int, bytearray] = defaultdict(bytearray)
        self.ended: list[object] = []

    def watch(self, authority: str) -> None:
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(
            stream,
            [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/etcdserverpb.Watch/Watch"),
             (b":authority", authority.encode()), (b"content-type", b"application/grpc"), (b"te", b"trailers")],
        )  # fmt: skip
        request = rpc.WatchRequest(create_request=rpc.WatchCreateRequest(key=b"k")).SerializeToString()
        self.h2.send_data(stream, struct.pack(">BI", 0, len(request)) + request)
        self.socket.sendall(self.h2.data_to_send())

    def read_some(self) -> None:
        for event in self.h2.receive_data(self.socket.recv(1 << 16)):
            if isinstance(event, h2.events.DataReceived):
                self.bodies[event.stream_id] += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, (h2.events.ConnectionTerminated, h2.events.StreamReset, h2.events.StreamEnded)):
                self.ended.append(event)
        self.socket.sendall(self.h2.data_to_send())

    def revisions(self, stream: int) -> list[int]:
        body, at, found = self.bodies[stream], 0, []
        while at + 5 <= len(body):
            size = int.from_bytes(body[at + 1 : at + 5], "big")
            if at + 5 + size > len(body):
                break
            response = rpc.WatchResponse.FromString(bytes(body[at + 5 : at + 5 + size]))
            found += [event.kv.mod_revision for event in response.events]
            at += 5 + size
        return found


def resident(server: Server) -> int:
    """MiB."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * 4096 >> 20


def test_a_client_that_stops_reading_sixty_streams_misses_nothing(ours: Server) -> None:
    client = SlowClient(ours.endpoint)
    for _ in range(STREAMS):
        client.watch(ours.endpoint)
    while sum(len(body) > 0 for body in client.bodies.values()) < STREAMS:
        client.read_some()
    with grpc.insecure_channel(ours.endpoint) as channel:
        put = channel.unary_unary("/etcdserverpb.KV/Put")
        answers = [put(rpc.PutRequest(key=b"k", value=VALUE).SerializeToString(), timeout=20) for _ in range(PUTS)]
    written = [rpc.PutResponse.FromString(answer).header.revision for answer in answers]
    owed = STREAMS * PUTS * len(VALUE) >> 20
    assert resident(ours) < owed, "everything owed is held in memory"
    streams = sorted(client.bodies)
    client.socket.settimeout(60)
    while any(sum(map(len, (client.bodies[s],))) < PUTS * len(VALUE) for s in streams):
        client.read_some()
        assert not client.ended, client.ended
    assert all(client.revisions(stream) == written for stream in streams)
    client.socket.close()
