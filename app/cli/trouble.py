"""What goes wrong before the shop is open, as one sentence with the mending line."""

import errno
from collections.abc import Callable

from alembic.util import CommandError
from pydantic import ValidationError
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from app import i18n
from app.keys import KeyTrouble
from app.rules.refusals import RuleBroken, words
from app.settings import Settings

_KEY_TROUBLE = {
    "not_opened": words("这里还没有开过店：{path}。先运行 rouge serve 开店；店在别处，就用 ROUGE_DATA_DIR 指明。"),
    "key_file_missing": words(
        "找不到密钥文件 {path}。没有它，谁也打不开数据。请把当初另存的密钥放回这个位置，或用 ROUGE_KEY_FILE 指明在哪里。"
    ),
    "key_file_unreadable": words("密钥文件 {path} 读不出来。请检查它的主人和权限：chmod 600 {path}"),
    "key_file_damaged": words("密钥文件 {path} 已损坏。请用另存的那份替换它。"),
    "wrong_key": words(
        "密钥文件 {path} 打不开这份数据：它不是这家店的密钥，或者数据库文件已损坏。"
        "请换成这家店自己的密钥文件；密钥没换过的，请用备份恢复。"
    ),
}
_NO_SPACE = words("磁盘满了，什么都没有保存。请在 {data} 所在的磁盘上腾出空间再试。")
_READ_ONLY = words("数据文件夹 {data} 不能写入。请检查它的主人和权限，或用 ROUGE_DATA_DIR 换一个位置。")
_DAMAGED = words("数据库文件 {file} 已损坏，什么都没有改动。请先另存一份，再用最近的备份恢复。")
_BUSY = words("数据库正被另一个程序占用，稍等一会儿再试。")
_NO_POSTGRES = words("连不上 PostgreSQL。请检查它是否在运行，以及 ROUGE_DATABASE_URL 里的地址、用户和密码。")
_BAD_URL = words("ROUGE_DATABASE_URL 写得不对，应像 postgresql+psycopg://用户:密码@主机:5432/数据库。")
_NEWER = words("这份数据是更新版本的胭脂写的，旧程序不能打开。请升级程序。")
_SQLITE: tuple[tuple[str, str], ...] = (
    ("disk is full", _NO_SPACE),
    ("malformed", _DAMAGED),
    ("not a database", _DAMAGED),
    ("disk I/O error", _DAMAGED),
    ("readonly", _READ_ONLY),
    ("unable to open", _READ_ONLY),
    ("locked", _BUSY),
)


def sentence_for(error: Exception, settings: Settings) -> str | None:
    """The sentence for an error that the operator can mend; None for one that is ours."""
    say: Callable[[str], str] = i18n.gettext
    if isinstance(error, KeyTrouble):
        return say(_KEY_TROUBLE[error.code]).format(path=error.path)
    if isinstance(error, RuleBroken):
        return error.say(say)
    message = _message_for(error, settings)
    return say(message).format(data=settings.data_dir, file=settings.sqlite_path) if message else None


def _message_for(error: Exception, settings: Settings) -> str | None:
    if isinstance(error, ArgumentError | NoSuchModuleError | ModuleNotFoundError) and settings.database_url:
        return _BAD_URL
    if isinstance(error, CommandError):
        return _NEWER if "locate revision" in str(error) else None
    if isinstance(error, DBAPIError):
        if settings.database_url:
            return _NO_POSTGRES if error.connection_invalidated or _is_unconnected(error) else None
        text = str(error.orig)
        return next((message for sign, message in _SQLITE if sign in text), None)
    if isinstance(error, OSError):
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return _NO_SPACE
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}:
            return _READ_ONLY
    return None


def _is_unconnected(error: DBAPIError) -> bool:
    """psycopg gives an error of connecting no SQLSTATE: the server never answered, or refused the log-in."""
    return getattr(error.orig, "sqlstate", None) is None


def settings_sentence(error: ValidationError) -> str:
    """Which setting cannot be used. Both languages: the setting of the language may be the wrong one."""
    names = ", ".join(f"ROUGE_{str(item['loc'][0]).upper()}" for item in error.errors() if item["loc"])
    return f"设置写得不对，请检查环境变量或 .env：{names} · cannot be used, see .env.example"  # data: both languages
