"""Every write of the back office: one unit of work with the person's name on it, and whatever was refused comes back
as a sentence beside its field. No SQL, no parameters, no traceback ever reaches a page."""

import inspect
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

import anyio.to_thread
from sqlalchemy import Column, Table, select
from sqlalchemy import inspect as mapped
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.actions.idempotency import do_once
from app.admin_base.asking import asking, reach, within_scope
from app.admin_base.once import Answer
from app.db import Database
from app.i18n import gettext
from app.models import Customer
from app.rules.customers import PhoneTaken, PhoneTakenUnseen
from app.rules.idempotency import Kept, Keyed
from app.rules.limits import TooManyTries
from app.rules.refusals import NotFound, RuleBroken, words

logger = logging.getLogger(__name__)

_TAKEN = words("这个已经有了，请换一个。")
_OUT_OF_RANGE = words("这个数不在允许的范围内，请检查。")
_GONE = words("选中的那一条已经不在了，请重新选择。")
_MISSING = words("这一项要填写。")
_SORRY = words("系统出了点问题，您刚才的内容没有保存成功，请稍后再试。")
_CLASHES = {"unique": _TAKEN, "check": _OUT_OF_RANGE, "foreign": _GONE, "null": _MISSING}
LARGEST_ID = 2_147_483_647
"""What PostgreSQL's integer holds."""
_SQLSTATES = {"23505": "unique", "23514": "check", "23503": "foreign", "23502": "null"}


class Refused(Exception):
    """What SQLAdmin shows above the form. Empty when everything is said beside its field."""


class ChoiceGone(RuleBroken):
    """The chosen record has been deleted meanwhile, or the person may not see it: which of the two is not said."""

    code = "choice_gone"
    message = _GONE


def _quiet(record: logging.LogRecord) -> bool:
    """SQLAdmin logs every refusal with a traceback, as if it were an accident."""
    return not (record.exc_info and isinstance(record.exc_info[1], Refused))


logging.getLogger("sqladmin.application").addFilter(_quiet)


async def write(request: Request, database: Database, work: Callable[[Session], Answer]) -> Answer:
    """Do `work` in one unit of work as the person signed in, once for each form (`admin_base.once`). Raises Refused with
    the words for the form, and leaves `request.state.field_errors` for the fields."""
    actor, now = asking().actor, asking().now
    keyed: Keyed | None = getattr(request.state, "once", None)
    only_shows = await is_language_switch(request)

    def unit_of_work() -> Kept:
        with database.writing(actor) as session:

            def whole() -> Kept:
                answer = work(session)
                session.flush()
                if only_shows:
                    raise Refused("")
                return answer.kept()

            return do_once(session, keyed, whole, now=now)

    try:
        return Answer.of(await anyio.to_thread.run_sync(unit_of_work))
    except Refused:
        raise
    except NotFound as refusal:
        raise HTTPException(404, refusal.say(gettext)) from None
    except RuleBroken as refusal:
        raise _by_rule(request, await anyio.to_thread.run_sync(_discreet, database, refusal)) from None
    except IntegrityError as error:
        kind, columns = clash(error)
        raise said(request, gettext(_CLASHES.get(kind, _SORRY)), columns) from None
    except HTTPException:
        raise
    except Exception as error:
        logger.exception("a write of the back office broke: %s", type(error).__name__)
        request.state.refused_status = 500
        raise Refused(gettext(_SORRY)) from None


async def is_language_switch(request: Request) -> bool:
    """Whether a page that came back refused only asks for itself in another language: everything is tried as typed, so
    that it says the same, and nothing is kept."""
    if "switch" not in await request.form():
        return False
    request.state.refused_status = 200
    return True


async def prepare(
    request: Request, before: Callable[[dict[str, Any], Any], dict[str, Any]], typed: dict[str, Any], row: Any
) -> dict[str, Any]:
    """Slow work on what was typed, outside the unit of work. A refusal comes back beside its field."""
    try:
        return await anyio.to_thread.run_sync(before, typed, row)
    except RuleBroken as refusal:
        raise _by_rule(request, refusal) from None


def _discreet(database: Database, refusal: RuleBroken) -> RuleBroken:
    """A refusal says whose a number is only to somebody who may open that record."""
    if not isinstance(refusal, PhoneTaken):
        return refusal
    owner = select(col(Customer.id)).where(col(Customer.member_no) == refusal.values["member_no"])
    with database.reading() as session:
        is_seen = session.scalar(within_scope(owner, Customer)) is not None
    return refusal if is_seen else PhoneTakenUnseen(refusal.field)


def _by_rule(request: Request, refusal: RuleBroken) -> Refused:
    if isinstance(refusal, TooManyTries):
        request.state.refused_status = refusal.status
    return said(request, refusal.say(gettext), (refusal.field,) if refusal.field else ())


