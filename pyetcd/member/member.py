"""The member: requests become log entries, entries become state, state becomes answers.

One turn of the loop is one batch: every request that arrived in it becomes one write of the log, and while that write
is on its way to the disk the batch before it is applied and answered.  Nothing is acknowledged before its entry is on
disk (consensus/ready.py has the order of effects).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from pyetcd.apply import payload
from pyetcd.apply.outcome import Applied
from pyetcd.apply.quota import OverQuota
from pyetcd.apply.state_machine import StateMachine
from pyetcd.auth.caller import Caller
from pyetcd.consensus.conf_change import ConfChange, encode_conf_change
from pyetcd.consensus.engine import Engine, Role
from pyetcd.consensus.ready import Ready
from pyetcd.consensus.records import Entry
from pyetcd.errors import DiskFailure, EtcdError, NoLeader, NoSpace, RequestTooLarge, Stopped, Timeout
from pyetcd.member.header import Headers
from pyetcd.member.loop import Loop
from pyetcd.member.proposal import Done, Proposal
from pyetcd.mvcc.backend import Backend, Bucket
from pyetcd.mvcc.compaction import Compaction
from pyetcd.watch.hub import Hub

CONF_CHANGE = 1
CONSISTENT_INDEX, TERM, CONF_STATE = b"consistent_index", b"term", b"confState"
_DEADLINE_PERIOD = 0.5


class Log(Protocol):
    """The write-ahead log as the member uses it."""

    def save(self, ready: Ready, done: Callable[[BaseException | None], object]) -> None:
        """Write entries and hard state of ``ready``, synced when it says so; ``done`` runs on the loop."""


class CompactionQueue(Protocol):
    """Where compactions that an entry started go for their background pass."""

    def add(self, compaction: Compaction) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """request_timeout: seconds a proposal may take; max_request_bytes: size of one log payload."""

    request_timeout: float = 7.0
    max_request_bytes: int = 1572864


class Member:
    """One etcd member behind its services; everything runs on one loop."""

    def __init__(
        self,
        cluster_id: int,
        member_id: int,
        *,
        machine: StateMachine,
        engine: Engine,
        log: Log,
        backend: Backend,
        hub: Hub,
        compactions: CompactionQueue,
        loop: Loop,
        request_ids: Iterator[int],
        limits: Limits,
        crash: Callable[[BaseException], object],
        applied: Callable[[int, int], object] = lambda index, term: None,
    ) -> None:
        self.cluster_id = cluster_id
        self.id = member_id
        self.machine = machine
        self.store = machine.store
        self.lessor = machine.lessor
        self.alarms = machine.alarms
        self.membership = machine.membership
        self.auth = machine.auth
        self.engine = engine
        self.log = log
        self.backend = backend
        self.hub = hub
        self.compactions = compactions
        self.loop = loop
        self.limits = limits
        self.crash = crash  # hears an error nobody foresaw
        self.applied = applied  # hears index and term of each batch once it is in the backend
        self.header = Headers(cluster_id, member_id)
        self.now = loop.now
        self.later = loop.later
        self.soon = loop.soon
        self.next_request_id = request_ids.__next__
        self.refusal: EtcdError | None = NoLeader()  # why nothing can be proposed now
        self.failed_proposals = 0
        self._gathering: list[tuple[bytes, Proposal]] = []
        self._outstanding: deque[Proposal] = deque()
        self._saving = False
        self._idle: list[Callable[[], object]] = []

    # -- reading ------------------------------------------------------------------------------------------------

    def linearizable(self, action: Callable[[EtcdError | None], object]) -> None:
        """Run ``action`` once this member is sure to have applied everything committed before now.

        A single voter is its own quorum and applies what commits in the same turn, so this is now.
        """
        action(self.refusal if type(self.refusal) is NoLeader else None)

    @property
    def term(self) -> int:
        """Term of the last applied entry (what headers and Status show)."""
        return self.header.term

    @property
    def applied_index(self) -> int:
        return self.engine.applied_index

    @property
    def commit_index(self) -> int:
        return self.engine.commit_index

    @property
    def leader(self) -> int:
        """Id of the leader, 0 when there is none."""
        return self.engine.leader

    @property
    def is_leader(self) -> bool:
        return self.engine.role is Role.LEADER

    @property
    def pending_proposals(self) -> int:
        return len(self._gathering) + sum(1 for p in self._outstanding if p.done is not None)

    # -- proposing ----------------------------------------------------------------------------------------------

    def propose(self, field: str, request: bytes, message: Any, done: Done, caller: Caller | None = None) -> None:
        """Put one request through the log; ``done`` hears the outcome (an Applied or an EtcdError), once.

        field    name of the request in InternalRaftRequest
        request  its bytes, as the client sent them
        message  the same, decoded
        caller   who asks, for the checks when the entry is applied; None when nobody has said who he is
        """
        if self.refusal is not None:
            done(self.refusal)
            return
        data = payload.encode(field, request, self.next_request_id(), caller)
        if len(data) > self.limits.max_request_bytes:
            done(RequestTooLarge())
            return
        if not self._gathering and not self._saving:
            self.soon(self._turn)
        self._gathering.append((data, Proposal(field, message, done, 0.0, caller)))

    def propose_conf_change(self, change: ConfChange, done: Done) -> None:
        """Put one membership change through the log; ``done`` hears the outcome (a Reconfigured or an EtcdError)."""
        if self.refusal is not None:
            done(self.refusal)
            return
        proposal = Proposal("", change, done, self.now() + self.limits.request_timeout)
        self._outstanding.append(proposal)
        self.engine.propose_conf_change(encode_conf_change(change._replace(id=self.next_request_id())), proposal)
        if not self._saving:
            self.soon(self._turn)

    def start(self) -> None:
        """Apply what the log already holds, then stand for election; proposals are taken once it is won."""
        self.engine.campaign()
        self._turn()
        self.later(_DEADLINE_PERIOD, self._enforce_deadlines)

    def stop(self, stopped: Callable[[], object]) -> None:
        """Refuse new proposals; ``stopped`` runs when those under way are answered."""
        self.refusal = Stopped()
        self._idle.append(stopped)
        self._tell_idle()

    # -- the turn -----------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """One turn; an error nobody foresaw ends the process, because the state may be half changed."""
        try:
            self._run()
        except Exception as error:
            self.crash(error)

    def _run(self) -> None:
        """Hand the gathered batch to consensus and do what it says, until the disk is busy or nothing is left."""
        while not self._saving:
            if self._gathering:
                self._submit()
            ready = self.engine.ready()
            if ready is None:
                break
            self._carry_out(ready)
        if self._idle:
            self._tell_idle()

    def _submit(self) -> None:
        batch, self._gathering = self._gathering, []
        deadline = self.now() + self.limits.request_timeout
        for _, proposal in batch:
            proposal.deadline = deadline
            self._outstanding.append(proposal)
        self.engine.propose(batch)

    def _carry_out(self, ready: Ready) -> None:
        """Start the write first, so that the disk works while the committed entries are applied."""
        if ready.entries or ready.hard_state is not None:
            self._saving = True
            self.log.save(ready, lambda error: self._saved(ready, error))
        else:
            self.engine.persisted(ready)
        if ready.committed:
            self._apply(ready.committed)

    def _saved(self, ready: Ready, error: BaseException | None) -> None:
        self._saving = False
        if error is not None:
            self._give_up(error)
            return
        self.engine.persisted(ready)
        if self.engine.role is Role.LEADER and type(self.refusal) is NoLeader:
            self.refusal = None
        self._turn()

    def _give_up(self, error: BaseException) -> None:
        """The log cannot be written: nobody waiting is acknowledged, nothing more is accepted, reads go on."""
        self.refusal = error if isinstance(error, EtcdError) else DiskFailure(str(error))
        waiting = [*self._outstanding, *(proposal for _, proposal in self._gathering)]
        self._outstanding.clear()
        self._gathering.clear()
        for proposal in waiting:
            self.failed_proposals += 1
            proposal.finish(self.refusal)
        self._tell_idle()

    # -- applying -----------------------------------------------------------------------------------------------

    def _apply(self, entries: list[Entry]) -> None:
        """Carry entries into the state, store it with their index in one atomic batch, answer who waits."""
        now = self.now()
        answers: list[tuple[Proposal, Applied | EtcdError]] = []
        last = entries[-1]
        if last.term != self.header.term:
            self.header.set_term(last.term)
        for entry in entries:
            proposal: Any = entry.request
            if entry.type == CONF_CHANGE:
                outcome = self._apply_conf_change(entry)
                if proposal is not None:
                    answers.append((proposal, outcome))
            elif proposal is not None:
                outcome = self._apply_request(proposal.field, proposal.message, now, proposal.caller, entry.index)
                answers.append((proposal, outcome))
            elif entry.data:
                field, message, caller = payload.decode(entry.data)
                self._apply_request(field, message, now, caller, entry.index)
        self._commit(last)
        self.engine.applied(last.index)
        self.hub.flush()
        for proposal, outcome in answers:
            proposal.finish(outcome)
        self._forget_answered()

    def _apply_request(
        self, field: str, message: Any, now: float, caller: Caller | None, index: int
    ) -> Applied | EtcdError:
        outcome = self.machine.apply(field, message, now, caller, index)
        if type(outcome) is Applied:
            if outcome.changes:
                self.hub.notify(outcome.revision, outcome.changes)
            if outcome.compaction is not None:
                self.compactions.add(outcome.compaction)
        elif type(outcome) is OverQuota:
            if outcome.applied.changes:
                self.hub.notify(outcome.applied.revision, outcome.applied.changes)
            return NoSpace()
        return outcome

    def _apply_conf_change(self, entry: Entry) -> Applied | EtcdError:
        outcome = self.machine.apply_conf_change(entry.data)
        if isinstance(outcome, Applied):
            self.backend.put(Bucket.META, CONF_STATE, self.membership.conf_state_json())
        return outcome

    def _commit(self, last: Entry) -> None:
        self.backend.put(Bucket.META, CONSISTENT_INDEX, last.index.to_bytes(8, "big"))
        self.backend.put(Bucket.META, TERM, last.term.to_bytes(8, "big"))
        self.backend.commit()
        self.machine.quota.refresh()
        self.applied(last.index, last.term)

    # -- waiting ------------------------------------------------------------------------------------------------

    def _forget_answered(self) -> None:
        outstanding = self._outstanding
        while outstanding and outstanding[0].done is None:
            outstanding.popleft()

    def _enforce_deadlines(self) -> None:
        """Tell callers whose entry was not applied in time; the entry itself may still be."""
        now = self.now()
        outstanding = self._outstanding
        while outstanding and (outstanding[0].done is None or outstanding[0].deadline <= now):
            proposal = outstanding.popleft()
            if proposal.done is not None:
                self.failed_proposals += 1
                proposal.finish(Timeout())
        if type(self.refusal) is not Stopped:
            self.later(_DEADLINE_PERIOD, self._enforce_deadlines)

    def _tell_idle(self) -> None:
        if not (self._saving or self._gathering or self._outstanding):
            waiting, self._idle = self._idle, []
            for action in waiting:
                action()
