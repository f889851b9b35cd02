"""`rouge survey …`: personal links to surveys, for whoever hands them over some other way."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlmodel import select

from app import i18n
from app.actions.survey_invitations import invite
from app.audit import Actor
from app.cli import cli, fail, report, shop
from app.models import Survey
from app.queries.members import member_numbered
from app.queries.policy import current_policy
from app.queries.scopes import ANYTHING
from app.rules.refusals import NotFound

_ACTOR = Actor("rouge")

survey = typer.Typer(help="问卷 · surveys", no_args_is_help=True)  # data: both languages
cli.add_typer(survey, name="survey")


@survey.callback()
def _group() -> None:
    """问卷 · surveys."""


@survey.command("invite")
def invite_member(
    slug: Annotated[str, typer.Option("--survey", help="问卷的网址名 · the survey's slug")],  # data
    member: Annotated[str, typer.Option(help="会员号 · her member number")],  # data
    as_json: Annotated[bool, typer.Option("--json", help="给程序看的结果 · for programs")] = False,  # data
) -> None:
    """给一位会员做一条专属链接，印出网址 · a personal link for one member, printed as its address.

    rouge survey invite --survey satisfaction --member 10000018
    """
    with shop() as (settings, database):
        now = datetime.now(settings.zone)
        with database.writing(_ACTOR) as session:
            found = session.exec(select(Survey.id).where(Survey.slug == slug)).first() if slug.isprintable() else None
            if found is None:
                fail(i18n.gettext("没有网址名是 {slug} 的问卷。后台“问卷”里能看到每份的网址。").format(slug=slug))
            try:
                her = member_numbered(session, member, within=ANYTHING)
            except NotFound:
                fail(i18n.gettext("没有会员号是 {number} 的顾客。").format(number=member))
            # Whoever hands a link over in person may ask her though she was asked lately.
            made = invite(session, found, her.customer_id, policy=current_policy(session), now=now, heeds_rest=False)
            until = made.invitation.expires_at.astimezone(settings.zone)
        if not settings.public_url:
            warning = i18n.gettext("注意：还没有设置 ROUGE_PUBLIC_URL，链接指向 {url}，顾客的手机打不开。")
            typer.echo(warning.format(url=settings.base_url), err=True)
    url = f"{settings.base_url}/s/t/{made.token}"
    values = {"url": url, "expires_at": until.astimezone(UTC).isoformat(), "new": not made.is_repeat}
    report(values, as_json=as_json, sentence=url)
