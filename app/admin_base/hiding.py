"""Columns that not every reader of a register sees: for her they are not there, in lists, records, forms, exports, sorting
or searching. Health notes are another matter: that there is one may be seen, what it says may not (`views`)."""

from collections.abc import Iterable
from typing import Any, ClassVar

from sqlalchemy import inspect as mapped

from app.admin_base.asking import asking, is_asking
from app.rules.access import may_see


class _Seen:
    """A register's list of columns, without those the person does not see."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.place = f"_all{name}"

    def __set__(self, view: Any, names: Iterable[str]) -> None:
        setattr(view, self.place, list(names))

    def __get__(self, view: Any, owner: type) -> Any:
        if view is None:
            return self
        return [name for name in getattr(view, self.place) if view.shows(name)]


class HidesColumns:
    """Mixed into `ShopView`. SQLAdmin fills these lists once and reads them for every page."""

    model: ClassVar[Any]

    _list_prop_names = _Seen()
    _details_prop_names = _Seen()
    _form_prop_names = _Seen()
    _export_prop_names = _Seen()
    _sort_fields = _Seen()
    _search_fields = _Seen()

    def get_filters(self) -> list[Any]:
        """The filters of the list. One by a column the person may not read would tell what stands in it, row by row."""
        return [one for one in super().get_filters() if self._reads(one.parameter_name)]  # type: ignore[misc]

    def _reads(self, name: str) -> bool:
        person = asking().person if is_asking() else None
        if person is None:
            return not is_asking()
        return may_see(person.role, str(self.model.__tablename__), name, kind_of(self.model, name))

    def shows(self, name: str) -> bool:
        """Whether the person sees a column or relation here; everything while nobody asks (the views are being built)."""
        if not is_asking():
            return True
        person = asking().person
        return person is not None and sees(person.role, self.model, name)


def sees(role: Any, table: Any, name: str) -> bool:
    """Whether a role sees a column or relation of a table it may read. Health notes pass: they are veiled, not hidden."""
    kind = kind_of(table, name)
    return kind == "health" or may_see(role, str(table.__tablename__), name.partition(".")[0], kind)


def kind_of(table: Any, name: str) -> str:
    """The mark of a column; of a relation that of its target's name; of a form's own field that of the column it fills."""
    first, _, rest = name.partition(".")
    mapper = mapped(table)
    if first in mapper.relationships:
        target = mapper.relationships[first].mapper.class_
        return kind_of(target, rest or "name") if rest or "name" in mapped(target).columns else ""
    return mapper.columns[first].info.get("personal", "") if first in mapper.columns else ""
