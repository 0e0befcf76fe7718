"""From a long script with a difference at its end to a short one that still has it."""

from __future__ import annotations

from collections.abc import Callable

Blocks = list[list[str]]
"""A script in moves: each is the lines of one step, captures included."""


def shrink(blocks: Blocks, differs: Callable[[Blocks], int | None], attempts: int) -> Blocks:
    """Remove moves while ``differs`` (index of the move that differs, or None) still finds a difference.

    Halves first, then quarters, down to single moves; stops after ``attempts`` replays.
    """
    blocks, attempts = _tail(blocks, differs, attempts)
    size = max(1, len(blocks) // 2)
    while attempts > 0:
        removed = False
        at = 0
        while at < len(blocks) and attempts > 0:
            shorter = blocks[:at] + blocks[at + size :]
            attempts -= 1
            found = differs(shorter) if shorter else None
            if found is None:
                at += size
            else:
                blocks, removed = shorter[: found + 1], True
        if size == 1 and not removed:
            break
        size = max(1, size // 2) if not removed or size > 1 else 1
    return blocks


def _tail(blocks: Blocks, differs: Callable[[Blocks], int | None], attempts: int) -> tuple[Blocks, int]:
    """The last few moves are often enough, and are quickly played; streams opened at the start are kept."""
    opening = [block for block in blocks if block[0].startswith("open ")]
    size = 16
    while size < len(blocks) // 2 and attempts > 0:
        shorter = opening + [block for block in blocks[-size:] if block not in opening]
        attempts -= 1
        found = differs(shorter)
        if found is not None:
            return shorter[: found + 1], attempts
        size *= 4
    return blocks, attempts


def split(lines: list[str]) -> Blocks:
    """Group lines that make no sense apart: captures with their call, the answer with what was sent on a stream.

    >>> split(["a", "  b", "c", "open w X.Y", "w expect", "w settle"])
    [['a', '  b'], ['c'], ['open w X.Y', 'w expect'], ['w settle']]
    """
    blocks: Blocks = []
    for line in lines:
        stream, _, verb = line.partition(" ")
        asked = blocks and blocks[-1][0].startswith((f"open {stream} ", f"{stream} send "))
        if blocks and (line.startswith(" ") or (verb == "expect" and asked)):
            blocks[-1].append(line)
        else:
            blocks.append([line])
    return blocks
