"""The one place that builds and wires: from a configuration to a running member, and back to nothing at its end."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from pyetcd.apply.quota import Quota
from pyetcd.apply.state_machine import StateMachine
from pyetcd.auth.jwt_keys import BadTokenOptions
from pyetcd.cluster.membership import Member as ClusterMember
from pyetcd.cluster.versions import parse_stored
from pyetcd.disk.checkpoint import Checkpointer
from pyetcd.disk.worker import SWITCH_INTERVAL, ThreadWorker
from pyetcd.member.auto_compaction import AutoCompaction
from pyetcd.member.compactor import Compactor
from pyetcd.member.expiry import Expiry
from pyetcd.member.member import Limits, Member
from pyetcd.member.request_id import request_ids
from pyetcd.member.versions import Versions
from pyetcd.net.address import bind, parse_url
from pyetcd.net.listener import listen_on
from pyetcd.net.loop import install_reactor
from pyetcd.net.port import Port
from pyetcd.rpc.auth import AuthService
from pyetcd.rpc.cluster import ClusterService
from pyetcd.rpc.downgrade import DowngradeService
from pyetcd.rpc.election import ElectionService
from pyetcd.rpc.guard import Guard
from pyetcd.rpc.health import HealthService
from pyetcd.rpc.kv import KVService
from pyetcd.rpc.leadership import LeadershipService
from pyetcd.rpc.lease import LeaseService
from pyetcd.rpc.lock import LockService
from pyetcd.rpc.maintenance import MaintenanceService
from pyetcd.rpc.password_worker import PasswordWorker
from pyetcd.rpc.router import ServiceRouter
from pyetcd.rpc.sessions import Sessions
from pyetcd.rpc.watch import WatchService
from pyetcd.server import messages
from pyetcd.server.authentication import open_auth
from pyetcd.server.autocompaction import auto_compactor
from pyetcd.server.bootstrap import Opened, StartError, open_member
from pyetcd.server.config import Config
from pyetcd.server.http_when_asked import HTTPWhenAsked, import_http_side
from pyetcd.server.identity import added_member
from pyetcd.server.logs import Logger
from pyetcd.server.notify import notify_ready
from pyetcd.server.publish import Publisher
from pyetcd.server.reactor_loop import ReactorLoop
from pyetcd.server.signals import end_by_signal, go_name, on_stop_signals
from pyetcd.server.space import Space
from pyetcd.server.start_line import closing_fields, serving_fields
from pyetcd.server.status import MemberStatus
from pyetcd.server.twisted_log import adopt_twisted_log
from pyetcd.server.version import CLUSTER_VERSION, SERVER_VERSION
from pyetcd.watch.hub import Hub
from pyetcd.wire.call import Code, Method
from pyetcd.wire.connection import Connection
from pyetcd.wire.outbox import Traffic
from pyetcd.wire.requests import Resolver
from pyetcd.wire.settings import Settings

GRPC_OVERHEAD_BYTES = 512 * 1024  # what a request may be larger than its log entry
DRAIN_SECONDS = 5.0
HTTP_IMPORT_DELAY = 1.0  # seconds after the doors open: clients that waited for them come first


def serve(config: Config, log: Logger) -> int:
    """Run the member until a signal ends it; the exit status when it could not start."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    install_reactor("uvloop")
    from twisted.internet import reactor as installed

    reactor: Any = installed
    adopt_twisted_log(log)
    server = Server(config, log, reactor)
    reactor.callWhenRunning(server.start)
    reactor.run(installSignalHandlers=False)
    if server.signal is not None:
        end_by_signal(server.signal)
    return server.exit_status


class Service(Protocol):
    """What rpc offers: a table of methods."""

    def methods(self) -> list[Method]: ...


