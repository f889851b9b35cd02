"""`rouge init` and `rouge user …`: accounts without a browser. A generated password is printed once and kept nowhere."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from app import i18n
from app.actions.staff import (
    StaffDetails,
    create_first_owner,
    create_staff,
    disable_staff,
    reset_password,
    unlock_staff,
)
from app.audit import Actor
from app.cli import cli, fail, report, shop
from app.db import Database
from app.gateways.passwords import hash_password, new_password
from app.labels import word_of
from app.queries.policy import current_policy
from app.queries.staff import StaffRow, all_staff, has_owner, staff_by_login
from app.rules.passwords import check_password
from app.rules.policy import Policy
from app.rules.refusals import RuleBroken
from app.rules.staff import OwnerExists, login_of, name_of
from app.vocabulary import Role

_ACTOR = Actor("rouge")

user = typer.Typer(help="员工账号 · accounts of the staff", no_args_is_help=True)  # data: shown in both languages
cli.add_typer(user, name="user")

_Login = Annotated[str, typer.Argument(help="登录名 · login")]  # data
_FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="从标准输入读密码 · read the password from standard input")  # data
]
_AsJson = Annotated[bool, typer.Option("--json", help="给程序看的结果 · for programs")]  # data


@cli.command()
def init(
    owner: Annotated[str, typer.Option(help="店主姓名 · the owner's name")],  # data
    login: Annotated[str, typer.Option(help="店主的登录名 · the owner's login")] = "owner",  # data
    password_stdin: _FromStdin = False,
) -> None:
    """不用浏览器的首次设置：密钥、数据库、店主账号 · first set-up without a browser: keys, database, the owner's account.

    rouge init --owner 姓名 --password-stdin < 密码文件
    """
    if not password_stdin:
        fail(i18n.gettext("请从标准输入给密码：rouge init --owner 姓名 --password-stdin < 密码文件"))
    password = _typed_password()
    # Before anything is made: a refused password leaves no half-made shop behind.
    try:
        check_password(password, known=(login_of(login), name_of(owner), Policy().shop_name))
    except RuleBroken as refusal:
        fail(refusal.say(i18n.gettext))
    with shop(create=True) as (settings, database):
        with database.reading() as session:
            if has_owner(session):
                raise OwnerExists
        password_hash = hash_password(password)
        with database.writing(_ACTOR) as session:
            made = create_first_owner(
                session, name=owner, login=login, password_hash=password_hash, now=datetime.now(UTC)
            )
        typer.echo(
            i18n.gettext("店主账号已建好，登录名 {login}。运行 rouge serve，再打开 {url}/admin").format(
                login=made.login, url=settings.base_url
            )
        )


@user.command("add")
def add(
    name: Annotated[str, typer.Argument(help="姓名 · name")],  # data
    login: Annotated[str, typer.Option(help="登录名 · login")],  # data
    role: Annotated[Role, typer.Option(help="角色 · role")],  # data
    password_stdin: _FromStdin = False,
    as_json: _AsJson = False,
) -> None:
    """给同事开账号；不给密码就生成一个，只显示一次 · a new account; a generated password is shown once."""
    with shop() as (_, database):
        password = _chosen_password(database, (login_of(login), name_of(name)), from_stdin=password_stdin)
        password_hash = hash_password(password)
        with database.writing(_ACTOR) as session:
            details = StaffDetails(name, login, role)
            made = create_staff(session, details, password_hash=password_hash, now=datetime.now(UTC))
        sentence = i18n.gettext("已开账号：{login}（{role}，{name}）").format(
            login=made.login, role=word_of(made.role), name=made.name
        )
        _report_password(made.login, password, sentence, shown=not password_stdin, as_json=as_json)


@user.command("list")
def show(as_json: _AsJson = False) -> None:
    """所有账号 · every account."""
    with shop() as (_, database), database.reading() as session:
        people = all_staff(session)
    values = [
        {
            "login": person.login,
            "name": person.name,
            "role": person.role.value,
            "store": person.store,
            "is_active": person.is_active,
            "failed_logins": person.failed_logins,
        }
        for person in people
    ]
    lines = [_line(person) for person in people] or [i18n.gettext("还没有账号。第一个用 rouge init 建。")]
    report({"users": values}, as_json=as_json, sentence="\n".join(lines))


@user.command("reset")
def reset(login: _Login, password_stdin: _FromStdin = False, as_json: _AsJson = False) -> None:
    """换密码，并让这个账号在所有设备上退出 · a new password; every session of the account ends."""
    with shop() as (_, database):
        with database.reading() as session:
            person = staff_by_login(session, login)
        password = _chosen_password(database, (person.login, person.name), from_stdin=password_stdin)
        password_hash = hash_password(password)
        with database.writing(_ACTOR) as session:
            reset_password(session, person.staff_id, password_hash=password_hash, now=datetime.now(UTC))
        sentence = i18n.gettext("{login} 的密码已换，所有设备都已退出登录").format(login=person.login)
        _report_password(person.login, password, sentence, shown=not password_stdin, as_json=as_json)


@user.command("unlock")
def unlock(login: _Login) -> None:
    """输错太多次的账号可以马上再试 · let an account that failed too often try again at once."""
    with shop() as (_, database):
        with database.writing(_ACTOR) as session:
            person = staff_by_login(session, login)
            unlock_staff(session, person.staff_id, now=datetime.now(UTC))
        typer.echo(i18n.gettext("{login} 现在可以重新登录").format(login=person.login))


@user.command("disable")
def disable(login: _Login) -> None:
    """停用账号，马上退出登录；做过的事仍留着名字 · close an account at once; its name stays on what it did."""
    with shop() as (_, database):
        with database.writing(_ACTOR) as session:
            person = staff_by_login(session, login)
            disable_staff(session, person.staff_id, now=datetime.now(UTC))
        typer.echo(i18n.gettext("{login} 已停用，并已退出登录").format(login=person.login))


def _typed_password() -> str:
    """One line of standard input. A line end is no part of a password, a space may be."""
    try:
        return sys.stdin.buffer.readline().decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        fail(i18n.gettext("密码要用 UTF-8 编码输入"))


def _chosen_password(database: Database, known: tuple[str, ...], *, from_stdin: bool) -> str:
    if not from_stdin:
        return new_password()
    password = _typed_password()
    with database.reading() as session:
        shop_name = current_policy(session).shop_name
    check_password(password, known=(*known, shop_name))
    return password


def _report_password(login: str, password: str, sentence: str, *, shown: bool, as_json: bool) -> None:
    values = {"login": login} | ({"password": password} if shown else {})
    if shown:
        sentence += "\n" + i18n.gettext("密码：{password}（只显示这一次，请当面告诉本人）").format(password=password)
    report(values, as_json=as_json, sentence=sentence)


def _line(person: StaffRow) -> str:
    state = "" if person.is_active else i18n.gettext("已停用")
    return "\t".join((person.login, word_of(person.role), person.name, person.store, state)).rstrip()
