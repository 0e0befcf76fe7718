"""Cluster versions and downgrades: texts recorded from etcd 3.7.1, the rule of the next version as a whole table."""

from __future__ import annotations

import pytest

from pyetcd.cluster.versions import NO_DOWNGRADE, ClusterVersion, Downgrade, next_version, parse_stored, parse_target
from pyetcd.errors import WrongDowngradeVersionFormat

V35, V36, V37, V38, V40 = (ClusterVersion(*v) for v in ((3, 5), (3, 6), (3, 7), (3, 8), (4, 0)))


@pytest.mark.parametrize(
    "text",
    ["3.6", "3.6.0", "3.6.14", "3.06", "3.6.0-alpha", "3.6.0+build", "3.6.0-alpha.1+build.2", "3.6.0-", "3.6.0-01"],
)
def test_accepted_targets(text: str) -> None:
    assert parse_target(text) == V36


@pytest.mark.parametrize(
    "text",
    ["", "3", "v3.6", "banana", " 3.6", "3.6 ", "3.6\n", "+3.6", "3.-6", "3.6.", ".6", "3.6-alpha", "3.6+b.c", "3.6.x",
     "3.6.0.0", "3.6.0-a_b", "3.6.99999999999999999999", "٣.٦"],
)  # fmt: skip
def test_refused_targets(text: str) -> None:
    with pytest.raises(WrongDowngradeVersionFormat):
        parse_target(text)


def test_written_forms() -> None:
    assert (str(V37), V37.short, V37.downgrade_target) == ("3.7.0", "3.7", V36)
    assert parse_stored("3.10.0") == ClusterVersion(3, 10) > V37
    assert NO_DOWNGRADE.to_json() == b'{"target-version":"","enabled":false}'
    job = Downgrade(True, "3.6.0")
    assert job.to_json() == b'{"target-version":"3.6.0","enabled":true}'
    assert Downgrade.from_json(job.to_json()) == job


def job(target: ClusterVersion | None) -> Downgrade:
    return NO_DOWNGRADE if target is None else Downgrade(True, str(target))


@pytest.mark.parametrize(
    ("agreed", "servers", "target", "expected"),
    [
        (None, V37, None, V37),  # the first time
        (None, None, None, None),
        (V37, V37, None, None),
        (V36, V37, None, V37),  # the last member was upgraded, or a downgrade was cancelled
        (V35, V37, None, V37),
        (V38, V37, None, None),  # never down without a job
        (V37, V40, None, None),  # majors need a job of their own
        (V36, None, None, None),  # somebody cannot be asked
        (V37, V37, V36, V36),
        (V36, V37, V36, None),  # done
        (V37, V36, V36, None),  # members have gone down before the cluster did
        (V37, V37, V35, None),  # no job a healthy member would have set
        (V37, None, V36, None),
    ],
)
def test_next_version(
    agreed: ClusterVersion | None,
    servers: ClusterVersion | None,
    target: ClusterVersion | None,
    expected: ClusterVersion | None,
) -> None:
    assert next_version(agreed, servers, job(target)) == expected
