"""Ids and the initial cluster (wire contract 9)."""

from __future__ import annotations

import pytest

from pyetcd.server.identity import (
    added_member_id,
    bootstrap_ids,
    cluster_id,
    format_id,
    format_initial_cluster,
    member_id,
    parse_initial_cluster,
    verify_bootstrap,
)
from pyetcd.server.settings import ConfigError
from pyetcd.server.urls import parse_urls


@pytest.mark.parametrize(
    "url, member, cluster",
    [
        ("http://localhost:2380", 0x8E9E05C52164694D, 0xCDF818194E3A8C32),
        ("http://127.0.0.1:2380", 0xB71F75320DC06A6C, 0x1C45A069F3A1D796),
        ("http://127.0.0.1:23001", 0x643BE4FF286CD88E, 0xB0AE0FA3B5E3F614),
    ],
)
def test_ids_of_single_members(url: str, member: int, cluster: int) -> None:
    assert member_id([url], "etcd-cluster") == member
    assert cluster_id([member]) == cluster
    assert format_id(member) == f"{member:x}"


def test_ids_of_three_members() -> None:
    cluster = parse_initial_cluster(",".join(f"n{n}=http://127.0.0.1:{n}2380" for n in (1, 2, 3)))
    ids, together = bootstrap_ids(cluster, "etcd-cluster-1")
    assert ids == {"n1": 0x8211F1D0F64F3269, "n2": 0x91BC3C398FB3C146, "n3": 0xFD422379FDA50E48}
    assert together == 0xEF37AD9DC622A7C4


def test_neither_order_nor_name_count() -> None:
    urls = ["http://b:1", "http://a:2"]
    assert member_id(urls, "t") == member_id(reversed(urls), "t")
    one, _ = bootstrap_ids(parse_initial_cluster("x=http://b:1,x=http://a:2"), "t")
    assert one == {"x": member_id(urls, "t")}


def test_added_members_have_the_time_in_place_of_the_token() -> None:
    assert added_member_id(["http://a:1"], 1700000000) == member_id(["http://a:1"], "1700000000")


def test_initial_cluster_reads_and_prints() -> None:
    cluster = parse_initial_cluster("b=http://h:2,,a=http://h:9,a=http://h:1,")
    assert {name: [str(url) for url in urls] for name, urls in cluster.items()} == {
        "a": ["http://h:1", "http://h:9"],
        "b": ["http://h:2"],
    }
    assert format_initial_cluster(cluster) == "a=http://h:1,a=http://h:9,b=http://h:2"


def addresses(name: str) -> str:
    return {"etcd.example": "10.0.0.7"}.get(name, name)


@pytest.mark.parametrize(
    "cluster, advertised, text",
    [
        ("x=http://127.0.0.1:2380", "http://127.0.0.1:2380",
         'couldn\'t find local name "default" in the initial cluster configuration'),
        ("default=http://127.0.0.1:2381", "http://localhost:2380",
         "--initial-cluster has default=http://127.0.0.1:2381 but missing from "
         "--initial-advertise-peer-urls=http://localhost:2380 "
         '(resolved urls: "http://localhost:2380" != "http://127.0.0.1:2381")'),
        ("default=http://127.0.0.1:2380,default=http://127.0.0.1:2381", "http://localhost:2380",
         "--initial-cluster has default=http://127.0.0.1:2380,default=http://127.0.0.1:2381 but missing from "
         "--initial-advertise-peer-urls=http://localhost:2380 "
         '(len(["http://localhost:2380"]) != len(["http://127.0.0.1:2380" "http://127.0.0.1:2381"]))'),
        ("default=http://127.0.0.1:2380", "http://127.0.0.1:2380,http://127.0.0.1:2381",
         "--initial-advertise-peer-urls has http://127.0.0.1:2381 but missing from "
         "--initial-cluster=default=http://127.0.0.1:2380,default=http://127.0.0.1:2381"),
        ("default=http://h:1,other=http://h:1", "http://h:1",
         "initial cluster default=http://h:1,other=http://h:1 has duplicate url"),
    ],
)  # fmt: skip
def test_bootstrap_that_does_not_fit(cluster: str, advertised: str, text: str) -> None:
    """Texts seen on the official server."""
    with pytest.raises(ConfigError) as caught:
        verify_bootstrap(parse_initial_cluster(cluster), "default", parse_urls(advertised.split(",")), addresses)
    assert str(caught.value) == text


def test_a_name_and_its_address_are_the_same_url() -> None:
    cluster = parse_initial_cluster("a=http://etcd.example:2380")
    verify_bootstrap(cluster, "a", parse_urls(["http://10.0.0.7:2380"]), addresses)


def test_members_with_one_id_are_refused() -> None:
    with pytest.raises(ConfigError, match="member exists with identical ID"):
        bootstrap_ids(parse_initial_cluster("a=http://h:1,b=http://h:1"), "t")


def test_initial_cluster_that_cannot_be_read() -> None:
    with pytest.raises(ConfigError, match="error setting up initial cluster: URL scheme must be"):
        parse_initial_cluster("default")
