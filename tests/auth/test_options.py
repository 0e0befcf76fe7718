"""What --auth-token may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyetcd.auth.jwt_keys import BadTokenOptions
from pyetcd.auth.jwt_tokens import SignedTokens
from pyetcd.auth.tokens import NoTokens, SimpleTokens
from pyetcd.server.authentication import token_provider


def provider(text: str) -> object:
    return token_provider(text, 60.0, lambda: 0.0)


def test_kinds(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 32)
    assert isinstance(provider("simple"), SimpleTokens)
    assert isinstance(provider("simple,anything=goes"), SimpleTokens)
    assert isinstance(provider(""), NoTokens)
    assert isinstance(provider(f"jwt,sign-method=HS256,priv-key={secret},ttl=1h,unknown=x"), SignedTokens)


@pytest.mark.parametrize(
    "text",
    ["Simple", "none", " ", "simple,x", "simple,a=1,a=2", "simple,a=b=c", "jwt", "jwt,sign-method=",
     "jwt,sign-method=RS1",
     "jwt,sign-method=RS256", "jwt,sign-method=HS256,ttl=soon", "jwt,sign-method=HS256,priv-key=/does/not/exist"],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(BadTokenOptions, match=r"^auth: (invalid auth options|missing key data)"):
        provider(text)
