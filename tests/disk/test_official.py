"""Official etcd 3.7.1 as the judge of our log: it starts on one we wrote, and we read the one it went on writing."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

from pyetcd.cluster.membership import Member
from pyetcd.consensus import SoloEngine, bootstrap_entries
from pyetcd.disk.wal_reader import list_segments, read_log
from pyetcd.pb import metadata_pb2, raft_internal_pb2
from tests.disk.stepped import METADATA, SteppedLog
from tests.peers import need

ME = 0x8E9E05C52164694D
KEYS = 400

def put(number: int) -> bytes:
    request = raft_internal_pb2.InternalRaftRequest()
    request.header.ID = number
    request.put.key = b"k%04d" % number
    request.put.value = b"v%d" % number * 100
    data: bytes = request.SerializeToString()
    return data


def write_log(path: Path) -> None:
    """The log of a member that ran, restarted, and wrote KEYS keys over several segments."""
    context = Member(ME, ("http://localhost:2380",), "default").to_json()
    engine = SoloEngine.bootstrap(ME, bootstrap_entries([(ME, context)]))
    path.parent.mkdir(parents=True)
    log = SteppedLog(path)
    engine.campaign()
    for number in range(-2, KEYS, 2):
        if number >= 0:
            engine.propose([(put(number), None), (put(number + 1), None)])
        while ready := engine.ready():
            log.wal.save(ready, log.heard.append)
            log.settle()
            engine.persisted(ready)
            if ready.committed:
                engine.applied(ready.committed[-1].index)
    log.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def etcdctl(port: int, *arguments: str) -> str:
    command = [str(need("etcdctl")), f"--endpoints=127.0.0.1:{port}", "--dial-timeout=2s", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout


def test_official_etcd_starts_on_our_log_and_we_read_on(tmp_path: Path) -> None:
    write_log(tmp_path / "data" / "member" / "wal")
    before = len(list_segments(str(tmp_path / "data" / "member" / "wal")))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(need("etcd")), "--data-dir", str(tmp_path / "data"), "--log-level", "error"]
    command += ["--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", "http://127.0.0.1:0"]
    with open(tmp_path / "etcd.log", "wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        until = time.monotonic() + 60
        while "k0000" not in etcdctl(port, "get", "k0000") and time.monotonic() < until and server.poll() is None:
            time.sleep(0.2)
        listed = etcdctl(port, "get", "k", "--prefix", "--keys-only").split()
        assert listed == [f"k{number:04}" for number in range(KEYS)], (tmp_path / "etcd.log").read_text()
        assert "v7v7v7" in etcdctl(port, "get", "k0007")
        etcdctl(port, "put", "after", "all")
    finally:
        server.terminate()
        server.wait(30)
    contents = read_log(str(tmp_path / "data" / "member" / "wal"))
    assert before >= 2 and b"after" in contents.entries[-1].data
    assert contents.hard_state.term == 3 and contents.entries[KEYS + 1].index == KEYS + 2
    shutil.rmtree(tmp_path / "data")


def test_metadata_is_etcds() -> None:
    metadata = metadata_pb2.Metadata.FromString(METADATA)
    assert metadata.NodeID == ME
