"""The back office as a whole: SQLAdmin with our sign-in, permissions, languages and one way to write."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
import sqladmin.i18n
from fastapi import FastAPI
from sqladmin import Admin, BaseView
from sqladmin._menu import CategoryMenu, ItemMenu
from sqladmin.application import login_required
from sqladmin.i18n import I18nConfig
from sqladmin.models import ModelView
from sqlalchemy.orm import Session, sessionmaker
from starlette.datastructures import URL, FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from wtforms import Form

from app.admin_base.asking import AskingGuard, asking, is_asking
from app.admin_base.clashes import typed_words
from app.admin_base.drafts import DraftView
from app.admin_base.menu import FixedLine, shown_menu
from app.admin_base.once import Answer, OnceGuard
from app.admin_base.permissions import DenialNotes, RoleAuthorization
from app.admin_base.showing import name_of
from app.admin_base.sign_in import StaffSignIn, safe_target
from app.admin_base.views import ShopView
from app.admin_base.writing import Refused, is_language_switch
from app.db import Database
from app.gateways.backups import last_backup_at
from app.i18n import LOCALES, gettext, translations
from app.labels import word_of
from app.queries.dashboard import dashboard
from app.queries.demo import DemoWatch
from app.queries.finding import has_customers
from app.rules.access import may
from app.rules.limits import TooManyTries
from app.rules.policy import Policy
from app.rules.refusals import words
from app.settings import Settings
from app.templating import APP, shared_filters, shared_globals

_UNASKED = {"import", "export", "file_download", "file_preview"}
"""Routes of SQLAdmin this house does not use."""
_TOO_MANY = words("一次最多删除 {most} 条。")
MOST_DELETED = 200


def speak_our_languages() -> None:
    """Give SQLAdmin our three languages and none of its own: `?lang=de` would otherwise speak German."""
    sqladmin.i18n.SUPPORTED_LOCALES[:] = LOCALES
    sqladmin.i18n.translations.clear()
    sqladmin.i18n.translations.update({locale: translations(locale) for locale in LOCALES})


class RougeAdmin(Admin):
    """The back office at /admin. Add the views, then call `close` to be sure each has its permissions."""

    def __init__(self, app: FastAPI, database: Database, settings: Settings) -> None:
        speak_our_languages()
        self.database, self.settings = database, settings
        self.sign_in = StaffSignIn(database, settings)
        self.permissions = RoleAuthorization()
        super().__init__(
            app,
            session_maker=sessionmaker(bind=database.reader, class_=Session, expire_on_commit=False),
            templates_dir=str(APP / "templates"),
            middlewares=[
                Middleware(AskingGuard, database=database, settings=settings),
                Middleware(DenialNotes, database=database, permissions=self.permissions),
            ],
            authentication_backend=self.sign_in,
            authorization_backend=self.permissions,
            i18n_config=I18nConfig(
                default_locale="zh_CN", language_cookie_name=None, language_header_name="x-rouge-locale"
            ),
        )
        # Innermost, where it is known who asks and messages can be left.
        self.admin.user_middleware.append(Middleware(OnceGuard, database=database))
        self._arrange_routes()
        self.admin.state.back_office = self
        # Whoever handles what went wrong here finds what the outer application has.
        self.admin.state.templates = app.state.templates
        environment = self.templates.env
        environment.globals.update(shared_globals(settings))
        environment.globals.update(
            signed_in=signed_in,
            name_of=name_of,
            may_do=may_do,
            may_view=may_view,
            shown_menu=shown_menu,
            demo_mode=DemoWatch(database, always=settings.demo),
        )
        environment.filters.update(shared_filters(settings))

    @property
    def title(self) -> str:
        """The shop's name, as the owner wrote it."""
        return asking().policy.shop_name if is_asking() else Policy().shop_name

    @title.setter
    def title(self, value: str) -> None:
        """SQLAdmin sets a fixed one; ours follows the settings."""

    def _arrange_routes(self) -> None:
        ours = {"logout", "delete", *_UNASKED}
        self.admin.router.routes = [
            *(one for one in self.admin.router.routes if getattr(one, "name", "") not in ours),
            # Leaving changes something: a link or an image on another page must not be able to do it.
            Route("/logout", endpoint=self.logout, name="logout", methods=["POST"]),
            Route("/{identity}/delete", endpoint=self.delete, name="delete", methods=["GET", "POST", "DELETE"]),
        ]
        # The router would answer these with an address made of whatever the Host header says.
        self.admin.router.redirect_slashes = False
        self.app.router.routes.append(Route("/admin", endpoint=_front, name="office:enter"))
        self.admin.exception_handlers = {**self.admin.exception_handlers, Exception: self._broken}

    def add_model_view(self, view: type[ModelView]) -> None:
        """A register of the shop."""
        if issubclass(view, ShopView):
            view.database = self.database
        super().add_model_view(view)
        self.permissions.add(self.views[-1])

    def add_base_view(self, view: type[BaseView]) -> None:
        """A page in the same menu."""
        super().add_base_view(view)
        self.permissions.add(self.views[-1])

    def _build_menu(self, view: ModelView | BaseView) -> None:
        """SQLAdmin's menu with our lines."""
        item: ItemMenu = FixedLine(view, self.admin.router.routes, mounted_at=self.base_url)
        if view.category:
            section = CategoryMenu(name=view.category, icon=view.category_icon)
            section.add_child(item)
            item = section
        self._menu.add(item)

    def close(self) -> None:
        """All views are there: from now on each route is as shut as `rules.access` says."""
        self.permissions.guard(self.admin.router.routes)

    # ── Pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    @login_required
    async def index(self, request: Request) -> Response:
        """The shop's day. For everybody who works here; names and rows only for whoever may list them."""
        here = asking()
        assert here.person is not None, "a page of the back office without a person"
        role, store_id = here.person.role, here.person.store_id

        def read() -> dict[str, Any]:
            with self.database.reading() as session:
                day = dashboard(
                    session,
                    role=role,
                    now=here.now,
                    zone=here.zone,
                    policy=here.policy,
                    store_id=store_id,
                    backup_at=last_backup_at(self.settings, session, now=here.now),
                )
                return {"day": day, "has_customers": has_customers(session)}

        context = {**await anyio.to_thread.run_sync(read), "may_open": self._may_open(request)}
        return await self.templates.TemplateResponse(request, "dashboard/page.html", context)

    def _may_open(self, request: Request) -> Any:
        """Whether the person may open a list of the back office, by its address."""

        def may_open(address: str, action: str = "list") -> bool:
            identity = urlsplit(address).path.removeprefix("/admin/").split("/")[0]
            return self.permissions.has_permission(request, identity, action)

        return may_open

    async def login(self, request: Request) -> Response:
        """Sign in. Open to everybody; whoever is signed in goes on."""
        if asking().person is not None and request.method == "GET":
            return RedirectResponse(safe_target(request.query_params.get("next", "")), 303)
        context: dict[str, Any] = {"next": request.query_params.get("next", "")}
        if request.method == "POST":
            form = await request.form()
            context = {"next": form.get("next", ""), "username": form.get("username", "")}
            if not await is_language_switch(request):
                answer = await self.sign_in.refusal_of(request, form)
                if isinstance(answer, Response):
                    return answer
                context |= {"refusal": answer, "error": answer.say(gettext)}
        just_opened = "opened" in request.query_params and request.method == "GET"
        context["hint"] = await anyio.to_thread.run_sync(partial(self.sign_in.hint, just_opened=just_opened))
        refusal = context.get("refusal")
        status = refusal.status if refusal else 200
        shown = await self.templates.TemplateResponse(request, "sqladmin/login.html", context, status_code=status)
        if isinstance(refusal, TooManyTries):
            shown.headers["Retry-After"] = str(refusal.seconds)
        return shown

    async def _list(self, request: Request) -> bool:
        """SQLAdmin would open a list without rows for whoever may not see it."""
        if not await super()._list(request):
            raise HTTPException(403)
        return True

    async def list(self, request: Request) -> Response:
        """The records of a register. For whoever may list them."""
        return _as_ours(request, await super().list(request))

    @staticmethod
    def get_save_redirect_url(request: Request, form: FormData, model_view: ModelView, obj: Any) -> str | URL:
        """Where to go once saved: who may write here and not read goes to the first page."""
        if not model_view.has_permission(request, "list"):
            return "/admin/"
        address: str | URL = request.url_for("admin:list", identity=model_view.identity)
        if "save" in form:  # another button of a form saves and is done
            address = Admin.get_save_redirect_url(request, form, model_view, obj)
        if isinstance(model_view, DraftView):
            return model_view.next_page(request, obj, URL(str(address)))
        # To the record's own page, unless somebody works through a narrowed list: then back to that.
        is_list = urlsplit(str(address)).path == f"/admin/{model_view.identity}/list"
        if is_list and not request.url.query and isinstance(model_view, ShopView) and model_view.own_page:
            return URL(model_view.address_of(obj))
        return address

    async def create(self, request: Request) -> Response:
        """A new record. For whoever may create it."""
        return _as_ours(request, await super().create(request))

    async def edit(self, request: Request) -> Response:
        """Change a record. For whoever may edit it."""
        try:
            return _as_ours(request, await super().edit(request))
        except HTTPException as gone:
            if gone.status_code != 404 or request.method != "POST":
                raise
            view = self._find_model_view(request.path_params["identity"])
            form = await view.scaffold_form(view._form_edit_rules)
            return await self.gone(request, view, form(await request.form()))

    async def _resolve_after_change_response(self, request: Request, *_: Any) -> Response | None:
        """What a saved form answers was settled in its unit of work."""
        answer: Answer | None = getattr(request.state, "answer", None)
        return answer.lead(request) if answer else None

    async def gone(self, request: Request, view: ModelView, form: Form) -> Response:
        """A record that is no longer there, or no longer this person's to see: what she typed, for copying."""
        context = {"model_view": view, "typed": typed_words(form)}
        return await self.templates.TemplateResponse(request, "backoffice/gone.html", context, status_code=404)

    @login_required
    async def delete(self, request: Request) -> Response:
        """Delete records, all or none: first what hangs on them, then the deed. For whoever may delete them. A program
        says DELETE and gets the next address; a refusal then rides in `?error=`, which no page ever shows."""
        pks = [pk for pk in request.query_params.get("pks", "").split(",") if pk]
        if not pks:
            raise HTTPException(404)
        view: Any = self._find_model_view(request.path_params["identity"])
        sentence = gettext(_TOO_MANY).format(most=MOST_DELETED) if len(pks) > MOST_DELETED else ""
        if not sentence:
            await self._delete(request)
        if request.method == "DELETE":
            return await self._deleted_by_program(request, view, pks, sentence)
        if request.method == "POST" and not sentence:
            try:
                is_closing = (await request.form()).get("do") == "close"
                answer = await (view.close_instead(request, pks) if is_closing else view.delete_all(request, pks))
                return answer.lead(request)
            except Refused as refused:
                sentence = str(refused)
        context = {
            "model_view": view,
            "pks": ",".join(pks),
            "records": [] if len(pks) > MOST_DELETED else await view.hanging_on(pks),
            "error": sentence,
            "closing": await view.way_to_close(request, pks),
        }
        status = getattr(request.state, "refused_status", 409) if sentence else 200
        return await self.templates.TemplateResponse(request, "backoffice/delete.html", context, status_code=status)

    async def _deleted_by_program(self, request: Request, view: Any, pks: Any, sentence: str) -> Response:
        address = request.url_for("admin:list", identity=view.identity)
        try:
            if sentence:
                raise Refused(sentence)
            await view.delete_all(request, pks)
        except Refused as refused:
            address = address.include_query_params(error=str(refused))
        return PlainTextResponse(str(address))

    async def _broken(self, request: Request, error: Exception) -> Response:
        context = {"status_code": 500, "message": ""}
        return await self.templates.TemplateResponse(request, "sqladmin/error.html", context, status_code=500)


