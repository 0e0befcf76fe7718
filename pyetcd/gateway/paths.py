"""Request targets the way Go's net/url and ServeMux treat them: escapes, cleaning, redirects, query values."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote, unquote_plus, unquote_to_bytes

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_KEPT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~$&+,/:;=@")
_VALID_ENCODED = _KEPT | frozenset("!'()*[]%")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}


class BadTarget(ValueError):
    """A request target Go answers with 400."""


def split_target(target: str) -> tuple[str, str]:
    """The escaped path and the raw query of a request target (each character one byte); raises BadTarget."""
    absolute = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*", target)
    if absolute:
        target = target[absolute.end() :]
    elif not target.startswith("/"):
        raise BadTarget(target)
    path, _, query = target.partition("?")
    if _BAD_ESCAPE.search(path) or re.search(r"[\x00-\x1f\x7f]", target):
        raise BadTarget(target)
    return escaped_path(path), query


def authority(target: str) -> str:
    """The host an absolute target names; it stands above the Host header."""
    absolute = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?]*)", target)
    return absolute[1] if absolute else ""


def escaped_path(path: str) -> str:
    """What the client wrote when that is proper, otherwise Go's own escaping of what it means."""
    if _VALID_ENCODED.issuperset(path):
        return path
    return escape(unquote_to_bytes(path.encode("latin-1")).decode("latin-1"))


def escape(path: str) -> str:
    return "".join(c if c in _KEPT else f"%{ord(c):02X}" for c in path)


def clean(path: str) -> str:
    """Without dots and doubled slashes; a slash at the end stays."""
    if not path:
        return "/"
    cleaned = posixpath.normpath("/" + path.lstrip("/"))
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned


def unescape(path: str) -> str:
    return unquote(path, "latin-1")


def segments(path: str) -> tuple[str, ...]:
    """A cleaned path in pieces, unescaped one by one: an escaped slash does not divide."""
    return tuple(unescape(part) for part in path.split("/")[1:])


def redirect_location(path: str, query: str) -> str:
    """Where a path that is not clean sends its client.

    ``path`` is already escaped and is escaped once more: so does ServeMux.
    """
    url = escape(path) + ("?" + query if query else "")
    return "".join(c if ord(c) < 0x80 else f"%{ord(c):02x}" for c in url)


def escape_html(text: str) -> str:
    return "".join(_HTML.get(c, c) for c in text)


def query_values(query: str, name: str) -> list[str]:
    """All values of a query parameter, in order; pairs that Go cannot read are passed over."""
    found = []
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if pair and ";" not in pair and not _BAD_ESCAPE.search(pair) and unquote_plus(key) == name:
            found.append(unquote_plus(value))
    return found
