"""``pyetcd conformance``: run, record, duel, stress.  Exit codes: 0 the same, 1 different, 2 could not judge."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from .client import Credentials

SAME, DIFFERENT, CANNOT_JUDGE = 0, 1, 2


def main(argv: Sequence[str]) -> int:
    """Entry point; ``argv`` without the program name."""
    arguments = _parser().parse_args(list(argv))
    from .commands import CannotJudge, CaseError

    handler: Callable[[argparse.Namespace], int] = arguments.handler
    try:
        return handler(arguments)
    except (CannotJudge, CaseError, LookupError, OSError) as error:
        sentence = error.args[0] if isinstance(error, LookupError) and error.args else error
        print(f"pyetcd conformance: {sentence}", file=sys.stderr)
        return CANNOT_JUDGE
    except KeyboardInterrupt:
        print("pyetcd conformance: interrupted, nothing was judged", file=sys.stderr)
        return CANNOT_JUDGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pyetcd conformance",
        description="Judge any etcd-compatible server against official etcd 3.7.1, byte by byte.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="replay the recorded cases"))
    _add_record(commands.add_parser("record", help="record cases from official etcd 3.7.1"))
    _add_duel(commands.add_parser("duel", help="random calls to two servers in lock-step"))
    _add_stress(commands.add_parser("stress", help="concurrent traffic, and a judgement of its history"))
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(handler=lambda arguments: _command("run")(arguments))
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--endpoint", metavar="URL", help="judge a server that is running; its store must be empty")
    where.add_argument(
        "--server", metavar="COMMAND", help="start COMMAND with etcd's flags, a fresh one for every case"
    )
    parser.add_argument("--allow-dirty", action="store_true", help="delete everything in the endpoint's store first")
    _add_selection(parser)
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON; - is standard output")
    parser.add_argument("--junit", metavar="FILE", help="write JUnit XML")
    parser.add_argument("--html", metavar="FILE", help="write a self-contained HTML report")
    parser.add_argument("--title", default="", help="name of the judged server in reports")
    parser.add_argument("--any-release", action="store_true", help="judge also an endpoint whose version is not 3.7")
    add_tls(parser)


def _add_record(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(handler=lambda arguments: _command("record")(arguments))
    parser.add_argument("--server", metavar="COMMAND", required=True, help="official etcd 3.7.1")
    parser.add_argument("--missing", action="store_true", help="only cases with steps that were never recorded")
    _add_selection(parser)


def _add_duel(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(handler=lambda arguments: _command("duel")(arguments))
    for name, text in (("reference", "the server that is right"), ("endpoint", "the server to judge")):
        parser.add_argument(
            f"--{name}", metavar="URL|COMMAND", required=True, help=f"{text}: running, or to be started"
        )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="first seed (default 1)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many seeds, one after the other")
    parser.add_argument("--steps", type=int, default=2000, metavar="N", help="steps for each seed (default 2000)")
    parser.add_argument("--only", metavar="GROUP", action="append", help="group of calls; may be repeated")
    parser.add_argument("--shrink", type=int, default=80, metavar="N", help="replays spent on shrinking (default 80)")
    parser.add_argument("--save", metavar="DIR", help="write the shrunk script there as a case")
    parser.add_argument("--keep-going", action="store_true", help="go on with the next seed after a difference")
    parser.add_argument("--allow-dirty", action="store_true", help="delete everything in the endpoints' stores first")
    add_tls(parser)


def _add_stress(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(handler=lambda arguments: _command("stress")(arguments))
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--endpoint", metavar="URL", help="a server that is running; its store must be empty")
    where.add_argument("--server", metavar="COMMAND", help="start COMMAND with etcd's flags")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="N", help="how long (default 10)")
    parser.add_argument("--clients", type=int, default=8, metavar="N", help="callers at once (default 8)")
    parser.add_argument("--keys", type=int, default=5, metavar="N", help="keys they share (default 5)")
    parser.add_argument("--pause", type=float, default=0.002, metavar="S", help="mean pause of a caller")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--allow-dirty", action="store_true", help="delete everything in the endpoint's store first")
    add_tls(parser)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", metavar="NAME", action="append", help="group, case or glob; may be repeated")
    parser.add_argument(
        "--skip", metavar="NAME", action="append", default=[], help="leave out; takes what --only takes"
    )
    parser.add_argument("--cases", metavar="DIR", help="case files, instead of the ones that come with this tool")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="servers at a time (with --server; default 2)")


def add_tls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cacert", metavar="FILE")
    parser.add_argument("--cert", metavar="FILE")
    parser.add_argument("--key", metavar="FILE")


def credentials(arguments: argparse.Namespace, url: str) -> Credentials | None:
    """None for http; raises LookupError for a URL that is neither."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("http", "https") or ":" not in rest:
        raise LookupError(f"{url} is not an endpoint URL such as http://127.0.0.1:2379")
    return Credentials(arguments.cacert, arguments.cert, arguments.key) if scheme == "https" else None


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    """Commands are imported when they are called: `--help` needs no grpcio."""
    from . import commands

    handler: Callable[[argparse.Namespace], int] = getattr(commands, name)
    return handler


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
