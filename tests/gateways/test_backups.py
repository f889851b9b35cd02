"""A backup counts only when it was restored: made under writes, refused when damaged, put back whole, the old ones gone."""

import errno
import os
import random
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlcipher3
from sqlalchemy import create_engine, make_url, text
from sqlmodel import col, select

from app.actions.backups import note_restore
from app.audit import Actor
from app.columns import opened as opened_text
from app.db import Database, is_migrated, migrate, open_database
from app.gateways import backups
from app.gateways.backups import (
    container,
    create_backup,
    last_good_backup,
    list_backups,
    postgres,
    restoring,
    verify_backup,
)
from app.gateways.backups.container import CHUNK, Reader, Writer, open_backup
from app.gateways.backups.restoring import Restored, restore_backup
from app.gateways.presence import at_work
from app.keys import load_keys
from app.models import AuditEntry, Counter, Customer, Staff, StaffSession, Tag, Tier
from app.queries.journal import verify_chain
from app.rules import backups as rules
from app.rules.backups import (
    FORMAT,
    BackupDamaged,
    BackupFolderTaken,
    BackupNewer,
    BackupNotMade,
    BackupOfAnotherDatabase,
    BackupOfAnotherFormat,
    BackupOfAnotherKey,
    BackupUnusable,
    DumpProgramMissing,
    Manifest,
    MayNotMakeDatabases,
    NoRoomToRestore,
    NotABackup,
    RestoreIsRunning,
    ShopIsOpen,
)
from app.settings import Settings
from app.vocabulary import AuditAction, Role
from tests.conftest import NOW, isolated

OTHER_KEY = "rouge-master-key-1:" + "11" * 32


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The shop's database, closed afterwards."""
    database = open_database(settings)
    try:
        yield database
    finally:
        database.engine.dispose()


def add_tags(settings: Settings, *names: str) -> None:
    """Rows of the shop's own."""
    with opened(settings) as database, database.writing() as session:
        session.add_all(Tag(name=name) for name in names)


def tags(settings: Settings) -> list[str]:
    """Those rows."""
    with opened(settings) as database, database.reading() as session:
        return [name for name in session.exec(select(Tag.name).order_by(col(Tag.id))) if name.startswith("t")]


def make(settings: Settings, **options: object) -> Path:
    """A backup of the shop."""
    with opened(settings) as database:
        return create_backup(database, settings, now=NOW, **options).file  # type: ignore[arg-type]


def restore(settings: Settings, path: Path, agree: Callable[[Manifest], None] = lambda _: None) -> Restored:
    """Put it back as the command does."""
    return restore_backup(
        settings,
        path,
        now=NOW,
        agree=agree,
        finish=lambda session, manifest: note_restore(session, manifest, now=NOW),
        actor=Actor("test"),
    )


def left_over(settings: Settings) -> list[str]:
    """What a backup or restore must not leave behind."""
    found = [path.name for path in settings.data_dir.glob(".scratch-*")]
    found += [path.name for path in settings.backups_dir.glob(".*")]
    if settings.database_url:
        url = make_url(settings.database_url)
        engine = create_engine(url.set(database="postgres"))
        with engine.connect() as connection:
            names = connection.execute(text("SELECT datname FROM pg_database")).scalars()
            found += [name for name in names if name.startswith(f"{url.database}_")]
        engine.dispose()
    return found


# ── There and back ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_restore_brings_back_the_shop_as_it_was_and_nobody_stays_signed_in(settings: Settings) -> None:
    add_tags(settings, "t1", "t2")
    with opened(settings) as database, database.writing() as session:
        session.add(Staff(name="兰", login="lan", password_hash="x", role=Role.OWNER))
        session.flush()
        who = session.exec(select(Staff.id)).one() or 0
        visit = {"staff_id": who, "created_at": NOW, "last_seen_at": NOW, "expires_at": NOW + timedelta(days=1)}
        session.add(StaffSession(sid_sha256=b"1" * 32, **visit))
    path = make(settings)
    add_tags(settings, "t3")
    done = restore(settings, path)
    assert tags(settings) == ["t1", "t2"]
    assert done.manifest.counts["staff_sessions"] == 1
    with opened(settings) as database, database.reading() as session:
        assert session.exec(select(StaffSession.ended_at)).one() == NOW
        assert is_migrated(database)
        assert verify_chain(session).is_whole
        newest = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
        assert newest
        assert (newest.action, newest.actor) == (AuditAction.RESTORE, "test")
    assert left_over(settings) == []
    # What was there before was kept, and can be brought back in its turn.
    assert ".before-restore." in done.safety
    restore(settings, Path(done.safety))
    assert tags(settings) == ["t1", "t2", "t3"]


