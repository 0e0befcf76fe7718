"""The command ``stress``."""

from __future__ import annotations

import argparse
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from pyetcd.pb import rpc_pb2
from rich.console import Console

from ..case import Case
from ..client import Credentials, connect
from ..probe import CannotJudge
from ..target import ManagedTarget, RemoteTarget, Session, Target
from ..terminal import terminal
from .history import Operation, Watched
from .linear import State, Verdict, check
from .traffic import PREFIX, PREFIX_END, Client, Watcher, read_log
from .watching import GUARANTEES, Log, judge, replay


@dataclass
class Run:
    """Everything one run left behind."""

    start: int  # revision before the traffic
    history: list[Operation] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)
    log: Log = field(default_factory=dict)
    last: int = 0


def stress(arguments: argparse.Namespace) -> int:
    """0: linearizable and every guarantee kept, 1: not, 2: could not judge."""
    session = _target(arguments).session(Case(Path("stress"), "stress", "", {}, [], []))
    console = terminal()
    try:
        run = traffic(session, arguments.seconds, arguments.clients, arguments.keys, arguments.seed, arguments.pause)
    finally:
        session.close()
    if not any(operation.seen for operation in run.history):
        raise CannotJudge("no call was answered, so there is nothing to judge")
    return 0 if say(console, run, check(run.history, State(run.start)), verdicts(run)) else 1


def _target(arguments: argparse.Namespace) -> Target:
    if arguments.server:
        return ManagedTarget(arguments.server, arguments.server)
    from ..cli import credentials

    secret: Credentials | None = credentials(arguments, arguments.endpoint)
    remote = RemoteTarget(arguments.endpoint.partition("://")[2].rstrip("/"), secret, arguments.endpoint)
    remote.check(arguments.allow_dirty)
    return remote


def traffic(session: Session, seconds: float, clients: int, keys: int, seed: int, pause: float = 0.002) -> Run:
    """Callers and watchers for so long; then the log is read from the store's own history."""
    address, secret = session.address, session.credentials
    run = Run(revision(session))
    stop, end, last = threading.Event(), threading.Event(), [0]
    callers = [Client(number, address, secret, seed, keys) for number in range(clients)]
    run.watched = wishes(run.start + 1)
    watchers = [Watcher(one, address, secret, seed + at, restless=at % 2 == 1) for at, one in enumerate(run.watched)]
    looking = [threading.Thread(target=watcher.run, args=(end, last), daemon=True) for watcher in watchers]
    calling = [threading.Thread(target=caller.run, args=(stop, pause), daemon=True) for caller in callers]
    for thread in [*looking, *calling]:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in calling:
        thread.join()
    run.last = last[0] = revision(session)
    end.set()
    for thread in looking:
        thread.join(30)
    run.history = sorted((one for caller in callers for one in caller.history), key=lambda one: one.start)
    run.log = read_log(address, secret, run.start + 1, run.last)
    return run


def wishes(start: int) -> list[Watched]:
    """Watchers of all kinds."""
    one = PREFIX + b"1"
    return [
        Watched("everything", PREFIX, PREFIX_END, start, prev_kv=True),
        Watched("everything, restless", PREFIX, PREFIX_END, start, prev_kv=True),
        Watched("one key", one, b"", start, prev_kv=False),
        Watched("one key, restless", one, b"", start, prev_kv=True),
        Watched("puts only", PREFIX, PREFIX_END, start, prev_kv=True, deletes=False),
        Watched("deletes only, restless", PREFIX, b"\0", start, prev_kv=True, puts=False),
    ]


def revision(session: Session) -> int:
    with connect(session.address, session.credentials) as channel:
        body = rpc_pb2.RangeRequest(key=PREFIX).SerializeToString()
        answer = rpc_pb2.RangeResponse.FromString(channel.unary_unary("/etcdserverpb.KV/Range")(body, timeout=10))
    return answer.header.revision


def verdicts(run: Run) -> dict[str, list[str]]:
    """Guarantee → sentences of those who saw it broken; ``log`` when the history itself is impossible."""
    found: dict[str, list[str]] = {}
    impossible = replay(run.log, {})
    if impossible:
        found["log"] = [impossible]
    for watched in run.watched:
        for name, sentence in judge(watched, run.log, run.last).items():
            found.setdefault(name, []).append(f"{watched.name}: {sentence}")
    return found


def say(console: Console, run: Run, linear: Verdict, broken: dict[str, list[str]]) -> bool:
    unknown = sum(1 for operation in run.history if operation.seen is None)
    resumed = sum(watched.resumed for watched in run.watched)
    lines = [
        f"{len(run.history)} operations ({unknown} without a known outcome), {len(run.log)} revisions, "
        f"{len(run.watched)} watchers, {resumed} resumptions"
    ]
    if linear.good:
        lines.append("linearizable: yes")
    else:
        lines.append(f"linearizable: NO, after {linear.placed} operations none of these can follow in {linear.after}:")
        lines += [f"  {operation}" for operation in linear.stuck[:10]]
    for name in (*GUARANTEES, "log"):
        sentences = broken.get(name, [])
        if name != "log" or sentences:
            lines.append(f"{name}: {'NO: ' + '; '.join(sentences[:5]) if sentences else 'yes'}")
    console.print("\n".join(lines))
    return linear.good and not broken
