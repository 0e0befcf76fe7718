"""The commands ``run`` and ``record``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .case import Case
from .duel.command import duel
from .library import CASES, load_all, matches
from .parse import CaseError
from .probe import CannotJudge
from .record import RELEASE
from .record import record as record_case
from .report import Report, write_html, write_json, write_junit
from .runner import CaseResult, play
from .stress.command import stress
from .target import ManagedTarget, RemoteTarget, Target, version_of
from .terminal import terminal

SILENT_MAX = 3
"""So many cases in a row without a single answer, and the run is given up."""

__all__ = ["CannotJudge", "CaseError", "duel", "record", "run", "stress"]


def run(arguments: argparse.Namespace) -> int:
    """Replay cases and report.  0: all the same, 1: differences, 2: nothing could be judged."""
    cases = _cases(arguments)
    target, version = _target(arguments)
    jobs = arguments.jobs if target.managed else 1
    console = terminal()
    results = []
    for result in _progress(console, cases, lambda case: play(case, target), jobs):
        results.append(result)
        _say(console, result)
        if len(results) >= SILENT_MAX and all(one.broken and not one.steps for one in results[-SILENT_MAX:]):
            raise CannotJudge(f"the server no longer answers, {len(results)} cases into the run: {result.broken}")
    report = Report(arguments.title or target.name, version, results)
    _write(arguments, report)
    console.print(report.summary())
    if not report.judged:
        raise CannotJudge("no case could be played on this server: " + report.first_reason())
    return 0 if report.same else 1


def record(arguments: argparse.Namespace) -> int:
    """Record cases.  1 when a case does not repeat (it is not written then)."""
    cases = _cases(arguments)
    if arguments.missing:
        cases = [case for case in cases if not case.recorded]
    target = ManagedTarget(arguments.server, arguments.server)
    version = version_of(target)
    if version != RELEASE:
        raise CannotJudge(f"recordings are made from official etcd {RELEASE} only; this server says it is {version}")
    console = terminal()
    good = True
    for result in _progress(console, cases, lambda case: record_case(case, target), arguments.jobs):
        good = good and result.same and not result.skipped
        _say(console, result)
    return 0 if good else 1


def _cases(arguments: argparse.Namespace) -> list[Case]:
    root = Path(arguments.cases) if arguments.cases else CASES
    if not root.is_dir():
        raise CannotJudge(f"{root} is not a folder of cases")
    cases = [case for case in load_all(root, arguments.only) if not any(matches(case, name) for name in arguments.skip)]
    if not cases:
        raise CannotJudge(f"there are no cases in {root}")
    return cases


def _target(arguments: argparse.Namespace) -> tuple[Target, str]:
    if arguments.server:
        target = ManagedTarget(arguments.server, arguments.server)
        return target, version_of(target)
    from .cli import credentials

    url = arguments.endpoint
    remote = RemoteTarget(url.partition("://")[2].rstrip("/"), credentials(arguments, url), url)
    version = remote.check(arguments.allow_dirty).version
    if not version.startswith("3.7.") and not arguments.any_release:
        raise CannotJudge(
            f"{url} says it is release {version}; the recordings are of 3.7.1 (--any-release judges it anyway)"
        )
    return remote, version


def _progress(
    console: Console, cases: list[Case], work: Callable[[Case], CaseResult], jobs: int
) -> Iterator[CaseResult]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress, ThreadPoolExecutor(jobs) as pool:
        task = progress.add_task("cases", total=len(cases))
        futures = [pool.submit(work, case) for case in cases]
        try:
            for future, case in zip(futures, cases, strict=True):
                progress.update(task, description=case.name)
                yield future.result()
                progress.advance(task)
        finally:
            for future in futures:
                future.cancel()


def _say(console: Console, result: CaseResult) -> None:
    """One line per case that is not simply the same, with its first differences."""
    if result.broken:
        console.print(f"{result.case.name}: could not be played: {result.broken}")
    for played in result.judged:
        assert played.comparison is not None
        for difference in played.comparison.differences[:3]:
            console.print(
                f"{result.case.path.name}:{played.step.line}: {result.case.name} {played.method} {difference.where}: "
                f"recorded {_short(difference.recorded)}, this server {_short(difference.actual)}"
            )


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:150] + f"… ({len(text)})"


def _write(arguments: argparse.Namespace, report: Report) -> None:
    writers: Iterable[tuple[str | None, Callable[[Report], str]]] = (
        (arguments.json, write_json),
        (arguments.junit, write_junit),
        (arguments.html, write_html),
    )
    for name, writer in writers:
        if name == "-":
            sys.stdout.write(writer(report))
        elif name:
            Path(name).write_text(writer(report), encoding="utf-8")
