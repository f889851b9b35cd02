"""The command line: `rouge …`. Parses, calls one action or query, reports. Exit 0 done, 1 done with rejected rows or a
failed check, 2 wrong use or unusable input. Each noun's commands stand in a file of their own."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn

import typer
from pydantic import ValidationError

from app import i18n
from app.cli.trouble import sentence_for, settings_sentence
from app.db import Database, migrate, open_database
from app.gateways.presence import at_work
from app.settings import Settings, current_settings
from seed.reference import plant_reference

# Typer brings its own click and shows only this leaf of it; the family is the leaf's parent.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

cli = typer.Typer(
    name="rouge",
    help="胭脂 Rouge：美妆店的顾客系统 · the customer system of a beauty shop",  # data: shown in both languages
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of the `rouge` command."""
    try:
        i18n.use_locale(current_settings().locale)
    except ValidationError as error:
        typer.echo(settings_sentence(error), err=True)
        raise SystemExit(2) from None
    try:
        code = cli(standalone_mode=False)
    except typer.Abort:
        raise SystemExit(1) from None
    except _UsageError as error:
        raise SystemExit(_wrong_use(error)) from None
    raise SystemExit(code)


def _wrong_use(error: Any) -> int:
    """One line instead of typer's box; asked nothing at all, the help. Always exit 2."""
    problem = error.format_message()
    if not problem or "\n" in problem:
        error.show()
    else:
        sentence = i18n.gettext("用法不对：{problem} 详见 {command} -h")
        command = error.ctx.command_path if error.ctx else "rouge"
        typer.echo(sentence.format(problem=problem, command=command), err=True)
    return 2


def fail(message: str) -> NoReturn:
    """One clear line on stderr, exit 2."""
    typer.echo(message, err=True)
    raise typer.Exit(2)


def report(values: dict[str, Any], *, as_json: bool, sentence: str) -> None:
    """What a command did: JSON for programs, a sentence for people."""
    typer.echo(json.dumps(values, ensure_ascii=False) if as_json else sentence)


@contextmanager
def shop(*, create: bool = False) -> Iterator[tuple[Settings, Database]]:
    """The settings and the opened database; whatever can be mended becomes one line and exit 2.

    `create` makes what is missing: folder, keys, tables of this version, reference rows.
    """
    settings = current_settings()
    with saying(settings), at_work(settings):
        if create:
            os.umask(0o077)  # what is made now is nobody else's to read
        database = open_database(settings, create=create)
        if create:
            migrate(database, settings)
            with database.writing() as session:
                plant_reference(session, now=datetime.now(UTC))
        try:
            yield settings, database
        finally:
            database.engine.dispose()


@contextmanager
def saying(settings: Settings) -> Iterator[None]:
    """Whatever goes wrong that can be mended becomes one line and exit 2."""
    try:
        yield
    except Exception as error:
        sentence = sentence_for(error, settings)
        if sentence is None:
            raise
        fail(sentence)


# The commands register themselves on `cli`; they need what stands above.
from app.cli import apikey, backup, demo, doctor, export, imports, jobs, prints, serve, surveys, users  # noqa: E402, F401
