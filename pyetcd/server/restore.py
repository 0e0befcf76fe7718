"""A data directory from a snapshot: the old state under a new cluster's identity (wire contract 11.4).

The state keeps its revisions, leases, users and alarms; members are those of the new cluster only, and the log begins
anew, with one membership change per member, so that nobody who knew the old cluster takes this one for it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from pyetcd.cluster.membership import Member, Membership
from pyetcd.consensus.conf_change import bootstrap_entries
from pyetcd.consensus.ready import Ready
from pyetcd.consensus.records import HardState
from pyetcd.disk.bbolt.reader import Reader
from pyetcd.disk.bbolt.snapshot_file import check_digest, has_digest, read_status
from pyetcd.disk.directory import DataDirectory
from pyetcd.disk.files import Files
from pyetcd.disk.rocks import RocksBackend
from pyetcd.disk.snap import write_snap
from pyetcd.disk.wal import WriteAheadLog, create_log
from pyetcd.disk.wal_reader import SnapshotRecord, read_log
from pyetcd.disk.worker import SteppedWorker
from pyetcd.member.member import CONF_STATE, CONSISTENT_INDEX, TERM
from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.compaction import SCHEDULED
from pyetcd.mvcc.revision import main_key
from pyetcd.pb import metadata_pb2 as metadata
from pyetcd.server.identity import bootstrap_ids, parse_initial_cluster, verify_bootstrap
from pyetcd.server.urls import Url

FIRST_TERM = 1
_LEFT_BEHIND = frozenset((Bucket.MEMBERS, Bucket.MEMBERS_REMOVED))
_BATCH_BYTES = 4 << 20


class RestoreError(Exception):
    """The snapshot cannot be restored there; the text says why."""


@dataclass(frozen=True, slots=True)
class Restore:
    """What etcdutl's flags of the same names say."""

    snapshot: str
    data_dir: str
    wal_dir: str
    name: str
    initial_cluster: str
    initial_cluster_token: str
    initial_advertise_peer_urls: Sequence[Url]
    skip_hash_check: bool = False
    bump_revision: int = 0  # with --mark-compacted: everything up to the higher revision then counts as compacted


def restore(plan: Restore) -> None:
    """Everything is checked before the first file is made; what was made is removed when it cannot be completed.

    Raises RestoreError, BrokenFile, ConfigError, OSError.
    """
    cluster = parse_initial_cluster(plan.initial_cluster)
    verify_bootstrap(cluster, plan.name, plan.initial_advertise_peer_urls)
    ids, cluster_id = bootstrap_ids(cluster, plan.initial_cluster_token)
    members = [Member(ids[name], tuple(map(str, urls)), name) for name, urls in cluster.items()]
    _check_targets(plan)
    _check_snapshot(plan)
    existed = os.path.isdir(plan.data_dir)
    try:
        _write(plan, ids[plan.name], cluster_id, members)
    except BaseException:
        for made in (os.path.join(plan.data_dir, "member") if existed else plan.data_dir, plan.wal_dir):
            if made:
                shutil.rmtree(made, ignore_errors=True)
        raise


def _check_targets(plan: Restore) -> None:
    if os.path.exists(plan.data_dir) and (not os.path.isdir(plan.data_dir) or os.listdir(plan.data_dir)):
        raise RestoreError(f'data-dir "{plan.data_dir}" not empty or could not be read')
    if plan.wal_dir and os.path.exists(plan.wal_dir):
        raise RestoreError(f'wal-dir "{plan.wal_dir}" exists')


def _check_snapshot(plan: Restore) -> None:
    if not plan.skip_hash_check:
        if not has_digest(plan.snapshot):
            raise RestoreError("snapshot missing hash but --skip-hash-check=false")
        check_digest(plan.snapshot)
    read_status(plan.snapshot)


def _write(plan: Restore, member_id: int, cluster_id: int, members: list[Member]) -> None:
    directory = DataDirectory(plan.data_dir, plan.wal_dir)
    files = Files()
    try:
        backend = RocksBackend(directory.state)
        try:
            _copy(plan, backend)
            membership = _join(backend, cluster_id, members)
        finally:
            backend.close()
        _write_log(directory, files, member_id, membership)
    finally:
        directory.close()


def _copy(plan: Restore, backend: RocksBackend) -> None:
    """All rows but those of the old cluster's members."""
    last = 0
    with Reader(plan.snapshot) as reader:
        for bucket in Bucket:
            if bucket in _LEFT_BEHIND:
                continue
            held = 0
            for key, value in reader.rows(bucket):
                backend.put(bucket, key, value)
                held += len(key) + len(value)
                if held >= _BATCH_BYTES:
                    backend.commit()
                    held = 0
                if bucket is Bucket.KEY:
                    last = int.from_bytes(key[:8], "big")
    if plan.bump_revision:
        _bump(backend, last + plan.bump_revision)


def _bump(backend: RocksBackend, revision: int) -> None:
    """Official etcdutl leaves a row without a key at the new revision; members must agree, so it is here, too."""
    backend.put(Bucket.KEY, main_key(revision), b"")
    backend.put(Bucket.META, SCHEDULED, main_key(revision))


def _join(backend: RocksBackend, cluster_id: int, members: list[Member]) -> Membership:
    """The state as if the membership changes of the log were applied to it."""
    membership = Membership(backend, cluster_id)
    for member in members:
        membership.add(member)
    backend.put(Bucket.META, CONF_STATE, membership.conf_state_json())
    backend.put(Bucket.META, CONSISTENT_INDEX, len(members).to_bytes(8, "big"))
    backend.put(Bucket.META, TERM, FIRST_TERM.to_bytes(8, "big"))
    return membership


def _write_log(directory: DataDirectory, files: Files, member_id: int, membership: Membership) -> None:
    """One membership change per member, committed, and the snapshot record that says the state has them."""
    members = membership.sorted()
    record = metadata.Metadata(NodeID=member_id, ClusterID=membership.cluster_id)
    create_log(directory.wal, record.SerializeToString(), files)
    worker, errors = SteppedWorker(), list[BaseException | None]()
    wal = WriteAheadLog.open(read_log(directory.wal), worker, lambda action, *args: action(*args), files=files)
    try:
        entries = bootstrap_entries([(member.id, member.to_json()) for member in members])
        state = HardState(FIRST_TERM, members[0].id, len(entries))
        wal.save(Ready(1, state, entries, [], True), errors.append)
        worker.close()
        snapshot = SnapshotRecord(len(entries), FIRST_TERM, membership.conf_state())
        wal.save_snapshot(snapshot, lambda: write_snap(directory.snap, snapshot, files), errors.append)
        worker.close()
    finally:
        wal.close()
    for error in errors:
        if error is not None:
            raise error
