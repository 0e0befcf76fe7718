"""The nine guarantees of a watch (wire contract 3.5), judged against the store's log."""

from __future__ import annotations

from .history import Pair, Seen, Watched

Log = dict[int, tuple[Seen, ...]]
"""All changes by revision, in order of sub-revision."""

GUARANTEES = (
    "ordered",
    "unique",
    "atomic",
    "reliable",
    "resumable",
    "bookmarkable",
    "filtered",
    "prev_kv",
    "is_create",
)


def judge(watched: Watched, log: Log, last: int) -> dict[str, str]:
    """Broken guarantees: name → a sentence.  ``last`` is the revision up to which the watcher must have been told."""
    broken: dict[str, str] = {}
    events = [event for report in watched.reports for event in report.events]
    _order(watched, broken)
    _batches(watched, broken)
    _content(watched, events, log, broken)
    _gaps(watched, events, log, last, broken)
    return broken


def _order(watched: Watched, broken: dict[str, str]) -> None:
    """Ordered: revisions never go back.  Unique: no revision in two reports.  Bookmarkable: promises are kept."""
    newest, promised = 0, 0
    for report in watched.reports:
        if report.promise:
            promised = max(promised, report.revision)
            continue
        first, last = report.events[0].revision, report.events[-1].revision
        revisions = [event.revision for event in report.events]
        if first < newest or revisions != sorted(revisions):
            broken.setdefault("ordered", f"revision {first} after {newest}")
        if first == newest:
            broken.setdefault("unique", f"revision {first} came twice")
        if first <= promised:
            broken.setdefault("bookmarkable", f"revision {first} after progress at {promised}")
        newest = max(newest, last)


def _batches(watched: Watched, broken: dict[str, str]) -> None:
    """Atomic, part one: two events of one key and revision, or a revision that goes on in the next report."""
    for report in watched.reports:
        pairs = [(event.revision, event.key, event.deleted) for event in report.events]
        if len(set(pairs)) != len(pairs):
            broken.setdefault("unique", f"an event twice in one report at revision {report.events[0].revision}")


def _content(watched: Watched, events: list[Seen], log: Log, broken: dict[str, str]) -> None:
    """Filtered: only what was asked for.  PrevKV and IsCreate: as the log says."""
    for event in events:
        if not watched.wants(event):
            broken.setdefault("filtered", f"{event.key!r} at {event.revision} was not asked for")
        truth = next((one for one in log.get(event.revision, ()) if one.key == event.key), None)
        if truth is None or truth.deleted != event.deleted or truth.pair != event.pair:
            broken.setdefault("reliable", f"the event of {event.key!r} at {event.revision} is not the log's")
            continue
        if event.before != (truth.before if watched.prev_kv else None):
            broken.setdefault("prev_kv", f"{event.key!r} at {event.revision}: {event.before} instead of {truth.before}")
        if event.pair is not None and (event.pair.create == event.pair.mod) != (truth.before is None):
            broken.setdefault("is_create", f"{event.key!r} at {event.revision}")


def _gaps(watched: Watched, events: list[Seen], log: Log, last: int, broken: dict[str, str]) -> None:
    """Reliable: nothing missing.  Atomic: a revision whole or not at all.  Resumable: neither, across a resumption."""
    told: dict[int, set[bytes]] = {}
    for event in events:
        told.setdefault(event.revision, set()).add(event.key)
    for revision, changes in log.items():
        wanted = {event.key for event in changes if watched.wants(event)}
        if revision > last or not wanted or told.get(revision) == wanted:
            continue
        if revision in told:
            broken.setdefault("atomic", f"revision {revision} came with {len(told[revision])} of {len(wanted)} events")
        else:
            broken.setdefault("resumable" if watched.resumed else "reliable", f"revision {revision} is missing")


def replay(log: Log, base: dict[bytes, Pair]) -> str:
    """The log itself must be what a store can do: versions, creations and previous pairs follow from one another."""
    pairs = dict(base)
    for revision in sorted(log):
        for event in log[revision]:
            old = pairs.get(event.key)
            if event.before != old:
                return f"{event.key!r} at {revision}: the pair before was {old}, not {event.before}"
            if event.deleted:
                pairs.pop(event.key, None)
                continue
            assert event.pair is not None
            new = Pair(event.pair.value, old.create if old else revision, revision, old.version + 1 if old else 1)
            if new != event.pair:
                return f"{event.key!r} at {revision}: {event.pair} instead of {new}"
            pairs[event.key] = new
    return ""
