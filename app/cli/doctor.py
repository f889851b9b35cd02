"""`rouge doctor`: what is right with this machine and this shop, what is not, and how to mend it."""

import json
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

import typer
from cryptography.exceptions import InvalidTag
from sqlalchemy import text
from sqlmodel import Session, col, select

from app import i18n
from app.cli import cli
from app.cli.trouble import sentence_for
from app.columns import opened
from app.db import Database, driver_version, is_migrated, open_database
from app.gateways.backups import last_backup_at, list_backups
from app.gateways.backups.postgres import check_able
from app.gateways.machine import NETWORK_FILE_SYSTEMS, ask_cdn, ask_mail, chinese_font, file_system_of, free_bytes
from app.gateways.pdf import FONT_LINE, FontMissing, PdfUnavailable, check_printable
from app.models import Customer, PublicToken
from app.queries.databases import newest_entry_at, sales_after
from app.queries.demo import has_demo
from app.queries.jobs import JobsHealth, jobs_health
from app.queries.journal import verify_chain
from app.queries.staff import has_owner
from app.rules.backups import BackupNotMade
from app.rules.jobs import Pulse
from app.rules.purchases import CLOCKS_APART
from app.settings import Settings, current_settings

_MIB = 1024 * 1024
_LITTLE_SPACE, _TOO_LITTLE_SPACE = 500 * _MIB, 50 * _MIB
_CLOCK_TOLERANCE_SECONDS = 120
_CLOCK_JUMP = timedelta(minutes=5)
_PLAIN_SQLITE = b"SQLite format 3\0"


class State(StrEnum):
    """How a check went. Only `wrong` makes the command fail."""

    FINE = "fine"
    NOTICE = "notice"
    WRONG = "wrong"


_SIGNS = {State.FINE: "✓", State.NOTICE: "!", State.WRONG: "✗"}


@dataclass(frozen=True)
class Check:
    """One finding in words; `mend` is the line that puts it right."""

    name: str
    state: State
    message: str
    mend: str = ""


