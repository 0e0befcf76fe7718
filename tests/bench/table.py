"""The results as Markdown, with goals and marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

SIDES = ("official", "ours")
Sample = Mapping[str, Any]


def middle(samples: Sequence[Sample], field: str) -> float | None:
    values = [sample[field] for sample in samples if sample[field] is not None]
    return median(values) if values else None


def ratio(samples: Mapping[str, Sequence[Sample]], field: str) -> float | None:
    official, ours = (middle(samples.get(side, ()), field) for side in SIDES)
    return ours / official if ours is not None and official else None


def figure(value: float | None) -> str:
    """Three significant digits at most."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def pair(samples: Mapping[str, Sequence[Sample]], field: str, scale: float = 1) -> str:
    values = [middle(samples.get(side, ()), field) for side in SIDES]
    return " / ".join(figure(None if value is None else value * scale) for value in values)


def judged(value: float | None, goal: float | None, *, at_least: bool = False) -> str:
    """The ratio, its goal and whether it is met: `0.41 ≤ 0.6 ✓`."""
    if goal is None:
        return figure(value)
    sign = "≥" if at_least else "≤"
    if value is None:
        return f"– ({sign} {goal:g})"
    met = value >= goal if at_least else value <= goal
    return f"**{figure(value)}** {sign} {goal:g} {'✓' if met else '✗'}"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---" if i == 0 else "---:" for i in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)) + "\n"


def work_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    head = ("work", "CPU µs (official / ours)", "ratio", "per second", "ratio", "p50 ms", "p99 ms", "RSS MiB", "others")
    lines = []
    for row in rows.values():
        samples, goals = row["samples"], row["goals"]
        p50 = pair(samples, "p50")
        if goals["p50"] is not None:
            p50 += f", {judged(ratio(samples, 'p50'), goals['p50'])}"
        lines.append(
            (
                row["work"] + (f" (CPU per {row['unit']})" if row["unit"] != "call" else ""),
                pair(samples, "cpu_us"),
                judged(ratio(samples, "cpu_us"), goals["cpu"]),
                pair(samples, "rate"),
                judged(ratio(samples, "rate"), goals["rate"], at_least=True),
                p50,
                pair(samples, "p99"),
                pair(samples, "rss", 1 / 2**20),
                pair(samples, "others"),
            )
        )
    return grid(head, lines)


def size_table(sizes: Mapping[str, Sample]) -> str:
    samples = {side: [size] for side, size in sizes.items()}
    entries = (
        ("RSS after the load, MiB", "rss_filled", 1 / 2**20, None),
        ("RSS after a restart, MiB", "rss_restarted", 1 / 2**20, 1.0),
        ("restart to the ready line, s", "restart_seconds", 1.0, 0.7),
        ("loading them, 100 a transaction, s", "fill_seconds", 1.0, None),
    )
    return grid(
        ("1,000,000 keys of 256 B", "official / ours", "ratio"),
        [(title, pair(samples, key, scale), judged(ratio(samples, key), goal)) for title, key, scale, goal in entries],
    )


def stall_table(titles: Mapping[str, str], stalls: Mapping[str, Mapping[str, Sample]], goal_ms: float = 25) -> str:
    lines = []
    for name, title in titles.items():
        samples = {side: [found[name]] for side, found in stalls.items() if name in found}
        ours = middle(samples.get("ours", ()), "p99")
        lines.append((title, pair(samples, "p50"), pair(samples, "p99"), pair(samples, "worst"), judged(ours, goal_ms)))
    return grid(("while this runs", "p50 ms (official / ours)", "p99 ms", "worst ms", "ours p99"), lines)