class Server:
    """Everything of one member process, from the data directory up to the listening port."""

    def __init__(self, config: Config, log: Logger, reactor: Any) -> None:
        self.config = config
        self.log = log
        self.reactor = reactor
        self.loop = ReactorLoop(reactor)
        self.signal: int | None = None
        self.exit_status = 0
        self.ports: list[Port] = []
        self._opened: Opened | None = None
        self.passwords: PasswordWorker | None = None

    # -- start --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the directory, build the member, stand for election; serving begins when it has published itself."""
        on_stop_signals(lambda number: self.reactor.callFromThread(self._stop_for, number))
        try:
            self._bind()
            self._opened = open_member(self.config, self.log, self.loop)
            self._build(self._opened)
        except (StartError, OSError) as error:
            self._fail(str(error))
            return
        except Exception as error:  # our own bug: end with its trace rather than run half built
            self._fail(error)
            return
        rest_from_collecting()
        self.member.start()
        self.lessor.promote(self.loop.now(), self.config.election_seconds)
        self.publisher.start(self._serve)

    def _fail(self, error: str | BaseException) -> None:
        self.log.fatal(messages.START_FAILED, error=error)
        self.exit_status = 1
        self._close()

    def _build(self, opened: Opened) -> None:
        config = self.config
        self.compactor = Compactor(
            opened.backend, self.loop, config.compaction_sleep_interval, config.compaction_batch_limit
        )
        try:
            auth = open_auth(config.auth_token, config.auth_token_ttl, opened.backend, self.loop.now)
        except BadTokenOptions as error:
            raise StartError(str(error)) from None
        largest = config.max_request_bytes + GRPC_OVERHEAD_BYTES
        quota = Quota(opened.backend.size, config.quota_backend_bytes, largest)
        machine = StateMachine(opened.store, opened.lessor, opened.alarms, opened.membership, auth, quota)
        self.lessor = opened.lessor
        self.member = Member(
            opened.cluster_id,
            opened.member_id,
            machine=machine,
            engine=opened.engine,
            log=opened.wal,
            backend=opened.backend,
            hub=Hub(opened.store, fragment_limit=config.max_request_bytes + GRPC_OVERHEAD_BYTES),
            compactions=self.compactor,
            loop=self.loop,
            request_ids=request_ids(opened.member_id, time.time_ns() // 1_000_000),
            limits=Limits(config.request_timeout, config.max_request_bytes),
            crash=self._crash,
            applied=self._checkpoint_when_due,
        )
        if opened.store.compaction is not None:
            self.compactor.add(opened.store.compaction)
        self.checkpoints = Checkpointer(
            opened.wal,
            opened.backend,
            opened.background,
            opened.directory.snap,
            applied=opened.engine.applied_index,
            failed=self._checkpoint_failed,
            files=opened.files,
            max_snapshots=config.max_snapshots,
        )
        self.status = MemberStatus(self.member)
        opened.membership.max_learners = config.max_learners
        self.versions = Versions(self.member, parse_stored(CLUSTER_VERSION))
        self.publisher = Publisher(self.member, self.versions, config, self.log)
        self.guard = Guard(self.member)
        self.expiry = Expiry(opened.lessor, self.guard.propose_as_root, self.loop)
        self._build_services(opened)

    def _build_services(self, opened: Opened) -> None:
        config, member = self.config, self.member
        self.space = Space(opened.backend, opened.background)
        guard = self.guard
        self.watches = WatchService(
            member, progress_interval=config.watch_progress_notify_interval, permit=guard.watch_refusal
        )
        self.leases = LeaseService(member, guard)
        self.passwords = PasswordWorker(
            ThreadWorker(self.loop.from_thread, "passwords"), config.bcrypt_cost, os.urandom
        )
        self.sessions = Sessions(member, config.max_txn_ops, guard)
        services: list[Service] = [
            KVService(member, self.compactor, config.max_txn_ops, guard),
            AuthService(guard, self.passwords),
            self.watches,
            self.leases,
            ClusterService(member, _new_member, strict=config.strict_reconfig_check, guard=guard),
            LeadershipService(member, guard),
            DowngradeService(member, guard),
            MaintenanceService(
                member, self.space, version=SERVER_VERSION, quota_bytes=config.quota_backend_bytes, guard=guard
            ),
            LockService(self.sessions),
            ElectionService(self.sessions),
            HealthService(),
        ]
        self.router = ServiceRouter(method for service in services for method in service.methods())
        self.traffic = Traffic()

    def _connections(self) -> Callable[..., Connection]:
        config = self.config
        settings = Settings(
            max_receive=config.max_request_bytes + GRPC_OVERHEAD_BYTES,
            max_concurrent_streams=config.max_concurrent_streams,
            ping_min_time=config.grpc_keepalive_min_time,
            ping_idle=config.grpc_keepalive_interval,
            ping_timeout=config.grpc_keepalive_timeout,
        )
        resolver = Resolver(self.router, settings)
        return partial(
            Connection, self.router, settings, resolver=resolver, traffic=self.traffic, on_error=self.log_bug
        )

    def _bind(self) -> None:
        """Take the ports now, so that a clash is seen before anything is promised; accepting starts later."""
        self._sockets = [bind(parse_url(str(url))) for url in self.config.listen_client_urls]

    def _accept(self) -> list[Port]:
        site, connections = HTTPWhenAsked(self._site), self._connections()
        return [listen_on(taken, connections, site, reactor=self.reactor) for taken in self._sockets]

    def _site(self) -> Any:
        from pyetcd.server.http_side import build_site

        assert self._opened is not None
        return build_site(self, self._opened, max_receive=self.config.max_request_bytes + GRPC_OVERHEAD_BYTES)

    def _import_http_side(self) -> None:
        assert self._opened is not None
        self._opened.background.submit(import_http_side, lambda _: None)

    def _serve(self) -> None:
        """The member has published itself: open the doors."""
        self.expiry.start()
        self.versions.start()
        schedule = auto_compactor(
            self.config.auto_compaction_mode,
            self.config.auto_compaction_retention,
            self.loop.now(),
            self.member.store.revision,
        )
        if schedule is not None:
            AutoCompaction(self.member, schedule).start()
        self.ports = self._accept()
        self.loop.later(HTTP_IMPORT_DELAY, self._import_http_side)
        self.log.info(messages.NOW_SERVING, serving_fields(self.config, self.member.id))
        self.log.info(messages.READY)
        notify_ready(self.log)
        for url in self.config.listen_client_urls:
            self.log.info(messages.SERVING_INSECURELY, traffic="grpc+http", address=url.host)

    # -- end ----------------------------------------------------------------------------------------------------

    def _stop_for(self, number: int) -> None:
        self.signal = number
        self.log.info(messages.RECEIVED_SIGNAL, signal=go_name(number))
        self.stop()

    def stop(self) -> None:
        """Graceful: streams are told, calls under way are answered, everything is written, files are let go."""
        self.log.info(messages.CLOSING, closing_fields(self.config))
        if self._opened is None:
            self._close()
            return
        self.expiry.stop()
        self.versions.stop()
        self.compactor.stop()
        self.watches.end_all(Code.UNAVAILABLE, "etcdserver: server stopped")
        self.leases.end_all(Code.UNAVAILABLE, "etcdserver: server stopped")
        self.sessions.end_all(Code.UNAVAILABLE, "etcdserver: server stopped")
        self.member.stop(self._stop_ports)

    def _stop_ports(self) -> None:
        from twisted.internet.defer import DeferredList

        stopping = DeferredList([port.stop(DRAIN_SECONDS) for port in self.ports])
        stopping.addBoth(lambda _: self._close())

    def _close(self) -> None:
        if self.passwords is not None:
            self.passwords.close()
        if self._opened is not None:
            try:
                self._opened.close()
            except OSError as error:
                self.log.error("failed to close the data directory", error=error)
            self.log.info(messages.CLOSED, closing_fields(self.config))
        self.reactor.stop()

    # -- checkpoints --------------------------------------------------------------------------------------------

    def _checkpoint_when_due(self, index: int, term: int) -> None:
        self.checkpoints.applied(index, term, self.member.membership.conf_state())

    def _checkpoint_failed(self, error: BaseException) -> None:
        """The log keeps everything that was to be flushed; the next checkpoint tries again."""
        self.log.error("failed to save a checkpoint of the state", error=str(error))

    # -- trouble ------------------------------------------------------------------------------------------------

    def _crash(self, error: BaseException) -> None:
        """The state may be half changed: end now, the log replays from what is safe."""
        self.log.fatal("the member cannot go on", error=error)
        os._exit(2)

    def log_bug(self, error: Exception) -> None:
        """A call's handler failed in a way nobody foresaw; its connection ends, the others go on."""
        self.log.error("a call failed unexpectedly", error=error)


def _new_member(peer_urls: Iterable[str], is_learner: bool) -> ClusterMember:
    return added_member(peer_urls, is_learner, int(time.time()))


def rest_from_collecting() -> None:
    """Keep the collector away from what was loaded: no pause may grow with the number of keys.

    It has not run since the start (cli/serve.py); the few cycles that imports leave behind stay, half a megabyte.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 50, 1_000_000)
