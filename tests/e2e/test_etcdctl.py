"""Unmodified etcdctl 3.7.1 against official etcd and against pyetcd: the same calls, the same output.

The calls of a section run in lockstep on both servers, so revisions, raft indexes and ids are compared as they are.
"""

from __future__ import annotations

import json

import pytest

from tests.e2e.transcript import Background, Pair, Side
from tests.peers import need
from tests.servers import Server


@pytest.fixture(scope="module")
def pair(official: Server, ours: Server) -> Pair:
    need("etcdctl")
    return Pair(official, ours)


def revision_of(pair: Pair) -> int:
    """The store's revision, the same on both."""
    return int(json.loads(pair.same("get", "no-such-key", "-w", "json"))["header"]["revision"])


FORMATS = ("simple", "json", "fields", "protobuf")


def test_put_and_get_in_every_format(pair: Pair) -> None:
    assert pair.same("put", "foo", "bar") == "OK\n"
    pair.same("put", "foo", "bar2", "--prev-kv", "-w", "json")
    pair.same("put", "foo1", "one")
    pair.same("put", "foo2", "", "-w", "json")
    pair.same("put", "foo3", "--", "-starts with a dash")
    for form in FORMATS:
        pair.same("get", "foo", "-w", form)
        pair.same("get", "foo", "--prefix", "-w", form)
    pair.same("get", "foo", "--prefix", "-w", "json", "--hex")
    pair.same("get", "foo", "--prefix", "-w", "table", status=4)


def test_get_options(pair: Pair) -> None:
    for key in ("opt/a", "opt/b", "opt/c", "opt/d"):
        pair.same("put", key, key.upper())
    pair.same("put", "opt/a", "again")
    for options in (
        ["--limit=2"],
        ["--order=DESCEND"],
        ["--sort-by=MODIFY", "--order=DESCEND"],
        ["--sort-by=VERSION", "--order=ASCEND"],
        ["--sort-by=VALUE"],
        ["--keys-only"],
        ["--consistency=s"],
        ["--rev=5"],
        ["--min-mod-rev=3", "--max-mod-rev=8"],
        ["--min-create-rev=4", "--max-create-rev=7"],
    ):
        pair.same("get", "opt/", "--prefix", "-w", "json", *options)
    pair.same("get", "opt/", "--prefix", "--count-only", "-w", "fields")
    pair.same("get", "opt/", "--prefix", "--print-value-only")
    pair.same("get", "opt/b", "opt/d", "-w", "json")
    pair.same("get", "opt/c", "--from-key", "-w", "json")
    pair.same("get", "absent", "-w", "json")
    pair.same("get", "foo", "--rev=4000", status=1)


def test_put_errors(pair: Pair) -> None:
    pair.same("put", "new", "--ignore-value", "--lease=1234", status=1)
    pair.same("put", "new", "value", "--lease=1234", status=1)
    pair.same("put", "never-there", "value", "--ignore-lease", status=1)
    pair.same("put", "", "value", status=1)


def test_del(pair: Pair) -> None:
    for key in ("del/a", "del/b", "del/c"):
        pair.same("put", key, "x")
    assert pair.same("del", "del/a") == "1\n"
    assert pair.same("del", "del/a") == "0\n"
    pair.same("del", "del/", "--prefix", "--prev-kv", "-w", "json")
    pair.same("put", "del/d", "y")
    pair.same("del", "del/d", "--prev-kv")


def test_txn_interactive(pair: Pair) -> None:
    pair.same("put", "txn/a", "1")
    script = 'value("txn/a") = "1"\nversion("txn/b") = "0"\n\nput txn/b "made here"\nget txn/a\n\nput txn/c no\n\n'
    pair.same("txn", "-i", stdin=script)
    assert "FAILURE" in pair.same("txn", "-i", stdin=script)
    for form in ("json", "fields", "protobuf"):
        pair.same("txn", "-w", form, stdin='mod("txn/a") > "0"\n\nget txn/ txn0\ndel txn/b\nput txn/d 4\n\n\n')
        pair.same("txn", "-w", form, stdin='create("txn/zzz") < "0"\n\n\nget txn/ --prefix --keys-only\n\n')
    pair.same("txn", stdin="\nput twice 1\nput twice 2\n\n\n", status=1)


def watched(pair: Pair, lines: int, *arguments: str, then: list[str] | None = None, more: int = 0) -> list[str]:
    """A watch's first ``lines`` lines and, after the call ``then``, ``more`` lines; both servers' must be equal."""

    def watch(side: Side) -> list[str]:
        with Background(side, "watch", *arguments) as running:
            running.wait_for(lines)
            if then:
                assert side.run(*then).status == 0
                running.wait_for(lines + more)
            return running.stop()[1]

    expected, got = pair.both(watch)
    assert got == expected
    assert len(expected) == lines + more, expected
    return expected


def test_watch_with_history(pair: Pair) -> None:
    pair.same("put", "hist/a", "1")
    pair.same("put", "hist/a", "2")
    pair.same("del", "hist/a")
    pair.same("put", "hist/b", "3")
    first = watched(pair, 9, "hist/a", "--rev=1")
    assert first == ["PUT\n", "hist/a\n", "1\n", "PUT\n", "hist/a\n", "2\n", "DELETE\n", "hist/a\n", "\n"]
    watched(pair, 12, "hist/", "--prefix", "--rev=1", then=["put", "hist/c", "4"], more=3)
    delete = ["del", "hist/", "--prefix"]
    watched(pair, 1, "hist/", "--prefix", "--rev=1", "--prev-kv", "-w", "json", then=delete, more=1)


