"""Client URLs and the sockets they mean, as Go's net.Listen understands them."""

from __future__ import annotations

import socket
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

BACKLOG = 4096


class Address(NamedTuple):
    """Where to listen.  ``host`` may be empty: every address."""

    scheme: str
    host: str
    port: int


def parse_url(url: str) -> Address:
    """``http://host:port``; the port is required.  ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme != "http":
        raise ValueError(f"cannot listen on {url!r}: URL scheme must be http")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"cannot listen on {url!r}: only a host and a port may be given")
    if parts.port is None:
        raise ValueError(f"cannot listen on {url!r}: the port is missing")
    return Address(parts.scheme, parts.hostname or "", parts.port)


def bind(address: Address) -> socket.socket:
    """A bound, listening, non-blocking socket; OSError when that fails.

    Go prefers the first IPv4 address of a name, and takes an unspecified address (empty, 0.0.0.0, ::) as every
    address of both families."""
    if address.host in ("", "0.0.0.0", "::"):
        listening = _bind_everywhere(address.port)
        if listening is not None:
            return listening
    found = socket.getaddrinfo(address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, where = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return _listening(family, where)


def _bind_everywhere(port: int) -> socket.socket | None:
    """One socket for IPv6 and IPv4; None on a machine without IPv6."""
    if not socket.has_dualstack_ipv6():
        return None
    return _listening(socket.AF_INET6, ("::", port))


def _listening(family: int, where: object) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, where[0] != "::")  # type: ignore[index]
        listening.bind(where)  # type: ignore[arg-type]
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def tune(connected: socket.socket, user_timeout: float) -> None:
    """Options of an accepted connection: no Nagle, keepalive, and the same limit for unacknowledged data that gRPC-Go
    sets (its keepalive timeout)."""
    if connected.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(user_timeout * 1000))


def printed(name: object) -> str:
    """A socket address as gRPC prints a peer: ``127.0.0.1:4711``, ``[::1]:4711``, a path, or ``@``."""
    if isinstance(name, tuple):
        host, port = name[0], name[1]
        if host.startswith("::ffff:"):
            host = host[7:]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return str(name) if name else "@"


def twisted_address(name: object) -> IAddress:
    """A socket address as Twisted's protocols expect it."""
    if isinstance(name, tuple):
        kind = IPv6Address if ":" in name[0] else IPv4Address
        return cast(IAddress, kind("TCP", name[0], name[1]))
    return cast(IAddress, UNIXAddress(str(name) if name else None))
