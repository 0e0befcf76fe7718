"""Snapshots between us and official etcd, in both directions: saved, checked and restored by either side's tools."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers import need
from tests.servers import ADVERTISED_PEER, OFFICIAL, Server, etcdctl, our_command


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Server]:
    for tool in ("etcd", "etcdctl", "etcdutl"):
        need(tool)
    server = Server(our_command(), tmp_path / "ours")
    server.start()
    yield server
    server.stop()


def ctl(server: Server, *arguments: str, stdin: str | None = None) -> str:
    done = etcdctl(server.endpoint, *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def answer(server: Server, *arguments: str) -> Any:
    return json.loads(ctl(server, *arguments, "-w", "json"))


def etcdutl(*arguments: str | Path) -> str:
    done = subprocess.run([str(need("etcdutl")), *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fill(server: Server) -> None:
    """History of every kind: rewritten, deleted, leased, compacted, large."""
    for at in range(0, 300, 50):
        ctl(server, "put", f"key/{at:04}", "v" * (at * 7))
    script = "\n".join(f'put script/{at:03} "{"x" * at}"' for at in range(100))
    ctl(server, "txn", stdin=f"\n{script}\n\n\n\n")
    ctl(server, "put", "large", stdin="z" * 1_000_000)
    lease = answer(server, "lease", "grant", "5000")["ID"]
    ctl(server, "put", "leased", "bound", f"--lease={lease:x}")
    ctl(server, "del", "key/0050")
    ctl(server, "put", "key/0000", "again")
    revision = answer(server, "endpoint", "status")[0]["Status"]["header"]["revision"]
    ctl(server, "compact", "--physical", str(revision - 2))
    ctl(server, "put", "after", "compaction")


def hash_kv(server: Server) -> dict[str, int]:
    answered = answer(server, "endpoint", "hashkv")[0]["HashKV"]
    return {name: answered[name] for name in ("hash", "compact_revision", "hash_revision")}


IDENTITY = (
    "--name=default",
    f"--initial-cluster=default={ADVERTISED_PEER}",
    f"--initial-advertise-peer-urls={ADVERTISED_PEER}",
)


def restored(snapshot: Path, folder: Path, *flags: str) -> Server:
    """An official server on what official etcdutl makes of the file."""
    server = Server(OFFICIAL, folder)
    etcdutl("snapshot", "restore", snapshot, f"--data-dir={server.data_dir}", *IDENTITY, *flags)
    server.start()
    return server


def restored_by_us(snapshot: Path, folder: Path, *flags: str) -> Server:
    """Our server on what we make of the file."""
    server = Server(our_command(), folder)
    command = [*our_command(), "snapshot", "restore", str(snapshot), f"--data-dir={server.data_dir}", *IDENTITY, *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    server.start()
    return server


@pytest.fixture
def official(tmp_path: Path) -> Iterator[Server]:
    server = Server(OFFICIAL, tmp_path / "first")
    server.start()
    yield server
    server.stop()


def test_official_etcd_serves_what_we_saved(ours: Server, tmp_path: Path) -> None:
    fill(ours)
    saved = tmp_path / "snapshot.db"
    assert "Server version 3.7.0" in ctl(ours, "snapshot", "save", str(saved))
    status = json.loads(etcdutl("snapshot", "status", saved, "-w", "json"))
    revision = answer(ours, "get", "after")["header"]["revision"]
    keys = answer(ours, "get", "", "--prefix", "--keys-only")["count"]
    assert (status["revision"], status["totalKey"], status["version"]) == (revision, keys, "3.7.0")
    assert saved.stat().st_size == status["totalSize"] + 32
    official = restored(saved, tmp_path / "official")
    try:
        assert hash_kv(official) == hash_kv(ours)
        for question in (["get", "", "--prefix"], ["lease", "list"], ["user", "list"]):
            assert ctl(official, *question) == ctl(ours, *question)
        ctl(official, "put", "script/050", "still writable")
        ctl(official, "del", "script/", "--prefix")
        ctl(official, "compact", "--physical", str(revision + 2))
        ctl(official, "defrag")
    finally:
        official.stop()
    assert json.loads(etcdutl("snapshot", "status", official.data_dir / "member/snap/db", "-w", "json"))["revision"]


def test_a_snapshot_taken_while_writes_go_on_is_one_moment(ours: Server, tmp_path: Path) -> None:
    """Each transaction writes the same number to two keys far apart; any moment shows them equal."""
    fill(ours)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            ctl(ours, "txn", stdin=f"\nput a {number}\nput z {number}\n\n\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for at in range(5):
            ctl(ours, "snapshot", "save", str(tmp_path / f"{at}.db"))
    finally:
        stop.set()
        writer.join()
    official = restored(tmp_path / "4.db", tmp_path / "official")
    try:
        first, second = (answer(official, "get", key).get("kvs", [{}])[0].get("value") for key in "az")
        assert first == second
    finally:
        official.stop()
    revisions = [json.loads(etcdutl("snapshot", "status", tmp_path / f"{at}.db", "-w", "json")) for at in range(5)]
    assert sorted(status["revision"] for status in revisions) == [status["revision"] for status in revisions]


QUESTIONS = (
    ("get", "", "--prefix", "-w", "json"),
    ("lease", "list"),
    ("member", "list", "-w", "json"),
    ("user", "list"),
    ("role", "get", "reader"),
    ("alarm", "list"),
    ("get", "leased", "-w", "json"),
)


def test_we_serve_what_official_etcd_saved(ours: Server, official: Server, tmp_path: Path) -> None:
    """Official's snapshot, restored by both tools: the same answers and hashes, also after more writes."""
    ours.stop()
    fill(official)
    for command in (
        ["user", "add", "bob:pw"],
        ["role", "add", "reader"],
        ["role", "grant-permission", "reader", "read", "a"],
    ):
        ctl(official, *command)
    saved = tmp_path / "saved.db"
    ctl(official, "snapshot", "save", str(saved))
    official.stop()
    pair = [restored(saved, tmp_path / "theirs"), restored_by_us(saved, tmp_path / "us")]
    try:
        for _ in range(2):
            theirs, us = (hash_kv(server) for server in pair)
            assert theirs == us
            for question in QUESTIONS:
                theirs_says, we_say = (ctl(server, *question) for server in pair)
                assert theirs_says == we_say, question
            for server in pair:
                ctl(server, "put", "more", "m" * 5000)
                ctl(server, "del", "script/", "--prefix")
                ctl(server, "compact", "--physical", str(answer(server, "get", "more")["header"]["revision"] - 1))
                ctl(server, "snapshot", "save", str(server.folder / "again.db"))
        states = [
            json.loads(etcdutl("snapshot", "status", server.folder / "again.db", "-w", "json")) for server in pair
        ]
        for status in states:
            del status["totalSize"]
        assert states[0] == states[1]
    finally:
        for server in pair:
            server.stop()


def test_a_restore_to_a_higher_revision(ours: Server, tmp_path: Path) -> None:
    fill(ours)
    saved = tmp_path / "saved.db"
    ctl(ours, "snapshot", "save", str(saved))
    ours.stop()
    flags = ("--bump-revision=1000000", "--mark-compacted")
    pair = [restored(saved, tmp_path / "theirs", *flags), restored_by_us(saved, tmp_path / "us", *flags)]
    try:
        for _ in range(2):
            theirs, us = (hash_kv(server) for server in pair)
            assert theirs == us and us["compact_revision"] > 1_000_000
            for question in QUESTIONS[:2]:
                theirs_says, we_say = (ctl(server, *question) for server in pair)
                assert theirs_says == we_say
            for server in pair:
                ctl(server, "put", "more", "m")
                ctl(server, "compact", "--physical", str(us["hash_revision"] + 1))
    finally:
        for server in pair:
            server.stop()