async def _front(request: Request) -> Response:
    """The address as people type it. Open to everyone; the page behind asks who it is."""
    return RedirectResponse("/admin/", 303)


def signed_in(request: Request) -> Any:
    """Who is signed in, for the foot of the menu: name and role in words. None on the sign-in page."""
    person = asking().person if is_asking() else None
    return {"name": person.name, "role": word_of(person.role)} if person else None


def may_do(page: str) -> bool:
    """Whether the person may do what a page is for: a link is shown only where it leads somewhere."""
    person = asking().person if is_asking() else None
    return person is not None and may(person.role, page, "do")


def may_view(page: str) -> bool:
    """Whether the person may open a page: what leads there is shown to nobody else."""
    person = asking().person if is_asking() else None
    return person is not None and may(person.role, page, "view")


def _as_ours(request: Request, answer: Response) -> Response:
    """A refused form answers 422; whatever leads on, 303 to a path: the address SQLAdmin builds has the scheme and the
    host as they look behind a proxy."""
    if answer.status_code == 400:
        answer.status_code = getattr(request.state, "refused_status", 422)
    if answer.status_code == 302:
        answer.status_code = 303
        target = urlsplit(answer.headers["location"])
        answer.headers["location"] = f"{target.path}?{target.query}" if target.query else target.path
    return answer
