"""Membership changes: what each one carries, when it is refused, what it does (wire contract, section 6.1).

A change is checked again when it is applied, because others may have been applied since it was proposed; a refused
one is an entry all the same.
"""

from __future__ import annotations

import json

from pyetcd.cluster.go_json import go_json
from pyetcd.cluster.membership import Member, Membership
from pyetcd.consensus.conf_change import ConfChange, ConfChangeType
from pyetcd.errors import (
    MemberExists,
    MemberNotFound,
    MemberNotLearner,
    NotEnoughStarted,
    PeerURLExists,
    SingleVoterOnly,
    TooManyLearners,
)

ADDING = (ConfChangeType.ADD_NODE, ConfChangeType.ADD_LEARNER_NODE)


def addition(member: Member) -> ConfChange:
    """Add ``member`` as what it says it is."""
    kind = ConfChangeType.ADD_LEARNER_NODE if member.is_learner else ConfChangeType.ADD_NODE
    return ConfChange(kind, member.id, member.to_json())


def removal(member_id: int) -> ConfChange:
    return ConfChange(ConfChangeType.REMOVE_NODE, member_id)


def update(member_id: int, peer_urls: tuple[str, ...]) -> ConfChange:
    """Other peer URLs; they are not looked at."""
    return ConfChange(ConfChangeType.UPDATE_NODE, member_id, Member(member_id, peer_urls).to_json())


def promotion(member_id: int) -> ConfChange:
    """The type of an addition; only the context tells."""
    context = go_json({"id": member_id, "peerURLs": None, "isPromote": True})
    return ConfChange(ConfChangeType.ADD_NODE, member_id, context)


def is_promotion(change: ConfChange) -> bool:
    return change.type in ADDING and bool(json.loads(change.context).get("isPromote"))


def check(membership: Membership, change: ConfChange) -> None:
    """Whether ``change`` fits the members there are now; raises StateConflict or SingleVoterOnly.

    LookupError for a type this release does not know.
    """
    known = membership.members.get(change.node_id)
    if change.node_id in membership.removed:
        raise MemberNotFound
    if change.type in ADDING and not is_promotion(change):
        _check_addition(membership, change, known)
        return
    if known is None:
        raise MemberNotFound
    if change.type in ADDING:
        if not known.is_learner:
            raise MemberNotLearner
        raise SingleVoterOnly
    if change.type == ConfChangeType.UPDATE_NODE:
        _check_urls(membership, Member.from_json(change.context))
    elif change.type != ConfChangeType.REMOVE_NODE:
        raise LookupError(f"membership change {change.type} of member {change.node_id:x} is not supported")


def _check_addition(membership: Membership, change: ConfChange, known: Member | None) -> None:
    if known is not None:
        raise MemberExists
    new = Member.from_json(change.context)
    _check_urls(membership, new)
    others = membership.members.values()
    if change.type == ConfChangeType.ADD_NODE:
        if not all(member.is_learner for member in others):
            raise SingleVoterOnly
    elif new.is_learner and sum(member.is_learner for member in others) >= membership.max_learners:
        raise TooManyLearners


def _check_urls(membership: Membership, changed: Member) -> None:
    taken = {url for member in membership.members.values() if member.id != changed.id for url in member.peer_urls}
    if not taken.isdisjoint(changed.peer_urls):
        raise PeerURLExists


def apply(membership: Membership, change: ConfChange) -> None:
    """Carry out a change that check() let pass."""
    if change.type == ConfChangeType.REMOVE_NODE:
        membership.remove(change.node_id)
    elif change.type == ConfChangeType.UPDATE_NODE:
        membership.set_peer_urls(change.node_id, Member.from_json(change.context).peer_urls)
    else:
        membership.add(Member.from_json(change.context))


def check_quorum_without(membership: Membership, member_id: int, *, strict: bool) -> None:
    """Asked before a removal is proposed: the voters that stay must be a quorum; raises NotEnoughStarted.

    ``strict`` (--strict-reconfig-check): counting those only that have started.  Learners may always go, the last
    voter never.
    """
    leaving = membership.members.get(member_id)
    if leaving is not None and leaving.is_learner:
        return
    staying = [m for m in membership.members.values() if not m.is_learner and m.id != member_id]
    started = sum(bool(member.name) for member in staying)
    if not staying or (strict and started < len(staying) // 2 + 1):
        raise NotEnoughStarted
