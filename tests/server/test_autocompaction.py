"""When automatic compaction is due and to which revision."""

from __future__ import annotations

import pytest

from pyetcd.server.autocompaction import PeriodicCompactor, RevisionCompactor, auto_compactor, parse_retention
from pyetcd.server.values import ValueSyntax

MINUTE, HOUR = 60.0, 3600.0


def ns(seconds: float) -> int:
    return round(seconds * 1e9)


def run(compactor: PeriodicCompactor, step: float, ticks: int, *, fails: tuple[int, ...] = ()) -> dict[int, int]:
    """Compactions by tick when revision 100 + n is current at tick n."""
    found = {}
    for tick in range(1, ticks + 1):
        target = compactor.tick(tick * step, 100 + tick)
        if target is not None:
            found[tick] = target
            if tick not in fails:
                compactor.done(tick * step, target)
    return found


def test_an_hour_is_sampled_every_six_minutes() -> None:
    # The first time after a whole hour, then every hour; the window holds eleven samples.
    assert run(PeriodicCompactor(ns(HOUR), 0.0, 100), 6 * MINUTE, 35) == {10: 100, 20: 109, 30: 119}


def test_a_day_waits_a_day_and_goes_on_hourly() -> None:
    found = run(PeriodicCompactor(ns(24 * HOUR), 0.0, 100), 6 * MINUTE, 265)
    assert found == {240: 100, 250: 109, 260: 119}


def test_short_periods_shrink_the_samples() -> None:
    assert run(PeriodicCompactor(ns(5.0), 0.0, 100), 0.5, 21) == {10: 100, 20: 109}


def test_a_failure_is_retried_with_the_next_sample() -> None:
    assert run(PeriodicCompactor(ns(HOUR), 0.0, 100), 6 * MINUTE, 24, fails=(10, 11)) == {
        10: 100, 11: 100, 12: 101, 22: 111,
    }  # fmt: skip


def test_nothing_to_do_without_new_revisions() -> None:
    compactor = PeriodicCompactor(ns(HOUR), 0.0, 7)
    targets = []
    for tick in range(1, 60):
        target = compactor.tick(tick * 6 * MINUTE, 7)
        if target is not None:
            targets.append((tick, target))
            compactor.done(tick * 6 * MINUTE, target)
    assert targets == [(10, 7)]


def test_ticks_before_their_time_do_nothing() -> None:
    compactor = PeriodicCompactor(ns(HOUR), 50.0, 1)
    assert compactor.next_tick == 50.0 + 6 * MINUTE
    for _ in range(100):
        assert compactor.tick(compactor.next_tick - 0.001, 9) is None
    assert compactor.next_tick == 50.0 + 6 * MINUTE


def test_revision_mode_looks_every_five_minutes() -> None:
    compactor = RevisionCompactor(1000, 0.0)
    assert compactor.tick(299.0, 6000) is None
    assert compactor.tick(300.0, 6000) == 5000
    compactor.done(300.0, 5000)
    assert compactor.tick(600.0, 6000) is None  # the same again
    assert compactor.tick(900.0, 6001) == 5001
    assert compactor.tick(1200.0, 6001) == 5001  # it failed: tried again
    assert compactor.tick(1500.0, 1000) is None


def test_off_unless_there_is_a_retention() -> None:
    assert auto_compactor("periodic", 0, 0.0, 1) is None
    assert auto_compactor("revision", 0, 0.0, 1) is None
    assert auto_compactor("periodic", -5, 0.0, 1) is None
    assert isinstance(auto_compactor("periodic", 5, 0.0, 1), PeriodicCompactor)
    assert isinstance(auto_compactor("revision", 5, 0.0, 1), RevisionCompactor)


@pytest.mark.parametrize(
    "mode, text, expected",
    [
        ("periodic", "5", ns(5 * HOUR)),
        ("periodic", "+1", ns(HOUR)),
        ("periodic", "30m", ns(1800)),
        ("periodic", "1h30m0.5s", ns(5400.5)),
        ("periodic", "0", 0),
        ("revision", "1000", 1000),
        ("revision", "1us", 1000),  # a duration counts its nanoseconds, as in etcd
    ],
)
def test_retention(mode: str, text: str, expected: int) -> None:
    assert parse_retention(mode, text) == expected


@pytest.mark.parametrize("text", ["x", "-5", "1_0", "5 ", "", "1.5"])
def test_retention_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueSyntax):
        parse_retention("periodic", text)
