"""The menu and the shelf come in: treatments found by code, products by number; a blank never overwrites."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session, col, select

from app.actions.import_changes import Changes
from app.actions.kept_rows import columns_of
from app.actions.points_imports import in_portions
from app.i18n import gettext
from app.models import Product, Treatment
from app.rules.headers import Columns
from app.rules.import_reports import Portion, rejection
from app.rules.import_rows import AlreadyThere, NotThere, RowRefused
from app.rules.menu_rows import CodeRepeats, MenuRow, TitleMissing, key_of, read_menu
from app.rules.refusals import RuleBroken
from app.vocabulary import ImportKind, ImportMode

Row = tuple[int, tuple[str, ...]]
Dish = Treatment | Product
PORTION = 500


@dataclass
class _Planned:
    """What a portion will write."""

    new: list[Dish] = field(default_factory=list)
    changed: list[tuple[Dish, dict[str, Any]]] = field(default_factory=list)


class MenuFile:
    """A treatments or products file being brought in; remembers what was in it."""

    def __init__(self, columns: Columns, mode: ImportMode) -> None:
        self.columns, self.mode = columns, mode
        self.table: type[Treatment] | type[Product] = Treatment if columns.kind is ImportKind.TREATMENTS else Product
        self.key = key_of(columns.kind)
        self.batch_id: int | None = None
        self._seen: dict[str, tuple[int, Mapping[str, Any]]] = {}
        self._fresh: dict[str, tuple[int, Mapping[str, Any]]] = {}

    def portions(self, read: Callable[[], Iterator[Row]]) -> Iterator[list[Row]]:
        """The rows in portions that are stored together."""
        return in_portions(read(), PORTION)

    def settle(self, session: Session, rows: list[Row], *, write: bool) -> Portion:
        """Judge a portion and, if `write`, store what may go in. May be repeated until `remember`."""
        self._fresh = {}
        portion, planned = Portion(), _Planned()
        read = [(number, read_menu(cells, self.columns)) for number, cells in rows]
        known = self._known(session, {row.code for _, row in read if isinstance(row, MenuRow)}, lock=write)
        for number, row in read:
            if isinstance(row, RowRefused):
                portion.rejected.append(rejection(number, row.faults, self.columns, gettext))
                continue
            try:
                self._judge(number, row, known.get(row.code), portion, planned=planned)
            except RuleBroken as fault:
                portion.rejected.append(rejection(number, [fault], self.columns, gettext))
        if write and self.batch_id:
            self._store(session, planned, Changes(self.batch_id))
        return portion

    def remember(self) -> None:
        """The portion is in (or judged, in a dry run)."""
        self._seen |= self._fresh
        self._fresh = {}

    def _known(self, session: Session, codes: set[str], *, lock: bool) -> dict[str, Dish]:
        key = getattr(self.table, self.key)
        wanted: Any = select(self.table).where(key.in_(codes)).order_by(col(self.table.id))
        return {getattr(one, self.key): one for one in session.exec(wanted.with_for_update() if lock else wanted)}

    def _judge(self, number: int, row: MenuRow, standing: Dish | None, portion: Portion, *, planned: _Planned) -> None:
        if earlier := self._fresh.get(row.code) or self._seen.get(row.code):
            if earlier[1] != row.columns:
                raise CodeRepeats(self.key, row=earlier[0])
            portion.unchanged += 1
            return
        news = {name: value for name, value in row.columns.items() if getattr(standing, name, None) != value}
        if standing is None:
            if self.mode is ImportMode.UPDATE:
                raise NotThere(self.key)
            if "name" not in row.columns:
                raise TitleMissing("name")
            planned.new.append(self.table(**row.columns))
            portion.created += 1
        elif not news:
            portion.unchanged += 1
        elif self.mode is ImportMode.CREATE:
            raise AlreadyThere(self.key)
        else:
            planned.changed.append((standing, news))
            portion.updated += 1
        self._fresh[row.code] = (number, row.columns)

    def _store(self, session: Session, planned: _Planned, changes: Changes) -> None:
        session.add_all(planned.new)
        for one, news in planned.changed:
            changes.changed(self.table, one.id or 0, {name: getattr(one, name) for name in news}, news)
            for name, value in news.items():
                setattr(one, name, value)
        session.flush()
        changes.made(self.table, [one.id for one in planned.new], [columns_of(one) for one in planned.new])
        changes.write(session)
