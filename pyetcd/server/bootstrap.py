"""From a data directory to the parts of a member: a new one, or one that restarts (wire contract, sections 9 and 11).

Nothing here proposes or serves; it opens, checks and loads what the disk holds.  What the log has beyond the state's
applied index is handed to the engine, which has it applied again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyetcd.cluster.alarms import Alarms
from pyetcd.cluster.membership import Member, Membership
from pyetcd.consensus.conf_change import bootstrap_entries
from pyetcd.consensus.solo import SoloEngine
from pyetcd.disk.directory import DataDirectory, DirectoryInUse
from pyetcd.disk.files import Files
from pyetcd.disk.recovery import recover
from pyetcd.disk.rocks import RocksBackend
from pyetcd.disk.wal import WriteAheadLog, create_log
from pyetcd.disk.wal_reader import CorruptLog, LogContents, TornTail, read_log
from pyetcd.disk.worker import ThreadWorker
from pyetcd.errors import DiskFailure
from pyetcd.lease.lessor import Lessor
from pyetcd.member.member import CONSISTENT_INDEX
from pyetcd.mvcc.backend import Backend, Bucket
from pyetcd.mvcc.record import lease_of
from pyetcd.mvcc.store import Store
from pyetcd.pb import metadata_pb2 as metadata
from pyetcd.server import messages
from pyetcd.server.config import Config
from pyetcd.server.identity import bootstrap_ids, format_id, parse_initial_cluster, verify_bootstrap
from pyetcd.server.logs import Logger
from pyetcd.server.reactor_loop import ReactorLoop
from pyetcd.server.settings import ConfigError
from pyetcd.server.start_line import starting_fields

AUTH_REVISION = b"authRevision"


class StartError(Exception):
    """The member cannot start; the text says what is wrong, where, and what to do."""


@dataclass(slots=True)
class Opened:
    """Everything that was on disk, loaded and ready to be wired."""

    member_id: int
    cluster_id: int
    directory: DataDirectory
    files: Files
    worker: ThreadWorker  # writes the log
    background: ThreadWorker  # flushes and rewrites the state
    backend: RocksBackend
    wal: WriteAheadLog
    engine: SoloEngine
    store: Store
    lessor: Lessor
    alarms: Alarms
    membership: Membership

    def close(self) -> None:
        """Write what waits, flush the state so that a restart replays nothing, release the lock.  Blocks."""
        self.background.close()
        self.worker.close()
        self.wal.close()
        self.backend.close()
        self.directory.close()


def open_member(config: Config, log: Logger, loop: ReactorLoop) -> Opened:
    """Open or create the member of ``config``.  Raises StartError, OSError."""
    try:
        directory = DataDirectory(config.data_dir, config.wal_dir)
    except DirectoryInUse as error:
        raise StartError(str(error)) from None
    try:
        return _open(config, log, loop, directory)
    except StartError:
        directory.close()
        raise
    except (CorruptLog, DiskFailure, ConfigError, ValueError) as error:
        directory.close()
        raise StartError(str(error)) from error


def _open(config: Config, log: Logger, loop: ReactorLoop, directory: DataDirectory) -> Opened:
    _refuse_official(directory)
    is_new = directory.is_new
    log.info(
        messages.STARTING,
        starting_fields(
            config, member_initialized=not is_new, initial_cluster=config.initial_cluster if is_new else ""
        ),
    )
    backend = RocksBackend(directory.state)
    try:
        return _open_log(config, log, loop, directory, backend, is_new)
    except BaseException:
        backend.abandon()
        raise


def _open_log(
    config: Config, log: Logger, loop: ReactorLoop, directory: DataDirectory, backend: RocksBackend, is_new: bool
) -> Opened:
    files = Files(durable=not config.unsafe_no_fsync)
    applied = int.from_bytes(backend.get(Bucket.META, CONSISTENT_INDEX) or b"", "big")
    if applied == 0:
        initialise(backend)  # not in the log: a crash before the first flush may have taken it
    contents, engine = (
        _create(config, directory, files, applied) if is_new else _reopen(config, directory, files, applied, log)
    )
    member_id, cluster_id = identity(contents)
    log.info(
        "starting local member" if is_new else "restarting local member",
        {"local-member-id": format_id(member_id), "cluster-id": format_id(cluster_id)},
        commit_index=contents.hard_state.commit,
    )
    worker = ThreadWorker(loop.from_thread, "log")
    background = ThreadWorker(loop.from_thread, "state")
    wal = WriteAheadLog.open(contents, worker, loop.soon, files=files, max_files=config.max_wals)
    store, lessor, alarms, membership = load_state(backend, cluster_id, minimum_ttl(config))
    log.info("kvstore restored", current_rev=store.revision)
    return Opened(
        member_id=member_id,
        cluster_id=cluster_id,
        directory=directory,
        files=files,
        worker=worker,
        background=background,
        backend=backend,
        wal=wal,
        engine=engine,
        store=store,
        lessor=lessor,
        alarms=alarms,
        membership=membership,
    )


def _refuse_official(directory: DataDirectory) -> None:
    if directory.is_official:
        raise StartError(
            f"{directory.path} is a data directory of official etcd, which this release cannot import yet; "
            "it was not touched: choose another --data-dir"
        )


def _create(config: Config, directory: DataDirectory, files: Files, applied: int) -> tuple[LogContents, SoloEngine]:
    """A member that never ran: its log holds one conf change, committed by decree."""
    if applied:
        raise StartError(
            f"{directory.wal} has no log, but the state in {directory.state} is at entry {applied}: "
            "bring the log back (was --wal-dir left out?), or start with an empty --data-dir"
        )
    cluster = parse_initial_cluster(config.initial_cluster)
    verify_bootstrap(cluster, config.name, config.initial_advertise_peer_urls)
    members, cluster_id = bootstrap_ids(cluster, config.initial_cluster_token)
    own = Member(members[config.name], tuple(str(url) for url in cluster[config.name]), config.name)
    record = metadata.Metadata(NodeID=own.id, ClusterID=cluster_id).SerializeToString()
    create_log(directory.wal, record, files)
    return read_log(directory.wal), SoloEngine.bootstrap(own.id, bootstrap_entries([(own.id, own.to_json())]))


def _reopen(
    config: Config, directory: DataDirectory, files: Files, applied: int, log: Logger
) -> tuple[LogContents, SoloEngine]:
    """A member that ran before: the log behind the applied index waits to be applied."""

    def repaired(torn: TornTail) -> None:
        log.warn("repaired the end of the log, which a crash had cut off", path=torn.path, offset=torn.offset)

    contents = recover(directory.wal, applied, files, repaired)
    if contents.is_blank:  # its first start ended before the first entry was on disk
        return _create(config, directory, files, applied)
    return contents, SoloEngine(identity(contents)[0], contents.hard_state, contents.entries, applied)


def identity(contents: LogContents) -> tuple[int, int]:
    """(member id, cluster id) as the head of the log has them."""
    record = metadata.Metadata.FromString(contents.metadata)
    return record.NodeID, record.ClusterID


def initialise(backend: Backend) -> None:
    """What etcd's buckets hold before the first entry."""
    backend.put(Bucket.AUTH, AUTH_REVISION, (1).to_bytes(8, "big"))
    backend.commit()


def minimum_ttl(config: Config) -> int:
    """Seconds below which a lease's TTL is raised (wire contract, section 4.1)."""
    ticks = 3 * config.election_ticks // 2
    return -(-ticks * config.heartbeat_interval // 1000)


def load_state(backend: Backend, cluster_id: int, min_ttl: int) -> tuple[Store, Lessor, Alarms, Membership]:
    """The state machine's parts, rebuilt from the backend."""
    store = Store(backend)
    store.load()
    lessor = Lessor(backend, min_ttl)
    has_leases = bool(backend.scan(Bucket.LEASE, b"", None, 1))
    lessor.load(attachments(store) if has_leases else ())
    alarms = Alarms(backend)
    alarms.load()
    membership = Membership(backend, cluster_id)
    membership.load()
    return store, lessor, alarms, membership


def attachments(store: Store) -> Iterator[tuple[bytes, int]]:
    """(key, lease id) of every live key that has a lease; etcd does not store them either."""
    for leaf in store.live.leaves:
        for key, framed in zip(leaf.keys, leaf.framed, strict=True):
            if lease := lease_of(framed):
                yield key, lease
