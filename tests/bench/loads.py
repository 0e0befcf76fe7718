"""The work: one entry per row of the table, grouped by the server it needs.

Traps of etcd's own tool, each met once: ``put`` without --key-space-size writes one and the same key;
``watch`` without --put-rate hangs after one put; the latencies of ``watch`` measure only its own loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.bench import messages
from tests.bench.tools import Load, benchmark, h2load, load
from tests.servers import Server, etcdctl

HUNDRED = "--clients=100 --conns=10"


@dataclass(frozen=True)
class Row:
    """One row: ``run(server, total)`` does about ``total`` operations. Goals are ratios ours/official."""

    name: str
    work: str
    run: Callable[[Server, int], Load]
    total: int
    cpu_goal: float | None = None
    rate_goal: float | None = None
    p50_goal: float | None = None
    unit: str = "call"
    adapt: bool = False
    """the two sides may be so far apart that one number of operations cannot suit both"""


@dataclass(frozen=True)
class Setting:
    """Rows that share one server: its extra flags and what is in it beforehand."""

    name: str
    rows: tuple[Row, ...]
    flags: tuple[str, ...] = ()
    prepare: Callable[[Server], None] = lambda server: None


def of_tool(arguments: str, latency: bool = True) -> Callable[[Server, int], Load]:
    """A run of etcd's benchmark; {total} in ``arguments`` becomes the number of operations."""
    return lambda server, total: benchmark(server.endpoint, arguments.format(total=total), total, latency=latency)


def put_foo(server: Server) -> None:
    etcdctl(server.endpoint, "put", "foo", "v" * 256).check_returncode()


def fill(prefix: str, count: int) -> Callable[[Server], None]:
    def prepare(server: Server) -> None:
        load(server.endpoint, f"fill --clients=20 --conns=4 --total={count} --prefix={prefix}")

    return prepare


def lists(server: Server) -> None:
    fill("list1/", 1000)(server)
    fill("list2/", 10000)(server)


PUT = "put --total={total} --key-space-size={total} --val-size=256 --key-size=16 --sequential-keys"
FAN_OUT_WATCHERS = 1000


def watch_fan_out(server: Server, total: int) -> Load:
    puts = total // FAN_OUT_WATCHERS
    arguments = (
        "--clients=1 --conns=1 watch --streams=10 --watch-per-stream=100 --watched-key-total=1 "
        f"--put-total={puts} --put-rate=1000000"
    )
    return benchmark(server.endpoint, arguments, puts * FAN_OUT_WATCHERS, latency=False)


def kubernetes_txn(server: Server, total: int) -> Load:
    return load(server.endpoint, f"txn {HUNDRED} --total={total} --keys=10000 --stale=20")


def h2load_of(method: str, message: bytes) -> Callable[[Server, int], Load]:
    return lambda server, total: h2load(server.endpoint, method, message, f"-n {total} -c 10 -m 10 -t 1")


WATCH_MANY = (
    f"{HUNDRED} watch --streams=100 --watch-per-stream=10 --watched-key-total=1000 --key-space-size=1000 "
    "--sequential-keys --put-total={total} --put-rate=1000000"
)

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "put-100",
        (Row("put-100", "put, 256 B, distinct keys, 100 clients on 10 connections", of_tool(f"{HUNDRED} {PUT}"),
             40000, 0.6, 1.2),),
    ),
    Setting(
        "put-100c",
        (Row("put-100c", "the same on 100 connections", of_tool(f"--clients=100 --conns=100 {PUT}"), 40000, 0.6, 1.2),),
    ),
    Setting(
        "put-1",
        (Row("put-1", "put, 1 client", of_tool(f"--clients=1 --conns=1 {PUT}"), 3000, 1.0, None, 1.1),),
    ),
    Setting(
        "range",
        (
            Row("range-l", "range of one key, linearizable, 100 clients on 10 connections",
                of_tool(f"{HUNDRED} range foo --consistency=l --total={{total}}"), 60000, 0.6, 1.2),
            Row("range-s", "range of one key, serializable, 100 clients on 10 connections",
                of_tool(f"{HUNDRED} range foo --consistency=s --total={{total}}"), 60000, 0.6, 1.2),
        ),
        prepare=put_foo,
    ),
    Setting(
        "lists",
        (
            Row("list-1000", "range of 1,000 keys", of_tool(
                "--clients=10 --conns=2 range list1/ list10 --consistency=s --total={total}"), 2000, 0.4, 2.0),
            Row("list-10000", "range of 10,000 keys", of_tool(
                "--clients=10 --conns=2 range list2/ list20 --consistency=s --total={total}"), 200, 0.4, 2.0),
        ),
        prepare=lists,
    ),
    Setting(
        "txn",
        (Row("txn-k8s", "txn as Kubernetes sends it (compare mod, put, else range), 100 clients on 10 connections",
             kubernetes_txn, 40000, 0.6, 1.2),),
    ),
    Setting(
        "fan-out",
        (Row("watch-fan-out", "1 writer, 1,000 watchers of one key on 10 streams", watch_fan_out,
             200000, 1.0, 1.0, unit="event"),),
    ),
    Setting(
        "many-keys",
        (Row("watch-many-keys", "1,000 watchers of 1,000 keys", of_tool(WATCH_MANY, latency=False),
             20000, 0.7, 1.0, unit="put"),),
    ),
    Setting(
        "lease",
        (Row("lease-keep-alive", "lease keep-alive (a stream each), 100 clients on 10 connections",
             of_tool(f"{HUNDRED} lease-keepalive --total={{total}}"), 40000, 0.7, 1.2),),
    ),
    Setting(
        "h2load",
        (
            Row("h2load-range", "h2load: range of one key, serializable, 10 × 10 in flight",
                h2load_of(messages.RANGE, messages.one_key()), 100000),
            Row("h2load-put", "h2load: put, one key, 10 × 10 in flight",
                h2load_of(messages.PUT, messages.put()), 60000),
        ),
        prepare=put_foo,
    ),
)  # fmt: skip

MILLION_ROWS = (
    Row("limit-500", "`limit=500` inside 1,000,000 keys",
        of_tool("--clients=1 --conns=1 range million/ million0 --consistency=s --limit=500 --total={total}"),
        20, 0.1, adapt=True),
    Row("count-million", "count_only of 1,000,000 keys",
        of_tool("--clients=1 --conns=1 range million/ million0 --consistency=s --count-only --total={total}"),
        20, 0.01, adapt=True),
)  # fmt: skip