def test_watch_of_a_compacted_revision_is_cancelled(pair: Pair) -> None:
    for value in "123":
        pair.same("put", "compacted", value)
    revision = revision_of(pair)
    assert pair.same("compaction", str(revision)) == f"compacted revision {revision}\n"
    pair.same("compaction", str(revision), status=1)
    pair.same("compaction", "100000", status=1)
    pair.same("get", "compacted", "--rev=2", status=1)
    pair.same("watch", "compacted", "--rev=2", status=5)
    pair.same("put", "compacted", "4")
    pair.same("compaction", str(revision + 1), "--physical")
    pair.same("get", "compacted", f"--rev={revision + 1}", "-w", "json")


def test_member_list(pair: Pair) -> None:
    for form in ("simple", "table", "json", "fields", "protobuf"):
        pair.same("member", "list", "-w", form)
    pair.same("member", "list", "--hex", "-w", "json")


def test_endpoint(pair: Pair) -> None:
    """Before any lock: what a contended one leaves in the log varies from run to run of one server too."""
    for form in ("simple", "table", "json", "fields"):
        pair.same("endpoint", "status", "-w", form)
    pair.same("endpoint", "health")
    pair.same("endpoint", "health", "-w", "json")


def test_hash_of_history(pair: Pair) -> None:
    """Before any lease: the ids of leases are drawn by each server and are hashed with the keys they hold."""
    pair.same("put", "hashed", "1")
    pair.same("put", "hashed", "2")
    pair.same("endpoint", "hashkv")
    pair.same("endpoint", "hashkv", "-w", "json")
    pair.same("endpoint", "hashkv", f"--rev={revision_of(pair) - 1}", "-w", "json")


def test_lease_life(pair: Pair) -> None:
    pair.grant("one", 300)
    pair.grant("two", 1000)
    pair.same("put", "leased/a", "x", "--lease={one}")
    pair.same("put", "leased/b", "y", "--lease={one}")
    pair.same("put", "leased/c", "z", "--lease={two}")
    pair.same("put", "leased/c", "z2", "--ignore-lease")
    pair.same("get", "leased/", "--prefix", "-w", "json")
    pair.same("lease", "timetolive", "{one}", "--keys")
    pair.same("lease", "timetolive", "{one}", "-w", "json")
    pair.same("lease", "list")
    pair.same("lease", "list", "-w", "json")
    pair.same("lease", "keep-alive", "--once", "{one}")
    pair.same("lease", "keep-alive", "--once", "1234abcd", status=2)
    pair.same("lease", "revoke", "{one}")
    pair.same("lease", "revoke", "{one}", status=1)
    pair.same("lease", "timetolive", "{one}")
    pair.same("get", "leased/", "--prefix", "-w", "json")
    pair.same("lease", "revoke", "{two}", "-w", "json")


def test_lease_keep_alive_until_interrupted(pair: Pair) -> None:
    pair.grant("alive", 3)

    def keep(side: Side) -> list[str]:
        with Background(side, "lease", "keep-alive", "{alive}") as running:
            return running.wait_for(2)

    expected, got = pair.both(keep)
    assert got == expected
    assert expected == ["lease LEASE-alive keepalived with TTL(3)\n"] * 2
    pair.same("lease", "revoke", "{alive}")


def test_an_expired_lease_deletes_its_keys_in_one_revision(pair: Pair) -> None:
    pair.grant("short", 2)
    pair.same("put", "short/a", "1", "--lease={short}")
    pair.same("put", "short/b", "2", "--lease={short}")
    revision = revision_of(pair)
    events = watched(pair, 12, "short/", "--prefix", f"--rev={revision - 1}")
    assert events[6:] == ["DELETE\n", "short/a\n", "\n", "DELETE\n", "short/b\n", "\n"]
    pair.same("get", "short/", "--prefix", "-w", "json")


def test_lock(pair: Pair) -> None:
    pair.same("lock", "mylock", "echo", "held")
    assert "mylock/LEASE" in pair.same("lock", "mylock", "printenv", "ETCD_LOCK_KEY")

    def contend(side: Side) -> tuple[list[str], list[str], int]:
        with Background(side, "lock", "contended") as first:
            held = first.wait_for(1)
            with Background(side, "lock", "contended") as second:
                first.stop()
                passed = second.wait_for(1)
                return held, passed, second.stop()[0]

    expected, got = pair.both(contend)
    assert got == expected
    assert expected[0] == expected[1] == ["contended/LEASE\n"]


def test_elect(pair: Pair) -> None:
    def campaign(side: Side) -> tuple[list[str], list[str], int]:
        with Background(side, "elect", "myelection", "proposal one") as leader:
            won = leader.wait_for(2)
            with Background(side, "elect", "--listen", "myelection") as listener:
                seen = listener.wait_for(2)
                listener.stop()
            return won, seen, leader.stop()[0]

    expected, got = pair.both(campaign)
    assert got == expected
    assert expected[0] == ["myelection/LEASE\n", "proposal one\n"]


def test_maintenance(pair: Pair) -> None:
    pair.same("alarm", "list")
    pair.same("alarm", "list", "-w", "json")
    pair.same("defrag")
