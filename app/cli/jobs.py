"""`rouge jobs …`: look at the machine's own work, do it by hand, or lend this machine as a second worker."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from logging.config import dictConfig
from typing import Annotated, Any

import typer

from app import i18n
from app.cli import cli, fail, report, shop
from app.db import Database
from app.gateways.logs import log_config
from app.jobs.running import reason_of
from app.jobs.schedule import SCHEDULE
from app.jobs.worker import runner_of
from app.jobs.worker import work as work_on
from app.labels import word_of
from app.queries.jobs import has_job, jobs_health, last_runs
from app.queries.policy import current_policy
from app.rules.refusals import RuleBroken
from app.settings import Settings, current_settings
from app.vocabulary import JobKind, JobState

jobs = typer.Typer(
    no_args_is_help=True,
    help="机器自己做的事：备份、核对…… · what the machine does by itself: backup, checks …",  # data
)
cli.add_typer(jobs, name="jobs")

_AsJson = Annotated[bool, typer.Option("--json", help="给程序看的结果 · for programs")]  # data
_NOW_HELP = "当作在这个时刻，如 2026-11-24T03:00+08:00 · as of that moment"  # data
_AsOf = Annotated[str, typer.Option("--now", metavar="ISO8601", help=_NOW_HELP)]
_Sure = Annotated[
    bool,
    typer.Option("--yes", help="还没到的时刻也不问 · do not ask about a moment that has not come"),  # data
]


@jobs.command("list")
def list_(as_json: _AsJson = False) -> None:
    """有哪些任务，上次什么时候做的，该不该做 · what there is, when it last ran, what is due."""
    with shop() as (settings, database):
        values = _standing(database, settings, datetime.now(UTC))
    if as_json:
        report(values, as_json=True, sentence="")
        return
    for job in values["jobs"]:
        typer.echo(_line(job, settings))
    sentence = i18n.gettext("排队 {waiting} 件，正在做 {working} 件，已停 {dead} 件")
    typer.echo(sentence.format(**values))
    if values["last_sweep_seconds"] is not None:
        typer.echo(i18n.gettext("工作进程 {seconds} 秒前来看过").format(seconds=values["last_sweep_seconds"]))
    else:
        typer.echo(i18n.gettext("工作进程还没有运行过：rouge serve 会启动它"))


@jobs.command()
def run(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="任务名，见 rouge jobs list · see rouge jobs list"),  # data
    ],  # data
    now: _AsOf = "",
    is_sure: _Sure = False,
    as_json: _AsJson = False,
) -> None:
    """现在就做一件，不管该不该做 · do one now, due or not.

    没做成返回 1 · exit 1 when it failed.
    """
    moment = _moment(now)
    names = [named.kind for named in SCHEDULE]
    if name not in names:
        sentence = i18n.gettext("没有这件任务：{name}。有这些：{names}")
        fail(sentence.format(name=name, names=" ".join(names)))
    _ask_about(moment, is_sure=is_sure)
    with shop() as (settings, database):
        runner = runner_of(database, settings, clock=moment)
        try:
            outcome, is_done = runner.run_by_hand(name), True
        except Exception as error:
            outcome, is_done = reason_of(error), False
            if not isinstance(error, RuleBroken | OSError):
                logging.getLogger(__name__).exception("job %s failed", name)
    title = word_of(JobKind(name))
    sentence = i18n.gettext("{title}：{outcome}") if is_done else i18n.gettext("{title}没做成：{outcome}")
    values = {"name": name, "state": "done" if is_done else "failed", "outcome": outcome}
    report(values, as_json=as_json, sentence=sentence.format(title=title, outcome=outcome))
    raise typer.Exit(0 if is_done else 1)


@jobs.command("run-due")
def run_due(now: _AsOf = "", is_sure: _Sure = False, as_json: _AsJson = False) -> None:
    """把该做的都做了 · do everything that is due.

    有没做成的返回 1 · exit 1 when something failed.
    """
    moment = _moment(now)
    _ask_about(moment, is_sure=is_sure)
    with shop() as (settings, database):
        tally = runner_of(database, settings, clock=moment).sweep(signs=False)
    sentence = i18n.gettext("做完 {done} 件，没做成 {failed} 件")
    values = {"done": tally.done, "failed": tally.failed} | ({"reasons": tally.reasons} if tally.failed else {})
    report(values, as_json=as_json, sentence="\n".join([sentence.format(**asdict(tally)), *tally.reasons]))
    raise typer.Exit(1 if tally.failed else 0)


@jobs.command()
def work(
    parent: Annotated[
        int,
        typer.Option(hidden=True, help="与这个进程同生死 · no longer than this process"),  # data
    ] = 0,  # data
) -> None:
    """只做任务、不开网页，直到 SIGTERM：给第二台机器用 · a worker without pages, until SIGTERM: for a second machine."""
    # Before the worker's own, which lets it finish what it does.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    with shop() as (settings, database):
        os.umask(0o077)  # what is made now is nobody else's to read
        dictConfig(log_config(settings.log_level, plain=sys.stderr.isatty()))
        if not parent:
            typer.echo(i18n.gettext("工作进程已启动，按 Ctrl+C 停下"))
        work_on(database, settings, parent=parent or None)


def _moment(text: str) -> Callable[[], datetime] | None:
    """The clock as of `--now`; None is the real one. A time without a zone is the shop's."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(i18n.gettext("看不懂这个时刻：{text}。请写成 2026-11-24T03:00").format(text=text))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=current_settings().zone)
    moment = moment.astimezone(UTC)
    return lambda: moment


