"""Case to text: the story as written, with the outcomes that were just observed."""

from __future__ import annotations

import json

from google.protobuf.message import DecodeError, Message

from .case import RECORDED, Answer, Case, Outcome, Step, Verb
from .schema import rpc_for
from .text import show

HEX_WIDTH = 116


def render(case: Case) -> str:
    """The whole file."""
    lines = list(case.preamble)
    opened: dict[str, str] = {}
    for step in case.steps:
        if step.verb is Verb.OPEN:
            opened[step.name] = step.method
        lines += step.before + _source(step)
        if step.verb in RECORDED and step.outcome is not None:
            lines += render_outcome(step.outcome, step.method or opened[step.name])
    return "\n".join(lines + case.after) + "\n"


def _source(step: Step) -> list[str]:
    lines = []
    for line in step.source:
        name = line.split("capture ", 1)[-1].split(" ")[0].lstrip("$")
        known = line.lstrip().startswith("capture ") and name in step.captured
        lines.append(f"{line} was {json.dumps(step.captured[name])}" if known else line)
    return lines


def render_outcome(outcome: Outcome, method: str) -> list[str]:
    """Outcome lines; a silent step says so, since a step without lines counts as not recorded."""
    lines = []
    for answer in outcome.answers:
        lines += _answer(answer, method)
    if outcome.status is not None:
        text = outcome.status.text
        lines.append(
            f"! {outcome.status.code}" + (f" {json.dumps(text, ensure_ascii=False)}" if text is not None else "")
        )
    return lines or ["! nothing"]


def _answer(answer: Answer, method: str) -> list[str]:
    if answer.body is None:
        return [f"> ({answer.size} bytes)", f"= sha256:{answer.digest}"]
    plain = " " in method or (method == "Maintenance.Snapshot" and answer.body[:1].isalnum())
    text = _http(answer.body) if plain else describe(answer.body, rpc_for(method).response)
    shown = [f"> {text.splitlines()[0]}" if text else ">", *text.splitlines()[1:]]
    digits = answer.body.hex()
    rows = [digits[at : at + HEX_WIDTH] for at in range(0, len(digits), HEX_WIDTH)] or [""]
    return shown + ["= " + rows[0]] + ["  " + row for row in rows[1:]]


def _http(body: bytes) -> str:
    rows = [row.rstrip() for row in body.decode("utf-8", "backslashreplace").splitlines() if row.strip()]
    return "\n".join([rows[0]] + ["  " + row for row in rows[1:]])


def describe(body: bytes, kind: type[Message]) -> str:
    """Decoded text of a message's bytes; a sentence when they do not decode."""
    try:
        return show(kind.FromString(body))
    except DecodeError:
        return "(not a message)"
