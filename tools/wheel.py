"""Build the distribution the way a user gets it: source archive first, then the wheel from that archive.

Builds from a copy, because setuptools keeps a ``build/`` folder beside the sources and puts modules
that were deleted since into the next wheel.

usage: python -m tools.wheel FOLDER     (prints the path of the wheel)
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_SOURCE = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "*.etcd")


def build(folder: Path) -> tuple[Path, Path]:
    """Build into ``folder``; returns (source archive, wheel)."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "source")
        shutil.copytree(ROOT, copy, ignore=NOT_SOURCE)
        archive = build_source_archive(copy, folder)
    return archive, build_wheel(archive, folder)


def build_source_archive(source: Path, folder: Path) -> Path:
    script = "import sys; from setuptools import build_meta; print(build_meta.build_sdist(sys.argv[1]))"
    printed = run([sys.executable, "-c", script, str(folder.resolve())], cwd=source)
    return folder / printed.split()[-1]


def build_wheel(archive: Path, folder: Path) -> Path:
    with tempfile.TemporaryDirectory() as scratch:
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", scratch, str(archive.resolve())])
        (wheel,) = Path(scratch).glob("*.whl")
        shutil.copyfile(wheel, folder / wheel.name)
    return folder / wheel.name


def run(command: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    print(build(Path(sys.argv[1]))[1])
