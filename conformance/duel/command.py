"""The command ``duel``."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

import grpc
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..case import Case, Step
from ..client import Credentials
from ..parse import CaseError
from ..probe import CannotJudge
from ..target import ManagedTarget, RemoteTarget, Target
from ..terminal import terminal
from ..text import TextError
from ..write import render_outcome
from .grammar import GROUPS, Grammar
from .lockstep import Lockstep, Parting, parse_lines
from .shrink import Blocks, shrink, split

_NOTHING = Case(Path("duel"), "duel", "", {}, [], [])
MISPLAYED = (LookupError, TextError, CaseError, ValueError)
"""A shortened script may use a stream or variable that is gone; it then shows nothing."""


@dataclass
class Arena:
    """Two targets that give fresh, or at least emptied, servers."""

    reference: Target
    endpoint: Target

    def enter(self) -> tuple[Lockstep, list[object]]:
        with ThreadPoolExecutor(2) as pool:
            sessions = list(pool.map(lambda target: target.session(_NOTHING), (self.reference, self.endpoint)))
        return Lockstep(*sessions), list(sessions)


def duel(arguments: argparse.Namespace) -> int:
    """0: no difference, 1: a difference (printed, and saved with --save), 2: could not judge."""
    groups = arguments.only or list(GROUPS)
    unknown = [name for name in groups if name not in GROUPS]
    if unknown:
        raise CannotJudge(f"no group is called {unknown[0]}; there are {', '.join(GROUPS)}")
    arena = Arena(_target(arguments.reference, arguments), _target(arguments.endpoint, arguments))
    console = terminal()
    different = False
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        different = _one_seed(seed, arena, groups, arguments, console) or different
        if different and not arguments.keep_going:
            break
    return 1 if different else 0


def _target(name: str, arguments: argparse.Namespace) -> Target:
    if not name.startswith(("http://", "https://")):
        return ManagedTarget(name, name)
    secret = Credentials(arguments.cacert, arguments.cert, arguments.key) if name.startswith("https") else None
    target = RemoteTarget(name.partition("://")[2].rstrip("/"), secret, name)
    target.check(arguments.allow_dirty)
    return target


def _one_seed(seed: int, arena: Arena, groups: list[str], arguments: argparse.Namespace, console: Console) -> bool:
    start = time.monotonic()
    script, parting = fight(seed, arguments.steps, arena, groups, console)
    rate = len(script) / max(0.001, time.monotonic() - start)
    if parting is None:
        console.print(f"seed {seed}: {len(script)} steps, no difference ({rate:.0f} steps/s)")
        return False
    console.print(f"seed {seed}: different at step {parting.at + 1} of {len(script)}; shrinking")
    short, last = reduce(script, arena, arguments.shrink, parting)
    text = story(seed, short, last)
    console.print(text)
    if arguments.save:
        path = Path(arguments.save) / f"seed_{seed}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        console.print(f"saved as {path}; record it from official etcd before it judges")
    return True


def fight(
    seed: int, count: int, arena: Arena, groups: list[str], console: Console | None = None
) -> tuple[Blocks, Parting | None]:
    """Play up to ``count`` random steps.  Returns the script and the first difference."""
    grammar = Grammar(Random(seed), groups)
    lockstep, sessions = arena.enter()
    script: Blocks = split(grammar.opening())
    columns = (TextColumn("seed {task.fields[seed]}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, transient=True, disable=console is None, refresh_per_second=2) as bar:
            task = bar.add_task("", total=count, seed=seed)
            played = 0
            while played < len(script) or len(script) < count:
                if played == len(script):
                    script += split(grammar.next())
                    continue
                parting = _play(lockstep, script, played, grammar)
                played += 1
                if parting is not None:
                    return script[:played], parting
                bar.update(task, completed=played)
        return script, None
    finally:
        leave(lockstep, sessions)


def _play(lockstep: Lockstep, script: Blocks, at: int, grammar: Grammar | None) -> Parting | None:
    """Play one move; where the servers parted in it, or None."""
    for step in parse_lines(script[at]):
        outcome, parting = lockstep.step(step, at)
        if parting is not None:
            return parting
        if outcome is not None and grammar is not None:
            grammar.learn(step, lockstep.method(step), outcome)
    return None


def leave(lockstep: Lockstep, sessions: list[object]) -> None:
    lockstep.close()
    for session in sessions:
        session.close()  # type: ignore[attr-defined]


def reduce(script: Blocks, arena: Arena, attempts: int, parting: Parting) -> tuple[Blocks, Parting]:
    """Shrink, remembering the last difference that was really seen."""
    last = parting

    def differs(blocks: Blocks) -> int | None:
        nonlocal last
        found = replay(blocks, arena)
        if found is None:
            return None
        last = found
        return found.at

    return shrink(script, differs, attempts), last


def replay(blocks: Blocks, arena: Arena) -> Parting | None:
    """Play a script on fresh servers; None when both agree, or when it cannot be played."""
    lockstep, sessions = arena.enter()
    try:
        for at in range(len(blocks)):
            parting = _play(lockstep, blocks, at, None)
            if parting is not None:
                return parting
        return None
    except (*MISPLAYED, grpc.RpcError):
        return None
    finally:
        leave(lockstep, sessions)


def story(seed: int, blocks: Blocks, parting: Parting) -> str:
    """The short script as a case, with both outcomes of its last step as comments."""
    lines = [f"# Found by a duel with seed {seed}", "rule: duel", ""]
    lines += [line for block in blocks for line in block]
    lines += ["", f"# {_where(parting)}", "# reference:"]
    lines += ["#   " + line for line in render_outcome(parting.reference, parting.method)]
    lines += ["# endpoint:"]
    lines += ["#   " + line for line in render_outcome(parting.endpoint, parting.method)]
    return (
        "\n".join(line for entry in lines for line in entry.split("\n" if not entry.startswith("#") else "\0")) + "\n"
    )


def _where(parting: Parting) -> str:
    return "; ".join(
        f"{item.where}: {item.recorded[:200]} / {item.actual[:200]}" for item in parting.comparison.differences[:4]
    )


__all__ = ["Arena", "Step", "duel", "fight", "reduce", "replay", "story"]
