"""The command line: `rouge …`. Parses, calls one action or query, reports. Exit 0 done, 1 done with rejected rows or a
failed check, 2 wrong use or unusable input."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

from app import i18n
from app.db import Database, open_database
from app.keys import KeyTrouble
from app.rules.refusals import RuleBroken, words
from app.settings import Settings, current_settings

cli = typer.Typer(
    name="rouge",
    help="胭脂 Rouge：美妆店的顾客系统 / the customer system of a beauty shop",  # data: shown in both languages
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

_KEY_TROUBLE = {
    "key_file_missing": words(
        "找不到密钥文件 {path}。没有它，谁也打不开数据。请把当初另存的密钥放回这个位置，或用 ROUGE_KEY_FILE 指明在哪里。"
    ),
    "key_file_unreadable": words("密钥文件 {path} 读不出来。请检查它的权限：chmod 600 {path}"),
    "key_file_damaged": words("密钥文件 {path} 已损坏。请用另存的那份替换它。"),
    "wrong_key": words("密钥文件 {path} 不是这份数据的密钥。请换成这家店自己的密钥文件。"),
}


def main() -> None:
    """Entry point of the `rouge` command."""
    i18n.use_locale(current_settings().locale)
    cli()


def fail(message: str) -> NoReturn:
    """One clear line on stderr, exit 2."""
    typer.echo(message, err=True)
    raise typer.Exit(2)


def report(values: dict[str, Any], *, as_json: bool, sentence: str) -> None:
    """What a command did: JSON for programs, a sentence for people."""
    typer.echo(json.dumps(values, ensure_ascii=False) if as_json else sentence)


@contextmanager
def shop(*, create: bool = False) -> Iterator[tuple[Settings, Database]]:
    """The settings and the opened database; key trouble and refusals become one line and exit 2."""
    settings = current_settings()
    try:
        yield settings, open_database(settings, create=create)
    except KeyTrouble as trouble:
        fail(i18n.gettext(_KEY_TROUBLE[trouble.code]).format(path=trouble.path))
    except RuleBroken as refusal:
        fail(refusal.say(i18n.gettext))


if __name__ == "__main__":
    sys.exit(main())
