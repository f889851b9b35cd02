"""`rouge export`: everything the shop owns, in files that are readable without Rouge."""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from app import i18n
from app.actions.exports import note_whole_export
from app.audit import Actor
from app.cli import cli, fail, report, shop
from app.db import Database
from app.gateways.exports import ExportFolder, open_folder
from app.gateways.media import photo_of
from app.queries.shop_tables import (
    LEFT_BEHIND,
    TAKEN_OUT,
    columns_left,
    columns_out,
    count_of,
    hold_still,
    pictures,
    revision_of,
    rows_of,
)
from app.rules.photos import PhotoGone
from app.settings import Settings

_ACTOR = Actor("rouge")


@cli.command("export")
def export(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="一个空的或还没有的文件夹 · an empty folder, or one not there yet",  # data
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="给程序看的结果 · for programs")] = False,  # data
) -> None:
    """导出本店的全部资料：每张表一份 CSV 和 JSON，加上照片 · everything the shop owns, as CSV, JSON and photos.

    电话和健康记录都是完整的原文，会记进操作日志。照常营业时也可以导出。
    Telephone numbers and health notes are whole; the journal says so. The shop may stay open.
    """
    with shop() as (settings, database):
        try:
            into = open_folder(folder)
        except OSError as error:
            fail(i18n.gettext("写不进 {folder}：{reason}").format(folder=folder, reason=error.strerror))
        if into is None:
            fail(
                i18n.gettext("{folder} 里已经有东西，什么都没有导出。请给一个空的或还没有的文件夹。").format(
                    folder=folder
                )
            )
        try:
            counts = _export(settings, database, into)
        except OSError as error:
            into.abandon()
            fail(i18n.gettext("没有导出完，已经写的都删掉了：{reason}").format(reason=error.strerror))
        except BaseException:
            into.abandon()
            raise
        sentence = i18n.gettext("已导出到 {folder}：{tables} 张表，{rows} 行。里面有完整的电话和健康记录，请妥善保管。")
        sentence = sentence.format(folder=folder, tables=len(counts), rows=f"{sum(counts.values()):,}")
        report({"folder": str(folder), "counts": dict(counts)}, as_json=as_json, sentence=sentence)


def _export(settings: Settings, database: Database, into: ExportFolder) -> Mapping[str, int]:
    now = datetime.now(UTC)
    with database.reading() as session:
        hold_still(session)
        rows = sum(count_of(session, table) for table in TAKEN_OUT)
        with database.writing(_ACTOR) as writing:  # before anything leaves
            note_whole_export(writing, rows=rows, tables=len(TAKEN_OUT))
        for table in TAKEN_OUT:
            into.add_table(table, columns_out(table), rows_of(session, table))
        missing = _add_pictures(settings, session, into)
        into.finish(_manifest(session, missing, now))
    return into.counts


def _add_pictures(settings: Settings, session: Session, into: ExportFolder) -> list[int]:
    """Every photo, opened; those whose file is gone or damaged are named."""
    missing = []
    for one in pictures(session):
        try:
            into.add_picture(one.photo_id, photo_of(settings, one.file_key))
        except PhotoGone:
            missing.append(one.photo_id)
    return missing


def _manifest(session: Session, missing: list[int], now: datetime) -> dict[str, Any]:
    return {
        "program": "rouge",
        "version": version("rouge"),
        "schema": revision_of(session),
        "exported_at": now.isoformat(timespec="seconds"),
        "tables_left_out": dict(LEFT_BEHIND),
        "columns_left_out": {table: left for table in TAKEN_OUT if (left := columns_left(table))},
        "photos_missing": missing,
    }
