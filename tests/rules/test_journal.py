"""A seal says what an entry says and what stood before it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.rules.journal import NO_SEAL, Record, fits, seal

KEY = b"k" * 32
ENTRY = Record(datetime(2026, 11, 24, 10, 30, tzinfo=UTC), 3, "小安", "update", "customers", 17, '{"name": "***"}')


@pytest.mark.parametrize(
    "change",
    [
        {"at": ENTRY.at + timedelta(microseconds=1)},
        {"staff_id": None},
        {"actor": "小红"},
        {"action": "delete"},
        {"subject": "visits"},
        {"subject_id": None},
        {"changes": "{}"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_in_an_entry_changes_its_seal(change: dict[str, object]) -> None:
    assert seal(KEY, NO_SEAL, replace(ENTRY, **change)) != seal(KEY, NO_SEAL, ENTRY)


def test_the_same_entry_after_another_has_another_seal() -> None:
    first = seal(KEY, NO_SEAL, ENTRY)
    assert seal(KEY, first, ENTRY) != first


def test_without_the_key_nobody_makes_a_seal() -> None:
    assert seal(b"another key of as many bytes ....", NO_SEAL, ENTRY) != seal(KEY, NO_SEAL, ENTRY)


def test_a_moment_has_one_seal_in_every_zone() -> None:
    there = ENTRY.at.astimezone(timezone(timedelta(hours=8)))
    assert seal(KEY, NO_SEAL, replace(ENTRY, at=there)) == seal(KEY, NO_SEAL, ENTRY)


def test_values_cannot_move_from_one_column_into_the_next() -> None:
    one, other = replace(ENTRY, actor="ab", action="c"), replace(ENTRY, actor="a", action="bc")
    assert seal(KEY, NO_SEAL, one) != seal(KEY, NO_SEAL, other)


@pytest.mark.parametrize(
    ("stored", "is_after_sealed", "answer"),
    [
        (b"right", False, True),
        (b"right", True, True),
        (b"wrong", False, False),
        (None, False, True),
        (None, True, False),
    ],
)
def test_only_what_is_older_than_seals_may_be_without(
    stored: bytes | None, is_after_sealed: bool, answer: bool
) -> None:
    assert fits(stored, b"right", is_after_sealed=is_after_sealed) is answer
