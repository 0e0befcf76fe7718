"""Type-check what ships: install the wheel into a folder of its own and run mypy there, outside the checkout.

An editable install hides the mapped leaf packages from mypy, so checking the checkout would quietly
check less than users get.  After the wheel the project's own tools and tests are checked in place.

usage: python -m tools.typecheck
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.wheel import ROOT, build, run

# Kept between runs: mypy's cache lives beside the installed wheel and makes the second run fast.
FOLDER = ROOT / "build" / "typecheck"
IN_PLACE = ["tools", "tests/servers.py", "tests/bench", "tests/e2e", "tests/house"]


def install_wheel(site: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        wheel = build(Path(scratch))[1]
        shutil.rmtree(site, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        run([*pip, "--target", str(site), str(wheel)])


def mypy(arguments: list[str], cwd: Path) -> int:
    settings = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(FOLDER / "cache")]
    return subprocess.run([sys.executable, "-m", "mypy", *settings, *arguments], cwd=cwd).returncode


def main() -> int:
    install_wheel(FOLDER / "site")
    shipped = mypy(["-p", "pyetcd"], cwd=FOLDER / "site")
    ours = mypy(["--explicit-package-bases", *IN_PLACE], cwd=ROOT)
    return shipped or ours


if __name__ == "__main__":
    sys.exit(main())
