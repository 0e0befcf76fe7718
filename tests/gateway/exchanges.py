"""What is asked of the HTTP endpoints, and what official etcd 3.7.1 answered (recorded in testdata).

``python -m tests.gateway.exchanges`` records again: it starts the official server twice on free ports.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.peers import need

RECORDED = Path(__file__).parent.parent / "testdata" / "gateway" / "exchanges.json"
_DATE = re.compile(rb"Date: [^\r]+")


def mask(answer: bytes) -> str:
    """The answer with its date masked, one character per byte."""
    return _DATE.sub(b"Date: (now)", answer).decode("latin-1")


def request(path: str, method: str = "GET", version: str = "1.1", headers: str = "Host: localhost\r\n") -> str:
    return f"{method} {path} HTTP/{version}\r\n{headers}\r\n"


_PATHS = (
    "/version",
    "/version?",
    "/ver%73ion",
    "/version/",
    "//version",
    "/a/../version",
    "/a/../version?x=%201",
    "/./x//y/",
    "/%2e%2e/version",
    "/x/../%41%2f",
    "/a%2f..%2fb/../x",
    "/a/..",
    "/.",
    "/",
    "/foo",
    "/config",
    "/v2/keys",
    "/v3",
    "/v3/kv/range",
    "/debug/pprof/",
    "/debug/requests",
    '//a"b',
    "//a?x=<\"'&>",
    "//version?a;b",
    "/a/../v3<>",
    "//a!b(c)[d]*'",
    "/metrics/",
    "/health/",
    "//#frag",
    "http://other/version",
    "http://other//version",
    "/health",
    "/health?serializable=true",
    "/health?exclude=NOSPACE",
    "/health?exclude=",
    "/livez",
    "/livez?verbose",
    "/livez?verbose=x",
    "/livez?verbose;x",
    "/livez?verbose&a=%zz",
    "/livez?ver%62ose",
    "/livez?exclude=serializable_read&verbose",
    "/livez/",
    "/livez/serializable_read",
    "/livez/serializable_read?verbose",
    "/livez/serializable_read?verbose&exclude=serializable_read",
    "/livez/unknown",
    "/livez%2fserializable_read",
    "/livez/non_learner",
    "/readyz",
    "/readyz/data_corruption?verbose",
    "/readyz/serializable_read?verbose",
    "/readyz/linearizable_read?verbose",
    "/readyz/non_learner?verbose",
    "/readyz?verbose&exclude=data_corruption&exclude=serializable_read&exclude=linearizable_read&exclude=unknown",
)

HEALTHY = [
    *(request(path) for path in _PATHS),
    *(
        request(path, method)
        for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "FOO")
        for path in ("/version", "/health", "/livez", "/readyz/non_learner", "/foo", "//version")
    ),
    request("*"),
    request("*", "OPTIONS"),
    request("//version", "CONNECT"),
    request("/version", "CONNECT"),
    request("a:80", "CONNECT"),
    request("/version", version="1.0", headers=""),
    request("/version", version="1.0", headers="Connection: keep-alive\r\n"),
    request("/foo", version="1.0"),
    request("//version", version="1.0"),
    request("/version", headers="Host: a\r\nConnection: close\r\n"),
    request("/foo", headers="Host: a\r\nConnection: x, Close\r\n"),
    request("/version", headers=""),
    request("/version", headers="Host:\r\n"),
    request("/version", headers="Host: a\r\nHost: b\r\n"),
    request("/version", headers="Host: a b\r\n"),
    request("/version", headers="Host: a\r\nOrigin: http://elsewhere\r\n"),
    request("version"),
    request("/%zz"),
    request("/version", headers="Host: a\r\nContent-Length: x\r\n"),
    request("/version") + request("/health"),
    request("/version", "POST", headers="Host: a\r\nContent-Length: 3\r\n") + "abc" + request("/version"),
]
NOSPACE = [
    request(path)
    for path in (
        "/health",
        "/health?exclude=NOSPACE",
        "/health?exclude=CORRUPT",
        "/health?exclude=CORRUPT&exclude=NOSPACE",
        "/health?serializable=true",
        "/livez",
        "/readyz",
    )
]
CORRUPT = [
    request(path)
    for path in (
        "/health",
        "/health?exclude=CORRUPT",
        "/livez",
        "/readyz/data_corruption",
        "/readyz/data_corruption?verbose",
        "/readyz/non_learner",
        "/readyz?exclude=serializable_read&exclude=linearizable_read&exclude=non_learner",
        "/readyz?exclude=data_corruption",
    )
]
LISTED = [
    request("/version", headers="Host: good.example:2379\r\nOrigin: http://friend:80\r\n"),
    request("/version", headers="Host: good.example\r\nOrigin: http://foe:80\r\n"),
    request("/version", headers="Host: bad.example:1\r\n"),
    request("http://good.example/version", headers="Host: bad.example\r\n"),
    request("http://bad.example:3/version", headers="Host: good.example\r\n"),
    request("/version", "OPTIONS", headers="Host: [::1]:2379\r\n"),
]


def ask(port: int, text: str) -> tuple[bytes, bool]:
    """The raw answer, and whether the server kept the connection open."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(0.4)
        connection.sendall(text.encode("latin-1"))
        answer = b""
        try:
            while data := connection.recv(65536):
                answer += data
        except TimeoutError:
            return answer, True
        return answer, False


def _raise_alarm(port: int, alarm: int) -> None:
    import grpc

    from pyetcd.pb import rpc_pb2

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        message = rpc_pb2.AlarmRequest(action=1, memberID=1, alarm=alarm).SerializeToString()
        channel.unary_unary("/etcdserverpb.Maintenance/Alarm")(message, timeout=5)


def _record(states: dict[str, tuple[int, list[str]]], *flags: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder, socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        client, peer = one.getsockname()[1], two.getsockname()[1]
        one.close()
        two.close()
        urls = {"client": f"http://127.0.0.1:{client}", "peer": f"http://127.0.0.1:{peer}"}
        command = [need("etcd"), "--data-dir", folder, f"--listen-client-urls={urls['client']}"]
        command += [f"--advertise-client-urls={urls['client']}", f"--listen-peer-urls={urls['peer']}"]
        command += ["--enable-grpc-gateway=false", "--log-level=fatal", *flags]
        server = subprocess.Popen(command)
        try:
            time.sleep(2)
            for state, (alarm, requests) in states.items():
                if alarm:
                    _raise_alarm(client, alarm)
                for text in requests:
                    answer, still_open = ask(client, text)
                    found.append({"state": state, "request": text, "answer": mask(answer), "open": still_open})
        finally:
            server.terminate()
            server.wait()
    return found


def main() -> None:
    exchanges = _record({"healthy": (0, HEALTHY), "nospace": (1, NOSPACE)})
    exchanges += _record({"corrupt": (2, CORRUPT)})
    exchanges += _record(
        {"listed": (0, LISTED)}, "--host-whitelist=good.example", "--cors=http://friend:80,http://other:80"
    )
    RECORDED.parent.mkdir(parents=True, exist_ok=True)
    RECORDED.write_text(json.dumps(exchanges, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(exchanges)} exchanges recorded")


if __name__ == "__main__":
    sys.exit(main())
