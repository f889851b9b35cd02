"""`rouge apikey …`: keys for tills and other programs. A key is printed once; only its fingerprint is kept."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from app import i18n
from app.actions.api_keys import create_api_key, issue_api_key, key_id_of, revoke_api_key, store_id_of
from app.audit import Actor
from app.cli import cli, report, shop
from app.queries.api_keys import KeyRow, all_keys
from app.rules.api_keys import KeyDetails

_ACTOR = Actor("rouge")

apikey = typer.Typer(help="接口密钥 · keys for tills and other programs", no_args_is_help=True)  # data: both languages
cli.add_typer(apikey, name="apikey")

_Name = Annotated[str, typer.Argument(metavar="NAME", help="名字，如 前台收银机 · its name")]  # data
_Store = Annotated[
    str,
    typer.Option("--store", metavar="CODE", help="只能用在这家门店；不写就是全部门店 · this store only"),  # data
]
_AsJson = Annotated[bool, typer.Option("--json", help="给程序看的结果 · for programs")]  # data


@apikey.command("create")
def create(name: _Name, store: _Store = "", as_json: _AsJson = False) -> None:
    """新建一把密钥，只显示这一次 · a new key, shown this once."""
    with shop() as (_, database):
        with database.writing(_ACTOR) as session:
            details = KeyDetails(name=name, store_id=store_id_of(session, store))
            made = create_api_key(session, details, now=datetime.now(UTC))
            key = issue_api_key(session, made.id or 0)
        sentence = i18n.gettext("密钥“{name}”（只显示这一次，请马上存进收银系统）：").format(name=made.name)
        values = {"name": made.name, "key": key, "store": store or None}
        # The key alone on its line: it is copied by hand or by a script.
        report(values, as_json=as_json, sentence=f"{sentence}\n{key}")


@apikey.command("revoke")
def revoke(name: _Name, as_json: _AsJson = False) -> None:
    """停用一把密钥，马上生效 · take a key back, at once."""
    with shop() as (_, database):
        with database.writing(_ACTOR) as session:
            row = revoke_api_key(session, key_id_of(session, name), now=datetime.now(UTC))
        sentence = i18n.gettext("密钥“{name}”已停用，用它的程序现在起进不来").format(name=row.name)
        report({"name": row.name, "revoked": True}, as_json=as_json, sentence=sentence)


@apikey.command("list")
def show(as_json: _AsJson = False) -> None:
    """所有密钥，密钥本身不显示 · every key, without the key itself."""
    with shop() as (settings, database), database.reading() as session:
        keys = all_keys(session)
    values = [
        {
            "name": one.name,
            "store": one.store or None,
            "created_at": one.created_at.astimezone(settings.zone).isoformat(),
            "last_used_on": one.last_used_on.isoformat() if one.last_used_on else None,
            "revoked_at": one.revoked_at.astimezone(settings.zone).isoformat() if one.revoked_at else None,
        }
        for one in keys
    ]
    lines = [_line(one) for one in keys] or [i18n.gettext("还没有密钥。新建一把：rouge apikey create 名字")]
    report({"keys": values}, as_json=as_json, sentence="\n".join(lines))


def _line(key: KeyRow) -> str:
    store = key.store or i18n.gettext("全部门店")
    used = i18n.gettext("最近使用 {day}").format(day=key.last_used_on) if key.last_used_on else i18n.gettext("还没用过")
    return "\t".join((key.name, store, used, i18n.gettext("已停用") if key.revoked_at else "")).rstrip()
