"""The listener with real sockets and real clients, on every event loop."""

from __future__ import annotations

import http.client
import queue
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import pytest

from pyetcd.wire import frames as f
from tests.wire.peer import DOWN, ECHO, ROPE, UNARY, WAIT, Raw, headers, message, parse_frames

ROOT = Path(__file__).parents[2]


class Server:
    """A server process and its commands."""

    def __init__(self, loop: str) -> None:
        command = [sys.executable, "-m", "tests.net.serving", loop]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        self.loop, self.name = self.line().split()
        self.port = int(self.name.rpartition(":")[2])

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def open(self) -> tuple[int, int, int]:
        """gRPC connections, other connections, and all ever accepted."""
        self.tell("open")
        sessions, links, opened = map(int, self.line().split())
        return sessions, links, opened

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(20)
        return connection


@pytest.fixture(params=["uvloop", "asyncio", "epoll"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(request.param)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@pytest.fixture
def channel(server: Server) -> Iterator[grpc.Channel]:
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", options=options) as channel:
        yield channel


def read_until_closed(connection: socket.socket) -> bytes:
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


def test_localhost_is_its_first_ipv4_address(server: Server) -> None:
    assert server.name.startswith("127.0.0.1:")


def test_grpc_and_http_on_one_port(server: Server, channel: grpc.Channel) -> None:
    assert channel.unary_unary(UNARY.decode())(b"hello", timeout=20) == b"hello"
    assert list(channel.unary_stream(DOWN.decode())(b"down", timeout=20)) == [b"down"] * 3
    bodies = [b"a", b"b" * 200_000, b""]
    assert list(channel.stream_stream(ECHO.decode())(iter(bodies), timeout=20)) == bodies
    page = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    page.request("GET", "/", headers={"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings"})
    assert page.getresponse().read() == b"over HTTP/1.1\n"
    page.request("POST", "/", body=bytes(3_000_000))
    assert page.getresponse().read() == bytes(3_000_000)
    assert server.open() == (1, 1, 2)


def test_a_preface_in_pieces(server: Server) -> None:
    raw = Raw(greet=False)
    request = f.PREFACE + f.settings_frame({}) + raw.call(1, b"slow")
    with server.connect() as connection:
        for index in range(40):
            connection.sendall(request[index : index + 1])
            time.sleep(0.001)
        connection.sendall(request[40:])
        received = b""
        while message(b"slow") not in received:
            received += connection.recv(65536)


@pytest.mark.parametrize(
    "greeting", [b"INVALID CONNECTION PREFACE\r\n\r\n", b"\x16\x03\x01" + bytes(4096), b"x" * 5000]
)
def test_anything_else_is_closed_without_a_word(server: Server, greeting: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(greeting)
        with suppress(ConnectionResetError):
            assert read_until_closed(connection) == b""


def test_a_large_body_is_streamed_and_does_not_block_others(server: Server, channel: grpc.Channel) -> None:
    large = channel.unary_unary(ROPE.decode()).future(b"", timeout=60)
    small = channel.unary_unary(UNARY.decode())
    answered = 0
    while not large.done():
        assert small(b"x", timeout=20) == b"x"
        answered += 1
    assert len(large.result()) == 50_000_000 and answered > 3


def test_http_push_producers_are_held_back(server: Server) -> None:
    page = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    page.request("GET", "/large")
    time.sleep(0.2)
    assert len(page.getresponse().read()) == 160 * 65536


def test_a_client_that_never_reads_does_not_fill_memory(server: Server, channel: grpc.Channel) -> None:
    raw = Raw(greet=False)
    with server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(
            f.PREFACE + f.settings_frame({f.INITIAL_WINDOW_SIZE: 2**31 - 1}) + f.window_frame(0, 2**31 - 70_000)
        )
        for stream in range(1, 41, 2):
            connection.sendall(raw.call(stream, fields=headers(ROPE)))
        time.sleep(0.3)
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        resident = int(status.split("VmRSS:")[1].split()[0])
        assert resident < 150_000, "twenty answers of 50 MB wait, and are not in memory"
        assert channel.unary_unary(UNARY.decode())(b"others live", timeout=20) == b"others live"


def test_a_connection_error_reaches_the_client(server: Server) -> None:
    """GOAWAY arrives although the client has sent more than the server read."""
    with server.connect() as connection:
        connection.sendall(f.PREFACE + f.settings_frame({}) + f.frame(f.PING, 0, 1, bytes(8)) + bytes(100_000))
        frames = parse_frames(read_until_closed(connection))
    kind, _, _, payload = frames[-1]
    assert kind == f.GOAWAY and f.U32.unpack_from(payload, 4)[0] == f.ErrorCode.PROTOCOL_ERROR


def test_deadlines_fire(server: Server) -> None:
    """The server's own clock: this client has none."""
    raw = Raw(greet=False)
    with server.connect() as connection:
        request = raw.call(1, fields=headers(WAIT, (b"grpc-timeout", b"200m")))
        connection.sendall(f.PREFACE + f.settings_frame({}) + request)
        begin = time.monotonic()
        received = b""
        while b"context deadline exceeded" not in received:
            received += connection.recv(65536)
        assert time.monotonic() - begin > 0.15


def test_graceful_stop(server: Server, channel: grpc.Channel) -> None:
    """A running call ends well, then the server is gone; new connections are refused at once."""
    stream = channel.stream_stream(ECHO.decode())
    with server.connect() as idle:
        requests: queue.Queue[bytes | None] = queue.Queue()
        requests.put(b"one")
        answers = stream(iter(requests.get, None), timeout=30)
        assert next(answers) == b"one"
        server.tell("stop 20")
        with suppress(ConnectionResetError):
            assert read_until_closed(idle) == b""
        requests.put(b"two")
        assert next(answers) == b"two"
        requests.put(None)
        assert list(answers) == []
    assert server.line() == "stopped"
    assert server.process.wait(20) == 0


def test_a_stop_has_a_limit(server: Server, channel: grpc.Channel) -> None:
    waiting = channel.unary_unary(WAIT.decode()).future(b"", timeout=30)
    assert channel.unary_unary(UNARY.decode())(b"x", timeout=20) == b"x"
    server.tell("stop 0.3")
    assert server.line() == "stopped"
    assert waiting.exception(20).code() is grpc.StatusCode.UNAVAILABLE


def test_http_connections_close_when_asked(server: Server) -> None:
    for request in (b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
        with server.connect() as connection:
            connection.sendall(request)
            assert read_until_closed(connection).endswith(b"over HTTP/1.1\n")


def test_ten_megabytes_and_close(server: Server) -> None:
    """What is buffered when the connection is told to close still arrives."""
    with server.connect() as connection:
        connection.sendall(b"GET /large HTTP/1.0\r\n\r\n")
        time.sleep(0.3)
        assert len(read_until_closed(connection).partition(b"\r\n\r\n")[2]) == 160 * 65536
