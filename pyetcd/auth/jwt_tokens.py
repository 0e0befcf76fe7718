"""Signed tokens (JSON Web Tokens): nothing is remembered, the token itself says who and since which auth revision.

Claims are etcd's: ``username``, ``revision``, ``exp`` (wire contract, section 5.1).  A token is checked once; what it
said is kept, because a public-key signature on every call would cost more than the call.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from math import floor, inf, isfinite
from typing import Any

from pyetcd.auth.caller import Caller
from pyetcd.auth.jwt_keys import Signer
from pyetcd.errors import VerifyOnly

KNOWN_TOKENS = 4096
_SEGMENT = re.compile(rb"[A-Za-z0-9_-]*")
_MASK64 = (1 << 64) - 1


class SignedTokens:
    """JWT with one key and one method.

    ttl    seconds a token is valid
    wall   seconds since 1970
    """

    def __init__(self, method: str, signer: Signer, ttl: float, wall: Callable[[], float]) -> None:
        self._method = method
        self._signer = signer
        self._ttl = ttl
        self._wall = wall
        self._known: dict[bytes, tuple[Caller, float, float]] = {}

    def enable(self) -> None:
        """Tokens from before stay what they are: their revision says whether they still count."""

    def disable(self) -> None:
        """See enable."""

    def prefix(self) -> str:
        return ""

    def forget_user(self, username: str) -> None:
        """The auth revision has moved, and with it every token is too old."""

    def assign(self, username: str, revision: int, prefix: str, index: int) -> str:
        if not self._signer.can_sign:
            raise VerifyOnly
        claims = {"exp": floor(self._wall() + self._ttl), "revision": revision, "username": username}
        data = encode({"alg": self._method, "typ": "JWT"}) + b"." + encode(claims)
        return (data + b"." + to_base64(self._signer.sign(data))).decode()

    def find(self, token: bytes, revision: int) -> Caller | None:
        known = self._known.get(token)
        if known is None:
            known = self._read(token)
            if known is None:
                return None
            if len(self._known) >= KNOWN_TOKENS:
                self._known.clear()
            self._known[token] = known
        caller, since, until = known
        if since <= self._wall() < until:
            return caller
        self._known.pop(token, None)
        return None

    def _read(self, token: bytes) -> tuple[Caller, float, float] | None:
        """(whose it is, valid from, valid until); None unless all of it is as it should be."""
        parts = token.split(b".")
        if len(parts) != 3:
            return None
        header, claims, signature = decode(parts[0]), decode(parts[1]), from_base64(parts[2])
        if header is None or claims is None or signature is None or header.get("alg") != self._method:
            return None
        if not self._signer.verify(b".".join(parts[:2]), signature):
            return None
        return read_claims(claims)


def read_claims(claims: dict[str, Any]) -> tuple[Caller, float, float] | None:
    """The claims of a token whose signature is right; None when one is missing or of the wrong type."""
    username, revision = claims.get("username"), number(claims.get("revision"))
    since, until = number(claims.get("nbf", 0)), number(claims.get("exp", 0))
    if not isinstance(username, str) or revision is None or since is None or until is None:
        return None
    # a time of 0 counts as none given
    return Caller(username, int(revision) & _MASK64), floor(since) if since else -inf, floor(until) if until else inf


def number(value: object) -> float | None:
    """A JSON number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        return None
    return value


def encode(value: dict[str, Any]) -> bytes:
    return to_base64(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def decode(segment: bytes) -> dict[str, Any] | None:
    """A JSON object."""
    data = from_base64(segment)
    try:
        value = json.loads(data) if data is not None else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def to_base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def from_base64(segment: bytes) -> bytes | None:
    """URL-safe base64 without padding; nothing else is tolerated."""
    if _SEGMENT.fullmatch(segment) is None or len(segment) % 4 == 1:
        return None
    return urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
