"""Client URLs as Go understands them."""

from __future__ import annotations

import socket

import pytest

from pyetcd.net.address import Address, bind, parse_url, printed
from pyetcd.net.gate import spoken
from pyetcd.wire.frames import PREFACE


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost:2379", Address("http", "localhost", 2379)),
        ("http://127.0.0.1:0", Address("http", "127.0.0.1", 0)),
        ("http://[::1]:2379/", Address("http", "::1", 2379)),
        ("http://:2379", Address("http", "", 2379)),
    ],
)
def test_good_urls(url: str, address: Address) -> None:
    assert parse_url(url) == address


@pytest.mark.parametrize(
    "url", ["localhost:2379", "ftp://h:1", "http://h", "http://h:1/path", "http://h:x", "http://u@h:1"]
)
def test_bad_urls(url: str) -> None:
    with pytest.raises(ValueError):
        parse_url(url)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])
def test_an_unspecified_address_is_both_families(host: str) -> None:
    listening = bind(Address("http", host, 0))
    with listening:
        port = listening.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()
        if listening.family == socket.AF_INET6:
            socket.create_connection(("::1", port)).close()


def test_localhost_prefers_ipv4() -> None:
    with bind(Address("http", "localhost", 0)) as listening:
        assert listening.family == socket.AF_INET


def test_a_taken_port_is_an_error() -> None:
    with bind(Address("http", "127.0.0.1", 0)) as first, pytest.raises(OSError):
        bind(Address("http", "127.0.0.1", first.getsockname()[1]))


def test_peers_as_grpc_prints_them() -> None:
    assert printed(("127.0.0.1", 4711)) == "127.0.0.1:4711"
    assert printed(("::1", 4711, 0, 0)) == "[::1]:4711"
    assert printed(("::ffff:10.0.0.1", 4711, 0, 0)) == "10.0.0.1:4711"
    assert printed("") == "@"


def test_what_first_bytes_say() -> None:
    for cut in range(len(PREFACE)):
        assert spoken(PREFACE[:cut]) is None
    assert spoken(PREFACE) == spoken(PREFACE + b"more") == "grpc"
    assert spoken(b"PRI * HTTP/2.0\r\n\r\nXX") == "neither"
    assert spoken(b"GET / HT") is None
    assert spoken(b"GET / HTTP/1.1\r\n") == spoken(b"P\xff / HTTP/1.0\nHost: x") == "http"
    assert spoken(b"GET / HTTP/2.0\r\n") == spoken(b"GET /\r\n") == spoken(b"\r\n") == "neither"
    assert spoken(b"GET /" + b"x" * 4000) is None
    assert spoken(b"GET /" + b"x" * 4100 + b" HTTP/1.1\r\n") == "neither"
