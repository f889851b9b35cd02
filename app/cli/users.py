"""`rouge init` and `rouge user …`: accounts without a browser. A generated password is printed once and kept nowhere."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlmodel import Session, select

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
from app.gateways.passwords import hash_password, new_password
from app.labels import word_of
from app.models import Staff
from app.queries.policy import current_policy
from app.queries.staff import StaffRow, all_staff, has_owner
from app.rules.passwords import check_password
from app.rules.refusals import NotFound, RuleBroken, words
from app.rules.staff import OwnerExists, login_of, name_of
from app.vocabulary import Role

ACTOR = Actor("command line")
user = typer.Typer(help="员工账号 · accounts of the staff", no_args_is_help=True)  # data: shown in both languages
cli.add_typer(user, name="user")

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="从标准输入读密码 · read the password from standard input")  # data
]
AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON · print JSON")]  # data
Login = Annotated[str, typer.Argument(help="登录名 · login")]  # data


class LoginUnknown(NotFound):
    """No account has this login."""

    code = "login_unknown"
    message = words("没有登录名为“{login}”的账号。用 rouge user list 看有哪些。")
