"""`rouge cards` and `rouge poster`: PDFs for the printer."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app import i18n
from app.actions.cards import issue_cards
from app.actions.posters import issue_poster
from app.audit import Actor
from app.cli import cli, fail, report, shop
from app.gateways.prints import PosterSize, Press
from app.queries.cards import card_holders
from app.queries.policy import current_policy
from app.queries.posters import poster_survey
from app.routes.rendering import environment
from app.rules.cards import CardChoice, chosen_numbers
from app.rules.sheets import Layout
from app.settings import Settings

_ACTOR = Actor("rouge")
_Out = Annotated[Path, typer.Option(help="写到哪个文件 · the PDF to write", dir_okay=False)]  # data
_AsJson = Annotated[bool, typer.Option("--json", help="给程序看的结果 · for programs")]  # data


@cli.command()
def cards(
    out: _Out,
    member: Annotated[list[str] | None, typer.Option(help="会员号，可重复 · member number, repeatable")] = None,  # data
    tier: Annotated[str, typer.Option(help="整个等级 · a whole tier")] = "",  # data
    everyone: Annotated[bool, typer.Option("--all", help="全部顾客 · every customer")] = False,  # data
    layout: Annotated[
        Layout, typer.Option(help="cr80 一页一面，a4 一张十卡 · one face per page, or ten on A4")  # data
    ] = Layout.CR80,
    anew: Annotated[
        bool, typer.Option("--anew", help="补发：旧卡的二维码作废 · reissue: the old QR codes end")  # data
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """打印会员卡：一张、几张、一个等级或全部 · print member cards: one, some, a tier or all.

    rouge cards --out cards.pdf --tier 金卡会员 --layout a4
    """
    choice = CardChoice(chosen_numbers("\n".join(member or ())), tier, everyone)
    _check_writable(out)
    with shop() as (settings, database):
        with database.reading() as session:
            policy = current_policy(session)
            holders = card_holders(session, choice)
        press = Press(environment(settings), policy, settings.base_url)
        press.check([word for holder in holders for word in (holder.name, holder.tier)])
        _warn_of_local_address(settings)
        with database.writing(_ACTOR) as session:
            issued = issue_cards(
                session, choice, layout=layout, anew=anew, policy=policy, now=datetime.now(UTC), zone=settings.zone
            )
        document = press.member_cards(issued, layout, progress=lambda done: _say_progress(done, len(issued)))
        _save(out, document)
    sentence = i18n.gettext("已生成 {count} 张会员卡：{file}").format(count=len(issued), file=out.resolve())
    report({"cards": len(issued), "file": str(out)}, as_json=as_json, sentence=sentence)


@cli.command()
def poster(
    out: _Out,
    survey: Annotated[str, typer.Option(help="问卷的网址名 · the survey's slug")],  # data
    size: Annotated[
        PosterSize, typer.Option(help="a4 贴墙，a6 放台面 · the wall, the counter")  # data
    ] = PosterSize.A4,
    as_json: _AsJson = False,
) -> None:
    """打印问卷海报，顾客扫码就能答 · print a survey's poster with its QR code.

    rouge poster --survey satisfaction --out poster.pdf --size a6
    """
    _check_writable(out)
    with shop() as (settings, database):
        with database.reading() as session:
            policy = current_policy(session)
            found = poster_survey(session, survey)
        press = Press(environment(settings), policy, settings.base_url)
        _warn_of_local_address(settings)
        document = press.survey_poster(title=found.title, slug=found.slug, size=size)
        _save(out, document)
        with database.writing(_ACTOR) as session:
            issue_poster(session, survey, size=size.value)
    sentence = i18n.gettext("已生成海报：{file}").format(file=out.resolve())
    report({"survey": found.slug, "file": str(out)}, as_json=as_json, sentence=sentence)


def _check_writable(out: Path) -> None:
    """Before any card gets its token: a run that cannot be saved must change nothing."""
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        fail(i18n.gettext("写不进 {file}：请检查文件夹是否存在、能否写入。").format(file=out))


def _save(out: Path, document: bytes) -> None:
    """Whole or not at all: a full disk leaves the old file as it was."""
    draft = out.with_name(f".{out.name}.part")
    try:
        draft.write_bytes(document)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def _warn_of_local_address(settings: Settings) -> None:
    if not settings.public_url:
        warning = i18n.gettext("注意：还没有设置 ROUGE_PUBLIC_URL，二维码会指向 {url}，顾客的手机打不开。")
        typer.echo(warning.format(url=settings.base_url), err=True)


def _say_progress(done: int, total: int) -> None:
    typer.echo(i18n.gettext("已排好 {done} / {total} 张").format(done=done, total=total), err=True)
