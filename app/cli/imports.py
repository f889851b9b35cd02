"""`rouge import …`: the till's export comes in, and every row that did not says why; `rouge import revert` takes it back."""

import gc
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from app import i18n
from app.actions.import_undo import undo_import
from app.actions.imports import Incoming, import_file
from app.audit import Actor
from app.cli import cli, fail, report, shop
from app.gateways.spreadsheets import open_table
from app.rules.headers import MapWrong, read_mapping
from app.rules.import_reports import ImportReport, told_faults
from app.rules.import_undo import ImportAlreadyReverted, ImportBuiltUpon
from app.rules.refusals import words
from app.rules.spreadsheets import SHEETS_LEFT_OUT
from app.vocabulary import ImportKind, ImportMode

_ONLY_SALES = words("只有消费能给积分，--earn 只用在导入消费时。")
_SHOWN = 20
"""Refused rows a person is shown; `--json` has them all."""

imports = typer.Typer(
    no_args_is_help=True,
    help="导入收银系统的表格：CSV、XLSX、XLS · import a till's CSV, XLSX or XLS",  # data
)
cli.add_typer(imports, name="import")

_File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="CSV、XLSX、XLS，表头上面可以有标题 · a title may stand above"),  # data
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="只检查，不写入 · check only, write nothing")]  # data
_MAP_HELP = '{"他们的表头": "我们的字段"} · {"their header": "our field"}'  # data
_Map = Annotated[Path | None, typer.Option("--map", metavar="MAP.JSON", help=_MAP_HELP)]
_Store = Annotated[
    str,
    typer.Option("--store", metavar="CODE", help="没写门店的行算哪家店 · store of rows without one"),  # data
]
_Mode = Annotated[
    ImportMode,
    typer.Option("--mode", help="both 新增和更新，create 只新增，update 只更新 · what the file may do"),  # data
]
_Earn = Annotated[
    bool,
    typer.Option("--earn", help="这些消费也给积分，不加就只是历史 · the sales earn points, too"),  # data
]
_Json = Annotated[bool, typer.Option("--json", help="给程序看的结果 · for programs")]  # data

_ABOUT: dict[ImportKind, str] = {
    ImportKind.CUSTOMERS: """导入顾客 · import customers.

    先按会员号、再按手机找人；空格子不覆盖已有资料；同一个文件再导一次什么也不变。看不懂的生日之类只把那一格留空，顾客照样导入。
    Found by member number, then by phone; a blank never overwrites; the same file twice changes nothing. A birthday nobody
    can read is left out and told, and she comes in.

    姓名 手机 会员号 性别 生日 等级 标签 微信 邮箱 职业 来源 备注 积分 地址 过敏史 建档日期
    name phone member_no gender birthday tier tags wechat email occupation source note points address allergy joined_on""",  # data
    ImportKind.PURCHASES: """导入消费 · import purchases.

    单号相同的几行是一单；一行有错，整单不导。数字按行计：新增＋更新＋不变＋未导入＝总行数。不认识的顾客，那一单先等着认领。
    Rows of one order number are one order; one bad row keeps the whole order out. Figures count rows. A sale of somebody
    unknown waits for her.

    不加 --earn，它们是历史：算等级，不给积分。加了，每一单按它当天的规则和等级给分，到期也从那天算；同一个文件再导不重给，撤销时收回。
    Without --earn they are history: they count for tiers and give no points. With it each sale earns by the rules and the
    tier of its own day and its points end from that day on; the same file twice earns once, and a revert takes them back.

    单号 时间 手机 会员号 商品 商品编码 类别 数量 单价 金额 渠道 门店 员工 退款
    order_no occurred_at phone member_no item sku category quantity unit_price amount channel store staff refund_of""",  # data
    ImportKind.TREATMENTS: """导入项目 · import treatments.

    按项目编码找；空格子不覆盖。
    Found by code; a blank never overwrites.

    项目编码 项目 类别 时长 价格 护理提醒 禁忌 在用
    code name category minutes price after_care contraindications is_active""",  # data
    ImportKind.PRODUCTS: """导入商品 · import products.

    按商品编码找；空格子不覆盖。
    Found by number; a blank never overwrites.

    商品编码 商品 类别 系列 价格 备案号 在用
    sku name category series price registration_no is_active""",  # data
    ImportKind.POINTS: """导入期初积分 · import opening points.

    每位顾客只给一次；再导一次不变，数字不同就不导。
    Given once to each customer; the same again changes nothing, another figure is refused.

    会员号 手机 积分 备注
    member_no phone points note""",  # data
}


def _command(kind: ImportKind, about: str) -> None:
    """One command for each kind of file, all with the same options."""

    @imports.command(kind.value, help=about)
    def bring(
        file: _File,
        dry_run: _DryRun = False,
        mapping: _Map = None,
        store: _Store = "",
        mode: _Mode = ImportMode.BOTH,
        earn: _Earn = False,
        as_json: _Json = False,
    ) -> None:
        if earn and kind is not ImportKind.PURCHASES:
            fail(i18n.gettext(_ONLY_SALES))
        options = {"store_code": store, "mode": mode, "earns": earn}
        _import(kind, file, options, mapping=mapping, dry_run=dry_run, as_json=as_json)


