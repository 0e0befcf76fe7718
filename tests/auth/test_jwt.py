"""Signed tokens of every family, judged by PyJWT in both directions, and what must not be believed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from pyetcd.auth.caller import Caller
from pyetcd.auth.jwt_keys import METHODS, BadTokenOptions, signer
from pyetcd.auth.jwt_tokens import SignedTokens
from pyetcd.errors import InvalidKey, VerifyOnly

NOW = 1_700_000_000.0
SECRET = b"a secret of thirty-two bytes or more, for every digest there is here"


class Wall:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
EC = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
KEYS: dict[str, Any] = {method: ec.generate_private_key(curve) for method, curve in EC.items()}
KEYS["EdDSA"] = ed25519.Ed25519PrivateKey.generate()
ASYMMETRIC = sorted(METHODS - {"HS256", "HS384", "HS512"})


def key_of(method: str) -> Any:
    return RSA if method[:2] in ("RS", "PS") else KEYS[method]


def private_pem(key: Any, form: ser.PrivateFormat = ser.PrivateFormat.PKCS8) -> bytes:
    return bytes(key.private_bytes(ser.Encoding.PEM, form, ser.NoEncryption()))


def public_pem(key: Any) -> bytes:
    form = ser.PublicFormat.SubjectPublicKeyInfo
    return bytes(key.public_key().public_bytes(ser.Encoding.PEM, form))


def certificate_pem(key: Any) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "etcd")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=36500))
    return made.sign(key, hashes.SHA256()).public_bytes(ser.Encoding.PEM)


def tokens(method: str, *, public: bytes = b"", private: bytes | None = None, wall: Wall | None = None) -> SignedTokens:
    if private is None:
        private = SECRET if method.startswith("HS") else private_pem(key_of(method))
    return SignedTokens(method, signer(method, public, private), 300.0, wall or Wall())


def foreign(method: str, claims: dict[str, Any], key: Any = None) -> bytes:
    """A token PyJWT signs."""
    key = key or (SECRET if method.startswith("HS") else key_of(method))
    return jwt.encode(claims, key, algorithm=method).encode()


CLAIMS = {"username": "u", "revision": 5, "exp": int(NOW) + 10}


# -- the families -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", sorted(METHODS))
def test_pyjwt_reads_what_we_sign(method: str) -> None:
    token = tokens(method).assign("ü<&>", 7, "", 12)
    key = SECRET if method.startswith("HS") else key_of(method).public_key()
    claims = jwt.decode(token, key, algorithms=[method], options={"verify_exp": False})
    assert claims == {"username": "ü<&>", "revision": 7, "exp": int(NOW) + 300}
    assert jwt.get_unverified_header(token) == {"alg": method, "typ": "JWT"}


@pytest.mark.parametrize("method", sorted(METHODS))
def test_we_read_what_pyjwt_signs(method: str) -> None:
    assert tokens(method).find(foreign(method, CLAIMS), 9) == Caller("u", 5)


@pytest.mark.parametrize("method", ASYMMETRIC)
def test_the_public_half_reads_and_does_not_sign(method: str) -> None:
    token = tokens(method).assign("u", 5, "", 1).encode()
    reader = tokens(method, public=public_pem(key_of(method)), private=b"")
    assert reader.find(token, 5) == Caller("u", 5)
    with pytest.raises(VerifyOnly, match="auth: token signing attempted with verify-only key"):
        reader.assign("u", 5, "", 1)


@pytest.mark.parametrize("method", ["RS256", "PS384", "ES256"])
def test_a_certificate_is_a_public_key_too(method: str) -> None:
    token = tokens(method).assign("u", 5, "", 1).encode()
    assert tokens(method, public=certificate_pem(key_of(method)), private=b"").find(token, 5) == Caller("u", 5)


@pytest.mark.parametrize("method", ["RS256", "ES256"])
def test_the_older_spelling_of_private_keys(method: str) -> None:
    old = private_pem(key_of(method), ser.PrivateFormat.TraditionalOpenSSL)
    assert tokens(method, private=old).find(foreign(method, CLAIMS), 5) == Caller("u", 5)


def test_a_pss_salt_of_any_length_is_accepted() -> None:
    data = foreign("PS256", CLAIMS).rpartition(b".")[0]
    longest = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)
    signature = base64.urlsafe_b64encode(RSA.sign(data, longest, hashes.SHA256())).rstrip(b"=")
    assert tokens("PS256").find(data + b"." + signature, 5) == Caller("u", 5)


def test_any_bytes_are_a_secret_even_a_key_file() -> None:
    pem = private_pem(RSA)
    mine = tokens("HS256", private=pem)
    assert mine.find(mine.assign("u", 5, "", 1).encode(), 5) == Caller("u", 5)


# -- what must not be believed ----------------------------------------------------------------------------------


def forged(header: Any, claims: Any, sign: Callable[[bytes], bytes]) -> bytes:
    """A token with any header and claims."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    data = b".".join(parts)
    return data + b"." + base64.urlsafe_b64encode(sign(data)).rstrip(b"=")


def test_a_token_of_another_algorithm_is_nothing() -> None:
    """The old trick: take the public key everybody knows as the secret of an HMAC."""
    reader = tokens("RS256", public=public_pem(RSA))
    known = signer("HS256", b"", public_pem(RSA))
    assert reader.find(forged({"alg": "HS256", "typ": "JWT"}, CLAIMS, known.sign), 5) is None
    assert reader.find(forged({"alg": "RS256", "typ": "JWT"}, CLAIMS, known.sign), 5) is None
    assert reader.find(foreign("PS256", CLAIMS), 5) is None
    assert reader.find(foreign("RS512", CLAIMS), 5) is None


