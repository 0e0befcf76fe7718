"""Report source files long enough to ask whether they still do one thing: a look, not a limit."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("pyetcd", "migrate", "conformance", "compat")
LINES_MAX = 450


def long_files() -> list[tuple[int, str]]:
    """(lines, path) of every hand-written module over LINES_MAX, longest first."""
    modules = [p for room in ROOMS for p in (ROOT / room).rglob("*.py") if not p.stem.endswith("_pb2")]
    sizes = [(len(p.read_text().splitlines()), str(p.relative_to(ROOT))) for p in modules]
    return sorted((size for size in sizes if size[0] > LINES_MAX), reverse=True)


if __name__ == "__main__":
    found = long_files()
    print(f"files over {LINES_MAX} lines: {len(found) or 'none'}")
    for lines, path in found:
        print(f"  {lines:5} {path}")
