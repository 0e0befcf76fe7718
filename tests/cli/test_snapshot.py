"""``pyetcd snapshot``: what is refused and leaves nothing behind, and the same output as official etcdutl."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from pyetcd.cli.snapshot import BAD_ARGUMENTS, FAILED, human_bytes, main
from pyetcd.disk.bbolt.page import PAGE_SIZE, Row
from pyetcd.disk.bbolt.writer import Image
from pyetcd.disk.rocks import RocksBackend
from pyetcd.disk.wal_reader import read_log
from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.record import encode_tombstone, first
from pyetcd.mvcc.revision import main_key, pack, to_key
from pyetcd.server.bootstrap import identity
from tests.peers import need

ME = ["--name=m1", "--initial-cluster=m1=http://10.0.0.1:2380", "--initial-advertise-peer-urls=http://10.0.0.1:2380"]


def rows() -> dict[str, list[Row]]:
    """Two live keys, one deleted, of a cluster with other members."""
    found: dict[str, list[Row]] = {bucket: [] for bucket in Bucket}
    found[Bucket.KEY] = [
        (main_key(2), first(b"a", 2, b"1", 0)),
        (main_key(3), first(b"b", 3, b"x" * 9000, 0)),
        (to_key(pack(4, 0, True)), encode_tombstone(b"a")),
        (main_key(5), first(b"c", 5, b"3", 7)),
    ]
    found[Bucket.META] = [(b"consistent_index", (99).to_bytes(8, "big")), (b"storageVersion", b"3.7.0")]
    found[Bucket.MEMBERS] = [(b"1234", b'{"id":4660,"peerURLs":["http://old:2380"],"name":"old"}')]
    found[Bucket.MEMBERS_REMOVED] = [(b"99", b"removed")]
    found[Bucket.AUTH] = [(b"authRevision", (7).to_bytes(8, "big"))]
    return found


def image() -> bytes:
    data = rows()
    made = Image(data, data.__getitem__)
    list(made.measure())
    return b"".join(made.pages())


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    path = tmp_path / "snapshot.db"
    path.write_bytes(image() + hashlib.sha256(image()).digest())
    return path


def restore(snapshot: Path, target: Path, *more: str) -> int:
    return main(["restore", str(snapshot), f"--data-dir={target}", *ME, *more])


def state(target: Path) -> dict[Bucket, list[Row]]:
    backend = RocksBackend(str(target / "member/snap/rocks"))
    try:
        return {bucket: backend.scan(bucket, b"", None) for bucket in Bucket}
    finally:
        backend.close()


def test_the_state_is_copied_and_the_members_are_new(snapshot: Path, tmp_path: Path) -> None:
    target = tmp_path / "data"
    assert restore(snapshot, target) == 0
    found = state(target)
    for bucket in (Bucket.KEY, Bucket.AUTH, Bucket.LEASE):
        assert found[bucket] == rows()[bucket]
    ((key, member),) = found[Bucket.MEMBERS]
    member_id, _ = identity(read_log(str(target / "member/wal")))
    assert key == b"%x" % member_id and b'"peerURLs":["http://10.0.0.1:2380"],"name":"m1"' in member
    assert found[Bucket.MEMBERS_REMOVED] == []
    meta = dict(found[Bucket.META])
    assert (meta[b"consistent_index"], meta[b"term"]) == ((1).to_bytes(8, "big"),) * 2
    assert meta[b"confState"] == b'{"voters":[%d],"auto_leave":false}' % member_id
    assert meta[b"storageVersion"] == b"3.7.0"


def test_another_token_is_another_cluster(snapshot: Path, tmp_path: Path) -> None:
    found = set()
    for token in ("one", "two"):
        assert restore(snapshot, tmp_path / token, f"--initial-cluster-token={token}") == 0
        found.add(identity(read_log(str(tmp_path / token / "member/wal"))))
    assert len(found) == 2


def test_the_log_of_three_members(snapshot: Path, tmp_path: Path) -> None:
    urls = {name: f"http://10.0.0.{name[1]}:2380" for name in ("m1", "m2", "m3")}
    cluster = "--initial-cluster=" + ",".join(f"{name}={url}" for name, url in urls.items())
    logs = {}
    for name, url in urls.items():
        target = tmp_path / name
        flags = [f"--name={name}", cluster, f"--initial-advertise-peer-urls={url}", f"--data-dir={target}"]
        assert main(["restore", str(snapshot), *flags]) == 0
        logs[name] = read_log(str(target / "member/wal"))
        assert len(state(target)[Bucket.MEMBERS]) == 3
    assert {log.hard_state.commit for log in logs.values()} == {3} == {log.last_index for log in logs.values()}
    assert len({identity(log)[0] for log in logs.values()}) == 3
    assert len({identity(log)[1] for log in logs.values()}) == 1
    assert len({tuple(entry.data for entry in log.entries) for log in logs.values()}) == 1


def test_the_log_elsewhere(snapshot: Path, tmp_path: Path) -> None:
    assert restore(snapshot, tmp_path / "data", f"--wal-dir={tmp_path / 'log'}") == 0
    assert read_log(str(tmp_path / "log")).last_index == 1
    assert not (tmp_path / "data/member/wal").exists()


def test_a_copied_database_needs_the_switch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "db"
    path.write_bytes(image())
    assert restore(path, tmp_path / "data") == FAILED
    assert capsys.readouterr().err == "Error: snapshot missing hash but --skip-hash-check=false\n"
    assert restore(path, tmp_path / "data", "--skip-hash-check=false") == FAILED
    assert restore(path, tmp_path / "data", "--skip-hash-check") == 0


def test_a_higher_revision(snapshot: Path, tmp_path: Path) -> None:
    assert restore(snapshot, tmp_path / "data", "--bump-revision=100", "--mark-compacted") == 0
    found = state(tmp_path / "data")
    assert found[Bucket.KEY][-1] == (main_key(105), b"")
    assert dict(found[Bucket.META])[b"scheduledCompactRev"] == main_key(105)


@pytest.mark.parametrize("flags", [["--bump-revision=5"], ["--mark-compacted"], ["--bump-revision=-1"], ["--unknown"]])
def test_flags_that_do_not_fit(snapshot: Path, tmp_path: Path, flags: list[str]) -> None:
    assert restore(snapshot, tmp_path / "data", *flags) == BAD_ARGUMENTS
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--name=m2", "couldn't find local name"),
        ("--initial-advertise-peer-urls=http://10.0.0.2:2380", "missing from --initial-advertise-peer-urls"),
        ("--initial-advertise-peer-urls=10.0.0.1", "URL scheme must be http"),
    ],
)
def test_a_member_that_is_not_of_its_cluster(
    snapshot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, words: str
) -> None:
    assert restore(snapshot, tmp_path / "data", flag) == FAILED
    assert words in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_targets_that_are_taken(snapshot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "data"
    target.mkdir()
    (target / "precious").write_text("mine")
    assert restore(snapshot, target) == FAILED
    assert "not empty" in capsys.readouterr().err
    assert restore(snapshot, tmp_path / "new", f"--wal-dir={target}") == FAILED
    assert f'wal-dir "{target}" exists' in capsys.readouterr().err
    assert (target / "precious").read_text() == "mine" and not (tmp_path / "new").exists()


@pytest.mark.parametrize("place", [0, 70, PAGE_SIZE * 3, -1])
def test_any_changed_byte_is_refused_by_the_digest(
    snapshot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: int
) -> None:
    data = bytearray(snapshot.read_bytes())
    data[place] ^= 1
    snapshot.write_bytes(data)
    assert restore(snapshot, tmp_path / "data") == FAILED == main(["status", str(snapshot)])
    assert "expected sha256" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_damage_is_found_without_a_digest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "db"
    data = image()
    path.write_bytes(data[: 2 * PAGE_SIZE] + bytes(PAGE_SIZE) + data[3 * PAGE_SIZE :])
    assert restore(path, tmp_path / "data", "--skip-hash-check") == FAILED
    assert "bucket key: page 2: calls itself page 0" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("raw", [b"short", b"17 bytes of noise", to_key(pack(2, 0)) + b"x"])
def test_what_is_no_revision_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str], raw: bytes) -> None:
    data: dict[str, list[Row]] = {bucket: [] for bucket in Bucket}
    data[Bucket.KEY] = [(raw, b"\x0a\x01k")]
    made = Image(data, data.__getitem__)
    list(made.measure())
    path = tmp_path / "db"
    path.write_bytes(b"".join(made.pages()))
    assert main(["status", str(path)]) == FAILED
    assert f"bucket key: {raw.hex()} is no revision of a key" in capsys.readouterr().err


def test_no_such_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(tmp_path / "none")]) == FAILED == restore(tmp_path / "none", tmp_path / "data")
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["simple", "json", "fields", "table"])
def test_status_says_what_etcdutl_says(snapshot: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    official = subprocess.run(
        [str(need("etcdutl")), "snapshot", "status", str(snapshot), "-w", form], capture_output=True, text=True
    )
    assert main(["status", str(snapshot), "-w", form]) == 0
    assert official.returncode == 0 and capsys.readouterr().out == official.stdout


def test_official_etcdutl_restores_the_same_file(snapshot: Path, tmp_path: Path) -> None:
    """What it makes of the members and of the log's position is what we make of them."""
    done = subprocess.run(
        [str(need("etcdutl")), "snapshot", "restore", str(snapshot), f"--data-dir={tmp_path / 'official'}", *ME],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    copied = tmp_path / "db"
    shutil.copy(tmp_path / "official/member/snap/db", copied)
    assert restore(snapshot, tmp_path / "ours") == restore(copied, tmp_path / "again", "--skip-hash-check") == 0
    assert state(tmp_path / "ours") == state(tmp_path / "again")
    official, ours = (read_log(str(tmp_path / name / "member/wal")) for name in ("official", "ours"))
    assert (official.metadata, official.hard_state) == (ours.metadata, ours.hard_state)
    assert (official.entries, official.snapshots) == (ours.entries, ours.snapshots)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (9, "9 B"), (20, "20 B"), (999, "999 B"), (20480, "20 kB"), (1_050_000, "1.1 MB"), (10**10, "10 GB")],
)
def test_human_sizes(size: int, text: str) -> None:
    assert human_bytes(size) == text
