"""``pyetcd snapshot restore | status``: snapshot files, with flags and output of etcdutl (wire contract 11.4)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from pyetcd.disk.bbolt.reader import BrokenFile
from pyetcd.disk.bbolt.snapshot_file import Status, check_digest, has_digest, read_status
from pyetcd.errors import DiskFailure
from pyetcd.server.identity import initial_cluster_of
from pyetcd.server.restore import Restore, RestoreError, restore
from pyetcd.server.settings import ConfigError
from pyetcd.server.urls import parse_url, parse_urls
from pyetcd.server.values import ValueSyntax, parse_bool, parse_uint

FAILED, BAD_ARGUMENTS = 1, 128
SWITCHES = ("--skip-hash-check", "--mark-compacted")
DEFAULT_NAME, DEFAULT_PEER_URL = "default", "http://localhost:2380"


def main(arguments: Sequence[str]) -> int:
    """Run the sub-command; the result is the exit status, etcdutl's."""
    parser = _parser()
    try:
        given = parser.parse_args(_plain_switches(arguments))
    except SystemExit as ending:
        return BAD_ARGUMENTS if ending.code else 0
    except ValueSyntax as error:
        print(f"Error: {error}", file=sys.stderr)
        return BAD_ARGUMENTS
    try:
        run: Callable[[argparse.Namespace], int] = given.run
        return run(given)
    except (BrokenFile, RestoreError, ConfigError, ValueSyntax, DiskFailure, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED


def _plain_switches(arguments: Sequence[str]) -> list[str]:
    """``--switch=true`` as ``--switch``, ``--switch=false`` as nothing; raises ValueSyntax."""
    words = []
    for word in arguments:
        name, _, value = word.partition("=")
        if name not in SWITCHES or not value:
            words.append(word)
        elif parse_bool(value):
            words.append(name)
    return words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pyetcd snapshot", description="Look at snapshot files, and start from them.")
    commands = parser.add_subparsers(required=True, metavar="restore|status")
    status = commands.add_parser("status", allow_abbrev=False, help="check a file and say what is in it")
    status.add_argument("filename")
    status.add_argument("-w", "--write-out", choices=sorted(_PRINTERS), default="simple")
    status.set_defaults(run=_status)
    _add_restore(
        commands.add_parser("restore", allow_abbrev=False, help="make the data directory of a new member from a file")
    )
    return parser


def _add_restore(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("filename")
    add("--data-dir", default="", help="the directory to make (default: NAME.etcd)")
    add("--wal-dir", default="", help="where the log goes instead of into the data directory")
    add("--name", default=DEFAULT_NAME, help="of this member")
    add("--initial-cluster", default=initial_cluster_of(DEFAULT_NAME, [parse_url(DEFAULT_PEER_URL)]))
    add("--initial-cluster-token", default="etcd-cluster")
    add("--initial-advertise-peer-urls", default=DEFAULT_PEER_URL)
    add("--skip-hash-check", action="store_true", help="the file is a copy of a database, without a digest behind it")
    add("--bump-revision", type=_number, default=0, help="how far the revision is moved on, for clients that saw more")
    add(
        "--mark-compacted",
        action="store_true",
        help="with --bump-revision: watchers of older revisions are told to start anew",
    )
    parser.set_defaults(run=_restore)


def _status(given: argparse.Namespace) -> int:
    if has_digest(given.filename):
        check_digest(given.filename)
    print(_PRINTERS[given.write_out](read_status(given.filename)))
    return 0


def _restore(given: argparse.Namespace) -> int:
    if bool(given.bump_revision) != given.mark_compacted:
        print("Error: --mark-compacted required if --bump-revision > 0", file=sys.stderr)
        return BAD_ARGUMENTS
    restore(
        Restore(
            snapshot=given.filename,
            data_dir=given.data_dir or f"{given.name}.etcd",
            wal_dir=given.wal_dir,
            name=given.name,
            initial_cluster=given.initial_cluster,
            initial_cluster_token=given.initial_cluster_token,
            initial_advertise_peer_urls=parse_urls(given.initial_advertise_peer_urls.split(",")),
            skip_hash_check=given.skip_hash_check,
            bump_revision=given.bump_revision,
        )
    )
    return 0


def _number(text: str) -> int:
    try:
        return parse_uint(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


# -- output ---------------------------------------------------------------------------------------------------------


def _cells(status: Status) -> list[tuple[str, str]]:
    return [
        ("hash", f"{status.hash:x}"),
        ("revision", str(status.revision)),
        ("total keys", str(status.total_keys)),
        ("total size", human_bytes(status.total_size)),
        ("version", status.version),
    ]


def _simple(status: Status) -> str:
    return ", ".join(value for _, value in _cells(status))


def _table(status: Status) -> str:
    cells = _cells(status)
    widths = [max(len(name), len(value)) for name, value in cells]
    lines = ["─" * (width + 2) for width in widths]
    names = []
    for (name, _), width in zip(cells, widths, strict=True):
        before = (width - len(name)) // 2
        names.append(f" {' ' * before}{name.upper()}{' ' * (width - len(name) - before)} ")
    values = [f" {value:>{width}} " for (_, value), width in zip(cells, widths, strict=True)]
    return "\n".join(
        left + middle.join(row) + right
        for left, middle, right, row in (
            ("┌", "┬", "┐", lines),
            ("│", "│", "│", names),
            ("├", "┼", "┤", lines),
            ("│", "│", "│", values),
            ("└", "┴", "┘", lines),
        )
    )


def _fields(status: Status) -> str:
    shown = (
        ("Hash", status.hash),
        ("Revision", status.revision),
        ("Keys", status.total_keys),
        ("Size", status.total_size),
        ("Version", status.version),
    )
    return "\n".join(f'"{name}" : {value}' for name, value in shown)


def _json(status: Status) -> str:
    fields = {
        "hash": status.hash,
        "revision": status.revision,
        "totalKey": status.total_keys,
        "totalSize": status.total_size,
        "version": status.version,
    }
    return json.dumps(fields, separators=(",", ":"))


def human_bytes(size: int) -> str:
    """Powers of a thousand, two digits below ten: ``20 kB``, ``1.1 MB``."""
    if size < 10:
        return f"{size} B"
    value, units = float(size), ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    power = 0
    while value >= 1000 and power < len(units) - 1:
        value /= 1000
        power += 1
    rounded = int(value * 10 + 0.5) / 10
    return f"{rounded:.1f} {units[power]}" if rounded < 10 else f"{rounded:.0f} {units[power]}"


_PRINTERS: dict[str, Callable[[Status], str]] = {
    "simple": _simple,
    "fields": _fields,
    "json": _json,
    "table": _table,
}
