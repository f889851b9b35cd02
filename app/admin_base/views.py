"""What every back-office view has. A register is a table and a few lines of class in `app/registers/`; everything that is
the same for all of them stands here."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import anyio.to_thread
from sqladmin import ModelView
from sqlalchemy import Select, or_, select
from sqlmodel import Session, SQLModel
from starlette.datastructures import URL, FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from wtforms import Form
from wtforms.fields.core import UnboundField

from app.admin_base.asking import asking, only_own, within_scope
from app.admin_base.clashes import MergesForms
from app.admin_base.deeds import DoesDeeds
from app.admin_base.deleting import DeletesRecords
from app.admin_base.export import ExportsRows
from app.admin_base.fields import ShopConverter, ShopForm, cleaned
from app.admin_base.hiding import HidesColumns
from app.admin_base.once import Answer
from app.admin_base.showing import VEILED, Child, Listed, Toned, is_health, name_of, readable, shown
from app.admin_base.writing import LARGEST_ID, fill, write
from app.db import Database, lock_row
from app.i18n import Lazy, gettext
from app.rules.access import may
from app.rules.refusals import NotFound, words

_SAVED = words("已保存：{name}")
_OWN_ONLY = words("只能选您服务过的顾客。新顾客第一次到店，请前台登记。")


class ShopView(HidesColumns, DoesDeeds, MergesForms, ExportsRows, DeletesRecords, ModelView):
    """What every register has: the vocabulary's words, the shop's clock, rows the person may see, one way to write."""

    form_base_class = ShopForm
    form_converter = ShopConverter
    can_import = False
    page_size = 25
    page_size_options: ClassVar[Sequence[int]] = (25, 50, 100)
    details_template = "backoffice/details.html"

    model: ClassVar[Any]
    database: ClassVar[Database]
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one
    column_filters: ClassVar[Sequence[Any]] = ()
    in_menu: ClassVar[bool] = True
    """Whether it is a register of its own; else a page of ours leads to it."""
    own_page: ClassVar[str] = ""
    """Where a record has a page beyond its fields: its address with the columns it is made of, as {member_no}."""
    journal_key: ClassVar[str] = ""
    """What the journal's page calls a record of this table, where it can show one's history."""
    empty_hint: ClassVar[Lazy | None] = None
    search_hint: ClassVar[Lazy | None] = None
    children: ClassVar[Sequence[Child | Listed]] = ()
    extra_fields: ClassVar[Mapping[str, UnboundField]] = {}
    """Form fields that are no column: a password, a phone to be checked."""
    secret_fields: ClassVar[frozenset[str]] = frozenset()
    """Form fields never shown again once saved; left empty they stay as they are."""
    veiled: ClassVar[Mapping[str, Lazy]] = {}
    """What stands in place of a health column that has something, for a role that may not read it."""

    @property
    def subject(self) -> str:
        """The table's name in the permission table."""
        return self.model.__tablename__

    def address_of(self, row: Any) -> str:
        """The page of a record: where its lists, its deeds and whoever names it lead."""
        if not self.own_page:
            return f"/admin/{self.identity}/details/{row.id}"
        return self.own_page.format_map({name: getattr(row, name) for name, _ in self._mapper.columns.items()})

    def _url_for_details_with_prop(self, request: Request, obj: Any, prop: str) -> URL:
        target = getattr(obj, prop)
        views = (view for view in self._admin_ref.views if view.is_model and isinstance(target, view.model))
        view = next(views, None)
        return URL(view.address_of(target)) if view else super()._url_for_details_with_prop(request, obj, prop)

    # ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def is_visible(self, request: Request) -> bool:
        """In the menu only for whoever may open the list."""
        return self.in_menu and self.has_permission(request, "list")

    def list_query(self, request: Request) -> Select[Any]:
        """The rows this person may see."""
        return within_scope(select(self.model), self.model)

    def _stmt_by_identifier(self, identifier: str) -> Select[Any]:
        """One record, by an id that may be anything somebody typed. Raises HTTPException 404."""
        text = unquote(str(identifier))
        if not (text.isascii() and text.isdigit() and 0 < int(text[:11]) <= LARGEST_ID):
            raise HTTPException(404)
        return within_scope(select(self.model).where(self.model.id == int(text)), self.model)

    def search_query(self, stmt: Select[Any], term: str) -> Select[Any]:
        """Contained in one of the searched texts: right for short tables; long ones override it."""
        columns = [getattr(self.model, name) for name in self._search_fields]
        return stmt.where(or_(*(column.icontains(cleaned(term), autoescape=True) for column in columns)))

    def search_placeholder(self) -> str:
        """What may be typed into the search box."""
        return str(self.search_hint or "")

    def sort_query(self, stmt: Select[Any], request: Request) -> Select[Any]:
        """As asked, and by number within it: no row is on two pages, and one index serves both."""
        key = self.pk_columns[0]
        asked = request.query_params.get("sortBy")
        default = self._get_default_sort()
        is_down = request.query_params.get("sort") == "desc" if asked else bool(default and default[0][1])
        return super().sort_query(stmt, request).order_by(key.desc() if is_down else key.asc())

    async def get_list_value(self, obj: Any, prop: str, request: Request | None = None) -> tuple[Any, Any]:
        """A value and how it looks in a list."""
        value, formatted = await super().get_list_value(obj, prop, request)
        return value, self._shown(obj, prop, value, formatted, prop in self._list_formatters)

    async def get_detail_value(self, obj: Any, prop: str, request: Request | None = None) -> tuple[Any, Any]:
        """A value and how it looks on the record's page."""
        value, formatted = await super().get_detail_value(obj, prop, request)
        return value, self._shown(obj, prop, value, formatted, prop in self._detail_formatters)

    def _shown(self, row: Any, prop: str, value: Any, formatted: Any, is_formatted: bool) -> Any:
        if self._is_health(prop) and not self._may_see_health():
            return Toned(str(self.veiled.get(prop, VEILED)), "alarm") if value else formatted
        return formatted if is_formatted or formatted is not value else shown(readable(row, prop, value), prop)

    def _is_health(self, prop: str) -> bool:
        return is_health(self.model, prop)

    def _may_see_health(self, action: str = "details") -> bool:
        person = asking().person
        return person is not None and may(person.role, "health", action)

    async def get_object_for_details(self, request: Request) -> Any:
        """The record, loaded once for a request: SQLAdmin asks for it to check, to show and to list what hangs on it."""
        loaded = request.state.loaded = getattr(request.state, "loaded", {})
        key = (self.identity, request.path_params["pk"])
        if key not in loaded:
            loaded[key] = await super().get_object_for_details(request)
        return loaded[key]

    async def details_context(self, request: Request) -> dict[str, Any]:
        """The lists under the record, and what can be done with it."""
        row = await self.get_object_for_details(request)
        if row is None:
            return {}
        lists = await anyio.to_thread.run_sync(self._lists, row)
        return {"lists": lists, "deeds": self.deeds_on(request, row), "history": self._way_to_history(row)}

    def _way_to_history(self, row: SQLModel) -> str:
        person = asking().person
        may_read = self.journal_key and person is not None and may(person.role, "journal", "view")
        return f"/admin/journal?{self.journal_key}={row.id}" if may_read else ""  # type: ignore[attr-defined]

    def _lists(self, row: SQLModel) -> list[dict[str, Any]]:
        person = asking().person
        views = {view.subject: view for view in self._admin_ref.views if view.is_model}
        lists = []
        with self.database.reading() as session:
            for one in self.children:
                table = one.table.__tablename__ if one.table else ""
                view = views.get(table)
                if table and not (person and may(person.role, table, "list")):
                    continue
                lists.append(
                    {
                        "title": one.title,
                        "columns": list(one.columns.values()),
                        "rows": one.rows(session, row),
                        "open": view.identity if view and person and may(person.role, table, "details") else "",
                        "add": one.way_to_new(view, row),
                    }
                )
        return lists

    # ── Forms ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def scaffold_form(self, rules: list[str] | None = None) -> type[Form]:
        """The form for this person: health fields only where she may write them. Built afresh each time, because
        SQLAdmin's own way appends its checks to the class's lists."""
        converter = self.form_converter()
        body: dict[str, Any] = {}
        for name in self._form_prop_names:
            if self._is_health(name) and not self._may_see_health("edit"):
                continue
            if name == "staff" and only_own(self.model):
                continue  # whoever sees only what she did herself writes in her own name
            if name in self.extra_fields:
                one = self.extra_fields[name]
                body[name] = UnboundField(one.field_class, *one.args, **one.kwargs)
                continue
            arguments = self._hinted(name)
            field = await converter.convert(
                model=self.model,
                prop=self._mapper.attrs[name],
                session_maker=self.session_maker,
                field_args=arguments | {"name": name, "validators": list(arguments.get("validators", ()))},
                field_widget_args=dict(self.form_widget_args.get(name, {})),
                form_include_pk=False,
                label=self._column_labels.get(name),
                override=self._form_overrides.get(name),
                form_ajax_refs=self._form_ajax_refs,
            )
            if field is not None:
                body[name] = field
        form = type(f"{self.model.__name__}Form", (self.form_base_class,), body)
        if rules:
            self._validate_form_class(rules, form)
        return form

    def _hinted(self, name: str) -> dict[str, Any]:
        arguments = dict(self.form_args.get(name, {}))
        relation = self._mapper.relationships.get(name)
        if relation is not None and only_own(relation.mapper.class_):
            arguments["description"] = gettext(_OWN_ONLY)
        return arguments

    async def get_form_data_for_edit(self, obj: Any) -> dict[str, Any]:
        """What the form shows: everything but what is never shown again."""
        values = await super().get_form_data_for_edit(obj)
        return {
            name: None if name in self.secret_fields else readable(obj, name, value, "edit")
            for name, value in values.items()
        }

    # ── Writing ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def insert_model(self, request: Request, data: dict[str, Any]) -> None:
        """A new record, in one unit of work. SQLAdmin gets the answer from `request.state`."""
        typed, form = await self._prepared(request, data, None), await request.form()

        def work(session: Session) -> Answer:
            return self._saved(request, form, self.created(session, typed))

        request.state.answer = await write(request, self.database, work)

    async def update_model(self, request: Request, pk: str, data: dict[str, Any]) -> None:
        """A changed record, in one unit of work, put together with what others changed meanwhile."""
        before = await self.get_object_for_delete(pk)
        typed, form = await self._prepared(request, data, before), await request.form()

        def work(session: Session) -> Answer:
            row = self._held(session, pk)
            return self._saved(
                request, form, self.changed(session, row, self.merged(session, request, row, typed, form))
            )

        request.state.answer = await write(request, self.database, work)

    def _saved(self, request: Request, form: FormData, row: Any) -> Answer:
        address = urlsplit(str(self._admin_ref.get_save_redirect_url(request, form, self, row)))
        path = f"{address.path}?{address.query}" if address.query else address.path
        return Answer(path, gettext(_SAVED).format(name=name_of(row, str(self.name))))

    def _held(self, session: Session, pk: str) -> Any:
        """A record nobody else changes until this unit of work ends."""
        row = self._loaded(session, pk)
        hold = type(self).holds
        if hold is not None:
            hold(session, row.id)
        if lock_row(session, self.model, row.id) is None:
            raise NotFound
        return self._loaded(session, pk)

    async def _prepared(self, request: Request, data: dict[str, Any], row: Any) -> dict[str, Any]:
        request.state.form_names = tuple(data)
        kept = {name for name in self.secret_fields if not data.get(name)}
        return {name: value for name, value in data.items() if name not in kept}

    def _loaded(self, session: Session, pk: str) -> Any:
        row = session.scalars(self._stmt_by_identifier(pk)).first()
        if row is None:
            raise NotFound
        return row

    def created(self, session: Session, typed: Mapping[str, Any]) -> Any:
        """What saving a new form does."""
        row = self.model()
        fill(session, row, typed)
        person = asking().person
        if person is not None and only_own(self.model):
            row.staff_id = person.staff_id
        session.add(row)
        session.flush()
        return row

    def changed(self, session: Session, row: Any, typed: Mapping[str, Any]) -> Any:
        """What saving an edited form does."""
        fill(session, row, typed)
        session.flush()
        return row
