"""Tokens: what a client shows instead of its password (wire contract, section 5.1).

A provider gets its clock and its randomness from outside; jwt_tokens.py has the signed kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pyetcd.auth.caller import Caller
from pyetcd.errors import AuthFailed

LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
PREFIX_LENGTH = 16
DEFAULT_TTL = 300.0

Clock = Callable[[], float]
RandomBytes = Callable[[int], bytes]


class Tokens(Protocol):
    """Gives tokens out and knows them again."""

    def enable(self) -> None:
        """Authentication was switched on (or is on at the start)."""

    def disable(self) -> None:
        """Authentication was switched off: every remembered token is forgotten."""

    def prefix(self) -> str:
        """The random part of a new token; it travels through the log, so that all members make the same token."""

    def assign(self, username: str, revision: int, prefix: str, index: int) -> str:
        """A token for a user whose password was right; ``index`` is that of the log entry.

        Raises what stands in the way of signing it.
        """

    def find(self, token: bytes, revision: int) -> Caller | None:
        """Whose token this is, None when it is none or has ended; ``revision`` is that of the auth store."""

    def forget_user(self, username: str) -> None:
        """The user has a new password or is gone."""


class NoTokens:
    """``--auth-token=``: nobody ever gets a token; only certificates identify."""

    def enable(self) -> None:
        """Nothing to do."""

    def disable(self) -> None:
        """Nothing to do."""

    def prefix(self) -> str:
        return ""

    def assign(self, username: str, revision: int, prefix: str, index: int) -> str:
        raise AuthFailed

    def find(self, token: bytes, revision: int) -> Caller | None:
        return None

    def forget_user(self, username: str) -> None:
        """Nothing to do."""


class SimpleTokens:
    """Random words kept in memory; each use starts a token's life anew.

    ttl      seconds a token lives after its last use; 0 stands for 300
    now      monotonic seconds
    random   gives n unpredictable bytes
    """

    def __init__(self, ttl: float, now: Clock, random: RandomBytes) -> None:
        self.ttl = ttl if ttl > 0 else DEFAULT_TTL
        self._now = now
        self._random = random
        self._enabled = False
        # token → (user, when it ends); in the order of ending, because all live equally long
        self._tokens: dict[bytes, tuple[str, float]] = {}

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False
        self._tokens.clear()

    def prefix(self) -> str:
        """Sixteen letters, each as likely as any other."""
        letters = bytearray()
        fair = 256 - 256 % len(LETTERS)
        while len(letters) < PREFIX_LENGTH:
            letters += bytes(LETTERS[byte % len(LETTERS)] for byte in self._random(PREFIX_LENGTH) if byte < fair)
        return letters[:PREFIX_LENGTH].decode()

    def assign(self, username: str, revision: int, prefix: str, index: int) -> str:
        token = f"{prefix}.{index}"
        if self._enabled:
            self._drop_ended()
            self._tokens[token.encode()] = (username, self._now() + self.ttl)
        return token

    def find(self, token: bytes, revision: int) -> Caller | None:
        found = self._tokens.pop(token, None)
        if found is None:
            return None
        username, end = found
        now = self._now()
        if now > end:
            return None
        self._tokens[token] = (username, now + self.ttl)
        return Caller(username, revision)

    def forget_user(self, username: str) -> None:
        for token in [token for token, (name, _) in self._tokens.items() if name == username]:
            del self._tokens[token]

    def _drop_ended(self) -> None:
        now = self._now()
        while self._tokens:
            oldest = next(iter(self._tokens))
            if self._tokens[oldest][1] >= now:
                return
            del self._tokens[oldest]

    def __len__(self) -> int:
        return len(self._tokens)
