"""What official etcd 3.7.1 says to odd requests, recorded, against what a Connection says.

``pytest --rewrite tests/wire/test_recorded.py`` records anew from the official binary (``make peers``).  Handlers stand
in for etcd's.  Deadlines are not among the requests: official etcd answers them with a status or with RST_STREAM,
whichever of two timers is first.  An empty Range is refused, a Snapshot sends something, a Watch is silent."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyetcd.wire.call import Call, Kind, Metadata, Method
from pyetcd.wire.connection import Connection
from tests.wire.exchange import RANGE, SNAPSHOT, WATCH, Request, in_memory, over_tcp

ROOT = Path(__file__).parents[2]
RECORDED = Path(__file__).parent / "testdata" / "etcd-3.7.1-requests.txt"
GRPC = b"application/grpc"
GZIP = ((b"grpc-encoding", b"gzip"),)

BINARY = (b"!!!", b"-_==", b"AAA=", b"AAA==", b"AA==", b"A", b"AB", b"AAAAA", b"A===", b"AA=A", b"AAAA====", b"")

REQUESTS = [
    Request("a range without a key"),
    Request("end in a frame of its own", end="later"),
    Request("never ended", end="never"),
    Request("end on HEADERS", end="headers"),
    Request("no message", data=b""),
    Request("half a prefix", data=b"\0\0"),
    Request("half a message", data=b"\0\0\0\0\5ab"),
    Request("two messages", data=b"\0\0\0\0\0" * 2),
    Request("payload format 7", data=b"\7\0\0\0\0"),
    Request("compressed without encoding", data=b"\1\0\0\0\0"),
    Request("too large by its prefix", data=b"\0\0\x20\0\1", end="never"),
    Request("gzip: not compressed", more=GZIP),
    Request("gzip: garbage", data=b"\1\0\0\0\3abc", more=GZIP),
    Request("gzip: longer garbage", data=b"\1\0\0\0\x0cabcdefghijkl", more=GZIP),
    Request("gzip: nothing", data=b"\1\0\0\0\0", more=GZIP),
    Request("gzip: cut off", data=b"\1\0\0\0\x0c\x1f\x8b\x08" + bytes(9), more=GZIP),
    Request("deflate", more=((b"grpc-encoding", b"deflate"),)),
    Request("identity", more=((b"grpc-encoding", b"identity"),)),
    Request("quoted encoding", more=((b"grpc-encoding", b'a"b\\c'),)),
    Request("unknown method", path=b"/etcdserverpb.KV/Nope"),
    Request("unknown method, never ended", path=b"/etcdserverpb.KV/Nope", end="never"),
    Request("unknown service", path=b"/no.Such/Method"),
    Request("deep path", path=b"/a/b/c"),
    Request("path of UTF-8 and other bytes", path=b"/caf\xc3\xa9 %/\xff"),
    Request("one slash", path=b"/nope"),
    Request("no slash", path=b"nope/x"),
    Request("quoted path", path=b'/"\xc3\xa9\xff\x7e'),
    Request("empty method name", path=b"/etcdserverpb.KV/"),
    Request("subtype proto", content_type=GRPC + b"+proto"),
    Request("subtype json", content_type=GRPC + b"+json"),
    Request("empty subtype", content_type=GRPC + b"+"),
    Request("parameters", content_type=GRPC + b";charset=utf-8"),
    Request("text/plain", content_type=b"text/plain"),
    Request("text/plain, never ended", content_type=b"text/plain", end="never"),
    Request("no content-type", content_type=None),
    Request("capitals", content_type=b"Application/gRPC"),
    Request("grpc-web", content_type=b"application/grpc-web"),
    Request("two content-types", more=((b"content-type", b"text/plain"),)),
    Request("GET", method=b"GET"),
    Request("PUT, never ended", method=b"PUT", end="never"),
    Request("GET with a bad content-type", method=b"GET", content_type=b"text/html"),
    Request("timeout 0n", more=((b"grpc-timeout", b"0n"),)),
    Request("timeout x", more=((b"grpc-timeout", b"x"),)),
    Request("timeout 5x", more=((b"grpc-timeout", b"5x"),)),
    Request("timeout too long", more=((b"grpc-timeout", b"123456789S"),)),
    Request("timeout -1S", more=((b"grpc-timeout", b"-1S"),)),
    Request("timeout +1S", more=((b"grpc-timeout", b"+1S"),)),
    Request("timeout of many hours", more=((b"grpc-timeout", b"99999999H"),)),
    Request("timeout empty", more=((b"grpc-timeout", b""),)),
    Request("two timeouts", more=((b"grpc-timeout", b"1S"), (b"grpc-timeout", b"zz"))),
    *(
        Request(f"binary header {value.decode()!r}", more=((b"x-bin", value),))
        for value in (
            b"!!!",
            b"AAA=",
            b"AAA==",
            b"AA==",
            b"A",
            b"AB",
            b"AAAAA",
            b"A===",
            b"AA=A",
            b"AAAA====",
            b"",
            b"_-==",
        )
    ),
    Request("bad binary header and bad timeout", more=((b"x-bin", b"!"), (b"grpc-timeout", b"x"))),
    Request("bad timeout and GET", more=((b"grpc-timeout", b"x"),), method=b"GET"),
    Request("two hosts", more=((b"host", b"a"), (b"host", b"b"))),
    Request("connection header", more=((b"connection", b"keep-alive"),)),
    Request("snapshot without a message", path=SNAPSHOT, data=b""),
    Request("snapshot with half a message", path=SNAPSHOT, data=b"\0\0\0\0\5ab"),
    Request("snapshot with two messages", path=SNAPSHOT, data=b"\0\0\0\0\0" * 2),
    Request("snapshot with a message and half a prefix", path=SNAPSHOT, data=b"\0\0\0\0\0\0\0"),
    Request("snapshot never ended", path=SNAPSHOT, end="never"),
    Request("watch with half a message", path=WATCH, data=b"\0\0\0\0\5ab"),
    Request("watch with payload format 7", path=WATCH, data=b"\7\0\0\0\0", end="never"),
    Request("watch too large", path=WATCH, data=b"\0\x7f\0\0\1", end="never"),
    Request("watch with an unknown encoding", path=WATCH, data=b"", end="never", more=((b"grpc-encoding", b"br"),)),
]


class Silent:
    def __init__(self, call: Call) -> None:
        """Nothing is ever sent."""

    def message(self, body: bytes) -> None: ...

    def half_close(self) -> None: ...


class StandIn:
    """A router whose handlers answer these requests as etcd's would."""

    def __init__(self) -> None:
        methods = [
            Method(RANGE, Kind.UNARY, lambda call, _: call.fail(3, "etcdserver: key is not provided")),
            Method(SNAPSHOT, Kind.SERVER_STREAM, self._snapshot),
            Method(WATCH, Kind.BIDI, Silent),
        ]
        self.methods = {method.path: method for method in methods}

    def admit(self, metadata: Metadata, method: Method) -> None:
        return None

    @staticmethod
    def _snapshot(call: Call, _message: bytes) -> None:
        call.send(b"piece")
        call.finish()


