"""``--auth-token`` and its options: from the flag's text to a token provider and the auth store behind it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from pyetcd.auth.jwt_keys import BadTokenOptions, signer
from pyetcd.auth.jwt_tokens import SignedTokens
from pyetcd.auth.store import AuthStore
from pyetcd.auth.tokens import NoTokens, SimpleTokens, Tokens
from pyetcd.mvcc.backend import Backend
from pyetcd.server.values import ValueSyntax, duration_nanoseconds

INVALID_OPTIONS = "auth: invalid auth options"
DEFAULT_JWT_TTL = 300.0


def open_auth(token: str, simple_ttl: float, backend: Backend, now: Callable[[], float]) -> AuthStore:
    """The auth store of ``backend``, loaded.  Raises BadTokenOptions."""
    auth = AuthStore(backend, token_provider(token, simple_ttl, now))
    auth.load()
    return auth


def token_provider(text: str, simple_ttl: float, now: Callable[[], float]) -> Tokens:
    """``simple``, ``jwt,sign-method=…,…`` or nothing.  Raises BadTokenOptions.

    simple_ttl  seconds (--auth-token-ttl); jwt has its own option ``ttl``
    """
    kind, options = split(text)
    if kind == "simple":
        return SimpleTokens(simple_ttl, now, os.urandom)
    if kind == "jwt":
        return signed_tokens(options)
    if kind == "":
        return NoTokens()
    raise BadTokenOptions(INVALID_OPTIONS)


def split(text: str) -> tuple[str, dict[str, str]]:
    """The kind of token and its options; each option is name=value and stands there once."""
    kind, *pairs = text.split(",")
    options: dict[str, str] = {}
    for pair in pairs:
        parts = pair.split("=")
        if len(parts) != 2 or parts[0] in options:
            raise BadTokenOptions(INVALID_OPTIONS)
        options[parts[0]] = parts[1]
    return kind, options


def signed_tokens(options: dict[str, str]) -> SignedTokens:
    """Options are ``sign-method`` (required), ``pub-key``, ``priv-key`` and ``ttl``; others mean nothing."""
    try:
        ttl = duration_nanoseconds(options["ttl"]) / 1e9 if options.get("ttl") else DEFAULT_JWT_TTL
        public, private = (contents(options.get(name, "")) for name in ("pub-key", "priv-key"))
    except (ValueSyntax, OSError) as error:
        raise BadTokenOptions(f"{INVALID_OPTIONS}: {error}") from None
    method = options.get("sign-method", "")
    return SignedTokens(method, signer(method, public, private), ttl, time.time)


def contents(path: str) -> bytes:
    """The bytes of a key file; none for no path."""
    if not path:
        return b""
    with open(path, "rb") as file:
        return file.read()