def said(request: Request, sentence: str, fields: tuple[str, ...] = ()) -> Refused:
    """Put a sentence beside its fields; above the form only when there is no field for it."""
    known = [name for name in fields if name in getattr(request.state, "form_names", fields)]
    if not known:
        return Refused(sentence)
    request.state.field_errors = {**getattr(request.state, "field_errors", {}), **{name: [sentence] for name in known}}
    return Refused("")


def clash(error: IntegrityError) -> tuple[str, tuple[str, ...]]:
    """What an integrity error is about: its kind and the fields concerned. Both databases say it differently."""
    origin = error.orig
    state = _SQLSTATES.get(getattr(origin, "sqlstate", None) or "")
    if state:
        about = origin.diag  # type: ignore[union-attr]  # psycopg's
        if about.column_name:
            return state, (_field(about.table_name, about.column_name),)
        return state, _fields_of_constraint(about.table_name or "", about.constraint_name or "")
    text = str(origin)
    if "FOREIGN KEY" in text:
        return "foreign", ()
    kind = next(
        (kind for kind, mark in (("unique", "UNIQUE"), ("null", "NOT NULL"), ("check", "CHECK")) if mark in text), ""
    )
    if kind == "check":
        name = text.rpartition(": ")[2]
        table = next((one for one in SQLModel.metadata.tables.values() if name.startswith(f"ck_{one.name}_")), None)
        return kind, _fields_of_constraint(table.name, name) if table is not None else ()
    return kind, tuple(_field(*place) for place in re.findall(r"(\w+)\.(\w+)", text.rpartition(": ")[2]))


def _fields_of_constraint(table_name: str, name: str) -> tuple[str, ...]:
    table = SQLModel.metadata.tables.get(table_name)
    if table is None:
        return ()
    columns: list[Column[Any]] = []
    for constraint in (*table.constraints, *table.indexes):
        if _name_of(table, constraint) == name:
            columns = list(getattr(constraint, "columns", ()))
            condition = str(getattr(constraint, "sqltext", ""))
            columns = columns or [one for one in table.columns if re.search(rf"\b{one.name}\b", condition)]
    return tuple(_field(table_name, column.name) for column in columns)


def _name_of(table: Table, constraint: Any) -> str:
    name = str(constraint.name or "")
    return name if name.startswith(("uq_", "ix_", "ck_", "fk_")) else f"ck_{table.name}_{name}"


def _field(table: str, column: str) -> str:
    """The form's field for a column: relations go by their own name, a blind index by what it hides."""
    return column.removesuffix("_id").removesuffix("_index")


def fill(session: Session, row: SQLModel, typed: Mapping[str, Any]) -> None:
    """Put what a form brought into a row. A chosen record must exist; an empty text is nothing where nothing may be."""
    mapper = mapped(type(row))
    for key, value in typed.items():
        relation = mapper.relationships.get(key)
        if relation is None:
            nullable = mapper.columns[key].nullable
            setattr(row, key, None if value == "" and nullable else value)
        elif relation.uselist:
            numbers = [number_of(one, key) for one in value or ()]
            target = relation.mapper.class_
            found = within_scope(select(target).where(target.id.in_(numbers)), target)
            setattr(row, key, list(session.scalars(found)))
        else:
            column = relation.local_remote_pairs[0][0].key
            kept = getattr(row, column)
            setattr(row, column, chosen(session, relation.mapper.class_, value, key, kept=kept) if value else None)


def chosen(session: Session, target: Any, value: Any, field: str, *, kept: int | None = None) -> int:
    """The number of the record somebody chose: one that is there and that this person may see, for writing to a record
    must open no other. `kept` is what stands there already. Raises ChoiceGone."""
    number = number_of(value, field)
    if number != kept and session.scalar(within_scope(select(target.id).where(target.id == number), target)) is None:
        raise ChoiceGone(field)
    return number


def number_of(chosen: Any, field: str) -> int:
    """The number of a chosen record. Raises ChoiceGone for what can be none."""
    text = str(chosen)
    if not (text.isascii() and text.isdigit() and 0 < int(text[:11]) <= LARGEST_ID):
        raise ChoiceGone(field)
    return int(text)


def supplied(function: Callable[..., Any], given: int = 0, **known: Any) -> dict[str, Any]:
    """Of the moment, the day, the rules, the person, whom she may name and what is `known`: whatever this function asks for
    by name after its first `given` parameters. The moment comes in the shop's zone."""
    here = asking()
    offer = {
        "now": here.now,
        "today": here.today,
        "zone": here.zone,
        "policy": here.policy,
        "staff_id": here.person.staff_id if here.person else None,
        "asking_session_id": here.person.session_id if here.person else 0,
        "whom": reach(Customer),
        **known,
    }
    asked = list(inspect.signature(function).parameters)[given:]
    return {name: offer[name] for name in asked if name in offer}
