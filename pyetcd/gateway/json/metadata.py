"""HTTP headers as the gateway hands them to a call: metadata, and the time it may take."""

from __future__ import annotations

import re

from pyetcd.gateway.json.failures import Failure
from pyetcd.wire.binary import decode_binary
from pyetcd.wire.call import Code, Metadata

_PERMANENT = re.compile(
    "accept(-charset|-language|-ranges)?|authorization|cache-control|content-type|cookie|date|expect|from|host|origin|"
    "if-((none-)?match|schedule-tag-match|(un)?modified-since)|max-forwards|pragma|referer|user-agent|via|warning"
)
_PREFIX = "grpc-metadata-"
_FORWARDED = ("x-forwarded-for", "x-forwarded-host")
_NAME = re.compile(r"[0-9a-z._-]*")
_TEXT = re.compile(r"[ -~]*")
_DIGITS = re.compile(r"[+-]?[0-9]+")
_UNITS = {"H": 3600 * 10**9, "M": 60 * 10**9, "S": 10**9, "m": 10**6, "u": 1000, "n": 1}


def metadata(path: bytes, headers: dict[str, str], peer_host: str) -> Metadata:
    """What a handler sees of a request's headers (names in lower case); raises Failure."""
    fields: list[tuple[str, bytes]] = []
    for name, value in headers.items():
        if name in _FORWARDED:
            continue
        if name == "authorization":
            fields.append((name, value.encode("latin-1")))
        if _PERMANENT.fullmatch(name) and name != "host":
            _add(fields, "grpcgateway-" + name, name, value)
        elif name.startswith(_PREFIX):
            _add(fields, name[len(_PREFIX) :], name, value)
    fields += _forwarded(headers, peer_host)
    return Metadata(path, b"", tuple((name.encode(), value) for name, value in fields))


def _add(fields: list[tuple[str, bytes]], key: str, name: str, value: str) -> None:
    """What gRPC does not carry is left out."""
    if _NAME.fullmatch(key) is None:
        return
    if name.endswith("-bin"):
        try:
            fields.append((key, decode_binary(value.encode("latin-1"))))
        except ValueError as problem:
            raise Failure(Code.INVALID_ARGUMENT, f"invalid binary header {name.title()}: {problem}") from None
    elif _TEXT.fullmatch(value):
        fields.append((key, value.encode()))


def _forwarded(headers: dict[str, str], peer_host: str) -> list[tuple[str, bytes]]:
    fields = []
    host = headers.get("x-forwarded-host") or headers.get("host", "")
    if host:
        fields.append(("x-forwarded-host", host.encode("latin-1")))
    hops = [hop for hop in (headers.get("x-forwarded-for"), peer_host) if hop]
    if hops:
        fields.append(("x-forwarded-for", ", ".join(hops).encode("latin-1")))
    return fields


def timeout(headers: dict[str, str]) -> float | None:
    """Seconds a call may take, zero or less when it is over already; None without a limit.  Raises Failure."""
    text = headers.get("grpc-timeout", "")
    if not text:
        return None
    unit, digits = _UNITS.get(text[-1]), text[:-1]
    if unit is None or _DIGITS.fullmatch(digits) is None or len(digits) > 1000 or int(digits).bit_length() > 63:
        raise Failure(Code.INVALID_ARGUMENT, f"invalid grpc-timeout: {text}")
    nanoseconds = int(digits) * unit + (1 << 63) & (1 << 64) - 1  # Go's multiplication wraps around
    nanoseconds -= 1 << 63
    return nanoseconds / 1e9 if nanoseconds else None