for _kind, _about in _ABOUT.items():
    _command(_kind, _about)


@imports.command()
def revert(
    batch: Annotated[int, typer.Argument(metavar="BATCH", help="第几批 · the batch's number")],  # data
    as_json: _Json = False,
) -> None:
    """撤销一次导入 · take a whole import back.

    它新增的去掉，改过的还原；之后有工作用到了它，就整批不动，并说明原因。
    What it made is gone, what it changed is as it was; where later work depends on it nothing happens, and the reasons
    are said.
    """
    with shop() as (settings, database):
        try:
            undone = undo_import(
                database,
                batch,
                actor=Actor("rouge import revert"),
                now=datetime.now(UTC),
                zone=settings.zone,
                progress=_progress,
            )
        except (ImportBuiltUpon, ImportAlreadyReverted) as refusal:
            typer.echo(refusal.say(i18n.gettext), err=True)
            raise typer.Exit(1) from None
    said = i18n.gettext(
        "第 {batch} 批已撤销：连同它带来的标签、联系方式、等级和积分，去掉 {removed} 条记录，还原 {restored} 条。"
    )
    figures = {"batch": undone.batch, "removed": undone.removed, "restored": undone.restored}
    report(figures, as_json=as_json, sentence=said.format(**figures))


def _import(
    kind: ImportKind, path: Path, options: dict[str, Any], *, mapping: Path | None, dry_run: bool, as_json: bool
) -> None:
    with shop() as (settings, database):
        said = _mapping(mapping) if mapping else {}
        table = open_table(path)
        incoming = Incoming(kind=kind, name=table.name, sha256=table.sha256, rows=table.rows, mapping=said, **options)
        gc.freeze()  # as the server does: what is loaded by now is not looked through for garbage again and again
        done = import_file(
            database,
            incoming,
            actor=Actor("rouge import"),
            now=datetime.now(UTC),
            zone=settings.zone,
            dry_run=dry_run,
            progress=_progress,
        )
        database.engine.dispose()
    if table.left_out:
        done.notes.append(i18n.gettext(SHEETS_LEFT_OUT).format(sheets=i18n.gettext("、").join(table.left_out)))
    for note in done.notes:
        typer.echo(note, err=True)
    report(done.as_json(), as_json=as_json, sentence=_sentence(done))
    if done.rejected:
        raise typer.Exit(1)


def _mapping(path: Path) -> dict[str, str]:
    try:
        return read_mapping(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        fail(MapWrong().say(i18n.gettext))


def _progress(done: int, total: int) -> None:
    """One line that counts up on a screen; in a log, only where it ends."""
    if sys.stderr.isatty() or done == total:
        line = i18n.gettext("已处理 {done} / {total} 行").format(done=f"{done:,}", total=f"{total:,}")
        typer.echo(f"\r{line}" if sys.stderr.isatty() else line, err=True, nl=done == total)


def _sentence(done: ImportReport) -> str:
    """What became of the file, for a person; then the first refused rows, one a line."""
    if done.batch is None:
        summary = i18n.gettext(
            "试导入（没有写入任何东西）：共 {rows} 行，将新增 {created}、更新 {updated}、不变 {unchanged}，有问题 {rejected}。"
        )
    else:
        summary = i18n.gettext(
            "导入完成（第 {batch} 批）：共 {rows} 行，新增 {created}、更新 {updated}、不变 {unchanged}，未导入 {rejected}。"
        )
    figures = done.as_json() | {"rejected": len(done.rejected)}
    lines = [summary.format(**figures)]
    if done.waiting:
        lines.append(i18n.gettext("其中 {waiting} 行的顾客还不认识，那几单先等着认领。").format(waiting=done.waiting))
    if done.unknown_columns:
        columns = "、".join(done.unknown_columns)  # data: a list mark
        lines.append(i18n.gettext("这些列不认识，没有导入：{columns}").format(columns=columns))
    refused = i18n.gettext("第 {row} 行 {column}：{reason}")
    lines += [
        refused.format(row=row, column=column, reason=reason.replace("\n", " "))
        for row, column, reason in told_faults(one.as_json() for one in done.rejected[:_SHOWN])
    ]
    if len(done.rejected) > _SHOWN:
        more = i18n.gettext("……还有 {count} 行，用 --json 看全部。")
        lines.append(more.format(count=len(done.rejected) - _SHOWN))
    if done.warnings:
        lines.append(i18n.gettext("另有 {count} 格看不懂，已留空，顾客照样导入：").format(count=len(done.warnings)))
    lines += [
        refused.format(row=one.row, column=one.column, reason=one.reason.replace("\n", " "))
        for one in done.warnings[:_SHOWN]
    ]
    if len(done.warnings) > _SHOWN:
        more = i18n.gettext("……还有 {count} 格，用 --json 看全部。")
        lines.append(more.format(count=len(done.warnings) - _SHOWN))
    return "\n".join(lines)
