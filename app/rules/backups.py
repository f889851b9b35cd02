"""Backups: what one says about itself, when one is no good, and which old ones are no longer needed."""

import json
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.rules.refusals import RuleBroken, words

FORMAT = 1
KEEP_NEWEST = 7
"""The newest ones stay, however old. Ages are counted from the oldest of these: a clock that was wrong for a night, or
for six, must not take the others away."""
KEEP_DAYS = 35
"""Every nightly backup of five weeks before those: a mistake is often found with the month's accounts."""
KEEP_MONTHS = 12
"""And the first of each month for a year."""
HOW_TO_CLOSE = "Ctrl+C, systemctl stop rouge, docker compose stop rouge worker"
_NAME = re.compile(r"rouge-(\d{8}T\d{6})Z(?:\.(unverified|before-restore))?(?:\.\d+)?\.backup")


class BackupUnusable(RuleBroken):
    """This file must not be restored. Subclasses say why."""

    code = "backup_unusable"
    message = words("这份备份不能用。")


class NotABackup(BackupUnusable):
    """Some other file."""

    code = "not_a_backup"
    message = words("{file} 不是胭脂的备份文件。")


class BackupOfAnotherFormat(BackupUnusable):
    """Written by a program that writes backups differently."""

    code = "backup_of_another_format"
    message = words("{file} 是另一个版本的备份格式（{found}），这个程序只认得格式 {known}。请用写下它的那个版本恢复。")


class BackupOfAnotherKey(BackupUnusable):
    """Another shop's, or this shop's key was exchanged."""

    code = "backup_of_another_key"
    message = words("密钥文件打不开 {file}：它是另一家店的备份，或者开头已损坏。请换成写下它的那家店的密钥文件。")


class BackupDamaged(BackupUnusable):
    """Not byte for byte what was written, or not what its own list says."""

    code = "backup_damaged"
    message = words("{file} 已损坏或不完整（{reason}），不能用来恢复。请换一份备份。")


class BackupNewer(BackupUnusable):
    """Its tables are of a later version than this program."""

    code = "backup_newer"
    message = words("{file} 是更新版本的胭脂写的（表结构 {revision}），旧程序不能恢复它。请升级程序。")


class BackupOfAnotherDatabase(BackupUnusable):
    """A SQLite backup for a shop on PostgreSQL, or the other way round."""

    code = "backup_of_another_database"
    message = words("{file} 是 {theirs} 的备份，而这里用的是 {ours}。请改 ROUGE_DATABASE_URL，使两边一致再恢复。")


class BackupNotMade(RuleBroken):
    """The backup could not be made; nothing is left of the try."""

    code = "backup_not_made"
    message = words("没有备份成：{reason}")


class BackupFolderTaken(BackupNotMade):
    """Something else lies where the folder should be, or the disk it leads to is not there."""

    code = "backup_folder_taken"
    message = words(
        "没有备份成：{folder} 应该是放备份的文件夹，却是一个文件，或指向一块没接上的盘。请把它移走或接上那块盘，再试。"
    )


class BackupFolderShut(BackupNotMade):
    """Nobody lets us write there."""

    code = "backup_folder_shut"
    message = words("没有备份成：不能写入备份文件夹 {folder}。请检查它的主人和权限，再试。")


class NoRoomToRestore(RuleBroken):
    """Found out before anything is touched."""

    code = "no_room_to_restore"
    message = words("恢复要用约 {need} MB，而 {folder} 所在的磁盘只剩 {free} MB。什么都没有改动，请腾出空间再试。")
    status = 507


class DumpProgramMissing(BackupNotMade):
    """PostgreSQL is copied by its own programs, which are not here or too old."""

    code = "dump_program_missing"
    message = words(
        "备份 PostgreSQL {version} 要用同版本或更新的 pg_dump 和 pg_restore，这台机器上没有。"
        "请安装：apt-get install postgresql-client-{version}"
    )


class MayNotMakeDatabases(BackupNotMade):
    """A backup of PostgreSQL is tried out in a database of its own."""

    code = "may_not_make_databases"
    message = words(
        "核对和恢复备份要在 PostgreSQL 里另建一个临时数据库，而用户 {user} 没有这个权限。"
        "请管理员执行：ALTER ROLE {user} CREATEDB"
    )


class ShopIsOpen(RuleBroken):
    """Nothing may be put in the place of data that somebody is using."""

    code = "shop_is_open"
    message = words("胭脂正在运行，什么都没有改动。请先关店（{how}），再恢复。")
    status = 409


class RestoreIsRunning(RuleBroken):
    """Nobody may work on data that is about to be replaced."""

    code = "restore_is_running"
    message = words("正在恢复备份，请等它完成再试。")
    status = 409


@dataclass(frozen=True)
class Part:
    """One file inside a backup, as it must come out again."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup says about itself. `counts` are the rows of every table; the head is the newest sealed entry of the
    journal, None where there was none. `database` is "sqlite" or "postgresql", `server` its version."""

    made_at: datetime
    program: str
    database: str
    server: str
    revision: str
    shop_name: str
    counts: dict[str, int]
    parts: tuple[Part, ...]
    head_id: int | None = None
    head_seal: str | None = None

    @property
    def rows(self) -> int:
        """Rows in all tables."""
        return sum(self.counts.values())

    def to_json(self) -> bytes:
        """As it lies in the file."""
        return json.dumps(asdict(self) | {"made_at": self.made_at.isoformat()}, sort_keys=True).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Read back. Raises ValueError, TypeError or KeyError for what is not one."""
        values = json.loads(text)
        parts = tuple(Part(**part) for part in values.pop("parts"))
        return cls(**values | {"made_at": datetime.fromisoformat(values["made_at"]), "parts": parts})


@dataclass(frozen=True)
class Name:
    """What a backup's file name says: when, and whether it was tried out when it was made."""

    made_at: datetime
    is_verified: bool
    is_before_restore: bool = False


def file_name(made_at: datetime, label: str = "") -> str:
    """`rouge-20261124T030000Z.backup`; `label` is "unverified" or "before-restore"."""
    return f"rouge-{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}{label and f'.{label}'}.backup"


def name_of(file_name: str) -> Name | None:
    """What a file name says; None when it is not a backup's."""
    found = _NAME.fullmatch(file_name)
    if found is None:
        return None
    made_at = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return Name(made_at, found[2] != "unverified", found[2] == "before-restore")


def kept_since(moments: Collection[datetime], *, now: datetime) -> datetime | None:
    """From when on every good backup made at `moments` is kept; None while there are so few that nothing goes. One from
    the future says nothing about age."""
    newest = sorted(moment for moment in moments if moment <= now)[-KEEP_NEWEST:]
    return newest[0] - timedelta(days=KEEP_DAYS) if len(newest) == KEEP_NEWEST else None


def superseded(moments: Collection[datetime], *, now: datetime, zone: ZoneInfo) -> set[datetime]:
    """Which of the good backups made at `moments` are no longer needed: those before `kept_since` that are not the first
    of one of the KEEP_MONTHS months on the shop's calendar that end with it. Never one of the KEEP_NEWEST."""
    since = kept_since(moments, now=now)
    if since is None:
        return set()
    kept = {moment for moment in moments if moment > since}
    here = (since + timedelta(days=KEEP_DAYS)).astimezone(zone)
    months_now, firsts = here.year * 12 + here.month, set()
    for moment in sorted(moments):
        local = moment.astimezone(zone)
        month = local.year * 12 + local.month
        if month not in firsts and months_now - month < KEEP_MONTHS:
            firsts.add(month)
            kept.add(moment)
    return set(moments) - kept
