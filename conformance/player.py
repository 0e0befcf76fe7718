"""Plays the steps of a case on one server: its clients, its open calls, its captured values."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import grpc
from google.protobuf.message import Message

from .case import RECORDED, Answer, Outcome, Step, Verb
from .client import LARGE, Call, call_unary, connect, outcome_of
from .compare import Comparison, compare, digest, sort_key
from .rebase import Rebase, Variable
from .schema import Rpc, rpc_for
from .settle import settle
from .snapshot import describe_snapshot
from .target import Session
from .text import parse
from .web import fetch

CALL_SECONDS = 20.0
EXPECT_SECONDS = 10.0
_CLIENT_OPTIONS = {"timeout", "gzip"}


@dataclass(slots=True)
class StepResult:
    """What one step did; ``comparison`` is None while recording."""

    step: Step
    method: str
    actual: Outcome
    comparison: Comparison | None = None


class Player:
    """Clients and open calls of one case."""

    def __init__(self, session: Session, recording: bool, lenient: bool = False) -> None:
        """``lenient``: an answer without the captured value gives a stand-in, for random scripts."""
        self.session = session
        self.recording = recording
        self.lenient = lenient
        self.rebase: Rebase = replace(session.rebase, variables={})
        self._channels: dict[str, grpc.Channel] = {}
        self._calls: dict[str, tuple[Call, Rpc]] = {}
        self._handlers: dict[Verb, Callable[[Step], Outcome | None]] = {
            Verb.CALL: self._call,
            Verb.FILL: self._fill,
            Verb.OPEN: self._open,
            Verb.SEND: self._send,
            Verb.EXPECT: self._expect,
            Verb.QUIET: self._quiet,
            Verb.END: self._end,
            Verb.HALF_CLOSE: self._half_close,
            Verb.CANCEL: self._cancel,
            Verb.SLEEP: self._sleep,
            Verb.RESTART: self._restart,
            Verb.HTTP: self._http,
            Verb.SETTLE: self._settle,
            Verb.SNAPSHOT: self._snapshot,
        }

    def step(self, step: Step) -> StepResult | None:
        """Play one step; a result for those that judge."""
        outcome = self._handlers[step.verb](step)
        if step.verb not in RECORDED:
            return None
        assert outcome is not None
        self._capture(step, outcome)
        result = StepResult(step, self.method(step), outcome)
        if self.recording:
            self._record(step, result)
        elif step.outcome is None:
            raise ValueError("this step has no recorded outcome; run `record` against official etcd first")
        else:
            result.comparison = compare(step.outcome, outcome, self.kind(step), self.rebase, step.sorts)
        return result

    def close(self) -> None:
        for call, _ in self._calls.values():
            call.cancel()
        for channel in self._channels.values():
            channel.close()

    # -- one handler per verb ---------------------------------------------------------------------------------------

    def _call(self, step: Step) -> Outcome:
        rpc = rpc_for(step.method)
        body = self._request(step.request, rpc)
        metadata, timeout, gzip = self._options(step)
        if rpc.unary:
            bodies, status = call_unary(self._channel(step.client), rpc, body, metadata, timeout or CALL_SECONDS, gzip)
            return outcome_of(bodies, None if bodies else status)
        call = Call(self._channel(step.client), rpc, body, metadata, timeout or CALL_SECONDS, gzip)
        call.half_close()
        return self._drain(call)

    def _fill(self, step: Step) -> Outcome:
        outcome = Outcome()
        for number in step.numbers:
            one = replace(step, request=step.request.replace("{i}", str(number)).replace("{i:03}", f"{number:03}"))
            outcome = self._call(one)
            if outcome.status is not None and outcome.status.code != "OK":
                break
        return outcome

    def _open(self, step: Step) -> None:
        rpc = rpc_for(step.method)
        metadata, timeout, gzip = self._options(step)
        body = self._request(step.request, rpc) if step.request or not rpc.client_streams else None
        self._calls[step.name] = (Call(self._channel(step.client), rpc, body, metadata, timeout, gzip), rpc)

    def _send(self, step: Step) -> None:
        call, rpc = self._calls[step.name]
        call.send(self._request(step.request, rpc))

    def _expect(self, step: Step) -> Outcome:
        call, _ = self._calls[step.name]
        bodies: list[bytes] = []
        while len(bodies) < step.count and (body := call.next(EXPECT_SECONDS)) is not None:
            bodies.append(body)
        return outcome_of(bodies, call.status if call.ended else None)

    def _quiet(self, step: Step) -> Outcome:
        call, _ = self._calls[step.name]
        body = call.next(step.seconds)
        return outcome_of([body] if body is not None else [], call.status if call.ended else None)

    def _end(self, step: Step) -> Outcome:
        return self._drain(self._calls[step.name][0])

    def _drain(self, call: Call) -> Outcome:
        bodies = []
        while (body := call.next(CALL_SECONDS)) is not None:
            bodies.append(body)
        return outcome_of(bodies, call.status if call.ended else None)

    def _settle(self, step: Step) -> Outcome:
        return settle(self._calls[step.name][0])

    def _snapshot(self, step: Step) -> Outcome:
        outcome = self._call(step)
        if outcome.status is not None and outcome.status.code != "OK":
            return outcome
        text = describe_snapshot([answer.body or b"" for answer in outcome.answers]).encode()
        return Outcome((Answer(text, len(text)),), outcome.status)

    def _half_close(self, step: Step) -> None:
        self._calls[step.name][0].half_close()

    def _cancel(self, step: Step) -> None:
        self._calls[step.name][0].cancel()

    def _sleep(self, step: Step) -> None:
        time.sleep(step.seconds)

    def _restart(self, step: Step) -> None:
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()
        self.session.restart()

    def _http(self, step: Step) -> Outcome:
        method, path = step.method.split(" ", 1)
        headers = {name: self._plain(value) for name, value in step.options.items() if name not in _CLIENT_OPTIONS}
        seconds = float(step.options.get("timeout", CALL_SECONDS))
        body = fetch(
            self.session.address, method, path, headers, self._plain(step.request), self.session.credentials, seconds
        )
        return Outcome((Answer(body, len(body)),) if body else ())

    # -- details ----------------------------------------------------------------------------------------------------

    def _channel(self, client: str) -> grpc.Channel:
        if client not in self._channels:
            self._channels[client] = connect(self.session.address, self.session.credentials)
        return self._channels[client]

    def _request(self, text: str, rpc: Rpc) -> bytes:
        if text.startswith("raw"):
            return bytes.fromhex(text[3:])
        message: Message = parse(text, rpc.request, self.rebase.constants())
        return self.rebase.request(message).SerializeToString()

    def _options(self, step: Step) -> tuple[list[tuple[str, str | bytes]], float | None, bool]:
        metadata: list[tuple[str, str | bytes]] = [
            (name, bytes.fromhex(value) if name.endswith("-bin") else self._plain(value))
            for name, value in step.options.items()
            if name not in _CLIENT_OPTIONS
        ]
        timeout = step.options.get("timeout")
        return metadata, float(timeout) if timeout else None, "gzip" in step.options

    def _plain(self, text: str) -> str:
        """Metadata and JSON know no quoting: ``$name`` is replaced wherever it stands."""
        for name, value in self.rebase.constants().items():
            text = text.replace(f"${name}", str(value))
        return text

    def method(self, step: Step) -> str:
        return step.method or self._calls[step.name][1].name

    def kind(self, step: Step) -> type[Message] | None:
        return None if step.verb in (Verb.HTTP, Verb.SNAPSHOT) else rpc_for(self.method(step)).response

    def _capture(self, step: Step, outcome: Outcome) -> None:
        for name, path in step.captures.items():
            kind = self.kind(step)
            if self.lenient and (kind is None or not outcome.answers):
                self.rebase.variables[name] = Variable(*(["missing"] * 2 if path == "token" else [4242] * 2))
                continue
            if kind is None or not outcome.answers or outcome.answers[0].body is None:
                raise ValueError(f"nothing to capture ${name} from: {outcome.status}")
            value = at_path(kind.FromString(outcome.answers[0].body), path)
            recorded = value if self.recording else step.captured.get(name, value)
            self.rebase.variables[name] = Variable(recorded, value)

    def _record(self, step: Step, result: StepResult) -> None:
        kind = self.kind(step)
        answers = list(result.actual.answers)
        if step.sorts:
            answers.sort(key=lambda answer: sort_key(answer, kind))
        step.outcome = Outcome(tuple(map(shorten, answers)), result.actual.status)
        step.captured = {name: self.rebase.variables[name].recorded for name in step.captures}


def shorten(answer: Answer) -> Answer:
    """Large messages are recorded by digest."""
    if answer.body is None or answer.size <= LARGE:
        return answer
    return Answer(None, answer.size, digest(answer.body))


def at_path(message: Message, path: str) -> int | str:
    """``members[1].ID`` of a message; bytes come as text.

    >>> from pyetcd.pb import rpc_pb2
    >>> at_path(rpc_pb2.LeaseLeasesResponse(leases=[{"ID": 5}]), "leases[0].ID")
    5
    """
    value: object = message
    for part in path.split("."):
        name, _, index = part.partition("[")
        value = getattr(value, name)
        if index:
            value = value[int(index.rstrip("]"))]  # type: ignore[index]
    if isinstance(value, bytes):
        return value.decode()
    assert isinstance(value, int | str)
    return value
