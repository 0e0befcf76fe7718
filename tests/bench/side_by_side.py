"""Official etcd and ours on one disk, under the same loads, in turn.

The server is pinned to CPU 0, the load to CPU 1.  Each setting gets a fresh data directory per side; its rows run
alternately on both, --runs times, and the median counts.  CPU per call is the judge: throughput depends on what else
the machine does (column "others": CPUs' worth of foreign work during the runs).

usage: python -m tests.bench.side_by_side [--only NAME ...] [--runs N] [--quick] [--write FILE]

Every run is kept in build/bench/results.json and the tables are drawn from all of it, so the suite can be run in parts.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.bench import million, table
from tests.bench.loads import MILLION_ROWS, SETTINGS, Row, Setting
from tests.bench.measure import Meter, machine, rss_bytes, wait_for_calm
from tests.bench.tools import Load, LoadFailed
from tests.peers import FOLDER, ROOT
from tests.servers import OFFICIAL, NotReady, Server, our_command

SERVER_CPU = 0
FOLDER_OF_RESULTS = ROOT / "build" / "bench"
QUICK = 10
"""--quick does one run with a tenth of the operations and of the keys: to see that it works, not to quote"""


def sample(server: Server, row: Row, total: int) -> dict[str, float | None]:
    """One run of one row on one server."""
    while True:
        meter = Meter(server.pid)
        found = row.run(server, total)
        span = meter.stop()
        seconds = found.ops / found.rate
        if not row.adapt or seconds > 1:
            break
        total = int(total * min(2 / seconds, 100)) + 1
    return {
        "rate": found.rate,
        "p50": found.p50,
        "p99": found.p99,
        "cpu_us": span.server_cpu / found.ops * 1e6,
        "load_cpu_us": span.load_cpu / found.ops * 1e6,
        "rss": rss_bytes(server.pid),
        "others": span.others,
    }


class Suite:
    """Runs the settings and keeps the results."""

    def __init__(
        self, commands: dict[str, tuple[str, ...]], runs: int, quick: bool, calm: float, scratch: Path
    ) -> None:
        self.commands = commands
        self.calm = calm
        self.runs = 1 if quick else runs
        self.scale = QUICK if quick else 1
        self.scratch = scratch
        self.failures = 0
        # a quick run is not mixed with real ones
        self.file = FOLDER_OF_RESULTS / ("quick.json" if quick else "results.json")
        self.results: dict[str, Any] = {"rows": {}, "sizes": {}, "stalls": {}}
        if self.file.exists():
            self.results = json.loads(self.file.read_text())

    def server(self, side: str, setting: str, flags: tuple[str, ...]) -> Server:
        folder = Path(tempfile.mkdtemp(prefix=f"{setting}-{side}-", dir=self.scratch))
        return Server(self.commands[side], folder, flags, cpu=SERVER_CPU)

    def run_setting(self, setting: Setting) -> None:
        servers = {side: self.server(side, setting.name, setting.flags) for side in self.commands}
        try:
            for side, server in list(servers.items()):
                try:
                    server.start()
                    setting.prepare(server)
                except (NotReady, LoadFailed) as problem:
                    self.failed(setting.name, side, problem)
                    servers.pop(side).kill()
            for row in setting.rows:
                self.run_row(row, servers)
        finally:
            for server in servers.values():
                server.stop()

    def run_row(self, row: Row, servers: dict[str, Server]) -> None:
        samples: dict[str, list[dict[str, float | None]]] = {side: [] for side in servers}
        broken: set[str] = set()
        for turn in range(self.runs):
            # the other side begins every second time, so that neither always follows the same neighbour
            for side in sorted(servers, reverse=bool(turn % 2)):
                if side in broken:
                    continue
                wait_for_calm(self.calm)
                try:
                    samples[side].append(sample(servers[side], row, max(row.total // self.scale, 1)))
                    print(f"  {row.name} {side} {shown(samples[side][-1])}", flush=True)
                except (LoadFailed, subprocess.TimeoutExpired) as problem:
                    broken.add(side)
                    self.failed(row.name, side, problem)
        kept = self.results["rows"].get(row.name, {}).get("samples", {})
        self.results["rows"][row.name] = {
            "work": row.work,
            "unit": row.unit,
            "goals": {"cpu": row.cpu_goal, "rate": row.rate_goal, "p50": row.p50_goal},
            "samples": kept | {side: found for side, found in samples.items() if found},
        }
        self.save()

    def run_million(self, stalls: bool) -> None:
        """Size, restart, cheap questions; then, on the same servers, the stalls. One side at a time is loaded."""
        servers = {side: self.server(side, "million", million.FLAGS) for side in self.commands}
        keys = million.KEYS // self.scale
        try:
            for side, server in list(servers.items()):
                try:
                    server.start()
                    self.results["sizes"][side] = asdict(million.measure_size(server, keys))
                    print(f"  million {side} {self.results['sizes'][side]}", flush=True)
                except (NotReady, LoadFailed) as problem:
                    self.failed("million", side, problem)
                    servers.pop(side).kill()
            for row in MILLION_ROWS:
                self.run_row(row, servers)
            for side, server in servers.items() if stalls else ():
                found = million.measure_stalls(server, keys, 10 / self.scale + 2, self.calm)
                self.results["stalls"][side] = {name: load_fields(load) for name, load in found.items()}
                print(f"  stalls {side} {self.results['stalls'][side]}", flush=True)
        finally:
            for server in servers.values():
                server.stop()
        self.save()

    def failed(self, name: str, side: str, problem: Exception) -> None:
        self.failures += 1
        print(f"  {name} {side} did not run: {problem}", file=sys.stderr, flush=True)

    def save(self) -> None:
        self.file.write_text(json.dumps(self.results, indent=1))


def load_fields(load: Load) -> dict[str, float | None]:
    return {"p50": load.p50, "p99": load.p99, "worst": load.worst, "rate": load.rate}


def shown(fields: dict[str, float | None]) -> str:
    return " ".join(f"{name}={table.figure(value)}" for name, value in fields.items() if name != "rss")


def version(side: str, command: tuple[str, ...]) -> str:
    """What the server says it is; for ours the distribution and the commit too, as it says etcd's version."""
    try:
        said = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=30).stdout
    except OSError:
        return f"{side}: not there"
    first = said.splitlines()[0] if said else "says no version"
    if side == "official":
        return f"official: {first}"
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return f"ours: pyetcd-server {metadata.version('pyetcd-server')} {commit}".rstrip()


