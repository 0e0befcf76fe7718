"""A running member serves every metric family that the table of official families calls served."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from tests.servers import Server, etcdctl

TABLE = Path(__file__).parent.parent / "testdata" / "gateway" / "metric_families.txt"


def test_served_families_are_served(ours: Server) -> None:
    assert etcdctl(ours.endpoint, "put", "k", "v").returncode == 0
    with urllib.request.urlopen(f"http://{ours.endpoint}/metrics") as answer:
        text = answer.read().decode()
    shown = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    rows = [line.split() for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    assert {row[0] for row in rows if row[-1] == "served"} - shown == set()