def test_another_machine_needs_the_backup_and_the_key_and_nothing_else(settings: Settings, tmp_path: Path) -> None:
    add_tags(settings, "t1")
    with opened(settings) as database, database.writing() as session:
        tier_id = session.exec(select(Tier.id)).first()
        session.add(Customer(member_no="A-1", name="她", phone="+8613912345678", tier_id=tier_id))
    path = make(settings)
    new = isolated(tmp_path / "new machine", database_url=settings.database_url)
    new.key_path.parent.mkdir(parents=True)
    shutil.copy(settings.key_path, new.key_path)
    carried = shutil.copy(path, tmp_path)
    if settings.database_url:
        empty_database(settings)
    done = restore(new, Path(carried))
    assert done.safety == ""
    assert tags(new) == ["t1"]
    with opened(new) as database, database.reading() as session:
        assert opened_text(session.exec(select(Customer)).one().phone) == "+8613912345678"
    if not settings.database_url:
        assert stat.S_IMODE(new.sqlite_path.stat().st_mode) == 0o600


def empty_database(settings: Settings) -> None:
    """As a new server has it."""
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


def test_older_tables_are_brought_up_to_date(settings: Settings) -> None:
    with opened(settings) as database:
        migrate(database, settings, "20261125")
        path = create_backup(database, settings, now=NOW).file
        migrate(database, settings)
    add_tags(settings, "t1")
    done = restore(settings, path)
    assert done.manifest.revision == "20261125"
    assert tags(settings) == []
    with opened(settings) as database:
        assert is_migrated(database)


def test_pictures_come_back_beside_those_that_are_there(sqlite_settings: Settings) -> None:
    old, new = sqlite_settings.media_dir / "ab" / "old.jpg", sqlite_settings.media_dir / "new.jpg"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old" * 700_000)
    path = make(sqlite_settings)
    old.unlink()
    new.write_bytes(b"new")
    restore(sqlite_settings, path)
    assert old.read_bytes() == b"old" * 700_000
    assert new.read_bytes() == b"new"


def _xored(whole: bytes) -> bytes:
    return whole[:200_000] + bytes(byte ^ 0xFF for byte in whole[200_000:260_000]) + whole[260_000:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"\x55" * 20_000 + whole[20_000:],
        _xored,
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2),
        lambda whole: whole[:-1000],
        lambda whole: whole[:100],
    ],
    ids=["its start", "in the middle", "cut in half", "zeros from the half on", "a piece of the end", "hardly begun"],
)
def test_a_database_that_is_damaged_is_kept_beside_what_replaces_it(
    sqlite_settings: Settings, damage: Callable[[bytes], bytes]
) -> None:
    add_tags(sqlite_settings, "t1")
    path = make(sqlite_settings)
    whole = sqlite_settings.sqlite_path.read_bytes()
    damaged = damage(whole)
    assert damaged != whole
    sqlite_settings.sqlite_path.write_bytes(damaged)
    done = restore(sqlite_settings, path)
    assert tags(sqlite_settings) == ["t1"]
    assert ".damaged-" in done.safety
    assert Path(done.safety).read_bytes() == damaged


