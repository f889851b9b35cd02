"""The key file: made once, read by one person, missed loudly."""

import multiprocessing
import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from app.keys import KeyRing, KeyTrouble, load_keys

RING = KeyRing.from_master(bytes(32))


def test_a_first_start_makes_a_key_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "rouge.key"
    ring = load_keys(path, create=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_keys(path, create=False) == ring


def _make(path: Path, found: multiprocessing.Queue) -> None:
    found.put(load_keys(path, create=True).field)


def test_two_first_starts_at_once_agree_on_one_key(tmp_path: Path) -> None:
    found: multiprocessing.Queue = multiprocessing.Queue()
    starts = [multiprocessing.Process(target=_make, args=(tmp_path / "rouge.key", found)) for _ in range(6)]
    for start in starts:
        start.start()
    fields = {found.get(timeout=20) for _ in starts}
    for start in starts:
        start.join()
    assert len(fields) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["rouge.key"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "key_file_missing"),
        ("", "key_file_damaged"),
        ("rouge-master-key-1:zz", "key_file_damaged"),
        ("rouge-master-key-1:00ff", "key_file_damaged"),
        ("something else", "key_file_damaged"),
    ],
)
def test_a_missing_or_damaged_key_says_which(tmp_path: Path, content: str | None, code: str) -> None:
    path = tmp_path / "rouge.key"
    if content is not None:
        path.write_text(content)
    with pytest.raises(KeyTrouble) as trouble:
        load_keys(path, create=False)
    assert trouble.value.code == code


def test_a_sealed_field_opens_only_in_its_own_place() -> None:
    sealed = RING.seal("13800138000", "customers.phone")
    assert RING.open(sealed, "customers.phone") == "13800138000"
    assert b"13800138000" not in sealed
    with pytest.raises(InvalidTag):
        RING.open(sealed, "customers.wechat")
    with pytest.raises(InvalidTag):
        KeyRing.from_master(bytes(31) + b"1").open(sealed, "customers.phone")


def test_equal_values_seal_differently_but_share_their_blind_index() -> None:
    assert RING.seal("x", "a.b") != RING.seal("x", "a.b")
    assert RING.blind_index("x", "a.b") == RING.blind_index("x", "a.b")
    assert RING.blind_index("x", "a.b") != RING.blind_index("x", "a.c")
