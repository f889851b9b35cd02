"""`rouge backup …`: made while the shop is open, tried out before it counts, put back when the worst has happened."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from app import i18n
from app.actions.backups import note_restore
from app.actions.jobs import note_run
from app.audit import Actor
from app.cli import cli, fail, report, saying, shop
from app.gateways.backups import BackupMade, Listed, create_backup, list_backups, verify_backup
from app.gateways.backups.restoring import restore_backup
from app.rules.backups import BackupUnusable, Manifest
from app.settings import Settings, current_settings
from app.vocabulary import JobKind

_ACTOR = Actor("rouge backup")
_MIB = 1024 * 1024

backup = typer.Typer(no_args_is_help=True, help="备份：做、查、恢复 · backups: make, check, restore")  # data
cli.add_typer(backup, name="backup")

_File = Annotated[Path, typer.Argument(metavar="FILE", help="备份文件 · the backup file")]  # data
_AsJson = Annotated[bool, typer.Option("--json", help="给程序看的结果 · for programs")]  # data


@backup.command()
def create(
    out: Annotated[
        Path | None, typer.Option(help="写到哪个文件夹或文件 · the folder or file to write")  # data
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify/--no-verify",
            help="做完试恢复一次；不试的不算数 · try it out; untried ones do not count",  # data
        ),  # data
    ] = True,
    as_json: _AsJson = False,
) -> None:
    """备份正在营业的店，并试恢复一次 · back up the open shop and restore it for a trial.

    备份是加密的，里面没有密钥文件；密钥请另存 · encrypted, without the key file: keep that elsewhere.
    """
    started_at = datetime.now(UTC)
    with shop() as (settings, database):
        _check_out(out)
        made = create_backup(database, settings, now=started_at, out=out, verify=verify, actor=_ACTOR)
        sentence = _made(made)
        if verify:
            with database.writing(_ACTOR) as session:
                finished_at = datetime.now(UTC)
                note_run(
                    session, JobKind.BACKUP, started_at=started_at, finished_at=finished_at, outcome=made.file.name
                )
        values = _values(made.file, made.manifest) | {
            "verified": made.is_verified,
            "removed": [str(path) for path in made.removed],
        }
        report(values, as_json=as_json, sentence=sentence)


@backup.command("list")
def list_(as_json: _AsJson = False) -> None:
    """店里有哪些备份，新的在前 · the backups there are, newest first."""
    settings = current_settings()
    with saying(settings):
        found = list_backups(settings)
    values = [
        {
            "file": str(listed.file),
            "made_at": listed.name.made_at.isoformat(),
            "bytes": listed.bytes,
            "verified": listed.name.is_verified,
            "good": listed.is_good,
            "rows": listed.manifest and listed.manifest.rows,
            "trouble": listed.trouble,
        }
        for listed in found
    ]
    lines = [_line(listed, settings) for listed in found] or [
        i18n.gettext("还没有备份。现在就做一份：rouge backup create")
    ]
    report({"backups": values}, as_json=as_json, sentence="\n".join(lines))


@backup.command()
def verify(file: _File, as_json: _AsJson = False) -> None:
    """查一份备份：每个字节都核对，并试恢复一次；不动店里的数据 · check every byte and restore it for a trial.

    不能用的返回 1 · exit 1 when it is no good.
    """
    settings = current_settings()
    _check_there(file)
    with saying(settings):
        try:
            manifest = verify_backup(settings, file)
        except BackupUnusable as trouble:
            said = trouble.say(i18n.gettext)
            if as_json:
                report(
                    {"file": str(file), "ok": False, "code": trouble.code, "reason": said}, as_json=True, sentence=""
                )
            else:
                typer.echo(said, err=True)
            raise typer.Exit(1) from None
    sentence = i18n.gettext("完好，可以恢复：{file}（{at}，{rows} 条记录）")
    values = {"ok": True} | _values(file, manifest)
    report(
        values,
        as_json=as_json,
        sentence=sentence.format(file=file, at=_local(manifest.made_at, settings), rows=f"{manifest.rows:,}"),
    )


@backup.command()
def restore(
    file: _File,
    yes: Annotated[bool, typer.Option("--yes", help="不再问 · do not ask")] = False,  # data
    as_json: _AsJson = False,
) -> None:
    """用备份换掉店里现在的数据；先关店 · put a backup in the place of the shop's data; close the shop first.

    现在的数据会先另存一份；所有人要重新登录 · what is there now is kept; everybody signs in again.
    """
    settings, now = current_settings(), datetime.now(UTC)
    _check_there(file)
    with saying(settings):
        done = restore_backup(
            settings,
            file,
            now=now,
            agree=lambda manifest: None if yes else _ask(manifest, settings),
            finish=lambda session, manifest: note_restore(session, manifest, now=now),
            actor=_ACTOR,
        )
    manifest = done.manifest
    lines = [
        i18n.gettext(
            "已恢复到 {at} 的样子：{customers} 位顾客、{purchases} 笔消费、{complaints} 张投诉单，共 {rows} 条记录。"
        ).format(at=_local(manifest.made_at, settings), **_counts(manifest))
    ]
    if done.safety:
        lines.append(i18n.gettext("恢复之前的数据另存在：{safety}").format(safety=done.safety))
    lines.append(i18n.gettext("所有人都已退出登录。现在可以开店：rouge serve"))
    values = _values(file, manifest) | {"counts": manifest.counts, "safety": done.safety}
    report(values, as_json=as_json, sentence="\n".join(lines))


def _check_out(out: Path | None) -> None:
    """A folder that is there, or a new file in one: a stick that is not plugged in must not become a file of its name."""
    if out is None or out.is_dir():
        return
    if out.exists():
        fail(i18n.gettext("已经有 {out} 这个文件，不会写到它上面。请换一个名字。").format(out=out))
    if out.suffix != ".backup" or not out.parent.is_dir():
        sentence = i18n.gettext(
            "没有备份：文件夹 {folder} 不在。要写到 U 盘的，请看它插好了没有；要写成一个文件的，名字要以 .backup 结尾。"
        )
        fail(sentence.format(folder=out if out.suffix != ".backup" else out.parent))


def _check_there(file: Path) -> None:
    if not file.exists():
        fail(i18n.gettext("没有这个文件：{file}").format(file=file))


def _ask(manifest: Manifest, settings: Settings) -> None:
    """The name of the shop, typed: nobody does that by accident."""
    is_new = not settings.database_url and not settings.sqlite_path.exists()
    sentence = (
        i18n.gettext("这份备份是「{shop}」{at} 的，有 {customers} 位顾客，共 {rows} 条记录。这里还没有数据，会放进去。")
        if is_new
        else i18n.gettext(
            "这份备份是「{shop}」{at} 的，有 {customers} 位顾客，共 {rows} 条记录。店里现在的数据会被它换掉。"
        )
    )
    typer.echo(
        sentence.format(shop=manifest.shop_name, at=_local(manifest.made_at, settings), **_counts(manifest)),
        err=True,
    )
    try:
        typed = typer.prompt(i18n.gettext("确定的话，请输入店名"), default="", show_default=False, err=True)
    except (EOFError, typer.Abort):
        fail("\n" + i18n.gettext("没有输入店名，什么都没有改动。不想被问的，加 --yes。"))
    if typed.strip() != manifest.shop_name:
        fail(i18n.gettext("店名不对，什么都没有改动。"))


def _made(made: BackupMade) -> str:
    size = f"{made.file.stat().st_size / _MIB:,.1f}"
    if made.is_verified:
        sentence = i18n.gettext("已备份并试恢复成功：{file}（{rows} 条记录，{size} MB）")
    else:
        sentence = i18n.gettext("已备份，但没有试恢复，不算数：{file}（{rows} 条记录，{size} MB）")
    lines = [sentence.format(file=made.file, rows=f"{made.manifest.rows:,}", size=size)]
    if made.removed:
        lines.append(i18n.gettext("过期的备份删了 {count} 份").format(count=len(made.removed)))
    return "\n".join(lines)


def _line(listed: Listed, settings: Settings) -> str:
    at, size = _local(listed.name.made_at, settings), f"{listed.bytes / _MIB:,.1f} MB"
    if listed.manifest is None:
        state = listed.trouble
    elif listed.name.is_before_restore:
        state = i18n.gettext("恢复之前的样子")
    else:
        state = i18n.gettext("试恢复过") if listed.is_good else i18n.gettext("没有试恢复过，不算数")
    return f"{at}  {size:>12}  {listed.file.name}  {state}"


def _values(file: Path, manifest: Manifest) -> dict[str, Any]:
    return {
        "file": str(file),
        "made_at": manifest.made_at.isoformat(),
        "shop": manifest.shop_name,
        "database": manifest.database,
        "revision": manifest.revision,
        "rows": manifest.rows,
        "bytes": file.stat().st_size,
    }


def _counts(manifest: Manifest) -> dict[str, str]:
    counted = {name: manifest.counts.get(name, 0) for name in ("customers", "purchases", "complaints")}
    return {name: f"{count:,}" for name, count in (counted | {"rows": manifest.rows}).items()}


def _local(moment: datetime, settings: Settings) -> str:
    return f"{moment.astimezone(settings.zone):%Y-%m-%d %H:%M}"
