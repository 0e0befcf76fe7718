"""The machine's own address, advertised when a listener takes every address and nothing else was said.

The address is the one the default route leaves from, IPv4 before IPv6; Linux only, elsewhere there is none.
"""

from __future__ import annotations

import socket
from dataclasses import replace

from pyetcd.server.config import Config
from pyetcd.server.flags import FLAGS
from pyetcd.server.identity import initial_cluster_of
from pyetcd.server.urls import Url


def default_host() -> str:
    """The address, or OSError when there is no default route."""
    for family, routes, probe in (
        (socket.AF_INET, _has_default_route4, "192.0.2.1"),
        (socket.AF_INET6, _has_default_route6, "2001:db8::1"),
    ):
        if routes():
            # Connecting a datagram socket sends nothing; it makes the kernel choose the source address.
            with socket.socket(family, socket.SOCK_DGRAM) as probing:
                probing.connect((probe, 9))
                return str(probing.getsockname()[0])
    raise OSError("could not find default route")


def _has_default_route4() -> bool:
    return any(line.split()[1:2] == ["00000000"] and line.split()[7:8] == ["00000000"] for line in _lines("route"))


def _has_default_route6() -> bool:
    zero = "0" * 32
    return any(line.split()[0:2] == [zero, "00"] and line.split()[-1] != "lo" for line in _lines("ipv6_route"))


def _lines(name: str) -> list[str]:
    try:
        with open(f"/proc/net/{name}") as file:
            return file.read().splitlines()
    except OSError:
        return []


def with_default_host(config: Config, host: str) -> tuple[Config, bool]:
    """A configuration with ``host`` ("" when unknown) in its default advertised URLs; True when it was used.

    A member with a name of its own and no initial cluster starts alone under that name, with whatever URLs it
    then advertises to its peers.
    """
    used = False
    advertised = config.initial_advertise_peer_urls
    if host and _takes_every_address(config.listen_peer_urls, advertised, "initial-advertise-peer-urls"):
        port = config.listen_peer_urls[0].port
        config = replace(config, initial_advertise_peer_urls=(Url("http", f"{host}:{port}", ""),))
        used = True
    if config.name != "default" and config.initial_cluster == FLAGS["initial-cluster"].default:
        config = replace(config, initial_cluster=initial_cluster_of(config.name, config.initial_advertise_peer_urls))
    if host and _takes_every_address(config.listen_client_urls, config.advertise_client_urls, "advertise-client-urls"):
        port = config.listen_client_urls[0].port
        config = replace(config, advertise_client_urls=(Url("http", f"{host}:{port}", ""),))
        used = True
    return config, used


def _takes_every_address(listening: tuple[Url, ...], advertised: tuple[Url, ...], flag: str) -> bool:
    return advertised == FLAGS[flag].default and listening[0].hostname == "0.0.0.0"
