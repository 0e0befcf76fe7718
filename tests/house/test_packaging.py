"""The wheel holds exactly what is on disk: setuptools' mapping forgets undeclared packages in silence."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from tools.wheel import build

ROOT = Path(__file__).resolve().parents[2]
LEAVES = [leaf for leaf in ("migrate", "conformance", "compat") if (ROOT / leaf / "__init__.py").exists()]


def on_disk(pattern: str) -> set[str]:
    """Paths of the matching files as a wheel names them, the leaves under pyetcd/."""
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / "pyetcd").rglob(pattern)}
    for leaf in LEAVES:
        found |= {"pyetcd/" + path.relative_to(ROOT).as_posix() for path in (ROOT / leaf).rglob(pattern)}
    return found


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def wheel_files(built: tuple[Path, Path]) -> set[str]:
    with zipfile.ZipFile(built[1]) as wheel:
        return set(wheel.namelist())


def test_every_module_is_in_the_wheel_and_nothing_else(wheel_files: set[str]) -> None:
    modules = {name for name in wheel_files if name.endswith(".py")}
    assert modules == on_disk("*.py")


def test_packages_have_an_init_file() -> None:
    """A folder without one is a namespace package, which find_packages leaves out."""
    folders = {path.rsplit("/", 1)[0] for path in on_disk("*.py")}
    assert folders == {path.rsplit("/", 1)[0] for path in on_disk("__init__.py")}


def test_type_information_is_in_the_wheel(wheel_files: set[str]) -> None:
    stubs = on_disk("*.pyi")
    assert stubs
    assert stubs | {"pyetcd/py.typed"} <= wheel_files


def test_recorded_cases_are_in_the_wheel(wheel_files: set[str]) -> None:
    cases = {name for name in on_disk("*.txt") if name.startswith("pyetcd/conformance/cases/")}
    assert cases <= wheel_files


def test_only_pyetcd_lands_in_site_packages(wheel_files: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel_files}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"pyetcd"}


def test_commands_and_licence_are_in_the_wheel(wheel_files: set[str], built: tuple[Path, Path]) -> None:
    entries = next(name for name in wheel_files if name.endswith("entry_points.txt"))
    with zipfile.ZipFile(built[1]) as wheel:
        assert "pyetcd = pyetcd.cli.main:main" in wheel.read(entries).decode()
    assert any(name.endswith("licenses/LICENSE") for name in wheel_files)


def test_the_source_archive_can_regenerate_and_test(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    protos = {path.relative_to(ROOT).as_posix() for path in (ROOT / "protos").rglob("*.proto")}
    assert protos | {"setup.py", "protos/generate.py", "Makefile", "LICENSE", "tools/wheel.py"} <= names