def _ask_about(clock: Callable[[], datetime] | None, *, is_sure: bool) -> None:
    """Whoever types a moment that has not come is asked: it is no trial, and points that end are gone. A script, which has
    nobody to answer, knows what it does."""
    if clock is None or is_sure or clock() <= datetime.now(UTC) or not is_typed():
        return
    at = clock().astimezone(current_settings().zone)
    question = i18n.gettext(
        "{at} 还没到。这不是试算：到那时过期的积分会真的过期，该发的消息会真的排上，不能撤销。还要做吗？"
    )
    if not typer.confirm(question.format(at=f"{at:%Y-%m-%d %H:%M}"), default=False, err=True):
        raise typer.Exit(2)


def is_typed() -> bool:
    """Whether a person sits at the keyboard."""
    return sys.stdin.isatty()


def _standing(database: Database, settings: Settings, now: datetime) -> dict[str, Any]:
    with database.reading() as session:
        policy, runs, health = current_policy(session), last_runs(session), jobs_health(session, now=now)
        listed = []
        for named in SCHEDULE:
            last = runs.get(named.kind)
            due = named.is_due(session, now, policy, settings.zone)
            listed.append(
                {
                    "name": named.kind,
                    "title": word_of(JobKind(named.kind)),
                    "due": due and not has_job(session, named.slot(now, policy, settings.zone)),
                    "last_started_at": last and last.started_at.isoformat(),
                    "last_state": last and last.state.value,
                    "last_outcome": i18n.told(last.outcome) if last else "",
                }
            )
    return {
        "jobs": listed,
        "waiting": health.waiting,
        "working": health.working,
        "dead": health.dead,
        "last_sweep_seconds": health.beat.seconds,
    }


def _line(job: dict[str, Any], settings: Settings) -> str:
    due = i18n.gettext("该做了") if job["due"] else ""
    if not job["last_started_at"]:
        return f"{job['name']:<16} {job['title']}  {i18n.gettext('还没有做过')}  {due}".rstrip()
    at = datetime.fromisoformat(job["last_started_at"]).astimezone(settings.zone)
    state = word_of(JobState(job["last_state"]))
    return f"{job['name']:<16} {job['title']}  {at:%Y-%m-%d %H:%M} {state}  {job['last_outcome']}  {due}".rstrip()
