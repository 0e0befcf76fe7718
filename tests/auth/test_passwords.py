"""Records as Go's bcrypt writes and reads them."""

from __future__ import annotations

import pytest

from pyetcd.auth.passwords import allowed_cost, hash_password, is_password
from pyetcd.errors import PasswordTooLong

SALT = bytes(range(16))
BY_GO = {  # bcrypt.GenerateFromPassword(password, 4) of golang.org/x/crypto v0.53.0
    b"secret": b"$2a$04$pJ8xq64sNs2oaMg09zPilOPuOimtVBRHDzMR3fDn012/d.EhfgNLu",
    b"": b"$2a$04$ZNeJkZpHipobpwgeI4Q6N.CWnzSnT4VXiw/EFtoL3ZRBddDk6isGm",
    b"a\0b": b"$2a$04$pckd966X9SnUGAY6Z2kaBu3MqhGciGBm.8HHRlv2swXhigEu6CPeK",
}


@pytest.mark.parametrize("password", BY_GO)
def test_records_of_official_etcd_let_their_owners_in(password: bytes) -> None:
    for other, record in BY_GO.items():
        assert is_password(password, record) is (other == password)


def test_a_record_has_go_s_shape_and_the_salt_decides() -> None:
    record = hash_password(b"secret", 4, SALT)
    assert record.startswith(b"$2a$04$") and len(record) == 60
    assert record == hash_password(b"secret", 4, SALT)
    assert record != hash_password(b"secret", 4, SALT[::-1])
    assert is_password(b"secret", record) and not is_password(b"Secret", record)


@pytest.mark.parametrize("password", [b"", b"\0", b"a\0b", "пароль".encode(), b"x" * 72])
def test_every_password_up_to_72_bytes_comes_back(password: bytes) -> None:
    record = hash_password(password, 4, SALT)
    assert is_password(password, record)
    assert not is_password(password[:-1] + b"!", record)


def test_longer_ones_are_refused_for_storing_and_cut_for_comparing() -> None:
    with pytest.raises(PasswordTooLong, match="bcrypt: password length exceeds 72 bytes"):
        hash_password(b"x" * 73, 4, SALT)
    assert is_password(b"x" * 100, hash_password(b"x" * 72, 4, SALT))


@pytest.mark.parametrize("stored", [b"", b"plain", b"$2a$04$", b"$2a$04$" + b"!" * 53, b"$2a$99$" + b"a" * 53])
def test_what_is_no_record_lets_nobody_in(stored: bytes) -> None:
    assert not is_password(b"", stored)
    assert not is_password(stored, stored)


@pytest.mark.parametrize(("given", "used"), [(3, 10), (4, 4), (10, 10), (31, 31), (32, 10), (0, 10)])
def test_costs_outside_of_bcrypt_s_mean_ten(given: int, used: int) -> None:
    assert allowed_cost(given) == used