def test_a_disk_without_room_is_named_with_what_is_needed_before_anything_is_touched(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(sqlite_settings)
    add_tags(sqlite_settings, "t1")
    monkeypatch.setattr(restoring, "free_bytes", lambda folder: 1024 * 1024)
    with pytest.raises(NoRoomToRestore) as refused:
        restore(sqlite_settings, path)
    assert int(str(refused.value.values["need"])) > 1
    assert tags(sqlite_settings) == ["t1"]
    assert len(list_backups(sqlite_settings)) == 1


def test_a_lost_database_file_is_no_obstacle(sqlite_settings: Settings) -> None:
    add_tags(sqlite_settings, "t1")
    path = make(sqlite_settings)
    sqlite_settings.sqlite_path.unlink()
    assert restore(sqlite_settings, path).safety == ""
    assert tags(sqlite_settings) == ["t1"]


# ── While others write ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_backup_made_while_threads_write_is_of_one_moment(settings: Settings) -> None:
    """Each unit of work gives one side what it takes from the other: in any one moment the two sum to nothing."""
    with opened(settings) as database:
        with database.writing() as session:
            session.add_all([Counter(name="left"), Counter(name="right")])
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                with database.writing() as session:
                    both = select(Counter).where(col(Counter.name).in_(["left", "right"])).order_by(col(Counter.name))
                    left, right = session.exec(both.with_for_update()).all()
                    left.value, right.value = left.value + 1, right.value - 1
                    session.add(Tag(name=f"t{left.value}"))

        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        while _side(database, "left") < 5:
            pass
        path = create_backup(database, settings, now=NOW).file
        torn = _side(database, "left") + _other_side_later(database)
        stop.set()
        for writer in writers:
            writer.join()
        at_the_end = _side(database, "left")
    restore(settings, path)
    with opened(settings) as database, database.reading() as session:
        left, right = _side(database, "left"), _side(database, "right")
        assert 5 <= left < at_the_end
        assert left + right == 0
        names = session.exec(select(Tag.name).where(col(Tag.name).startswith("t"))).all()
        assert {f"t{number}" for number in range(1, left + 1)} == {name for name in names if name[1:].isdigit()}
    # Control: read one after the other, the same two do not fit together.
    assert torn != 0


def _side(database: Database, name: str) -> int:
    with database.reading() as session:
        return session.exec(select(Counter.value).where(Counter.name == name)).one()


def _other_side_later(database: Database) -> int:
    before = _side(database, "right")
    while (now := _side(database, "right")) == before:
        pass
    return now


def test_a_mere_copy_of_the_file_misses_what_was_saved_and_a_backup_does_not(sqlite_settings: Settings) -> None:
    with opened(sqlite_settings) as database:
        with database.writing() as session:
            session.add_all(Tag(name=f"t{number}") for number in range(50))
        path = create_backup(database, sqlite_settings, now=NOW).file
        copied = sqlite_settings.data_dir / "copied" / "rouge.db"
        copied.parent.mkdir()
        shutil.copy(sqlite_settings.sqlite_path, copied)
    restore(sqlite_settings, path)
    assert len(tags(sqlite_settings)) == 50
    # Control: cp of the open database.
    assert (
        tags(sqlite_settings.model_copy(update={"data_dir": copied.parent, "key_file": sqlite_settings.key_path})) == []
    )


# ── Refused ───────────────────────────────────────────────────────────────────────────────────────────────────────────

Damage = Callable[[bytes], bytes]


def flipped(place: float) -> Damage:
    """One bit, that far into the file."""

    def damage(whole: bytes) -> bytes:
        at = int(place * (len(whole) - 1))
        return whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]

    return damage


def _moved(whole: bytes) -> bytes:
    """The first two chunks change places."""
    begin, size = container._HEADER, CHUNK + 16
    first, second = whole[begin : begin + size], whole[begin + size : begin + 2 * size]
    return whole[:begin] + second + first + whole[begin + 2 * size :]


def _without_a_chunk(whole: bytes) -> bytes:
    begin, size = container._HEADER, CHUNK + 16
    return whole[:begin] + whole[begin + size :]


def _format(number: int) -> Damage:
    at = len(container._MAGIC)
    return lambda whole: whole[:at] + number.to_bytes(2, "big") + whole[at + 2 :]


