"""Shrinking: what stays is what the difference needs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pyetcd.conformance.duel.shrink import Blocks, shrink, split


@given(st.integers(1, 200), st.data())
def test_the_needed_moves_remain(count: int, data: st.DataObject) -> None:
    """A difference at the last move that needs a few earlier ones shrinks to exactly those, in order."""
    needed = data.draw(st.sets(st.integers(0, count - 1), max_size=4)) | {count - 1}
    script = [[f"step {number}"] for number in range(count)]
    wanted = [f"step {number}" for number in sorted(needed)]

    def differs(blocks: Blocks) -> int | None:
        lines = [line for block in blocks for line in block]
        return lines.index(wanted[-1]) if all(line in lines for line in wanted) else None

    assert shrink(script, differs, 5000) == [[line] for line in wanted]


def test_moves_after_the_difference_go_at_once() -> None:
    replays = []

    def differs(blocks: Blocks) -> int | None:
        replays.append(len(blocks))
        return blocks.index(["bad"]) if ["bad"] in blocks else None

    script = [["bad"]] + [[str(number)] for number in range(50)]
    assert shrink(script, differs, 100) == [["bad"]]


def test_attempts_are_bounded() -> None:
    calls = 0

    def differs(blocks: Blocks) -> int | None:
        nonlocal calls
        calls += 1
        return None

    shrink([[str(number)] for number in range(100)], differs, 7)
    assert calls == 7


def test_captures_stay_with_their_call() -> None:
    assert split(["Lease.LeaseGrant", "  capture L = ID", "KV.Put"]) == [
        ["Lease.LeaseGrant", "  capture L = ID"],
        ["KV.Put"],
    ]