@pytest.mark.parametrize("algorithm", ["none", "None", "", None, 1, ["RS256"]])
def test_no_algorithm_is_no_signature(algorithm: object) -> None:
    for method in ("RS256", "HS256", "ES256", "EdDSA"):
        assert tokens(method).find(forged({"alg": algorithm}, CLAIMS, lambda _: b""), 5) is None


def test_another_key_is_another_cluster() -> None:
    assert tokens("RS256").find(foreign("RS256", CLAIMS, OTHER_RSA), 5) is None
    assert tokens("HS256").find(foreign("HS256", CLAIMS, SECRET + b"!"), 5) is None


@pytest.mark.parametrize("method", ["HS256", "RS256", "ES256", "EdDSA"])
def test_every_changed_byte_is_seen(method: str) -> None:
    mine = tokens(method)
    token = bytearray(mine.assign("u", 5, "", 1).encode())
    for at in range(0, len(token) - 1, 3):  # the last letter carries bits that do not count
        changed = bytearray(token)
        changed[at] = ord("A") if changed[at] != ord("A") else ord("B")
        assert mine.find(bytes(changed), 5) is None, at
    assert mine.find(bytes(token), 5) == Caller("u", 5)


@pytest.mark.parametrize(
    "claims",
    [
        {"revision": 5}, {"username": "u"}, {"username": 1, "revision": 5}, {"username": "u", "revision": "5"},
        {"username": "u", "revision": True}, {"username": "u", "revision": None}, {"username": None, "revision": 5},
        {**CLAIMS, "exp": "soon"}, {**CLAIMS, "nbf": []}, [], "x", None,
    ],
)  # fmt: skip
def test_claims_of_the_wrong_shape(claims: object) -> None:
    mine = signer("HS256", b"", SECRET)
    assert tokens("HS256").find(forged({"alg": "HS256"}, claims, mine.sign), 5) is None


JUNK = [b"", b".", b"..", b"...", b"a.b", b"a.b.c", b"e30.e30.e30", b"\xff.\xff.\xff", b"e30=.e30.e30"]


@pytest.mark.parametrize("junk", JUNK)
def test_junk(junk: bytes) -> None:
    for method in ("HS256", "RS256", "ES256", "EdDSA"):
        assert tokens(method).find(junk, 5) is None


@pytest.mark.parametrize("method", sorted(EC))
def test_signatures_of_the_wrong_size(method: str) -> None:
    token = foreign(method, CLAIMS)
    data, _, _ = token.rpartition(b".")
    for size in (0, 1, 63, 65, 132, 133):
        bad = base64.urlsafe_b64encode(b"\1" * size).rstrip(b"=")
        assert tokens(method).find(data + b"." + bad, 5) is None


# -- time -------------------------------------------------------------------------------------------------------


def test_a_token_lives_from_nbf_to_exp_whether_it_was_seen_before_or_not() -> None:
    token = foreign("HS256", {**CLAIMS, "nbf": int(NOW) - 10})
    wall = Wall()
    seen = tokens("HS256", wall=wall)
    for offset, alive in ((-11, False), (-10, True), (0, True), (9.9, True), (10, False), (11, False), (0, True)):
        wall.now = NOW + offset
        fresh = tokens("HS256", wall=wall)
        assert (seen.find(token, 5) is not None) is alive, offset
        assert (fresh.find(token, 5) is not None) is alive, offset


def test_without_exp_it_lives_for_ever() -> None:
    for claims in ({"username": "u", "revision": 5}, {"username": "u", "revision": 5, "exp": 0, "nbf": 0}):
        wall = Wall()
        mine = tokens("HS256", wall=wall)
        wall.now = NOW * 3
        assert mine.find(foreign("HS256", claims), 5) == Caller("u", 5)


# -- options ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["", "none", "HS1", "ES256K", "rs256", "RS257"])
def test_unknown_methods(method: str) -> None:
    with pytest.raises(BadTokenOptions, match="auth: invalid auth options"):
        signer(method, b"", SECRET)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_missing_key(method: str) -> None:
    with pytest.raises(BadTokenOptions, match="auth: missing key data"):
        signer(method, b"", b"")


@pytest.mark.parametrize("method", ["RS256", "ES256", "EdDSA"])
def test_two_halves_of_different_keys(method: str) -> None:
    others: dict[str, Any] = {
        "RS256": OTHER_RSA, "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }  # fmt: skip
    with pytest.raises(BadTokenOptions, match="auth: public and private keys don't match"):
        signer(method, public_pem(others[method]), private_pem(key_of(method)))
    assert signer(method, public_pem(key_of(method)), private_pem(key_of(method))).can_sign


@pytest.mark.parametrize(("method", "pem"), [
    ("RS256", private_pem(KEYS["ES256"])), ("ES256", private_pem(RSA)), ("EdDSA", private_pem(RSA)),
    ("RS256", b"no key"), ("ES256", b""), ("EdDSA", public_pem(KEYS["EdDSA"])),
])  # fmt: skip
def test_keys_of_the_wrong_kind(method: str, pem: bytes) -> None:
    with pytest.raises(BadTokenOptions):
        signer(method, b"", pem)


def test_a_key_on_another_curve_signs_nothing_and_verifies_nothing() -> None:
    mine = SignedTokens("ES256", signer("ES256", b"", private_pem(KEYS["ES384"])), 300.0, Wall())
    with pytest.raises(InvalidKey, match="key is invalid"):
        mine.assign("u", 1, "", 1)
    assert mine.find(foreign("ES256", CLAIMS), 5) is None
