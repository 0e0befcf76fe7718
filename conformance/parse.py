"""Case text to Case.  The form is described in README.md; every error names file and line."""

from __future__ import annotations

import json
import re
from pathlib import Path

from .case import Answer, Case, Outcome, Status, Step, Verb
from .schema import rpc_for

_HEADER = re.compile(r"(group|rule|server|needs):\s*(.*)")
_STREAM = re.compile(r"(\w[\w-]*)\s+(send|expect|quiet|end|half-close|cancel|settle)\b\s*(.*)")
_CALL = re.compile(
    r"(?:@(?P<client>\w+)\s+)?(?P<method>[\w.]+\.\w+|/\S*)(?:\s+\[(?P<options>[^\]]*)\])?\s*(?P<request>.*)", re.S
)
_CAPTURE = re.compile(r"\s+capture \$?(\w+) = ([\w.\[\]]+)(?: was (.*))?$")
_FILL = re.compile(r"fill (\d+)\.\.(\d+) (.*)", re.S)
_SIZE = re.compile(r"\((\d+) bytes\)$")


class CaseError(ValueError):
    """A case file that cannot be read: ``file:line: sentence``."""


def load(path: Path, root: Path) -> Case:
    """Read one file.  Raises CaseError."""
    try:
        name = path.resolve().relative_to(root.resolve()).with_suffix("").as_posix()
    except ValueError:
        name = path.stem
    return parse_case(path.read_text(encoding="utf-8"), path, name)


def parse_case(text: str, path: Path, name: str) -> Case:
    reader = _Reader(path)
    for number, line in enumerate(text.splitlines(), 1):
        try:
            reader.line(number, line)
        except (ValueError, KeyError) as error:
            sentence = error.args[0] if error.args else error
            raise CaseError(f"{path}:{number}: {sentence}") from None
    title = next((line[1:].strip() for line in reader.preamble if line.startswith("#")), name)
    for step, lines in zip(reader.steps, reader.outcomes, strict=True):
        step.outcome = _outcome(lines)
    return Case(path, name, title, reader.headers, reader.preamble, reader.steps, reader.gap)


class _Reader:
    """Collects lines into steps; outcome lines (``>``, ``=``, ``!``) belong to the step above them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.headers: dict[str, str] = {}
        self.preamble: list[str] = []
        self.steps: list[Step] = []
        self.gap: list[str] = []
        self.outcomes: list[list[str]] = []  # one list per step
        self._last = ""

    def line(self, number: int, line: str) -> None:
        if not line.strip() or line.startswith("#"):
            self.gap.append(line)
            self._last = ""
        elif line[0] in " \t":
            self._continue(line)
        elif line[0] in ">=!":
            self._recorded(line)
        elif not self.steps and (header := _HEADER.match(line)):
            self.headers[header[1]] = header[2]
            self.gap.append(line)
        else:
            self._step(number, line)

    def _step(self, number: int, line: str) -> None:
        step = parse_step(line)
        if self.steps:
            step.before = self.gap
        else:
            self.preamble = self.gap
        step.line, step.source, self.gap = number, [line], []
        self.steps.append(step)
        self.outcomes.append([])
        self._last = "source"

    def _continue(self, line: str) -> None:
        if not self._last:
            raise ValueError("an indented line continues nothing")
        step = self.steps[-1]
        capture = _CAPTURE.match(line)
        if self._last != "source":
            self.outcomes[-1][-1] += "\n" + line
        elif capture:
            step.captures[capture[1]] = capture[2]
            if capture[3]:
                step.captured[capture[1]] = json.loads(capture[3])
            step.source.append(line.split(" was ")[0])
        else:
            step.request += "\n" + line.strip()
            step.source.append(line)

    def _recorded(self, line: str) -> None:
        if not self.steps:
            raise ValueError("an outcome before the first step")
        self.outcomes[-1].append(line)
        self._last = "outcome"


def parse_step(line: str) -> Step:
    """One call line without continuation.

    >>> parse_step('w expect 2 any order').count
    2
    """
    word, _, rest = line.partition(" ")
    if word == "sleep":
        return Step(Verb.SLEEP, 0, [], seconds=float(rest))
    if word == "restart":
        return Step(Verb.RESTART, 0, [])
    if word == "http":
        return _http(rest)
    if word == "fill":
        return _fill(line)
    if word == "snapshot":
        step = _call("Maintenance.Snapshot " + rest)
        step.verb = Verb.SNAPSHOT
        return step
    if word == "open":
        name, _, call = rest.partition(" ")
        step = _call(call)
        step.verb, step.name = Verb.OPEN, name
        return step
    if stream := _STREAM.fullmatch(line):
        return _stream(*stream.groups())
    return _call(line)


def _call(text: str) -> Step:
    match = _CALL.fullmatch(text)
    if match is None:
        raise ValueError(f"not a step: {text}")
    rpc_for(match["method"])
    return Step(
        Verb.CALL,
        0,
        [],
        client=match["client"] or "a",
        method=match["method"],
        options=_options(match["options"] or ""),
        request=match["request"],
    )


def _options(text: str) -> dict[str, str]:
    found = {}
    for part in text.split():
        name, _, value = part.partition("=")
        found[name] = value
    return found


def _fill(line: str) -> Step:
    match = _FILL.fullmatch(line)
    if match is None:
        raise ValueError('write it as: fill 0..9 KV.Put key: "k{i}"')
    step = _call(match[3])
    step.verb, step.numbers = Verb.FILL, range(int(match[1]), int(match[2]) + 1)
    return step


def _http(text: str) -> Step:
    match = re.fullmatch(r"([A-Z]+ \S+)(?:\s+\[([^\]]*)\])?\s*(.*)", text, re.S)
    if match is None:
        raise ValueError("write it as: http POST /v3/kv/range {}")
    return Step(Verb.HTTP, 0, [], method=match[1], options=_options(match[2] or ""), request=match[3])


def _stream(name: str, verb: str, rest: str) -> Step:
    step = Step(Verb(verb), 0, [], name=name)
    if step.verb is Verb.SEND:
        step.request = rest
    elif step.verb is Verb.QUIET:
        step.seconds = float(rest or "0.3")
    elif step.verb is Verb.EXPECT:
        match = re.fullmatch(r"(\d*)\s*(any order)?", rest)
        if match is None:
            raise ValueError("write it as: NAME expect 2 any order")
        step.count, step.any_order = int(match[1] or 1), bool(match[2])
    elif rest:
        raise ValueError(f"nothing may follow {verb}")
    return step


def _outcome(lines: list[str]) -> Outcome | None:
    if not lines:
        return None
    answers, status = [], None
    for shown, line in zip([""] + lines, lines, strict=False):
        if line[0] == "=":
            answers.append(_answer(line[1:].split(), shown))
        elif line[0] == "!" and line != "! nothing":
            code, _, text = line[1:].strip().partition(" ")
            status = Status(code, json.loads(text) if text else None)
    return Outcome(tuple(answers), status)


def _answer(words: list[str], shown: str) -> Answer:
    if words and words[0].startswith("sha256:"):
        size = _SIZE.search(shown)
        return Answer(None, int(size[1]) if size else 0, words[0][7:])
    body = bytes.fromhex("".join(words))
    return Answer(body, len(body))
