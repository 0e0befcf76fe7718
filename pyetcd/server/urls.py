"""URLs of listeners and members: reading them, and the rules etcd puts on them (wire contract 9 and 10.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pyetcd.server.values import ValueSyntax, quote

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_HOST_CHARACTERS = re.compile(r"[a-zA-Z0-9!$&'()*+,;=:\[\]<>\"._~%\x80-\U0010ffff-]*")

_HOST_ESCAPE = re.compile(r"%(?:25|[89a-fA-F][0-9a-fA-F])")  # ASCII is never escaped in a host, but for the % itself


class Url(NamedTuple):
    """One URL, normalised as Go prints it back."""

    scheme: str
    host: str  # with the port, as written: "127.0.0.1:2379", "[::1]:2379"
    rest: str  # path, query and fragment; only the socket schemes have a path

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.rest}"

    @property
    def hostname(self) -> str:
        return split_host_port(self.host)[0]

    @property
    def port(self) -> int:
        """The port as a number; 0 when it is empty (``http://127.0.0.1:``)."""
        return int(split_host_port(self.host)[1] or 0)

    @property
    def is_socket(self) -> bool:
        """A Unix socket: ``unix://`` or ``unixs://``."""
        return self.scheme in ("unix", "unixs")

    @property
    def socket_path(self) -> str:
        return self.host + self.rest

    @property
    def is_secure(self) -> bool:
        return self.scheme in ("https", "unixs")


def split_host_port(address: str) -> tuple[str, str]:
    """``"[::1]:80"`` → ``("::1", "80")``; ValueError when there is no port or the brackets are wrong."""
    bracketed = re.fullmatch(r"\[([^\[\]]*)\]:([^:\[\]]*)", address)
    plain = re.fullmatch(r"([^:\[\]]*):([^:\[\]]*)", address)
    found = bracketed or plain
    if found is None:
        raise ValueError(f"address {address}: no port")
    return found[1], found[2]


def parse_url(text: str) -> Url:
    """Read one URL; raises ValueSyntax with the words of Go's url.Parse or of etcd's rules."""
    text = text.strip()
    scheme, host, rest = _split(text)
    if scheme in ("http", "https"):
        try:
            split_host_port(host)
        except ValueError:
            raise ValueSyntax(f'URL address does not have the form "host:port": {text}') from None
        if rest and rest[0] not in "?#":
            raise ValueSyntax(f"URL must not contain a path: {text}")
    elif scheme not in ("unix", "unixs"):
        raise ValueSyntax(f"URL scheme must be http, https, unix, or unixs: {text}")
    return Url(scheme, host, rest)


def _split(text: str) -> tuple[str, str, str]:
    def bad(why: str) -> ValueSyntax:
        return ValueSyntax(f"parse {quote(text)}: {why}")

    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueSyntax(f"parse {quote(text)}: net/url: invalid control character in URL")
    found = _SCHEME.match(text)
    if text.startswith(":"):
        raise bad("missing protocol scheme")
    if found is None:
        if ":" in text.split("/", 1)[0].split("?", 1)[0]:
            raise bad("first path segment in URL cannot contain colon")
        return "", "", text
    scheme, rest = found[1].lower(), text[found.end() :]
    if not rest.startswith("//"):
        return scheme, "", rest
    authority, path = re.fullmatch(r"//([^/?#]*)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    _check_authority(authority, bad)
    return scheme, authority, path


def _check_authority(authority: str, bad: Callable[[str], ValueSyntax]) -> None:
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        if "]" not in host:
            raise bad("missing ']' in host")
        port = host[host.rindex("]") + 1 :]
    else:
        port = host[host.rindex(":") :] if ":" in host else ""
    if port and not re.fullmatch(r":[0-9]*", port):
        raise bad(f"invalid port {quote(port)} after host")
    for escape in re.findall(r"%.{0,2}", host):
        if not _HOST_ESCAPE.fullmatch(escape):
            raise bad(f"invalid URL escape {quote(escape)}")
    if not _HOST_CHARACTERS.fullmatch(host):
        wrong = next(c for c in host if not _HOST_CHARACTERS.fullmatch(c))
        raise bad(f"invalid character {quote(wrong)} in host name")


def parse_urls(texts: Iterable[str]) -> tuple[Url, ...]:
    """Several URLs, sorted by their text as etcd keeps them; duplicates stay."""
    return tuple(sorted((parse_url(text) for text in texts), key=str))


def unique_urls(texts: Iterable[str]) -> tuple[Url, ...]:
    return tuple(dict.fromkeys(parse_urls(texts)))


def is_ip(host: str) -> bool:
    """What Go's net.ParseIP accepts: no zones, no short forms."""
    import ipaddress  # the version can be told without it

    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def check_bind_urls(urls: Iterable[Url]) -> None:
    """A listener is bound to an address, not to a name; ``localhost`` is the one exception."""
    for url in urls:
        if not url.is_socket and url.hostname != "localhost" and not is_ip(url.hostname):
            raise ValueSyntax(f"expected IP in URL for binding ({url})")


def check_host_urls(urls: Iterable[Url]) -> None:
    """What is advertised must name a host."""
    for url in urls:
        if not url.is_socket and url.hostname == "":
            raise ValueSyntax(f"unexpected empty host ({url})")
