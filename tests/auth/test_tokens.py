"""Simple tokens: letters, sliding life, who forgets them."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyetcd.auth.caller import Caller
from pyetcd.auth.tokens import LETTERS, NoTokens, SimpleTokens
from pyetcd.errors import AuthFailed


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def tokens(time: Time) -> SimpleTokens:
    made = SimpleTokens(10, time, random.Random(1).randbytes)
    made.enable()
    return made


def test_a_token_is_sixteen_letters_and_the_index(tokens: SimpleTokens) -> None:
    prefix = tokens.prefix()
    assert len(prefix) == 16 and set(prefix.encode()) <= set(LETTERS)
    assert tokens.assign("u", 5, prefix, 12) == f"{prefix}.12"


def test_every_letter_is_as_likely_as_any_other() -> None:
    """All byte values once, in turn: what is left over of 256 must be thrown away, not folded back."""
    stream = itertools.cycle(range(256))
    tokens = SimpleTokens(1, Time(), lambda n: bytes(next(stream) for _ in range(n)))
    letters = Counter("".join(tokens.prefix() for _ in range(52 * 16)))
    assert len(letters) == 52
    assert max(letters.values()) - min(letters.values()) <= max(letters.values()) // 10


def test_each_use_starts_the_life_anew(tokens: SimpleTokens, time: Time) -> None:
    token = tokens.assign("u", 1, tokens.prefix(), 1).encode()
    for _ in range(5):
        time.now += 9
        assert tokens.find(token, 7) == Caller("u", 7)
    time.now += 10.5
    assert tokens.find(token, 7) is None
    assert tokens.find(token, 7) is None
    assert len(tokens) == 0


def test_ended_tokens_do_not_pile_up(tokens: SimpleTokens, time: Time) -> None:
    for index in range(50):
        time.now += 5
        tokens.assign("u", 1, tokens.prefix(), index)
    assert len(tokens) <= 4


@given(st.lists(st.tuples(st.sampled_from(["assign", "find", "wait", "forget"]), st.integers(0, 3)), max_size=40))
def test_life_against_a_plain_table(steps: list[tuple[str, int]]) -> None:
    time = Time()
    tokens = SimpleTokens(10, time, random.Random(2).randbytes)
    tokens.enable()
    table: dict[bytes, tuple[str, float]] = {}
    names: list[bytes] = []
    for index, (verb, n) in enumerate(steps):
        if verb == "assign":
            names.append(tokens.assign(f"u{n}", 1, tokens.prefix(), index).encode())
            table[names[-1]] = (f"u{n}", time.now + 10)
        elif verb == "wait":
            time.now += 4 * n
        elif verb == "forget":
            tokens.forget_user(f"u{n}")
            table = {token: row for token, row in table.items() if row[0] != f"u{n}"}
        elif names:
            token = names[n % len(names)]
            user, end = table.get(token, ("", 0.0))
            alive = end >= time.now
            assert tokens.find(token, 3) == (Caller(user, 3) if alive else None)
            if alive:
                table[token] = (user, time.now + 10)
            else:
                table.pop(token, None)


def test_switched_off_all_are_forgotten(tokens: SimpleTokens) -> None:
    token = tokens.assign("u", 1, tokens.prefix(), 1).encode()
    tokens.disable()
    tokens.enable()
    assert tokens.find(token, 1) is None


@pytest.mark.parametrize("junk", [b"", b".", b"x", b"abcdefghijklmnop.5", b"abcdefghijklmnop.99999999", b"\xff\xfe"])
def test_what_was_never_given_out_is_nobodys(tokens: SimpleTokens, junk: bytes) -> None:
    tokens.assign("u", 1, tokens.prefix(), 1)
    assert tokens.find(junk, 1) is None


def test_a_life_of_nothing_means_five_minutes(time: Time) -> None:
    assert SimpleTokens(0, time, random.randbytes).ttl == 300.0


def test_without_tokens_nobody_gets_one() -> None:
    assert NoTokens().find(b"x", 1) is None
    with pytest.raises(AuthFailed):
        NoTokens().assign("u", 1, "", 1)
