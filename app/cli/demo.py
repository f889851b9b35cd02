"""`rouge demo`: a made-up shop to try things in, and the way back."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated

import typer

from app import i18n
from app.actions.demo import wipe_demo
from app.audit import Actor
from app.cli import cli, fail, report, shop
from app.queries.staff import has_owner
from seed.demo import DEMO_CUSTOMERS, DEMO_PASSWORD, DEMO_SEED, build_demo, last_demo_day

_MOST_CUSTOMERS = 9999
"""The reserved phone pattern has four free digits."""


@cli.command()
def demo(
    customers: Annotated[
        int, typer.Option(min=1, max=_MOST_CUSTOMERS, help="顾客数 · how many customers")  # data
    ] = DEMO_CUSTOMERS,
    seed: Annotated[
        int, typer.Option(help="同一个数得到同一家店 · the same number gives the same shop")  # data
    ] = DEMO_SEED,
    today: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="演示店的“今天” · the demo shop's last day")  # data
    ] = "",
    wipe: Annotated[
        bool,
        typer.Option("--wipe", help="清空演示数据，您自己的记录不动 · take the demo rows away, keep your own"),  # data
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="给程序看的结果 · for programs")] = False,  # data
) -> None:
    """建一家演示店，或清空它 · build a demo shop, or take it away again.

    有真实账号或顾客的店里不能建 · refused where real accounts or customers are.
    """
    if wipe:
        _wipe(as_json=as_json)
        return
    day = _day(today)
    with shop(create=True) as (settings, database):
        built = build_demo(
            database,
            today=day or last_demo_day(datetime.now(settings.zone)),
            zone=settings.zone,
            customers=customers,
            seed=seed,
        )
        sentence = i18n.gettext(
            "演示店建好了：{customers} 位顾客、{purchases} 笔消费、{responses} 份问卷、{complaints} 张投诉单。"
            "所有演示账号的密码是 {password}"
        )
        values = asdict(built)
        report(values, as_json=as_json, sentence=sentence.format(**values, password=DEMO_PASSWORD))


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(i18n.gettext("看不懂这个日期：{text}。请写成 2026-11-24 这样。").format(text=text))


def _wipe(*, as_json: bool) -> None:
    with shop() as (_, database):
        with database.writing(Actor("rouge demo --wipe")) as session:
            wiped = wipe_demo(session)
        with database.reading() as session:
            is_ownerless = not has_owner(session)
    kept = sum(wiped.kept.values())
    sentence = i18n.gettext("演示数据已清空，共 {removed} 条。").format(removed=sum(wiped.removed.values()))
    if kept:
        sentence += "\n" + i18n.gettext(
            "有 {kept} 条演示记录被您自己的记录用到，所以留下了，从现在起算您自己的；留下的演示账号已停用。"
        ).format(kept=kept)
    if is_ownerless:
        sentence += "\n" + i18n.gettext(
            "店里现在没有店主账号了，谁也进不了后台。建一个：rouge init --owner 姓名 --password-stdin，或运行 rouge serve 打开它给的设置地址。"
        )
    report(asdict(wiped) | {"has_owner": not is_ownerless}, as_json=as_json, sentence=sentence)
