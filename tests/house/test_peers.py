"""A missing official tool skips a test on a developer's machine and fails it in CI: never a silent pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import peers


@pytest.fixture
def no_peers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peers, "FOLDER", tmp_path)


@pytest.mark.usefixtures("no_peers")
def test_a_missing_peer_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="make peers"):
        peers.need("etcd")


@pytest.mark.usefixtures("no_peers")
def test_a_missing_peer_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="make peers"):
        peers.need("etcd")
