"""The desk: finding a customer, what waits today, and everything about one customer on one page."""

from collections.abc import Iterable
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.admin_base.asking import asking, only_own, reach
from app.admin_base.fields import cleaned
from app.models import Complaint, Customer, DuplicatePair, Purchase, SignUp, Visit
from app.queries.desk import MOST_COUNTED, Waiting, birthdays_today, waiting
from app.queries.scopes import gathered_customers
from app.queries.search import MOST_HITS, Hit, search_customers
from app.queries.visits import served_today
from app.rules.access import may

_ON_PAGE = 25
_WAYS = {
    "overdue_cases": "/admin/complaint/list?case=overdue",
    "due_soon_cases": "/admin/complaint/list?case=due_soon",
    "duplicates": "/desk/duplicates",
    "sign_ups": "/admin/sign-up/list?state=known",
    "waiting_sales": "/admin/purchase/list?claim=waiting",
    "stale_profiles": "/admin/customer/list?verified=stale",
}
"""Where each thing that waits is dealt with."""


def within_reach(tables: Iterable[Any]) -> dict[Any, Any]:
    """Of these tables those the person may list, each with the rows she may see."""
    person = asking().person
    return {
        table: reach(table)
        for table in tables
        if person is not None and may(person.role, str(table.__tablename__), "list")
    }


class DeskPage(BaseView):
    """The counter's first page: one box to find anybody, and what today brings."""

    subject: ClassVar[str] = "desk"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    # SQLAdmin's menu leads to the page that stands last.
    @expose("/desk/search", methods=["GET"], identity="desk")
    async def search(self, request: Request) -> Response:
        """Whom a term may mean, while it is typed. For whoever may see customers."""
        term = cleaned(request.query_params.get("q", ""))
        hits = await anyio.to_thread.run_sync(self._hits, term, MOST_HITS) if term else ()
        context = {"term": term, "hits": hits, "most": MOST_HITS}
        return await self.templates.TemplateResponse(request, "desk/_hits.html", context)

    @expose("/desk", methods=["GET"], identity="desk")
    async def desk(self, request: Request) -> Response:
        """Find a customer, or see what waits. For whoever may see customers; the only one found is shown at once."""
        term = cleaned(request.query_params.get("q", ""))
        hits = await anyio.to_thread.run_sync(self._hits, term, _ON_PAGE) if term else ()
        sure = [hit for hit in hits if hit.is_sure]
        if len(sure) == 1:
            return RedirectResponse(f"/desk/customers/{sure[0].member_no}", 303)
        today = await anyio.to_thread.run_sync(self._today) if not term else {}
        context = {"term": term, "hits": hits, "is_full": len(hits) == _ON_PAGE, "most": MOST_COUNTED, **today}
        return await self.templates.TemplateResponse(request, "desk/page.html", context)

    def _hits(self, term: str, most: int) -> tuple[Hit, ...]:
        here = asking()
        gathered = gathered_customers(here.person) if here.person else ()
        with self._admin_ref.database.reading() as session:
            return search_customers(session, term, now=here.now, within=reach(Customer), gathered=gathered, most=most)

    def _today(self) -> dict[str, Any]:
        here = asking()
        tables = within_reach((Complaint, Customer, DuplicatePair, Purchase, SignUp))
        with self._admin_ref.database.reading() as session:
            todo = waiting(session, within=tables, now=here.now, zone=here.zone, policy=here.policy)
            birthdays = birthdays_today(session, here.today, reach(Customer))
            mine = here.person.staff_id if here.person and only_own(Visit) else None
            served = None if mine is None else served_today(session, mine, here.today, here.zone)
        return {"todo": self._listed(todo), "birthdays": birthdays, "served": served}

    def _listed(self, todo: Waiting) -> list[dict[str, Any]]:
        counts = {name: getattr(todo, name) for name in _WAYS}
        return [{"name": name, "n": n, "href": _WAYS[name]} for name, n in counts.items() if n]
