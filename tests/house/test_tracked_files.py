"""No tracked file may name a path of the machine it was written on, nor a package registry's host.

Lock files and checksum lists are written by tools and name what they name.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WRITTEN_BY_TOOLS = (".lock", "go.sum", "package-lock.json")
# In pieces, so that this file does not find itself.
HOME = "|".join(["/" + "root/", "/" + "home/[a-z]", "/(" + "work|farm)/", r"\." + "library/"])
REGISTRY = r"https?://[^\s]*(" + "debian|pypi|python" + "hosted|npmjs|goproxy|crates|maven)[^\\s]*/"
FORBIDDEN = re.compile(f"{HOME}|{REGISTRY}")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    names = [name for name in listed.stdout.split("\0") if name and not name.endswith(WRITTEN_BY_TOOLS)]
    return [ROOT / name for name in names]


def findings(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if FORBIDDEN.search(line)]


def test_no_machine_path_or_registry_host() -> None:
    found = []
    for path in tracked():
        if path.is_file():
            text = path.read_bytes().decode("utf-8", "replace")
            found += [f"{path.relative_to(ROOT)}: {line[:160]}" for line in findings(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "planted",
    ["cd /" + "root/project", "see /" + "work/main/x.py", "https://pypi" + ".org/simple/", "open('/" + "home/me/x')"],
)
def test_a_planted_line_is_found(planted: str) -> None:
    assert findings(f"fine\n{planted}\nfine") == [planted]