def recorded() -> dict[str, list[str]]:
    answers: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in RECORDED.read_text().splitlines():
        if line.startswith("== "):
            lines = answers[line[3:]] = []
        elif line:
            lines.append(line)
    return answers


@contextmanager
def official(directory: Path) -> Iterator[int]:
    """The client port of an official etcd."""
    port = 23_971
    urls = [f"http://127.0.0.1:{port + offset}" for offset in (0, 1)]
    command = [str(ROOT / ".peers" / "bin" / "etcd"), "--data-dir", str(directory), "--log-level", "error"]
    command += ["--listen-client-urls", urls[0], "--advertise-client-urls", urls[0]]
    command += ["--listen-peer-urls", urls[1], "--initial-advertise-peer-urls", urls[1]]
    command += ["--initial-cluster", f"default={urls[1]}"]
    with subprocess.Popen(command) as process:
        try:
            for _ in range(200):
                time.sleep(0.1)
                try:
                    urllib.request.urlopen(urls[0] + "/health").close()
                    break
                except OSError:
                    continue
            yield port
        finally:
            process.kill()


def test_record(rewrite: bool, tmp_path: Path) -> None:
    """Records when asked to; otherwise the record must name exactly the requests of this file."""
    if rewrite:
        RECORDED.parent.mkdir(exist_ok=True)
        with official(tmp_path / "etcd") as port:
            text = [f"== {request.name}\n" + "".join(f"{x}\n" for x in over_tcp(port, request)) for request in REQUESTS]
        RECORDED.write_text("\n".join(text))
    assert list(recorded()) == [request.name for request in REQUESTS]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.name)
def test_answers_as_official_etcd(request_: Request) -> None:
    router = StandIn()
    said = in_memory(lambda: Connection(router, now=0.0, peer="x"), request_)
    assert said == recorded()[request_.name]
