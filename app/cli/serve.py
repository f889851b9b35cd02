"""`rouge serve`: from an empty folder, or from yesterday's, to an open shop."""

import errno
import os
import signal
import socket
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from logging.config import dictConfig
from typing import Annotated

import typer
from sqlmodel import Session

from app import i18n
from app.actions.tokens import issue_token, revoke_tokens
from app.cli import cli, fail, shop
from app.db import Database
from app.gateways.counting import counted_together
from app.gateways.lifeline import Keeper, again
from app.gateways.logs import log_config
from app.gateways.machine import NETWORK_FILE_SYSTEMS, file_system_of
from app.gateways.patience import PatientProtocol
from app.gateways.presence import stay_at_work
from app.labels import word_of
from app.queries.demo import demo_logins, has_own_people
from app.queries.staff import has_owner
from app.settings import Settings, current_settings
from app.vocabulary import TokenPurpose
from seed.demo import DEMO_PASSWORD, build_demo, last_demo_day

SETUP_VALID = timedelta(minutes=30)
_NOBODY = 0
"""A set-up address is about no record: there is no owner yet."""


@cli.command()
def serve(
    demo_if_empty: Annotated[
        bool, typer.Option("--demo-if-empty", help="空店先建演示数据 · build the demo shop where nobody is yet")  # data
    ] = False,
) -> None:
    """开店：建库、升级，然后启动网页和工作进程 · open the shop: make or upgrade the database, then pages and worker.

    Ctrl+C 或 SIGTERM 关店 · Ctrl+C or SIGTERM closes it.
    """
    settings = current_settings()
    # A stop during set-up rolls back whatever is half done.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    dictConfig(log_config(settings.log_level, plain=sys.stderr.isatty()))
    _check_file_system(settings)
    # Before anything is written: a second start on the same folder must not even touch it.
    listener = _listen(settings)
    with shop(create=True) as (_, database):
        _check_binding(settings, database, demo_if_empty=demo_if_empty)
        if demo_if_empty and _is_empty(database):
            typer.echo(i18n.gettext("正在建演示店，请稍等…"))
            build_demo(database, today=last_demo_day(datetime.now(settings.zone)), zone=settings.zone)
        typer.echo(_welcome(settings, database))
        stay_at_work(settings)
        database.engine.dispose()
    # One worker on this machine, however many web processes.
    keeper = Keeper(again("jobs", "work", "--parent", str(os.getpid())))
    try:
        with counted_together(settings.workers):
            _run(settings, listener)
    finally:
        keeper.stop()


def _is_empty(database: Database) -> bool:
    with database.reading() as session:
        return not has_own_people(session) and not demo_logins(session)


# ── Before the start ──────────────────────────────────────────────────────────────────────────────────────────────────


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host.casefold() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_file_system(settings: Settings) -> None:
    kind = file_system_of(settings.data_dir)
    if settings.database_url or kind not in NETWORK_FILE_SYSTEMS:
        return
    fail(
        i18n.gettext(
            "数据文件夹 {data} 在网络盘上（{kind}），SQLite 在那里可能损坏数据。请用 ROUGE_DATA_DIR 换到本机磁盘，或改用 PostgreSQL。"
        ).format(data=settings.data_dir, kind=kind)
    )


def _check_binding(settings: Settings, database: Database, *, demo_if_empty: bool) -> None:
    """Other machines may reach the shop only through TLS, and never while an account with a known password is there.
    ROUGE_DEMO lifts both for a shop in which nobody is real."""
    if is_loopback(settings.host):
        return
    with database.reading() as session:
        logins, is_all_made_up = demo_logins(session), not has_own_people(session)
    if settings.demo and is_all_made_up:
        typer.echo(i18n.gettext("注意：演示店对别的机器开放，登录密码是公开的。不要输入真实顾客的资料。"), err=True)
        return
    if logins or (demo_if_empty and is_all_made_up):
        fail(
            i18n.gettext(
                "{host} 能从别的机器访问，而演示账号的密码是公开的，所以没有启动。"
                "先清空演示数据：rouge demo --wipe；只想给别人看演示，就设 ROUGE_DEMO=1。"
            ).format(host=settings.host)
        )
    if not settings.public_url.startswith("https://"):
        fail(
            i18n.gettext(
                "{host} 能从别的机器访问，但没有加密（HTTPS），顾客资料和密码会被看到，所以没有启动。"
                "请在前面放一个带证书的代理（Caddy、nginx），并设 ROUGE_PUBLIC_URL=https://您的网址；只在本机用就设 ROUGE_HOST=127.0.0.1。"
            ).format(host=settings.host)
        )