@cli.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="给程序看的结果 · for programs")] = False,  # data
) -> None:
    """体检：字体、PDF、数据库、密钥、磁盘、时钟…… · check fonts, PDF, database, keys, disk, clock …

    有一项不行就返回 1 · exit 1 when something essential is wrong.
    """
    checks = list(examine(current_settings()))
    is_fine = all(check.state is not State.WRONG for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": is_fine, "checks": [asdict(check) for check in checks]}, ensure_ascii=False))
    else:
        for check in checks:
            typer.echo(f"{_SIGNS[check.state]} {check.message}")
            if check.mend:
                typer.echo(f"    → {check.mend}")
    raise typer.Exit(0 if is_fine else 1)


def examine(settings: Settings) -> Iterator[Check]:
    """Every check in turn. None of them changes anything, and none depends on another's success."""
    yield from _printing()
    yield _file_system(settings)
    yield _space(settings)
    yield from _keys(settings)
    yield from _database(settings)
    yield from _clock_and_cdn(settings)
    yield _mail(settings)
    yield _address(settings)


# ── The machine ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _printing() -> Iterator[Check]:
    family = chinese_font()
    try:
        check_printable("")
    except PdfUnavailable as trouble:
        message = i18n.gettext("缺少生成 PDF 的库，不能打印会员卡和海报；别的功能不受影响")
        yield Check("pdf", State.WRONG, message, str(trouble.values["mend"]))
    except FontMissing:
        yield Check("pdf", State.FINE, i18n.gettext("PDF 能生成"))
        family = None
    else:
        yield Check("pdf", State.FINE, i18n.gettext("PDF 能生成"))
        family = family or "?"
    if family:
        yield Check("fonts", State.FINE, i18n.gettext("中文字体：{family}").format(family=family))
    else:
        message = i18n.gettext("没有中文字体：会员卡和海报上的汉字会变成方框")
        yield Check("fonts", State.WRONG, message, FONT_LINE)


def _file_system(settings: Settings) -> Check:
    kind = file_system_of(settings.data_dir)
    where = {"data": settings.data_dir, "kind": kind}
    if kind in NETWORK_FILE_SYSTEMS and not settings.database_url:
        return Check(
            "file_system",
            State.WRONG,
            i18n.gettext("数据文件夹 {data} 在网络盘上（{kind}），SQLite 在那里可能损坏数据").format(**where),
            i18n.gettext("用 ROUGE_DATA_DIR 换到本机磁盘，或改用 PostgreSQL"),
        )
    message = i18n.gettext("数据文件夹：{data}（{kind}）") if kind else i18n.gettext("数据文件夹：{data}")
    return Check("file_system", State.FINE, message.format(**where))


def _space(settings: Settings) -> Check:
    free = free_bytes(settings.data_dir)
    message = i18n.gettext("磁盘剩余 {free} MB").format(free=f"{free // _MIB:,}")
    if free >= _LITTLE_SPACE:
        return Check("disk", State.FINE, message)
    state = State.WRONG if free < _TOO_LITTLE_SPACE else State.NOTICE
    return Check("disk", state, message, i18n.gettext("清理磁盘，至少留 500 MB；满了就存不进新的投诉和消费"))


def _clock_and_cdn(settings: Settings) -> Iterator[Check]:
    here = datetime.now(settings.zone)
    time = {"now": f"{here:%Y-%m-%d %H:%M}", "zone": settings.timezone}
    answer = ask_cdn(settings.htmx_url, settings.htmx_integrity)
    off = answer.clock_off_seconds if answer else None
    if off is not None and abs(off) > _CLOCK_TOLERANCE_SECONDS:
        message = i18n.gettext("时钟差了约 {minutes} 分钟（现在显示 {now}，{zone}）；答复时限会算错")
        yield Check("clock", State.WRONG, message.format(**time, minutes=abs(off) // 60), "timedatectl set-ntp true")
    else:
        yield Check("clock", State.FINE, i18n.gettext("现在是 {now}（{zone}）").format(**time))
    host = urlsplit(settings.htmx_url).netloc or settings.htmx_url
    if answer is None:
        message = i18n.gettext("连不上 CDN {host}：页面会改用自带的 htmx，功能不受影响")
        yield Check("cdn", State.NOTICE, message.format(host=host))
    elif not answer.is_pinned:
        message = i18n.gettext("CDN {host} 给的 htmx 和校验值不符，浏览器会拒绝它，页面改用自带的")
        yield Check(
            "cdn", State.NOTICE, message.format(host=host), i18n.gettext("核对 ROUGE_HTMX_URL 与 ROUGE_HTMX_INTEGRITY")
        )
    else:
        yield Check("cdn", State.FINE, i18n.gettext("CDN {host} 正常，校验值相符").format(host=host))


# ── The shop ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _keys(settings: Settings) -> Iterator[Check]:
    path = settings.key_path
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        # Whether a missing key is a disaster or a fresh start, the database check says.
        return
    if mode & 0o077:
        message = i18n.gettext("密钥文件 {path} 别人也能读（{mode}）")
        yield Check("key", State.WRONG, message.format(path=path, mode=f"{mode:o}"), f"chmod 600 {path}")
        return
    if path.resolve().is_relative_to((settings.data_dir / "backups").resolve()):
        message = i18n.gettext("密钥文件 {path} 放在备份文件夹里：拿到备份的人也就拿到了钥匙")
        yield Check("key", State.WRONG, message.format(path=path), i18n.gettext("移到别处，并设 ROUGE_KEY_FILE"))
        return
    message = i18n.gettext("密钥文件 {path} 只有主人能读。备份里没有它，请另存一份")
    yield Check("key", State.FINE, message.format(path=path))


def _database(settings: Settings) -> Iterator[Check]:
    if not settings.database_url and not settings.sqlite_path.exists():
        yield Check(
            "database", State.NOTICE, i18n.gettext("还没有数据库"), i18n.gettext("运行 rouge serve，第一次会自动建好")
        )
        return
    try:
        database = open_database(settings)
        with database.reading() as session:
            yield from _inside(settings, database, session)
        database.engine.dispose()
    except Exception as error:  # noqa: BLE001  a doctor names what is wrong, whatever it is
        sentence = sentence_for(error, settings) or f"{type(error).__name__}: {error}"
        yield Check("database", State.WRONG, sentence)


def _inside(settings: Settings, database: Database, session: Session) -> Iterator[Check]:
    yield Check("database", State.FINE, i18n.gettext("数据库：{version}").format(version=_version(database, session)))
    sealing = _encryption(settings, session, database)
    yield sealing
    if database.is_sqlite:
        yield _integrity(settings, session)
    if not is_migrated(database):
        yield Check(
            "migrations",
            State.WRONG,
            i18n.gettext("表结构不是这个版本的"),
            i18n.gettext("运行 rouge serve，会自动升级"),
        )
        return
    yield Check("migrations", State.FINE, i18n.gettext("表结构是最新的"))
    yield _owner(session)
    yield _newest(settings, session)
    yield _sales_ahead(session)
    if sealing.state is State.FINE:  # with another shop's key no seal fits
        yield _journal(session)
    if not database.is_sqlite:
        yield _dump_programs(database)
    now = datetime.now(UTC)
    health = jobs_health(session, now=now, backup_at=last_backup_at(settings, session, now=now))
    yield _backup(settings, health)
    yield _worker(health)
    if has_demo(session):
        message = i18n.gettext("里面有演示数据，演示账号的密码是公开的")
        yield Check("demo", State.NOTICE, message, i18n.gettext("正式营业前运行：rouge demo --wipe"))
    else:
        yield Check("demo", State.FINE, i18n.gettext("没有演示数据"))


def _version(database: Database, session: Session) -> str:
    if database.is_sqlite:
        return driver_version()
    return f"PostgreSQL {session.connection().execute(text('SHOW server_version')).scalar_one()}"


def _encryption(settings: Settings, session: Session, database: Database) -> Check:
    if database.is_sqlite:
        with settings.sqlite_path.open("rb") as file:
            is_plain = file.read(16) == _PLAIN_SQLITE
        if is_plain:
            mend = i18n.gettext("用 rouge backup 的备份恢复")
            return Check("encryption", State.WRONG, i18n.gettext("数据库文件没有加密"), mend)
        return Check("encryption", State.FINE, i18n.gettext("整个数据库文件已加密"))
    try:
        _read_something_sealed(session)
    except InvalidTag:
        message = i18n.gettext("密钥文件 {path} 打不开加密的字段：它不是这家店的密钥")
        return Check(
            "encryption", State.WRONG, message.format(path=settings.key_path), i18n.gettext("换成这家店自己的密钥文件")
        )
    return Check("encryption", State.FINE, i18n.gettext("手机、微信、健康备注已逐项加密"))


def _integrity(settings: Settings, session: Session) -> Check:
    """Every page of the file against its own checksum (HMAC): a damage anywhere is found, at some seconds per GB."""
    damages = session.connection().exec_driver_sql("PRAGMA cipher_integrity_check").fetchall()
    if not damages:
        return Check("integrity", State.FINE, i18n.gettext("数据库文件完好"))
    message = i18n.gettext("数据库文件 {file} 有 {count} 处损坏")
    return Check(
        "integrity",
        State.WRONG,
        message.format(file=settings.sqlite_path, count=len(damages)),
        i18n.gettext("先另存一份，再用最近的备份恢复"),
    )


def _read_something_sealed(session: Session) -> None:
    token = session.exec(select(PublicToken).limit(1)).first()
    customer = session.exec(select(Customer).where(col(Customer.phone).is_not(None)).limit(1)).first()
    opened(token.token if token else None)
    opened(customer.phone if customer else None)


def _owner(session: Session) -> Check:
    if has_owner(session):
        return Check("owner", State.FINE, i18n.gettext("有店主账号"))
    return Check(
        "owner",
        State.NOTICE,
        i18n.gettext("还没有店主账号"),
        i18n.gettext("运行 rouge serve，打开它给的设置地址；或用 rouge init"),
    )


def _newest(settings: Settings, session: Session) -> Check:
    """A row from the future tells of a clock that was put back: deadlines and "today" are wrong until it is right."""
    newest, now = newest_entry_at(session), datetime.now(UTC)
    if newest is not None and newest - now > _CLOCK_JUMP:
        message = i18n.gettext("时钟可能倒退过：最新的一条记录写于 {at}，比现在还晚")
        at = f"{newest.astimezone(settings.zone):%Y-%m-%d %H:%M}"
        return Check("clock_jump", State.WRONG, message.format(at=at), "timedatectl set-ntp true")
    return Check("clock_jump", State.FINE, i18n.gettext("没有来自未来的记录"))


def _sales_ahead(session: Session) -> Check:
    """A till whose clock was ahead gave points and visits for days that have not come."""
    if count := sales_after(session, datetime.now(UTC) + CLOCKS_APART):
        message = i18n.gettext("有 {count} 笔消费的时间还没到，积分和来店天数已经算进去了").format(count=count)
        mend = i18n.gettext("校准收银机的时钟；到后台“消费”按时间倒序看这几笔，记错的请退款后重新记")
        return Check("sales_ahead", State.WRONG, message, mend)
    return Check("sales_ahead", State.FINE, i18n.gettext("没有时间还没到的消费"))


def _journal(session: Session) -> Check:
    verdict = verify_chain(session)
    if verdict.is_whole:
        message = i18n.gettext("操作日志完整，共 {count} 条").format(count=f"{verdict.entries:,}")
        return Check("journal", State.FINE, message)
    message = i18n.gettext("操作日志从第 {entry} 条起对不上：有人绕过程序改动过，或数据库已损坏")
    return Check(
        "journal",
        State.WRONG,
        message.format(entry=verdict.broken_id),
        i18n.gettext("先另存一份现状，再和最近的备份对照：rouge backup list"),
    )


def _dump_programs(database: Database) -> Check:
    try:
        check_able(database)
    except BackupNotMade as trouble:
        return Check("dump_programs", State.WRONG, trouble.say(i18n.gettext))
    return Check("dump_programs", State.FINE, i18n.gettext("能备份 PostgreSQL：pg_dump 和权限都有"))


def _backup(settings: Settings, health: JobsHealth) -> Check:
    """By the files here; with PostgreSQL another machine may have made it, and the database knows."""
    now = datetime.now(UTC)
    ahead = next((one for one in list_backups(settings) if one.is_good and one.name.made_at - now > _CLOCK_JUMP), None)
    if ahead is not None:
        message = i18n.gettext("备份 {file} 的日期是 {at}，比现在还晚：做它的时候时钟不对").format(
            file=ahead.file.name, at=f"{ahead.name.made_at.astimezone(settings.zone):%Y-%m-%d %H:%M}"
        )
        mend = i18n.gettext(
            "先校准时钟（timedatectl set-ntp true），再做一份新的（rouge backup create），把那一份移到别处"
        )
        return Check("backup", State.WRONG, message, mend)
    mend = i18n.gettext("现在就做一份：rouge backup create；每晚会自动做，只要 rouge serve 一直开着")
    if health.last_backup_at is None:
        state = State.WRONG if health.is_backup_old else State.NOTICE
        return Check("backup", state, i18n.gettext("还没有一份试恢复过的备份"), mend)
    words = {
        "at": f"{health.last_backup_at.astimezone(settings.zone):%Y-%m-%d %H:%M}",
        "hours": int((now - health.last_backup_at).total_seconds() // 3600),
    }
    message = i18n.gettext("最近一份好备份是 {at} 的，{hours} 小时前").format(**words)
    if health.is_backup_old:
        return Check("backup", State.WRONG, message, mend)
    return Check("backup", State.FINE, message)


def _worker(health: JobsHealth) -> Check:
    if health.dead:
        message = i18n.gettext("有 {count} 件任务做了多次都没有做成").format(count=health.dead)
        return Check("jobs", State.WRONG, message, i18n.gettext("看原因：rouge jobs list，或后台首页的红字"))
    if health.beat.pulse is Pulse.OK:
        message = i18n.gettext("工作进程 {seconds} 秒前来看过").format(seconds=health.beat.seconds)
        return Check("jobs", State.FINE, message)
    message = i18n.gettext("工作进程没有在运行：备份、核对都要靠它")
    return Check("jobs", State.NOTICE, message, i18n.gettext("开店时它会一起启动：rouge serve"))


def _mail(settings: Settings) -> Check:
    example = "ROUGE_SMTP_URL=smtps://user:password@smtp.example.com:465"
    if not settings.smtp_url:
        return Check("mail", State.NOTICE, i18n.gettext("没有设发信服务器（这一版还不发邮件）"), example)
    host = urlsplit(settings.smtp_url).hostname or ""
    if not host or not settings.smtp_url.startswith(("smtp://", "smtps://")):
        return Check("mail", State.WRONG, i18n.gettext("ROUGE_SMTP_URL 写得不对"), example)
    reason = ask_mail(settings.smtp_url)
    if reason is not None:
        message = i18n.gettext("连不上发信服务器 {host}：{reason}").format(host=host, reason=reason)
        return Check("mail", State.WRONG, message, i18n.gettext("核对 ROUGE_SMTP_URL 里的地址、端口、用户和密码"))
    return Check("mail", State.FINE, i18n.gettext("发信服务器：{host}").format(host=host))


def _address(settings: Settings) -> Check:
    if not settings.public_url:
        message = i18n.gettext("没有设对外网址：印出来的二维码只在本机能打开（{url}）")
        return Check(
            "public_url", State.NOTICE, message.format(url=settings.base_url), "ROUGE_PUBLIC_URL=https://vip.example.cn"
        )
    if not settings.public_url.startswith("https://"):
        message = i18n.gettext("对外网址 {url} 没有加密（HTTPS）")
        return Check(
            "public_url",
            State.NOTICE,
            message.format(url=settings.public_url),
            "ROUGE_PUBLIC_URL=https://vip.example.cn",
        )
    return Check("public_url", State.FINE, i18n.gettext("二维码里的网址：{url}").format(url=settings.public_url))
