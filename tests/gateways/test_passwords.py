"""Password hashes: strong, two at a time, telling nothing about who is there."""

from collections.abc import Iterator
from threading import Event, Thread
from time import perf_counter

import pytest
from argon2 import PasswordHasher, extract_parameters
from pwdlib.hashers.argon2 import Argon2Hasher

from app.gateways import passwords
from app.gateways.passwords import SignInBusy, hash_password, new_password, verify_password
from app.rules.passwords import check_password
from tests.conftest import STRONG

PASSWORD = "violet-harbor-nineteen"


@pytest.fixture(autouse=True)
def _as_the_house_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Not as cheaply as in the other tests."""
    monkeypatch.setattr(passwords, "_hashing", STRONG)
    passwords._nobodys_hash.cache_clear()
    yield
    passwords._nobodys_hash.cache_clear()


def test_a_hash_is_argon2id_as_strong_as_the_house_wants() -> None:
    kept = hash_password(PASSWORD)
    parameters = extract_parameters(kept)
    assert kept.startswith("$argon2id$")
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (65536, 3, 4)
    assert len(kept) <= 200
    assert kept != hash_password(PASSWORD)


def test_only_the_right_password_opens() -> None:
    kept = hash_password(PASSWORD)
    assert verify_password(PASSWORD, kept) == (True, None)
    for wrong in ("", PASSWORD + " ", PASSWORD.upper(), "\x00", "密" * 200):
        assert verify_password(wrong, kept) == (False, None)


def test_a_weaker_hash_is_renewed_on_the_way_in() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    is_right, fresh = verify_password(PASSWORD, weak)
    assert is_right
    assert verify_password(PASSWORD, fresh) == (True, None)
    assert verify_password("wrong", weak) == (False, None)


@pytest.mark.parametrize("kept", ["", "!", "plain text", "$argon2id$broken", "$2b$12$" + "x" * 53])
def test_what_is_no_hash_opens_to_nobody(kept: str) -> None:
    assert verify_password("!", kept) == (False, None)


def test_an_unknown_login_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, work = hash_password(PASSWORD), []
    verify_password(PASSWORD, None)
    verify = Argon2Hasher.verify
    monkeypatch.setattr(Argon2Hasher, "verify", lambda *given: work.append(1) or verify(*given))
    seconds = {}
    for name, candidate in (("known", kept), ("unknown", None)):
        started = perf_counter()
        assert verify_password("wrong", candidate) == (False, None)
        seconds[name] = perf_counter() - started
    assert len(work) == 2
    assert seconds["unknown"] > 0.2 * seconds["known"]


def test_two_are_hashed_at_a_time_a_few_wait_and_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, running, most, refused = Event(), [], [], []

    def slow(self: Argon2Hasher, password: str, *, salt: bytes | None = None) -> str:
        running.append(1)
        most.append(len(running))
        gate.wait(10)
        running.pop()
        return "a hash"

    def hash_one() -> None:
        try:
            hash_password(PASSWORD)
        except SignInBusy:
            refused.append(1)

    monkeypatch.setattr(Argon2Hasher, "hash", slow)
    threads = [Thread(target=hash_one) for _ in range(20)]
    for thread in threads:
        thread.start()
    while len(refused) < 12 or len(running) < 2:
        assert any(thread.is_alive() for thread in threads)
    gate.set()
    for thread in threads:
        thread.join(10)
    assert (max(most), len(most), len(refused)) == (2, 8, 12)
    monkeypatch.undo()
    assert hash_password(PASSWORD)


def test_a_generated_password_is_good_and_new_each_time() -> None:
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        check_password(password)
        assert set(password) <= set(passwords._ALPHABET) | {"-"}