DAMAGES: dict[str, Damage] = {
    **{f"bit at {place}": flipped(place) for place in (0, 0.0000045, 0.00001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.9999, 1)},
    "empty": lambda whole: b"",
    "only the start": lambda whole: whole[:30],
    "cut in the middle": lambda whole: whole[: len(whole) // 2],
    "a byte short": lambda whole: whole[:-1],
    "added to": lambda whole: whole + b"\0",
    "twice": lambda whole: whole + whole,
    "zeros at the end": lambda whole: whole[:-5000] + bytes(5000),
    "chunks swapped": _moved,
    "a chunk missing": _without_a_chunk,
    "older format": _format(FORMAT - 1),
    "newer format": _format(FORMAT + 1),
    "a picture": lambda whole: b"\x89PNG\r\n\x1a\n" + bytes(5000),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> tuple[Settings, bytes]:
    """A shop and its backup of some megabytes."""
    data = tmp_path_factory.mktemp("sound") / "data"
    shutil.copytree(sqlite_template, data)
    settings = isolated(data)
    settings.media_dir.mkdir()
    (settings.media_dir / "a.jpg").write_bytes(random.Random(1).randbytes(2_500_000))
    whole = make(settings)
    content = whole.read_bytes()
    whole.unlink()
    add_tags(settings, "t-now")
    return settings, content


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_backup_is_refused_and_the_shop_stays_as_it_is(sound: tuple[Settings, bytes], name: str) -> None:
    settings, whole = sound
    path = settings.data_dir / "damaged.backup"
    path.write_bytes(DAMAGES[name](whole))
    before = settings.sqlite_path.read_bytes()
    with pytest.raises(BackupUnusable):
        verify_backup(settings, path)
    with pytest.raises(BackupUnusable):
        restore(settings, path)
    assert settings.sqlite_path.read_bytes() == before
    assert tags(settings) == ["t-now"]
    assert left_over(settings) == []
    assert list_backups(settings) == []


def test_the_sound_one_of_them_is_not_refused(sound: tuple[Settings, bytes]) -> None:
    settings, whole = sound
    path = settings.data_dir / "sound.backup"
    path.write_bytes(whole)
    assert verify_backup(settings, path).counts["tiers"] > 0


def test_without_authentication_most_damages_would_have_been_let_through(tmp_path: Path) -> None:
    """Control: SQLite's own check of a plain file, eight bytes changed somewhere in it."""
    plain = tmp_path / "plain.db"
    with sqlcipher3.connect(plain) as connection:
        connection.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT)")
        connection.executemany("INSERT INTO customers (name) VALUES (?)", [("顾客" * 40,) for _ in range(5000)])
    whole, chance, accepted = plain.read_bytes(), random.Random(2), 0
    for _ in range(20):
        at = chance.randrange(100, len(whole) - 8)
        plain.write_bytes(whole[:at] + chance.randbytes(8) + whole[at + 8 :])
        try:
            with sqlcipher3.connect(plain) as connection:
                accepted += connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        except sqlcipher3.DatabaseError:
            pass
    assert accepted > 10


def test_another_shops_key_is_named(sqlite_settings: Settings, tmp_path: Path) -> None:
    path = make(sqlite_settings)
    other = isolated(tmp_path / "other")
    other.key_path.parent.mkdir(parents=True)
    other.key_path.write_text(OTHER_KEY)
    for attempt in (verify_backup, restore):
        with pytest.raises(BackupOfAnotherKey):
            attempt(other, path)
    assert not other.sqlite_path.exists()


def test_what_is_no_backup_is_named(sqlite_settings: Settings, tmp_path: Path) -> None:
    for path in (tmp_path, sqlite_settings.sqlite_path, tmp_path / "nowhere"):
        with pytest.raises(NotABackup):
            verify_backup(sqlite_settings, path)


@pytest.mark.parametrize("number", [FORMAT - 1, FORMAT + 1])
def test_another_format_is_named(sqlite_settings: Settings, number: int) -> None:
    path = make(sqlite_settings)
    path.write_bytes(_format(number)(path.read_bytes()))
    with pytest.raises(BackupOfAnotherFormat):
        restore(sqlite_settings, path)


def rewritten(settings: Settings, path: Path, change: Callable[[Manifest], Manifest]) -> None:
    """The same parts, sealed with the right key, under another list: what only somebody with the key could make."""
    key = load_keys(settings.key_path, create=False).backup
    reader = open_backup(path, key)
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        writer = Writer(file, key)
        for part, content in reader.parts():
            with (path.parent / "part").open("w+b") as whole:
                whole.writelines(content)
                whole.seek(0)
                writer.add(part.name, whole)
        writer.finish(change(reader.manifest))
    draft.replace(path)
    (path.parent / "part").unlink()


def _with(**values: object) -> Callable[[Manifest], Manifest]:
    return lambda manifest: Manifest(**manifest.__dict__ | values)  # type: ignore[arg-type]


def test_tables_of_a_newer_program_are_named(sqlite_settings: Settings) -> None:
    path = make(sqlite_settings)
    rewritten(sqlite_settings, path, _with(revision="29990101"))
    with pytest.raises(BackupNewer):
        restore(sqlite_settings, path)


def test_a_backup_of_the_other_database_is_named(sqlite_settings: Settings) -> None:
    path = make(sqlite_settings)
    rewritten(sqlite_settings, path, _with(database="postgresql"))
    with pytest.raises(BackupOfAnotherDatabase):
        restore(sqlite_settings, path)


@pytest.mark.parametrize(
    "wrong", [{"head_id": 999}, {"head_seal": "00" * 32}, {"head_id": None, "head_seal": None}, {"parts": ()}]
)
def test_a_list_that_does_not_fit_what_came_out_is_refused(sqlite_settings: Settings, wrong: dict[str, object]) -> None:
    add_tags(sqlite_settings, "t1")
    path = make(sqlite_settings)
    rewritten(sqlite_settings, path, _with(**wrong))
    with pytest.raises(BackupDamaged):
        verify_backup(sqlite_settings, path)


def test_missing_rows_are_refused(sqlite_settings: Settings) -> None:
    path = make(sqlite_settings)
    rewritten(sqlite_settings, path, lambda manifest: _with(counts=manifest.counts | {"tags": 9999})(manifest))
    with pytest.raises(BackupDamaged, match="backup_damaged") as refused:
        verify_backup(sqlite_settings, path)
    assert "tags" in str(refused.value.values["reason"])


def test_a_part_that_leads_outside_is_refused(sqlite_settings: Settings) -> None:
    path = make(sqlite_settings)
    rewritten(
        sqlite_settings,
        path,
        lambda manifest: _with(parts=tuple(type(part)("../out", part.bytes, part.sha256) for part in manifest.parts))(
            manifest
        ),
    )
    with pytest.raises(BackupDamaged):
        verify_backup(sqlite_settings, path)
    assert not (sqlite_settings.data_dir / "out").exists()


# ── Closed and open ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_open_shop_is_not_replaced(sqlite_settings: Settings) -> None:
    path = make(sqlite_settings)
    add_tags(sqlite_settings, "t1")
    with at_work(sqlite_settings), pytest.raises(ShopIsOpen):
        restore(sqlite_settings, path)
    assert tags(sqlite_settings) == ["t1"]
    restore(sqlite_settings, path)
    assert tags(sqlite_settings) == []


def test_a_shop_in_use_without_our_lock_is_not_replaced_either(settings: Settings) -> None:
    """A program on another machine, or of an older version."""
    path = make(settings)
    with opened(settings) as database, database.reading() as session:
        session.exec(select(Tag)).first()
        with pytest.raises(ShopIsOpen):
            restore(settings, path)
    assert left_over(settings) == []
    assert not any(listed.name.is_before_restore for listed in list_backups(settings))


def test_nobody_begins_to_work_while_a_restore_runs(sqlite_settings: Settings) -> None:
    path = make(sqlite_settings)

    def agree(_: Manifest) -> None:
        with pytest.raises(RestoreIsRunning), at_work(sqlite_settings):
            pass

    restore(sqlite_settings, path, agree)


def test_a_no_leaves_everything_as_it_is(sqlite_settings: Settings) -> None:
    path = make(sqlite_settings)
    add_tags(sqlite_settings, "t1")

    def no(_: Manifest) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        restore(sqlite_settings, path, no)
    assert tags(sqlite_settings) == ["t1"]


def test_a_restore_that_breaks_before_the_exchange_changes_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(settings)
    add_tags(settings, "t1")

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "the disk broke")

    for module in (backups.sqlite, backups.postgres):
        monkeypatch.setattr(module, "swap_in", broken)
    with pytest.raises(OSError, match="the disk broke"):
        restore(settings, path)
    assert tags(settings) == ["t1"]
    assert left_over(settings) == []


