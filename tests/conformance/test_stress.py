"""The command ``stress``: official etcd keeps its promises, a server that does not is found out."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from pyetcd.conformance.cli import main
from pyetcd.conformance.server import ManagedServer

from pyetcd.pb import rpc_pb2
from tests.conformance.doctor import doctored
from tests.peers import need


@pytest.fixture
def official() -> Iterator[ManagedServer]:
    server = ManagedServer(f"{need('etcd')} --log-level=error --unsafe-no-fsync")
    server.start()
    yield server
    server.close()


def test_official_keeps_its_promises(official: ManagedServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stress", "--endpoint", f"http://{official.address}", "--seconds", "3", "--clients", "6"]) == 0
    said = capsys.readouterr().err
    assert "linearizable: yes" in said and "prev_kv: yes" in said


def test_stale_reads_are_found(official: ManagedServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Every read of one key is answered with the one before."""
    kept: list[bytes] = []
    lock = threading.Lock()

    def stale(body: bytes) -> bytes:
        if not rpc_pb2.RangeResponse.FromString(body).kvs:
            return body
        with lock:
            kept.append(body)
            return kept.pop(0) if len(kept) > 3 else body

    with doctored(official.address, {"KV.Range": stale}) as url:
        assert main(["stress", "--endpoint", url, "--seconds", "1.5", "--clients", "4"]) == 1
    assert "linearizable: NO" in capsys.readouterr().err


def test_lost_events_are_found(official: ManagedServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Of every answer with a revision that ends in 7, the events are gone."""

    def lossy(body: bytes) -> bytes:
        answer = rpc_pb2.WatchResponse.FromString(body)
        if answer.header.revision % 10 == 7 and answer.events:
            del answer.events[:]
            answer.events.add(kv={"key": b"stress/0", "mod_revision": answer.header.revision}, type="DELETE")
        return answer.SerializeToString()

    with doctored(official.address, {"Watch.Watch": lossy}) as url:
        assert main(["stress", "--endpoint", url, "--seconds", "1.5", "--clients", "4"]) == 1
    assert "NO: " in capsys.readouterr().err
