"""The plan of the house, held against the imports: every room has a floor, arrows run downwards only.

FLOOR is the one place that says how high a room of ``pyetcd`` lives; a new room must be entered here.
The core rooms get no clock, network, thread or database, so that any number of members can run in one
process on simulated ones; the leaves may be pointed at any etcd, so they know nothing of our server.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOOR = {
    "errors": 0, "pb": 0, "version": 0,
    "wire": 1, "consensus": 1, "mvcc": 1,
    "watch": 2, "lease": 2, "auth": 2, "cluster": 2,
    "apply": 3, "net": 3, "disk": 3,
    "member": 4,
    "rpc": 5,
    "gateway": 6,
    "server": 7,
    "cli": 8,
}  # fmt: skip
CORE = {"errors", "pb", "wire", "consensus", "mvcc", "watch", "lease", "auth", "cluster", "apply"}
OUTSIDE_THE_CORE = {
    "twisted", "asyncio", "uvloop", "selectors", "socket", "ssl", "time", "datetime", "random", "secrets",
    "threading", "concurrent", "multiprocessing", "subprocess", "logging", "rocksdict",
}  # fmt: skip
LEAVES = {"migrate", "conformance", "compat"}
BELOW_LEAVES = {"errors", "pb", "version"}


class Arrow(NamedTuple):
    """One import: from a room to a room of ours (``pyetcd.mvcc``) or to a foreign top-level package."""

    room: str
    target: str
    ours: bool
    where: str


def imports_of(source: str, module: str, is_package: bool) -> Iterator[tuple[str, int]]:
    """(absolute dotted target, line) of every import in ``source``, those under TYPE_CHECKING too."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = [*base, *(node.module.split(".") if node.module else [])]
            # `from pyetcd import mvcc` names the room only in the alias
            yield from ((".".join([*stem, alias.name]), node.lineno) for alias in node.names)


def arrows_of(source: str, module: str, is_package: bool = False, where: str = "") -> list[Arrow]:
    room = module.split(".")[1] if "." in module else ""
    arrows = []
    for dotted, line in imports_of(source, module, is_package):
        parts = dotted.split(".")
        ours = parts[0] == "pyetcd"
        target = parts[1] if ours and len(parts) > 1 else parts[0]
        if not ours or target != room:
            arrows.append(Arrow(room, target, ours, f"{where or module}:{line}"))
    return arrows


def modules() -> Iterator[tuple[Path, str]]:
    """(file, dotted module name as installed) of every module of the distribution."""
    for folder in ("pyetcd", *sorted(LEAVES)):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = list(path.relative_to(ROOT).with_suffix("").parts)
            if folder in LEAVES:
                parts.insert(0, "pyetcd")
            yield path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.fixture(scope="module")
def arrows() -> list[Arrow]:
    return [
        arrow
        for path, module in modules()
        for arrow in arrows_of(path.read_text(), module, path.stem == "__init__", str(path.relative_to(ROOT)))
    ]


def wrong_way(arrow: Arrow) -> bool:
    """Whether this arrow breaks the plan."""
    if arrow.room in CORE and not arrow.ours:
        return arrow.target in OUTSIDE_THE_CORE
    if not arrow.ours or not arrow.room:
        return False
    if arrow.room in LEAVES:
        return arrow.target not in BELOW_LEAVES
    if arrow.target not in FLOOR:  # a leaf, or a name of pyetcd/__init__.py
        return arrow.target in LEAVES and arrow.room != "cli"
    return FLOOR[arrow.target] >= FLOOR[arrow.room]


def test_every_room_has_a_floor() -> None:
    rooms = {p.stem for p in (ROOT / "pyetcd").iterdir() if p.suffix == ".py" or any(p.glob("*.py"))}
    homeless = sorted(rooms - {"__init__", "__main__"} - FLOOR.keys())
    assert not homeless, f"give these rooms a floor in FLOOR: {homeless}"


def test_imports_run_downwards_and_the_core_stays_pure(arrows: list[Arrow]) -> None:
    wrong = [f"{a.where}: {a.room} must not import {a.target}" for a in arrows if wrong_way(a)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pyetcd.mvcc.store", "import time"),
        ("pyetcd.wire.connection", "from twisted.internet import defer"),
        ("pyetcd.watch.hub", "def late():\n    import asyncio.events"),
        ("pyetcd.lease.lessor", "from pyetcd.apply import txn"),
        ("pyetcd.lease.lessor", "from ..apply.txn import Txn"),
        ("pyetcd.lease.lessor", "from .. import apply"),
        ("pyetcd.disk.wal", "from pyetcd.net import loop"),
        ("pyetcd.rpc.kv", "if TYPE_CHECKING:\n    from pyetcd.server.assembly import Server"),
        ("pyetcd.member.member", "from pyetcd.migrate import plan"),
        ("pyetcd.conformance.runner", "from pyetcd.mvcc import store"),
        ("pyetcd.migrate.copy", "from pyetcd.conformance import runner"),
    ],
)
def test_a_planted_arrow_is_caught(module: str, source: str) -> None:
    assert any(wrong_way(arrow) for arrow in arrows_of(source, module))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pyetcd.mvcc.store", "from .record import frame\nfrom pyetcd.errors import Compacted\nimport bisect"),
        ("pyetcd.disk.worker", "import threading\nfrom ..mvcc.backend import Backend"),
        ("pyetcd.cli.main", "from pyetcd.conformance import runner\nimport time"),
        ("pyetcd.rpc.kv", "from .. import errors\nfrom ..pb import rpc_pb2"),
        ("pyetcd.compat.clients.etcd3", "from ..runner import run\nfrom pyetcd.pb import rpc_pb2"),
    ],
)
def test_a_lawful_arrow_passes(module: str, source: str) -> None:
    assert not any(wrong_way(arrow) for arrow in arrows_of(source, module))
