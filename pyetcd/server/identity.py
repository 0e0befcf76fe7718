"""Who a member is: ids from URLs and token, the initial cluster, and whether it fits this member (wire contract 9)."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence

from pyetcd.cluster.membership import Member
from pyetcd.errors import BadMemberURLs
from pyetcd.server.settings import ConfigError
from pyetcd.server.urls import Url, parse_urls
from pyetcd.server.values import ValueSyntax, quote

ClusterUrls = dict[str, tuple[Url, ...]]
"""Peer URLs by member name."""


def member_id(peer_urls: Iterable[str], token: str) -> int:
    """The id of a bootstrap member: a hash of its sorted peer URLs and the cluster's token, nothing else."""
    return _first_eight("".join(sorted(peer_urls)).encode() + token.encode())


def added_member_id(peer_urls: Iterable[str], unix_seconds: int) -> int:
    """The id of a member added at run time: the clock in place of the token."""
    return _first_eight("".join(sorted(peer_urls)).encode() + str(unix_seconds).encode())


def added_member(peer_urls: Iterable[str], is_learner: bool, unix_seconds: int) -> Member:
    """A member to add: its peer URLs sorted and as etcd writes them back; raises BadMemberURLs."""
    try:
        urls = tuple(map(str, parse_urls(peer_urls)))
    except ValueSyntax:
        raise BadMemberURLs from None
    if not urls:
        raise BadMemberURLs
    return Member(added_member_id(urls, unix_seconds), urls, is_learner=is_learner)


def cluster_id(member_ids: Iterable[int]) -> int:
    """The id of a cluster: a hash of its first members' ids."""
    return _first_eight(b"".join(identity.to_bytes(8, "big") for identity in sorted(member_ids)))


def _first_eight(data: bytes) -> int:
    # Not a matter of security: the recipe is part of the data format.
    return int.from_bytes(hashlib.sha1(data, usedforsecurity=False).digest()[:8], "big")


def format_id(identity: int) -> str:
    """Ids in logs and in etcdctl's tables: hexadecimal without leading zeros."""
    return f"{identity:x}"


def parse_initial_cluster(text: str) -> ClusterUrls:
    """``"a=http://1.1.1.1:2380,a=http://…,b=…"``; raises ConfigError in etcd's words."""
    texts: dict[str, list[str]] = {}
    for part in text.split(","):
        if part:
            name, _, url = part.partition("=")
            texts.setdefault(name, []).append(url)
    try:
        return {name: parse_urls(urls) for name, urls in texts.items()}
    except ValueSyntax as error:
        raise ConfigError(f"error setting up initial cluster: {error}") from None


def format_initial_cluster(cluster: Mapping[str, Sequence[Url]]) -> str:
    return ",".join(sorted(f"{name}={url}" for name, urls in cluster.items() for url in urls))


def initial_cluster_of(name: str, peer_urls: Sequence[Url]) -> str:
    """The initial cluster of a member that starts alone."""
    return ",".join(f"{name or 'default'}={url}" for url in peer_urls)


def bootstrap_ids(cluster: Mapping[str, Sequence[Url]], token: str) -> tuple[dict[str, int], int]:
    """Member ids by name and the cluster's id; raises ConfigError when two members come out the same."""
    ids: dict[str, int] = {}
    for name, urls in cluster.items():
        identity = member_id(map(str, urls), token)
        if identity in ids.values():
            raise ConfigError(f"member exists with identical ID {format_id(identity)}")
        ids[name] = identity
    return ids, cluster_id(ids.values())


Resolver = Callable[[str], str]
"""Host name to address; gives the name back when it has none."""


def resolve_host(name: str) -> str:
    try:
        return str(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError:
        return name


def verify_bootstrap(
    cluster: Mapping[str, Sequence[Url]],
    name: str,
    advertised: Sequence[Url],
    resolve: Resolver = resolve_host,
) -> None:
    """The initial cluster of a new member must name it, with exactly the URLs it advertises; raises ConfigError.

    A name on one side and its address on the other are the same URL; ``localhost`` is not resolved.
    """
    if name not in cluster:
        raise ConfigError(f"couldn't find local name {quote(name)} in the initial cluster configuration")
    _verify_advertised(cluster[name], name, advertised, resolve)
    everything = [str(url) for urls in cluster.values() for url in urls]
    if len(set(everything)) != len(everything):
        raise ConfigError(f"initial cluster {format_initial_cluster(cluster)} has duplicate url")


def _verify_advertised(listed: Sequence[Url], name: str, advertised: Sequence[Url], resolve: Resolver) -> None:
    initial, own = sorted(map(str, listed)), sorted(map(str, advertised))
    reason = _difference(own, initial)
    if reason and len(own) == len(initial):
        reason = _difference(_resolved(advertised, resolve), _resolved(listed, resolve), "resolved urls: ")
    if not reason:
        return
    missing = [f"{name}={url}" for url in initial if url not in own]
    if missing:
        raise ConfigError(
            f"--initial-cluster has {','.join(missing)} but missing from "
            f"--initial-advertise-peer-urls={','.join(own)} ({reason})"
        )
    extra = [url for url in own if url not in initial]
    raise ConfigError(
        f"--initial-advertise-peer-urls has {','.join(extra)} but missing from "
        f"--initial-cluster={format_initial_cluster({name: advertised})}"
    )


def _difference(own: list[str], initial: list[str], what: str = "") -> str:
    """The first difference in words, empty when there is none."""
    if len(own) != len(initial):
        return f"len({_listed(own)}) != len({_listed(initial)})"
    different = ((a, b) for a, b in zip(own, initial, strict=True) if a != b)
    return next((f"{what}{quote(a)} != {quote(b)}" for a, b in different), "")


def _resolved(urls: Sequence[Url], resolve: Resolver) -> list[str]:
    return sorted(str(_with_host(url, resolve)) for url in urls)


def _with_host(url: Url, resolve: Resolver) -> Url:
    if url.is_socket or url.hostname == "localhost":
        return url
    host = resolve(url.hostname)
    return url._replace(host=f"[{host}]:{url.port}" if ":" in host else f"{host}:{url.port}")


def _listed(texts: list[str]) -> str:
    return "[" + " ".join(map(quote, texts)) + "]"