# ── Made ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_its_owner_reads_a_backup_and_nothing_in_it_can_be_read(settings: Settings) -> None:
    add_tags(settings, "t-readable")
    path = make(settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    content = path.read_bytes()
    for secret in (b"t-readable", "胭脂".encode(), b"SQLite format", b"PGDMP", b"customers"):
        assert secret not in content
    assert settings.key_path.read_bytes().strip().split(b":")[1] not in content
    assert bytes.fromhex(settings.key_path.read_text().strip().split(":")[1]) not in content


def test_a_backup_is_written_down_in_the_journal(sqlite_settings: Settings) -> None:
    path = make(sqlite_settings)
    with opened(sqlite_settings) as database, database.reading() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == AuditAction.BACKUP)).one()
        assert str(path.stat().st_size) in entry.changes


def test_the_manifest_counts_every_table(settings: Settings) -> None:
    path = make(settings)
    manifest = open_backup(path, load_keys(settings.key_path, create=False).backup).manifest
    with opened(settings) as database, database.reading() as session:
        for table, count in manifest.counts.items():
            if table != "audit_entries":
                assert session.connection().execute(text(f"SELECT count(*) FROM {table}")).scalar() == count
    assert {"customers", "audit_entries", "alembic_version"} <= manifest.counts.keys()


