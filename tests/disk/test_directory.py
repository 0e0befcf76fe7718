"""The data directory: layout, permissions, one server at a time."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pyetcd.disk.directory import DataDirectory, DirectoryInUse
from pyetcd.disk.wal import create_log


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_new_directory_has_etcds_layout_and_permissions(tmp_path: Path) -> None:
    directory = DataDirectory(str(tmp_path / "a" / "default.etcd"))
    assert directory.is_new and not directory.is_official
    assert sorted(os.listdir(directory.path)) == ["member"]
    assert sorted(os.listdir(directory.member)) == ["lock", "snap"]
    assert {mode(path) for path in (directory.path, directory.member, directory.snap)} == {0o700}
    assert mode(directory.member + "/lock") == 0o600
    create_log(directory.wal, b"m")
    assert not directory.is_new and directory.wal == directory.member + "/wal"
    directory.close()


def test_a_second_server_is_told_and_the_next_one_let_in(tmp_path: Path) -> None:
    first = DataDirectory(str(tmp_path))
    with pytest.raises(DirectoryInUse, match="is in use by another server"):
        DataDirectory(str(tmp_path))
    first.close()
    DataDirectory(str(tmp_path)).close()


def test_the_log_may_live_elsewhere(tmp_path: Path) -> None:
    directory = DataDirectory(str(tmp_path / "data"), str(tmp_path / "fast" / "log"))
    create_log(directory.wal, b"m")
    assert os.path.isdir(tmp_path / "fast" / "log") and not os.path.exists(directory.member + "/wal")
    assert mode(directory.wal) == 0o700
    directory.close()


def test_permissions_of_what_is_there_stay(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    DataDirectory(str(tmp_path / "data")).close()
    assert mode(tmp_path / "data") == 0o755


def test_official_data_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "member" / "snap").mkdir(parents=True)
    (tmp_path / "member" / "snap" / "db").touch()
    directory = DataDirectory(str(tmp_path))
    assert directory.is_official
    directory.close()
