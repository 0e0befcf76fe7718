"""The Auth service: passwords on their worker, log entries, retries, expiry, restarts."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest

from pyetcd.apply import payload
from pyetcd.auth.caller import Caller
from pyetcd.auth.passwords import is_password
from pyetcd.auth.store import AuthStore
from pyetcd.auth.tokens import NoTokens
from pyetcd.errors import PermissionDenied
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc import password_worker
from pyetcd.wire.call import Code
from tests.rpc.auth_world import PASSWORD, TOKEN_TTL, AuthWorld

FAILED = (Code.INVALID_ARGUMENT, "etcdserver: authentication failed, invalid user ID or password")
OLD = (Code.INVALID_ARGUMENT, "etcdserver: revision of auth store is old")
EMPTY = (Code.INVALID_ARGUMENT, "etcdserver: user name is empty")
INVALID = (Code.UNAUTHENTICATED, "etcdserver: invalid auth token")
DENIED = (Code.PERMISSION_DENIED, "etcdserver: permission denied")


@pytest.fixture
def world() -> AuthWorld:
    """A user ``u`` who may write the keys a to c."""
    world = AuthWorld()
    world.allow("u", 2, b"a", b"c")
    world.enable()
    return world


def entries(world: AuthWorld) -> list[tuple[str, Any, Caller]]:
    return [payload.decode(each.data) for each in world.world.log.entries if each.data and each.type == 0]


def login(world: AuthWorld, name: str, password: str) -> Any:
    return world.call("Auth/Authenticate", rpc.AuthenticateRequest(name=name, password=password))


# -- what the log holds -----------------------------------------------------------------------------------------


def test_no_password_is_ever_written(world: AuthWorld) -> None:
    secrets = ["hunter2", "correct horse", "not for logging"]
    world.must("Auth/UserAdd", rpc.AuthUserAddRequest(name="s", password=secrets[0]))
    world.must("Auth/UserChangePassword", rpc.AuthUserChangePasswordRequest(name="s", password=secrets[1]))
    no_password = rpc.AuthUserAddRequest(name="n", password=secrets[2], options={"no_password": True})
    world.must("Auth/UserAdd", no_password)
    login(world, "s", secrets[1])
    login(world, "s", secrets[0])
    written = b"".join(each.data for each in world.world.log.entries)
    assert not [secret for secret in secrets if secret.encode() in written]
    added = next(message for field, message, _ in entries(world) if field == "auth_user_add" and message.name == "s")
    assert added.password == "" and is_password(secrets[0].encode(), b64decode(added.hashedPassword))


def test_entries_name_who_asked_and_since_when(world: AuthWorld) -> None:
    world.call("KV/Put", rpc.PutRequest(key=b"a"), user="u")
    world.call("KV/Put", rpc.PutRequest(key=b"a"))
    revision = world.auth.revision
    named = [caller for field, _, caller in entries(world) if field == "put"]
    assert named == [Caller("u", revision), Caller("", 0)]


def test_a_restart_judges_the_log_as_it_was_judged(world: AuthWorld) -> None:
    """Refused entries stay refused, allowed ones stay allowed, and nobody keeps a token."""
    world.must("KV/Put", rpc.PutRequest(key=b"z", value=b"1"))
    for key in (b"a", b"z"):
        world.call("KV/Put", rpc.PutRequest(key=key, value=b"u"), user="u")
        world.call("KV/Put", rpc.PutRequest(key=key, value=b"nobody"))
    store = world.member.store
    kept = {key: store.get(key) for key in (b"a", b"z")}
    log, users = list(world.world.log.entries), dict(world.auth.users)
    fresh = AuthWorld()
    for entry in log:
        if entry.data and entry.type == 0:
            field, message, caller = payload.decode(entry.data)
            fresh.member.machine.apply(field, message, 0.0, caller, entry.index)
    assert {key: fresh.member.store.get(key) for key in kept} == kept
    assert fresh.auth.users == users and fresh.auth.revision == world.auth.revision and fresh.auth.enabled


def test_the_store_comes_back_from_its_buckets(world: AuthWorld) -> None:
    back = AuthStore(world.world.backend, NoTokens())
    back.load()
    assert (back.enabled, back.revision) == (True, world.auth.revision)
    assert (back.users, back.roles) == (world.auth.users, world.auth.roles)
    with pytest.raises(PermissionDenied):
        back.check_read(Caller("u", back.revision), b"z")
    back.check_read(Caller("u", back.revision), b"a")


# -- the worker -------------------------------------------------------------------------------------------------


def test_other_calls_go_on_while_passwords_are_hashed(world: AuthWorld) -> None:
    storm = [
        world.start("Auth/Authenticate", rpc.AuthenticateRequest(name="u", password=PASSWORD)) for _ in range(100)
    ]
    put = world.start("KV/Put", rpc.PutRequest(key=b"a"), user="u")
    world.world.settle()  # the loop and the disk, not the worker
    assert put.status == (0, "")
    assert [call.status for call in storm] == [None] * 100
    world.settle()
    assert {call.status for call in storm} == {(0, "")}
    assert len({call.sent[0].token for call in storm}) == 100


def test_logins_are_answered_in_the_order_they_came(world: AuthWorld) -> None:
    calls = [world.start("Auth/Authenticate", rpc.AuthenticateRequest(name="u", password=PASSWORD)) for _ in range(9)]
    world.settle()
    indexes = [int(call.sent[0].token.partition(".")[2]) for call in calls]
    assert indexes == sorted(indexes)


def test_who_has_gone_away_costs_nothing(world: AuthWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(password: bytes, stored: bytes) -> bool:
        compared.append(password)
        return True

    monkeypatch.setattr(password_worker, "is_password", compare)
    calls = [world.start("Auth/Authenticate", rpc.AuthenticateRequest(name="u", password=str(n))) for n in range(3)]
    calls[1].reset()
    before = len(world.world.log.entries)
    world.settle()
    assert compared == [b"0", b"2"]
    assert len(world.world.log.entries) == before + 2


def test_the_queue_has_an_end(world: AuthWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_worker, "MOST_WAITING", 2)
    calls = [world.start("Auth/Authenticate", rpc.AuthenticateRequest(name="u", password=PASSWORD)) for _ in range(3)]
    assert calls[2].status == (Code.UNKNOWN, "etcdserver: too many requests")
    world.settle()
    assert [call.status for call in calls[:2]] == [(0, "")] * 2
    assert not isinstance(login(world, "u", PASSWORD), tuple)


def test_a_stopping_server_does_not_finish_the_queue(world: AuthWorld) -> None:
    calls = [world.start("Auth/Authenticate", rpc.AuthenticateRequest(name="u", password="x")) for _ in range(3)]
    world.passwords.close()
    world.settle()
    stopped = (Code.UNAVAILABLE, "etcdserver: server stopped")
    assert [call.status for call in calls] == [stopped] * 3
    assert login(world, "u", PASSWORD) == stopped


# -- logging in while things change -----------------------------------------------------------------------------


def test_a_password_changed_meanwhile_makes_the_login_start_over(world: AuthWorld) -> None:
    call = world.start("Auth/Authenticate", rpc.AuthenticateRequest(name="u", password=PASSWORD))
    assert world.worker.step()  # compared, and right
    change = rpc.AuthUserChangePasswordRequest(name="u", hashedPassword="eA==")
    world.start("Auth/UserChangePassword", change, user="root")
    world.settle()
    assert call.status == FAILED


def test_any_change_meanwhile_makes_the_login_start_over_and_a_right_one_succeeds(world: AuthWorld) -> None:
    call = world.start("Auth/Authenticate", rpc.AuthenticateRequest(name="u", password=PASSWORD))
    assert world.worker.step()
    world.start("Auth/RoleAdd", rpc.AuthRoleAddRequest(name="another"), user="root")
    world.settle()
    token = call.sent[0].token.encode()
    assert world.call("KV/Range", rpc.RangeRequest(key=b"a"), headers=((b"token", token),)).count == 0
    attempts = [message for field, message, _ in entries(world) if field == "authenticate" and message.name == "u"]
    assert len(attempts) == 3  # one from the world's start, one that came too late, one that counts


def test_a_user_deleted_meanwhile_gets_nothing(world: AuthWorld) -> None:
    call = world.start("Auth/Authenticate", rpc.AuthenticateRequest(name="u", password=PASSWORD))
    world.start("Auth/UserDelete", rpc.AuthUserDeleteRequest(name="u"), user="root")
    world.settle()
    assert call.status == FAILED


def test_switched_off_meanwhile(world: AuthWorld) -> None:
    call = world.start("Auth/Authenticate", rpc.AuthenticateRequest(name="u", password=PASSWORD))
    world.start("Auth/AuthDisable", user="root")
    world.settle()
    assert call.status == (Code.FAILED_PRECONDITION, "etcdserver: authentication is not enabled")


# -- tokens -----------------------------------------------------------------------------------------------------


def test_use_keeps_a_token_alive_and_rest_ends_it(world: AuthWorld) -> None:
    get = rpc.RangeRequest(key=b"a")
    for _ in range(4):
        world.elapse(TOKEN_TTL * 0.9)
        assert world.call("KV/Range", get, user="u").count == 0
    world.elapse(TOKEN_TTL + 1)
    assert world.call("KV/Range", get, user="u") == INVALID
    world.log_in("u")
    assert world.call("KV/Range", get, user="u").count == 0


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Auth/UserChangePassword", rpc.AuthUserChangePasswordRequest(name="u", password=PASSWORD)),
        ("Auth/UserDelete", rpc.AuthUserDeleteRequest(name="u")),
    ],
)
def test_a_new_password_and_deletion_take_the_tokens(world: AuthWorld, method: str, request_: Any) -> None:
    world.must(method, request_)
    assert world.call("KV/Range", rpc.RangeRequest(key=b"a"), user="u") == INVALID
    assert not isinstance(world.call("KV/Range", rpc.RangeRequest(key=b"a"), user="root"), tuple)


def test_roles_act_at_once_on_the_token_at_hand(world: AuthWorld) -> None:
    get = rpc.RangeRequest(key=b"a")
    assert world.call("KV/Range", get, user="u").count == 0
    world.must("Auth/UserRevokeRole", rpc.AuthUserRevokeRoleRequest(name="u", role="u"))
    assert world.call("KV/Range", get, user="u") == DENIED
    world.must("Auth/UserGrantRole", rpc.AuthUserGrantRoleRequest(user="u", role="u"))
    assert world.call("KV/Range", get, user="u").count == 0


def test_a_request_on_its_way_when_roles_change_is_old(world: AuthWorld) -> None:
    """Proposed under one auth revision, applied under the next."""
    change = world.start("Auth/RoleAdd", rpc.AuthRoleAddRequest(name="another"), user="root")
    put = world.start("KV/Put", rpc.PutRequest(key=b"a"), user="u")
    world.settle()
    assert change.status == (0, "")
    assert put.status == OLD
    assert world.call("KV/Put", rpc.PutRequest(key=b"a"), user="u").header.revision == 2


def test_a_request_on_its_way_when_it_is_switched_on_has_no_name(world: AuthWorld) -> None:
    world.must("Auth/AuthDisable")
    enable = world.start("Auth/AuthEnable")
    put = world.start("KV/Put", rpc.PutRequest(key=b"a"))
    world.settle()
    assert enable.status == (0, "")
    assert put.status == EMPTY


def test_a_range_in_slices_looks_again_at_its_end(world: AuthWorld) -> None:
    fill = [rpc.RequestOp(request_put=rpc.PutRequest(key=b"a%05d" % n, value=b"v" * 100)) for n in range(128)]
    for base in range(0, 128 * 40, 128):
        for n, op in enumerate(fill):
            op.request_put.key = b"a%05d" % (base + n)
        world.must("KV/Txn", rpc.TxnRequest(success=fill))
    everything = rpc.RangeRequest(key=b"a", range_end=b"b", sort_order=2)  # type: ignore[arg-type]
    call = world.start("KV/Range", everything, user="u")
    while call.status is None:  # change something between the first slice and the last
        world.auth.add_role(f"r{world.auth.revision}")
        turn = world.world.loop.turns
        assert turn
        turn.popleft()()
    assert call.status == OLD


def test_a_range_stream_looks_again_at_its_end(world: AuthWorld) -> None:
    for n in range(15):
        world.must("KV/Put", rpc.PutRequest(key=b"a%02d" % n))
    call = world.start("KV/RangeStream", rpc.RangeRequest(key=b"a", range_end=b"b"), user="u")
    world.auth.add_role("another")
    world.settle()
    assert call.status == OLD
    assert sum(len(each.range_response.kvs) for each in call.sent) == 15


# -- the lease that ends ----------------------------------------------------------------------------------------


def test_the_member_ends_leases_in_the_name_of_root(world: AuthWorld) -> None:
    world.must("Lease/LeaseGrant", rpc.LeaseGrantRequest(ID=3, TTL=2))
    world.must("KV/Put", rpc.PutRequest(key=b"z", lease=3))
    world.expiry.start()
    for _ in range(10):
        world.elapse(0.5)
    assert world.must("KV/Range", rpc.RangeRequest(key=b"z")).count == 0
    assert entries(world)[-1][0] == "lease_revoke" and entries(world)[-1][2].username == "root"