def test_a_full_disk_leaves_nothing_that_looks_like_a_backup(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "finish", full)
        with pytest.raises(OSError, match="No space"):
            make(settings)
    assert list(settings.backups_dir.iterdir()) == []
    assert left_over(settings) == []
    assert make(settings).exists()


def test_a_backup_that_cannot_be_restored_is_not_kept(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(backups, "verify_chain", lambda session: _broken_verdict())
        with pytest.raises(BackupNotMade):
            make(sqlite_settings)
    assert list(sqlite_settings.backups_dir.iterdir()) == []


def _broken_verdict() -> object:
    class Verdict:
        is_whole, broken_id = False, 7

    return Verdict()


def test_what_was_not_tried_out_does_not_count_and_is_never_deleted(sqlite_settings: Settings) -> None:
    untried = make(sqlite_settings, verify=False)
    assert last_good_backup(sqlite_settings, now=NOW) is None
    assert not list_backups(sqlite_settings)[0].is_good
    verify_backup(sqlite_settings, untried)
    with opened(sqlite_settings) as database:
        create_backup(database, sqlite_settings, now=NOW + timedelta(days=5000))
    assert untried.exists()


def test_old_good_ones_go_and_whatever_cannot_be_read_stays(sqlite_settings: Settings) -> None:
    with opened(sqlite_settings) as database:
        old = create_backup(database, sqlite_settings, now=NOW - timedelta(days=800)).file
        unreadable = old.with_name(rules.file_name(NOW - timedelta(days=900)))
        unreadable.write_bytes(b"?")
        nights(old, *range(1, 7))
        given_up = Path(shutil.copy(old, old.with_name(rules.file_name(NOW - timedelta(days=60), "before-restore"))))
        made = create_backup(database, sqlite_settings, now=NOW)
    assert set(made.removed) == {old, given_up}
    assert not old.exists()
    assert unreadable.exists()
    last = last_good_backup(sqlite_settings, now=NOW)
    assert last
    assert last.file == made.file


def nights(path: Path, *days: int) -> list[Path]:
    """Good backups of as many days ago."""
    names = [rules.file_name(NOW - timedelta(days=number)) for number in days]
    return [Path(shutil.copy(path, path.with_name(name))) for name in names]


def test_a_moment_the_files_themselves_do_not_know_of_takes_none_away(sqlite_settings: Settings) -> None:
    """Retention as of 2030 over the nights of today."""
    path = make(sqlite_settings)
    there = [path, *nights(path, *range(1, 40))]
    assert backups.prune(sqlite_settings, now=NOW + timedelta(days=1200)) == ()
    assert all(night.exists() for night in there)


def test_neither_one_from_the_future_nor_what_was_given_up_in_a_restore_is_the_last_backup(
    sqlite_settings: Settings,
) -> None:
    path = make(sqlite_settings)
    shutil.copy(path, path.with_name(rules.file_name(NOW + timedelta(days=1200))))
    shutil.copy(path, path.with_name(rules.file_name(NOW + timedelta(minutes=1), "before-restore")))
    last = last_good_backup(sqlite_settings, now=NOW + timedelta(hours=1))
    assert last
    assert last.file == path


def test_a_file_where_the_folder_should_be_is_named(sqlite_settings: Settings) -> None:
    sqlite_settings.backups_dir.write_text("mine")
    with pytest.raises(BackupFolderTaken):
        make(sqlite_settings)
    assert sqlite_settings.backups_dir.read_text() == "mine"


def test_two_within_a_second_have_two_names_and_no_file_is_written_over(
    sqlite_settings: Settings, tmp_path: Path
) -> None:
    assert make(sqlite_settings) != make(sqlite_settings)
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(FileExistsError):
        make(sqlite_settings, out=there)
    assert there.read_text() == "mine"
    assert make(sqlite_settings, out=tmp_path).parent == tmp_path


def test_what_a_killed_try_left_behind_goes_with_the_next(sqlite_settings: Settings) -> None:
    (sqlite_settings.data_dir / ".scratch-old").mkdir()
    sqlite_settings.backups_dir.mkdir()
    (sqlite_settings.backups_dir / ".rouge-20261124T000000Z.backup.part").write_bytes(b"half")
    make(sqlite_settings)
    assert left_over(sqlite_settings) == []


# ── PostgreSQL's own programs ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_machine_without_the_programs_is_told_which_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
    monkeypatch.setattr(postgres.shutil, "which", lambda name: None)
    with pytest.raises(DumpProgramMissing) as refused:
        postgres._program("pg_dump", 17)
    assert "postgresql-client-17" in refused.value.say(str)


def test_the_same_version_is_taken_before_a_newer_one_and_an_older_one_never(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for version in (15, 16, 18):
        (tmp_path / str(version) / "bin").mkdir(parents=True)
        program = tmp_path / str(version) / "bin" / "pg_dump"
        program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}.1 (Debian {version}.1-1)'\n")
        program.chmod(0o755)
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
    monkeypatch.setattr(postgres.shutil, "which", lambda name: None)
    assert postgres._program("pg_dump", 16).parts[-3] == "16"
    assert postgres._program("pg_dump", 17).parts[-3] == "18"
    with pytest.raises(DumpProgramMissing):
        postgres._program("pg_dump", 19)


@pytest.mark.postgres
def test_a_user_who_may_not_make_databases_is_told_what_to_ask_for(settings: Settings) -> None:
    if not settings.database_url:
        pytest.skip("PostgreSQL only")
    url = make_url(settings.database_url)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE ROLE rouge_small LOGIN PASSWORD 'small'"))
        try:
            connection.execute(text("GRANT pg_read_all_data TO rouge_small"))
            small = url.set(username="rouge_small", password="small").render_as_string(hide_password=False)
            with pytest.raises(MayNotMakeDatabases):
                verify_backup(settings.model_copy(update={"database_url": small}), make(settings))
        finally:
            connection.execute(text("DROP OWNED BY rouge_small"))
            connection.execute(text("DROP ROLE rouge_small"))
    engine.dispose()


def test_parts_are_read_in_pieces_however_they_are_cut(tmp_path: Path) -> None:
    """Sizes around the borders of a chunk."""
    key, chance = b"k" * 32, random.Random(3)
    contents = [chance.randbytes(size) for size in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 0, 3 * CHUNK)]
    path = tmp_path / "x.backup"
    with path.open("wb") as file:
        writer = Writer(file, key)
        for number, content in enumerate(contents):
            (tmp_path / "part").write_bytes(content)
            with (tmp_path / "part").open("rb") as part:
                writer.add(str(number), part)
        values = {"program": "", "database": "sqlite", "server": "", "revision": "", "shop_name": "", "counts": {}}
        writer.finish(Manifest(made_at=NOW, parts=tuple(writer.parts), **values))  # type: ignore[arg-type]
    reader: Reader = open_backup(path, key)
    assert [b"".join(content) for _, content in reader.parts()] == contents
    assert os.path.getsize(path) < sum(map(len, contents)) + 2000
