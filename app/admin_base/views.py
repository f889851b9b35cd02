"""What every back-office view has. A register is a table and a few lines of class in `app/admin.py`; everything that is
the same for all of them stands here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import unquote

import anyio.to_thread
from sqladmin import ModelView
from sqladmin.application import expose
from sqladmin.flash import Flash
from sqlalchemy import Select, or_, select
from sqlmodel import Session, SQLModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from wtforms import Form, StringField
from wtforms.fields.core import UnboundField

from app.admin_base.asking import asking, only_own, within_scope
from app.admin_base.fields import ShopConverter, ShopForm, cleaned
from app.admin_base.formats import table_names
from app.admin_base.showing import VEILED, Child, Deed, Listed, Toned, name_of, shown
from app.admin_base.writing import LARGEST_ID, Refused, delete_rows, fill, prepare, supplied, write
from app.db import Database
from app.i18n import Lazy, gettext
from app.rules.access import may
from app.rules.refusals import NotFound, RuleBroken, words

_SAVED = words("已保存：{name}")
_DELETED = words("已删除")
_OWN_ONLY = words("只能选您服务过的顾客。新顾客第一次到店，请前台登记。")
_CHECK = words("还没有保存，请看下面标出的地方。")


class ShopView(ModelView):
    """What every register has: the vocabulary's words, the shop's clock, rows the person may see, one way to write."""

    form_base_class = ShopForm
    form_converter = ShopConverter
    can_export = False
    can_import = False
    page_size = 25
    page_size_options: ClassVar[Sequence[int]] = (25, 50, 100)
    details_template = "backoffice/details.html"

    model: ClassVar[Any]
    database: ClassVar[Database]
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one
    column_filters: ClassVar[Sequence[Any]] = ()
    empty_hint: ClassVar[Lazy | None] = None
    search_hint: ClassVar[Lazy | None] = None
    children: ClassVar[Sequence[Child | Listed]] = ()
    deeds: ClassVar[Sequence[Deed]] = ()
    extra_fields: ClassVar[Mapping[str, UnboundField]] = {}
    """Form fields that are no column: a password, a phone to be checked."""
    secret_fields: ClassVar[frozenset[str]] = frozenset()
    """Form fields never shown again once saved; left empty they stay as they are."""
    before_delete: ClassVar[Callable[[Session, Any], None] | None] = None
    """A rule that may refuse a deletion."""
    veiled: ClassVar[Mapping[str, Lazy]] = {}
    """What stands in place of a health column that has something, for a role that may not read it."""

    @property
    def subject(self) -> str:
        """The table's name in the permission table."""
        return self.model.__tablename__

    # ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def is_visible(self, request: Request) -> bool:
        """In the menu only for whoever may open the list."""
        return self.has_permission(request, "list")

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
        return formatted if is_formatted or formatted is not value else shown(value, prop)

    def _is_health(self, prop: str) -> bool:
        column = self._mapper.columns.get(prop)
        return column is not None and column.info.get("personal") == "health"

    def _may_see_health(self, action: str = "details") -> bool:
        person = asking().person
        return person is not None and may(person.role, "health", action)

    async def details_context(self, request: Request) -> dict[str, Any]:
        """The lists under the record, and what can be done with it."""
        row = await self.get_object_for_details(request)
        if row is None:
            return {}
        typed = getattr(request.state, "typed_deed", {})
        return {
            "lists": await anyio.to_thread.run_sync(self._lists, row),
            "deeds": [
                {"deed": deed, "form": typed.get(deed.name) or deed.form(), "is_open": deed.name in typed}
                for deed in self.deeds
                if self._may_do(deed) and deed.when(row)
            ],
        }

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
        return {name: None if name in self.secret_fields else value for name, value in values.items()}

    # ── Writing ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def insert_model(self, request: Request, data: dict[str, Any]) -> Any:
        """A new record, in one unit of work."""
        typed = await self._prepared(request, data, None)
        row = await write(request, self.database, lambda session: self.created(session, typed))
        Flash.success(request, gettext(_SAVED).format(name=name_of(row, str(self.name))))
        return row

    async def update_model(self, request: Request, pk: str, data: dict[str, Any]) -> Any:
        """A changed record, in one unit of work."""
        before = await self.get_object_for_delete(pk)
        typed = await self._prepared(request, data, before)
        row = await write(
            request, self.database, lambda session: self.changed(session, self._loaded(session, pk), typed)
        )
        Flash.success(request, gettext(_SAVED).format(name=name_of(row, str(self.name))))
        return row

    async def delete_all(self, request: Request, pks: Sequence[str]) -> None:
        """All of these records or none of them."""
        names = table_names(self._admin_ref.views)

        check = type(self).before_delete

        def work(session: Session) -> None:
            rows = [self._loaded(session, pk) for pk in pks]
            if check is not None:
                for row in rows:
                    check(session, row)
            delete_rows(session, rows, names)

        await write(request, self.database, work)
        Flash.success(request, gettext(_DELETED))

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

    # ── Deeds ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _may_do(self, deed: Deed) -> bool:
        person = asking().person
        return person is not None and may(person.role, *deed.needs)

    @expose("/do/{deed}/{pk}", methods=["POST"])
    async def do_deed(self, request: Request) -> Response:
        """Do something to a record and show it again. For whoever the permission table allows this deed."""
        deed = next((one for one in self.deeds if one.name == request.path_params["deed"]), None)
        row = await self.get_object_for_details(request) if deed else None
        if deed is None or row is None:
            raise HTTPException(404)
        if not self._may_do(deed):
            raise HTTPException(403)
        form = deed.form(await request.form())
        try:
            given = await self._do(request, deed, form, row)
        except Refused as refusal:
            return await self._shown_again(request, deed, form, str(refusal))
        if deed.answer:
            return await self._shown_once(request, deed, row, given)
        Flash.success(request, str(deed.done))
        return RedirectResponse(f"/admin/{self.identity}/details/{row.id}", 303)

    async def _do(self, request: Request, deed: Deed, form: Form, row: Any) -> Any:
        request.state.form_names = tuple(deed.fields)
        if not deed.when(row):
            raise Refused(gettext(RuleBroken.message))
        if not form.validate():
            raise Refused(gettext(_CHECK))
        typed = {name: form[name].data for name in deed.fields}
        typed |= {name: "" for name in typed if typed[name] is None and isinstance(form[name], StringField)}
        if deed.before is not None:
            typed = await prepare(request, deed.before, typed, row)

        def work(session: Session) -> Any:
            return deed.action(session, self._loaded(session, str(row.id)).id, **typed, **supplied(deed.action, 2))

        return await write(request, self.database, work)

    async def _shown_once(self, request: Request, deed: Deed, row: Any, given: Any) -> Response:
        # A redirect or a message would put what was given into an address or a cookie.
        back = f"/admin/{self.identity}/details/{row.id}"
        context = {"deed": deed, "given": given, "title": name_of(row, str(self.name)), "back": back}
        answer = await self.templates.TemplateResponse(request, deed.answer, context)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    async def _shown_again(self, request: Request, deed: Deed, form: Form, sentence: str) -> Response:
        for name, sentences in getattr(request.state, "field_errors", {}).items():
            form[name].errors = [*form[name].errors, *sentences]
        request.state.typed_deed = {deed.name: form}
        request.state.deed_refused = sentence
        request.path_params["identity"] = self.identity
        answer = await self._admin_ref.details(request)
        answer.status_code = getattr(request.state, "refused_status", 422)
        return answer
