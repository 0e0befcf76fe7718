"""The keys of signed tokens, as ``--auth-token=jwt,…`` names them: PEM bytes to something that signs and verifies."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, Protocol

from pyetcd.errors import InvalidKey

METHODS = frozenset(family + bits for family in ("HS", "RS", "PS", "ES") for bits in ("256", "384", "512")) | {"EdDSA"}
_MISSING = "auth: missing key data"
_CURVE_BITS = {"ES256": 256, "ES384": 384, "ES512": 521}


class BadTokenOptions(ValueError):
    """Signed tokens cannot be made or checked with these options; the text is etcd's where etcd has one."""


class Signer(Protocol):
    """One key with one method.  ``can_sign`` is False when only the public half is known."""

    can_sign: bool

    def sign(self, data: bytes) -> bytes:
        """Raises InvalidKey when the key does not fit the method."""

    def verify(self, data: bytes, signature: bytes) -> bool: ...


def signer(method: str, public: bytes, private: bytes) -> Signer:
    """The signer for ``sign-method``, ``pub-key`` and ``priv-key`` (contents of the files, empty when not given).

    Raises BadTokenOptions.
    """
    if method not in METHODS:
        raise BadTokenOptions("auth: invalid auth options")
    if method.startswith("HS"):
        return Hmac(method, private)
    pair = Pair(*_load(_key_kind(method), public, private))
    if method == "EdDSA":
        return Ed25519(pair)
    return Ecdsa(method, pair) if method.startswith("ES") else Rsa(method, pair)


class Pair:
    """An asymmetric key: the private half may be missing."""

    def __init__(self, private: Any, public: Any) -> None:
        self.private = private
        self.public = public


def _key_kind(method: str) -> str:
    return {"RS": "RSA", "PS": "RSA", "ES": "EC"}.get(method[:2], "Ed")


def _load(kind: str, public: bytes, private: bytes) -> tuple[Any, Any]:
    """(private or None, public); both given must belong together."""
    secret = _load_private(kind, private) if private else None
    shown = _load_public(kind, public) if public else None
    if secret is None and shown is None:
        raise BadTokenOptions(_MISSING)
    if secret is None:
        return None, shown
    own = secret.public_key()
    if shown is not None and shown != own:
        raise BadTokenOptions("auth: public and private keys don't match")
    return secret, own


def _load_private(kind: str, pem: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return _checked(kind, "Private", lambda: load_pem_private_key(pem, None))


def _load_public(kind: str, pem: bytes) -> Any:
    """A public key, or a certificate around one."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    def load() -> Any:
        if b"CERTIFICATE" in pem:
            return load_pem_x509_certificate(pem).public_key()
        return load_pem_public_key(pem)

    return _checked(kind, "Public", load)


def _checked(kind: str, half: str, load: Callable[[], Any]) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    wanted: dict[str, tuple[type[Any], type[Any]]] = {
        "RSA": (rsa.RSAPrivateKey, rsa.RSAPublicKey),
        "EC": (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey),
        "Ed": (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey),
    }
    try:
        key = load()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadTokenOptions(f"cannot read the {half.lower()} key of signed tokens: {error}") from None
    if not isinstance(key, wanted[kind][half == "Public"]):
        raise BadTokenOptions(f"the {half.lower()} key of signed tokens is not of kind {kind}")
    return key


def _hash(method: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    kinds: dict[str, Any] = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
    return kinds[method[2:]]()


class Hmac:
    """HS256, HS384, HS512: the private file's bytes are the secret, whatever they are."""

    can_sign = True

    def __init__(self, method: str, secret: bytes) -> None:
        if not secret:
            raise BadTokenOptions(_MISSING)
        self._secret = secret
        self._digest = f"sha{method[2:]}"

    def sign(self, data: bytes) -> bytes:
        return hmac.digest(self._secret, data, self._digest)

    def verify(self, data: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(self.sign(data), signature)


class Rsa:
    """RS and PS; a PS signature may carry a salt of any length, as etcd accepts it."""

    def __init__(self, method: str, pair: Pair) -> None:
        from cryptography.hazmat.primitives.asymmetric import padding

        self._pair = pair
        self._hash = _hash(method)
        self._padding: Any = padding.PKCS1v15()
        self._verify_padding: Any = self._padding
        if method.startswith("PS"):
            mask = padding.MGF1(_hash(method))
            self._padding = padding.PSS(mask, self._hash.digest_size)
            self._verify_padding = padding.PSS(mask, padding.PSS.AUTO)
        self.can_sign = pair.private is not None

    def sign(self, data: bytes) -> bytes:
        try:
            return bytes(self._pair.private.sign(data, self._padding, self._hash))
        except ValueError as error:  # the key is too small for this digest
            raise InvalidKey(str(error)) from None

    def verify(self, data: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            self._pair.public.verify(signature, data, self._verify_padding, self._hash)
        except (InvalidSignature, ValueError):
            return False
        return True


class Ecdsa:
    """ES256, ES384, ES512: the signature is the two numbers one behind the other, padded to the curve's size."""

    def __init__(self, method: str, pair: Pair) -> None:
        self._pair = pair
        self._hash = _hash(method)
        self._size = -(-_CURVE_BITS[method] // 8)
        self._fits = pair.public.curve.key_size == _CURVE_BITS[method]
        self.can_sign = pair.private is not None

    def sign(self, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        if not self._fits:
            raise InvalidKey("key is invalid")
        r, s = utils.decode_dss_signature(self._pair.private.sign(data, ec.ECDSA(self._hash)))
        return r.to_bytes(self._size, "big") + s.to_bytes(self._size, "big")

    def verify(self, data: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        size = self._size
        if not self._fits or len(signature) != 2 * size:
            return False
        der = utils.encode_dss_signature(
            int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        )
        try:
            self._pair.public.verify(der, data, ec.ECDSA(self._hash))
        except InvalidSignature:
            return False
        return True


class Ed25519:
    """EdDSA."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self.can_sign = pair.private is not None

    def sign(self, data: bytes) -> bytes:
        return bytes(self._pair.private.sign(data))

    def verify(self, data: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            self._pair.public.verify(signature, data)
        except InvalidSignature:
            return False
        return True
