"""Before a record goes, what hangs on it is said: what goes with it, what loses its link, what stands in the way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import anyio.to_thread
from sqlalchemy import ForeignKey, func, select
from sqlalchemy import inspect as mapped
from sqlmodel import Session, SQLModel
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.admin_base.deeds import may_do_deed
from app.admin_base.formats import table_names
from app.admin_base.once import Answer
from app.admin_base.showing import Deed, name_of
from app.admin_base.writing import write
from app.db import Database
from app.i18n import gettext
from app.rules.access import HISTORY
from app.rules.refusals import NotFound, RuleBroken, words

_HANGS = words("「{name}」还连着别的记录，不能删除：{records}。可以先处理它们，或者把它停用。")
_COUNTED = words("{name} {n} 条")
_DELETED = words("已删除")
_CLOSED = words("已停用：{name}。要再用时，在修改里打开就行。")
_CLOSE = words("改为停用")
_WHY_CLOSE = words("停用更稳妥：以后选不到它，做过的记录都还在，随时可以再启用。")


class HangsTogether(RuleBroken):
    """A record others point at cannot be deleted."""

    code = "hangs_together"
    message = _HANGS
    status = 409


@dataclass(frozen=True)
class Hanging:
    """What hangs on one record, each as a sentence with its number: `goes` goes with it, `loosens` stays and forgets it,
    `stands` must not be without it. `refusal`: a rule that says no, in words."""

    name: str
    goes: tuple[str, ...] = ()
    loosens: tuple[str, ...] = ()
    stands: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def may_go(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.stands and not self.refusal


@dataclass(frozen=True)
class WayToClose:
    """How a record is taken out of use instead of deleted: a form's address, its button and why it is better."""

    address: str
    label: str
    hint: str


def hanging_on(session: Session, row: SQLModel, names: Mapping[str, str]) -> Hanging:
    """What hangs on a record; `names` are the tables' names as people read them."""
    found: dict[str, list[str]] = {"goes": [], "loosens": [], "stands": []}
    for how, table, n in _pointing_at(session, row):
        if n:
            found[how].append(gettext(_COUNTED).format(name=names.get(table, table), n=n))
    called = name_of(row, names.get(str(type(row).__tablename__), ""))
    return Hanging(called, tuple(found["goes"]), tuple(found["loosens"]), tuple(found["stands"]))


def delete_rows(session: Session, rows: list[Any], names: Mapping[str, str]) -> None:
    """Delete all of them or none. Raises HangsTogether with what stands in the way of the first that cannot go."""
    for row in rows:
        hanging = hanging_on(session, row, names)
        if hanging.stands:
            raise HangsTogether(name=hanging.name, records="、".join(hanging.stands))  # data: a list mark
        session.delete(row)
    session.flush()


def _pointing_at(session: Session, row: Any) -> Iterator[tuple[str, str, int]]:
    """How many rows of which table hang on it, and how. Its history is nobody's to delete."""
    mine = mapped(type(row)).local_table
    for table in SQLModel.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table is mine:
                counted = select(func.count()).select_from(table).where(key.parent == row.id)
                yield _how(key, table.name), table.name, session.execute(counted).scalar_one()


def _how(key: ForeignKey, table: str) -> str:
    if key.ondelete == "SET NULL":
        return "loosens"
    return "goes" if key.ondelete == "CASCADE" and table not in HISTORY else "stands"


class DeletesRecords:
    """A register whose records may go. Mixed into `ShopView`, which has what it asks for."""

    before_delete: ClassVar[Callable[[Session, Any], None] | None] = None
    """A rule that may refuse a deletion."""
    worn_list: ClassVar[str] = ""
    """Where to look, before a record goes, at whom it is on: the address up to its number."""

    identity: ClassVar[str]
    database: ClassVar[Database]
    deeds: ClassVar[Sequence[Deed]]
    can_edit: ClassVar[bool]
    _admin_ref: ClassVar[Any]
    _held: Any
    _loaded: Any
    changed: Any
    check_can_edit: Any
    get_object_for_delete: Any

    async def delete_all(self, request: Request, pks: Sequence[str]) -> Answer:
        """All of these records or none of them."""
        names = table_names(self._admin_ref.views)

        def work(session: Session) -> Answer:
            # Held in one order, or two people deleting the same records could wait for each other.
            rows = [self._held(session, pk) for pk in sorted(set(pks), key=lambda pk: (len(pk), pk))]
            for row in rows:
                self._check_may_go(session, row)
            delete_rows(session, rows, names)
            return Answer(f"/admin/{self.identity}/list", gettext(_DELETED))

        return await write(request, self.database, work)

    async def hanging_on(self, pks: Sequence[str]) -> list[Hanging]:
        """What hangs on each of these records, before any of them goes. Raises HTTPException 404."""
        names = table_names(self._admin_ref.views)

        def read() -> list[Hanging]:
            with self.database.reading() as session:
                return [self._hanging(session, self._loaded(session, pk), names) for pk in pks]

        try:
            return await anyio.to_thread.run_sync(read)
        except NotFound:
            raise HTTPException(404) from None

    def _hanging(self, session: Session, row: Any, names: Mapping[str, str]) -> Hanging:
        hanging = hanging_on(session, row, names)
        try:
            self._check_may_go(session, row)
        except RuleBroken as refusal:
            return replace(hanging, refusal=refusal.say(gettext))
        return hanging

    def _check_may_go(self, session: Session, row: Any) -> None:
        check = type(self).before_delete
        if check is not None:
            check(session, row)

    async def way_to_close(self, request: Request, pks: Sequence[str]) -> WayToClose | None:
        """How the record can be taken out of use instead, None when it cannot. Several records are closed one by one."""
        if len(pks) != 1:
            return None
        row = await self.get_object_for_delete(pks[0])
        for deed in self.deeds:
            if deed.closes and may_do_deed(deed) and deed.when(row):
                return WayToClose(
                    f"/admin/{self.identity}/do/{deed.name}/{row.id}", str(deed.label), str(deed.hint or "")
                )
        if not (getattr(row, "is_active", False) and self.can_edit and await self.check_can_edit(request, row)):
            return None
        return WayToClose(f"/admin/{self.identity}/delete?pks={row.id}", gettext(_CLOSE), gettext(_WHY_CLOSE))

    async def close_instead(self, request: Request, pks: Sequence[str]) -> Answer:
        """Take a record out of use where it could only be deleted: it stays on everything it was part of. Raises
        HTTPException 403."""
        if not await self.way_to_close(request, pks):
            raise HTTPException(403)

        def work(session: Session) -> Answer:
            row = self._held(session, pks[0])
            self.changed(session, row, {"is_active": False})
            return Answer(f"/admin/{self.identity}/details/{row.id}", gettext(_CLOSED).format(name=name_of(row)))

        return await write(request, self.database, work)