def _listen(settings: Settings) -> socket.socket:
    """The listening socket. It is opened first, so that of two starts one is told at once."""
    place = {"host": settings.host, "port": settings.port}
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[
            0
        ]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = i18n.gettext(
                "{port} 端口已被占用：胭脂可能已经在运行。先关掉它，或换一个端口：ROUGE_PORT={other}"
            )
            fail(message.format(**place, other=settings.port + 1))
        if error.errno == errno.EACCES:
            fail(i18n.gettext("没有权限使用 {port} 端口。请换一个 1024 以上的：ROUGE_PORT=8000").format(**place))
        fail(i18n.gettext("{host} 不是这台机器的地址。请检查 ROUGE_HOST，一般是 127.0.0.1").format(**place))
    listener.set_inheritable(True)
    return listener


# ── What the operator is told ─────────────────────────────────────────────────────────────────────────────────────────


def _welcome(settings: Settings, database: Database) -> str:
    lines = [i18n.gettext("胭脂 Rouge 已开店：{url}").format(url=settings.base_url)]
    with database.reading() as session:
        has_boss, logins = has_owner(session), demo_logins(session)
    if logins:
        lines.append(i18n.gettext("后台：{url}/admin").format(url=settings.base_url))
        lines.append(i18n.gettext("演示账号（密码都是 {password}）：").format(password=DEMO_PASSWORD))
        lines += [f"  {person.login:<12} {word_of(person.role)}  {person.name}" for person in logins]
    elif has_boss:
        lines.append(i18n.gettext("后台：{url}/admin").format(url=settings.base_url))
    else:
        with database.writing() as session:
            code = _setup_code(session)
        lines.append(
            i18n.gettext("第一次使用，请在 30 分钟内打开这个地址设店主账号：{url}/setup?code={code}").format(
                url=settings.base_url, code=code
            )
        )
    lines.append(i18n.gettext("按 Ctrl+C 关店"))
    return "\n".join(lines)


def _setup_code(session: Session) -> str:
    """A fresh one-time code; those of earlier starts open nothing any more."""
    now = datetime.now(UTC)
    revoke_tokens(session, TokenPurpose.SETUP, [_NOBODY], now=now)
    return issue_token(session, TokenPurpose.SETUP, _NOBODY, now=now, expires_at=now + SETUP_VALID)


# ── The web server ────────────────────────────────────────────────────────────────────────────────────────────────────


def _run(settings: Settings, listener: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415  no other command needs the web server
    from uvicorn.supervisors import Multiprocess  # noqa: PLC0415

    config = uvicorn.Config(
        "app.main:served_app",
        factory=True,
        http=PatientProtocol,
        workers=settings.workers,
        log_config=log_config(settings.log_level, plain=sys.stderr.isatty()),
        server_header=False,
        # Only a proxy of ours may say who is calling; which one, FORWARDED_ALLOW_IPS tells (default: this machine).
        proxy_headers=settings.public_url.startswith("https://"),
        timeout_graceful_shutdown=20,
        # A machine that is busy (it has just been switched on) must not have its starting processes taken for dead.
        timeout_worker_healthcheck=60,
    )
    if settings.workers > 1:
        Multiprocess(config, sockets=[listener]).run()
    else:
        # Raises the signal again when it has stopped; the handler of `serve` makes that exit 0.
        uvicorn.Server(config).run(sockets=[listener])
