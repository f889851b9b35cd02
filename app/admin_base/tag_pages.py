"""Tags: who wears which, the rule of one, and putting one on many customers at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import action, expose
from sqladmin.authorization import custom_action
from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, col
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.tags import recompute_customer, tag_many, undo_tagging, untag_many
from app.admin_base.asking import asking, reach
from app.admin_base.fields import cleaned
from app.admin_base.once import Answer
from app.admin_base.writing import LARGEST_ID, Refused, write
from app.i18n import gettext, later
from app.models import Customer, Tag
from app.queries.finding import customers_like
from app.queries.tagged import Chosen, chosen_customers, hand_tags, tag_lines, tagging_noted
from app.rules.access import may
from app.rules.refusals import NotFound, words
from app.rules.tags import MOST_REMEMBERED, NobodyChosen
from app.vocabulary import CategoryOfNeed

_TAG = "tag-customers"
_NOTHING = words("没有变化：“{name}”本来就是这样")
_UNDONE = words("已撤销，{n} 位顾客的“{name}”恢复原样")
_MOST_PICKED = 1000
_MOST_WISHES = 40


def number_in(text: object) -> int:
    """A record's number in an address or a form; 0 for what can be none."""
    text = str(text or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= LARGEST_ID else 0


def may_do(subject: str, deed: str = "do") -> bool:
    """Whether the person may do this on a page."""
    person = asking().person
    return person is not None and may(person.role, subject, deed)


class TagsPage(BaseView):
    """Every tag with how many wear it, and one click to them."""

    subject: ClassVar[str] = "tagged"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports every page

    @expose("/desk/tags", methods=["GET"], identity="desk-tags")
    async def tags(self, request: Request) -> Response:
        """All tags by the kind of care they are about. For whoever may see customers."""
        lines = await anyio.to_thread.run_sync(self._lines)
        context = {
            "kinds": [(kind, [one for one in lines if one.category is kind]) for kind in CategoryOfNeed],
            "can_make": may_do("tags", "create"),
            "can_edit": may_do("tags", "edit"),
            "can_rule": may_do("tag_rules", "view"),
            "can_set_rule": may_do("tag_rules"),
            "can_tag": may_do("tagging"),
        }
        return await self.templates.TemplateResponse(request, "tags/page.html", context)

    def _lines(self) -> Sequence[Any]:
        with self._admin_ref.database.reading() as session:
            return tag_lines(session, within=reach(Customer))


@dataclass(frozen=True)
class Choice:
    """Whom a list of customers meant: the rows that were picked, or everybody its filters let through."""

    query: str

    @property
    def asked(self) -> Mapping[str, str]:
        """The list's own address; one nobody's list has means nobody."""
        if self.query.count("&") > _MOST_WISHES:
            return {"customers": ""}
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def condition(self, view: Any) -> ColumnElement[bool]:
        """The same customers as the list shows, of those the person may see. Raises NobodyChosen."""
        asked = self.asked
        if "customers" in asked:
            picked = {number_in(one) for one in asked["customers"].split(",")[:_MOST_PICKED]} - {0}
            if not picked:
                raise NobodyChosen
            return and_(reach(Customer), col(Customer.id).in_(picked))
        parts = [reach(Customer)]
        for one in view.column_filters:
            part = one.condition(asked.get(one.parameter_name, ""))
            parts += [part] if part is not None else []
        term = cleaned(asked.get("search", ""))
        return and_(*parts, *([customers_like(term)] if term else []))


class TaggingPage(BaseView):
    """One tag for many customers: put on or taken off, looked at before, and taken back after."""

    subject: ClassVar[str] = "tagging"
    _admin_ref: ClassVar[Any]

    def is_visible(self, request: Request) -> bool:
        """It is of a list of customers, which leads to it."""
        return False

    @expose("/desk/tagging", methods=["GET", "POST"], identity="desk-tagging")
    async def tagging(self, request: Request) -> Response:
        """Choose a tag, look at how many it would be, do it. For the owner, the manager and reception."""
        form = await request.form() if request.method == "POST" else {}
        query = str(form.get("query", "")) if form else request.url.query
        tag_id, way, sentence = number_in(form.get("tag")), str(form.get("way", "on")), ""
        request.state.form_names = ()  # one sentence above the form says it
        if form and form.get("step") == "do" and tag_id:
            try:
                return (
                    await write(request, self._admin_ref.database, partial(self._do, Choice(query), tag_id, way))
                ).lead(request)
            except Refused as refused:
                sentence = str(refused)
        chosen = await anyio.to_thread.run_sync(self._look, Choice(query), tag_id)
        context = {
            "query": query,
            "way": way,
            "chosen": chosen,
            "tag_id": tag_id,
            "is_asked": bool(form) and bool(tag_id) and form.get("step") != "again" and not sentence,
            "is_picked": "customers" in Choice(query).asked,
            "most": MOST_REMEMBERED,
            "error": sentence,
        }
        status = getattr(request.state, "refused_status", 422) if sentence else 200
        return await self.templates.TemplateResponse(request, "tags/tagging.html", context, status_code=status)

    @expose("/desk/tagged", methods=["GET", "POST"], identity="desk-tagging")
    async def tagged(self, request: Request) -> Response:
        """What was done, and taking it back. For the owner, the manager and reception."""
        form = await request.form() if request.method == "POST" else request.query_params
        tag_id, mark, sentence = number_in(form.get("tag")), str(form.get("mark", "")), ""
        if request.method == "POST":
            try:
                return (await write(request, self._admin_ref.database, partial(self._undo, tag_id, mark))).lead(request)
            except Refused as refused:
                sentence = str(refused)
        tag, noted = await anyio.to_thread.run_sync(self._noted, tag_id, mark)
        if tag is None or noted is None:
            raise HTTPException(404)
        context = {"tag": tag, "noted": noted, "mark": mark, "error": sentence}
        status = getattr(request.state, "refused_status", 409) if sentence else 200
        return await self.templates.TemplateResponse(request, "tags/tagged.html", context, status_code=status)

    def _view(self) -> Any:
        return next(one for one in self._admin_ref.views if one.is_model and one.model is Customer)

    def _look(self, choice: Choice, tag_id: int) -> Chosen:
        with self._admin_ref.database.reading() as session:
            try:
                which = choice.condition(self._view())
            except NobodyChosen:
                return Chosen(0, (), 0, tuple(hand_tags(session)))
            return chosen_customers(session, which, tag_id)

    def _do(self, choice: Choice, tag_id: int, way: str, session: Session) -> Answer:
        here, which = asking(), choice.condition(self._view())
        tag = session.get(Tag, tag_id)
        if tag is None:
            raise NotFound
        staff_id = here.person.staff_id if here.person else None
        done = (
            untag_many(session, tag_id, which, now=here.now)
            if way == "off"
            else tag_many(session, tag_id, which, now=here.now, staff_id=staff_id)
        )
        if not done.count:
            return Answer("/admin/customer/list", gettext(_NOTHING).format(name=tag.name))
        return Answer(f"/admin/desk/tagged?tag={tag_id}&mark={done.mark}")

    def _undo(self, tag_id: int, mark: str, session: Session) -> Answer:
        here, tag = asking(), session.get(Tag, tag_id)
        if tag is None:
            raise NotFound
        staff_id = here.person.staff_id if here.person else None
        n = undo_tagging(session, tag_id, mark, within=reach(Customer), now=here.now, staff_id=staff_id)
        return Answer(f"/admin/customer/list?tag={tag_id}", gettext(_UNDONE).format(n=n, name=tag.name))

    def _noted(self, tag_id: int, mark: str) -> tuple[Tag | None, Any]:
        with self._admin_ref.database.reading() as session:
            return session.get(Tag, tag_id), tagging_noted(session, tag_id, mark)


class TagsCustomers:
    """A register of customers whose rows, picked or filtered, can be given a tag. It only opens the page: SQLAdmin's
    actions are links, and a link must not change anything."""

    list_template = "customers/list.html"
    needs: ClassVar[Sequence[CategoryOfNeed]] = tuple(one for one in CategoryOfNeed if one is not CategoryOfNeed.OTHER)
    """The kinds of care, each one click away."""

    def has_permission(self, request: Request, action: str, obj: Any = None) -> bool:
        """Whoever may tag many may pick them."""
        if action == custom_action(_TAG):
            return may_do("tagging")
        return super().has_permission(request, action, obj)  # type: ignore[misc]  # of the view it is mixed into

    @action(_TAG, later("贴标签"))
    async def tag_customers(self, request: Request) -> Response:
        """The tagging page with the picked customers. For whoever may tag many."""
        picked = [str(one) for one in map(number_in, request.query_params.get("pks", "").split(",")) if one]
        return RedirectResponse(f"/admin/desk/tagging?customers={','.join(picked)}", 303)


class Retags:
    """A register of what happened to customers: whatever is written there may count for a tag with a rule, at once."""

    def created(self, session: Session, typed: Mapping[str, Any]) -> Any:
        """Saved, and her tags looked at again."""
        return self._retagged(session, super().created(session, typed))  # type: ignore[misc]  # of the view it is mixed into

    def changed(self, session: Session, row: Any, typed: Mapping[str, Any]) -> Any:
        """The same; also of whom it was about before."""
        before = row.customer_id
        row = self._retagged(session, super().changed(session, row, typed))  # type: ignore[misc]
        if before != row.customer_id:
            recompute_customer(session, before, now=asking().now, zone=asking().zone)
        return row

    def _retagged(self, session: Session, row: Any) -> Any:
        recompute_customer(session, row.customer_id, now=asking().now, zone=asking().zone)
        return row