METHOD = """\
`make bench` (tests/bench/side_by_side.py): server pinned to CPU 0, load to CPU 1, same disk, the sides in turn,
median of {runs}. Pairs are official / ours, ratios ours / official. **CPU per call is the judge**: user + system time
of the server, with what it puts off and does afterwards. The column "others" is foreign work on the machine during
the runs, in CPUs: much of it makes throughput and latency worthless, CPU per call less so.
"""
STALLS = """\
Small calls (a get or a put in turn, 200 a second, latency from the moment each was due) while other work runs; the
goal is a p99 under 25 ms:
"""


def report(results: dict[str, Any], commands: dict[str, tuple[str, ...]], runs: int) -> str:
    order = [row.name for setting in SETTINGS for row in setting.rows] + [row.name for row in MILLION_ROWS]
    rows = {name: results["rows"][name] for name in order if name in results["rows"]}
    versions = "; ".join(version(side, command) for side, command in commands.items())
    parts = [
        "# pyetcd beside official etcd\n",
        f"{datetime.date.today()} · {versions} · {machine()}\n",
        METHOD.format(runs=runs),
        table.work_table(rows),
    ]
    if results["sizes"]:
        parts.append(table.size_table(results["sizes"]))
    if results["stalls"]:
        titles = {name: title for name, title, _ in million.STALLS}
        parts += [STALLS, table.stall_table(titles, results["stalls"])]
    return "\n".join(parts)


def main() -> int:
    names = [setting.name for setting in SETTINGS] + ["million", "stalls"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="NAME", help=f"of: {', '.join(names)}"
    )
    parser.add_argument("--sides", nargs="+", choices=table.SIDES, default=list(table.SIDES))
    parser.add_argument("--official", default=shlex.join(OFFICIAL), help="command of the official server")
    parser.add_argument("--ours", default=shlex.join(our_command()), help="command of our server")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--calm", type=float, default=0, help="seconds to wait at most, before each run, for a quiet machine"
    )
    parser.add_argument("--quick", action="store_true", help="one short run of each; results are not kept in the docs")
    parser.add_argument("--folder", type=Path, help="where the data directories go (a temporary folder in build/)")
    parser.add_argument("--write", type=Path, help="write the tables there (the whole suite: docs/benchmarks.md)")
    chosen = parser.parse_args()
    if not (FOLDER / "benchmark").exists():
        parser.error("the official tools are not built: run `make peers`")

    FOLDER_OF_RESULTS.mkdir(parents=True, exist_ok=True)
    commands = {side: tuple(shlex.split(getattr(chosen, side))) for side in chosen.sides}
    with tempfile.TemporaryDirectory(dir=chosen.folder or FOLDER_OF_RESULTS) as scratch:
        suite = Suite(commands, chosen.runs, chosen.quick, chosen.calm, Path(scratch))
        for setting in SETTINGS:
            if setting.name in chosen.only:
                print(setting.name, flush=True)
                suite.run_setting(setting)
        if {"million", "stalls"} & set(chosen.only):
            suite.run_million(stalls="stalls" in chosen.only)
    text = report(suite.results, commands, suite.runs)
    print(text)
    whole = chosen.only == names and len(commands) == 2 and not chosen.quick
    if target := chosen.write or (ROOT / "docs" / "benchmarks.md" if whole else None):
        target.write_text(text)
    return 1 if suite.failures else 0


if __name__ == "__main__":
    sys.exit(main())
