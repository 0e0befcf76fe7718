"""From a request to its handler: host check, CORS, path cleaning, the table of paths.  No I/O."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from pyetcd.gateway import paths
from pyetcd.gateway.exchange import (
    Answer,
    Done,
    Exchange,
    Handler,
    Request,
    Tree,
    http_error,
    method_not_allowed,
    not_found,
)
from pyetcd.gateway.status import Log, StatusSource

_CORS = {
    "Access-Control-Allow-Headers": "accept, content-type, authorization",
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS, PUT, DELETE",
}
_UNRECOGNIZED = """
etcd received your request, but the Host header was unrecognized.

To fix this, choose one of the following options:
- Enable TLS, then any HTTPS request will be allowed.
- Add the hostname you want to use to the whitelist in settings.
  - e.g. etcd --host-whitelist {host}

This requirement has been added to help prevent "DNS Rebinding" attacks (CVE-2018-5702).
"""


def version_handler(status: StatusSource, server_version: str) -> Handler:
    """``/version``."""

    def handle(request: Request, done: Done) -> None:
        if request.method != "GET":
            done(method_not_allowed())
            return
        versions = {
            "etcdserver": server_version,
            "etcdcluster": status.cluster_version or "not_decided",
            "storage": status.storage_version or "unknown",
        }
        body = json.dumps(versions, separators=(",", ":")).encode()
        done(Answer(200, body, {"Content-Type": "application/json"}))

    return handle


def redirect(request: Request, location: str) -> Answer:
    """Go's http.Redirect: a page only for GET, a type also for HEAD."""
    headers = {"Location": location}
    if request.method in ("GET", "HEAD"):
        headers["Content-Type"] = "text/html; charset=utf-8"
    body = b""
    if request.method == "GET":
        body = f'<a href="{paths.escape_html(location)}">Temporary Redirect</a>.\n\n'.encode("latin-1")
    return Answer(307, body, headers)


_OLD_PREFIX, _NEW_PREFIX = "/v3beta/", "/v3/"


class Router:
    """``prefixes`` are trees such as ``/v3/``: whatever lies under them goes to one handler."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        prefixes: Mapping[str, Tree] | None = None,
        cors: Collection[str] = ("*",),
        host_whitelist: Collection[str] = ("*",),
        log: Log,
    ) -> None:
        self._exact = {paths.segments(path): handler for path, handler in handlers.items()}
        self._prefixes = {paths.segments(path)[:-1]: handler for path, handler in (prefixes or {}).items()}
        self._origins = frozenset(cors)
        self._hosts = frozenset(host_whitelist)
        self._log = log

    def body_limit(self, method: str, target: str) -> int:
        """How many bytes of this request's body are wanted."""
        try:
            written, _ = _current(target)
        except paths.BadTarget:
            return 0
        tree = self._tree(paths.segments(written))
        return 0 if tree is None or method == "OPTIONS" else tree.body_limit

    def handle(
        self, method: str, target: str, headers: dict[str, str], exchange: Exchange, body: bytes | None = b""
    ) -> None:
        """Answer one request; ``target`` has one character per byte.  Raises BadTarget for what is no target."""
        host = hostname(paths.authority(target) or headers.get("host", ""))
        if not self._host_allowed(host):
            self._log.warn("rejecting HTTP request to prevent DNS rebinding attacks", host=host)
            exchange.answer(http_error(421, _UNRECOGNIZED.format(host=json.dumps(host))))
            return
        exchange.add_headers(self._cors(headers.get("origin", "")))
        self._dispatch(method, target, headers, exchange, body)

    def _dispatch(
        self, method: str, target: str, headers: dict[str, str], exchange: Exchange, body: bytes | None
    ) -> None:
        if target == "*":
            exchange.answer(Answer(400, headers={"Connection": "close"}, close=True))
            return
        if method == "CONNECT" and not target.startswith("/"):
            target = "/" + target
        written, query = _current(target)
        request = Request(method, paths.unescape(written), query, headers, body)
        if method == "OPTIONS":
            exchange.answer(Answer(200))
            return
        # The way to another server is asked for with CONNECT: its path is left alone.
        cleaned = written if method == "CONNECT" else paths.clean(written)
        parts = paths.segments(cleaned)
        if method != "CONNECT" and parts in self._prefixes:
            location = paths.redirect_location(paths.clean(request.path) + "/", query)
            exchange.answer(redirect(request, location))
        elif cleaned != written:
            exchange.answer(redirect(request, paths.redirect_location(cleaned, query)))
        else:
            self._pass_on(parts, request, exchange)

    def _pass_on(self, parts: tuple[str, ...], request: Request, exchange: Exchange) -> None:
        handler = self._exact.get(parts)
        tree = None if handler is not None else self._tree(parts)
        if tree is not None:
            tree(request, exchange)
        else:
            (handler or _missing)(request, exchange.answer)

    def _tree(self, parts: tuple[str, ...]) -> Tree | None:
        for prefix, tree in self._prefixes.items():
            if len(parts) > len(prefix) and parts[: len(prefix)] == prefix:
                return tree
        return None

    def _host_allowed(self, host: str) -> bool:
        return not self._hosts or "*" in self._hosts or host in self._hosts

    def _cors(self, origin: str) -> dict[str, str]:
        if not self._origins or "*" in self._origins:
            return {**_CORS, "Access-Control-Allow-Origin": "*"}
        return {**_CORS, "Access-Control-Allow-Origin": origin} if origin in self._origins else {}


def _current(target: str) -> tuple[str, str]:
    """Escaped path and query of a target; a path of former releases is read as the present one."""
    written, query = paths.split_target(target)
    path = paths.unescape(written)
    if path.startswith(_OLD_PREFIX):
        return paths.escape(path.replace(_OLD_PREFIX, _NEW_PREFIX, 1)), query
    return written, query


def _missing(request: Request, done: Done) -> None:
    done(not_found())


def hostname(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, _port = host.rpartition(":")
    return name if colon and ":" not in name else host
