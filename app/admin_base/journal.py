"""Who did what, and who saw whom: the journal as a page of the back office."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from app.actions.journal import note_check
from app.admin_base.asking import asking, reach
from app.admin_base.fields import cleaned
from app.admin_base.formats import actor_words, table_names
from app.admin_base.journal_words import labels_of, told
from app.admin_base.once import Answer
from app.admin_base.writing import write
from app.i18n import gettext
from app.labels import choices_of, word_of
from app.models import AuditEntry, Customer, Staff
from app.queries.journal import last_check, verify_chain
from app.queries.journal_pages import Line, Wish, customers_found, lines_of, people_of
from app.rules.access import may
from app.rules.refusals import words
from app.vocabulary import AuditAction

_CHECKED = words("核对完了，结果在上面。")
_UNREADABLE = words("看不懂这个条件：{names}。没有列出任何记录，请重新选，或清除条件。")
_ASKED = {
    "customer": words("哪位顾客"),
    "who": words("谁"),
    "deed": words("做了什么"),
    "from": words("从哪天"),
    "to": words("到哪天"),
    "before": words("翻页"),
}
"""What an address can ask for → the word beside its field."""
PAGE = 50


@dataclass(frozen=True)
class Shown:
    """One entry as people read it. `href` is empty where the record cannot be opened."""

    at: datetime
    who: str
    deed: str
    what: str
    name: str
    href: str
    told: tuple[str, ...]


class JournalPage(BaseView):
    """The journal: everything, or who looked at telephone numbers and took files out."""

    subject: ClassVar[str] = "journal"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    @expose("/journal", methods=["GET", "POST"], identity="journal")
    async def journal(self, request: Request) -> Response:
        """Read it: owner and auditor whole, a manager what her own people did. Check its seals now: owner, auditor."""
        if request.method == "POST":
            return (await self._checked(request)).lead(request)
        context = await anyio.to_thread.run_sync(self._read, request.query_params)
        return await self.templates.TemplateResponse(request, "journal/page.html", context)

    async def _checked(self, request: Request) -> Answer:
        database, started_at = self._admin_ref.database, asking().now

        def read() -> Any:
            with database.reading() as session:
                return verify_chain(session)

        verdict = await anyio.to_thread.run_sync(read)

        def work(session: Session) -> Answer:
            note_check(session, verdict, started_at=started_at, finished_at=datetime.now(started_at.tzinfo))
            return Answer("/admin/journal", gettext(_CHECKED))

        return await write(request, database, work)

    def _read(self, query: QueryParams) -> dict[str, Any]:
        here, wish, unreadable = asking(), wish_of(query), unreadable_of(query)
        term = cleaned(query.get("q", ""))
        with self._admin_ref.database.reading() as session:
            found = customers_found(session, term, wish.customer_id, reach(Customer))
            if term and len(found) == 1:
                wish = wish.about(found[0].customer_id)
            is_nobody = bool(term) and not found
            page = lines_of(session, wish, reach(AuditEntry), zone=here.zone, most=PAGE)
            people = people_of(session, reach(Staff))
            check = last_check(session)
        says_nothing = bool(unreadable) or is_nobody or (term and len(found) > 1)
        shown = () if says_nothing else self._shown(page.lines, page.names)
        return {
            "wish": wish,
            "term": term,
            "customers": found,
            "is_nobody": is_nobody,
            "unreadable": unreadable,
            "lines": shown,
            "older": _address(query, before=page.older) if page.older and shown else "",
            "newest": _address(query, before=None) if wish.before else "",
            "tabs": (("", _address(query, before=None, looks=None)), ("1", _address(query, before=None, looks="1"))),
            "people": people,
            "deeds": choices_of(AuditAction),
            "check": check,
            "export": _export_address(wish) if not unreadable and self._may("audit_entries", "export") else "",
            "can_check": self._may(self.subject, "do"),
        }

    @staticmethod
    def _may(subject: str, action: str) -> bool:
        person = asking().person
        return person is not None and may(person.role, subject, action)

    def _shown(self, lines: tuple[Line, ...], names: Mapping[tuple[str, int], str]) -> tuple[Shown, ...]:
        views, way = self._admin_ref.views, self._way()
        tables, labels = table_names(views), labels_of(views)
        return tuple(
            Shown(
                at=line.at,
                who=actor_words(line.staff_id, line.actor),
                deed=word_of(line.action),
                what=tables.get(line.subject, line.subject),
                name=names.get((line.subject, line.subject_id or 0), f"#{line.subject_id}" if line.subject_id else ""),
                href=way(line.subject, line.subject_id) if (line.subject, line.subject_id) in names else "",
                told=told(line, labels, names, asking().zone),
            )
            for line in lines
        )

    def _way(self) -> Callable[[str, int | None], str]:
        """The address of a record, for whoever may open it."""
        identities, person = self._admin_ref.permissions.identities, asking().person

        def way(subject: str, number: int | None) -> str:
            if person is None or not may(person.role, subject, "details"):
                return ""
            return "".join(f"/admin/{one}/details/{number}" for one in sorted(identities.get(subject, ()))[:1])

        return way


def wish_of(query: QueryParams) -> Wish:
    """What an address asks for. What cannot be read asks for nothing: see `unreadable_of`."""
    deed = query.get("deed", "")
    return Wish(
        staff_id=_number(query.get("who", "")),
        deed=AuditAction(deed) if deed in set(AuditAction) else None,
        looks=bool(query.get("looks")),
        customer_id=_number(query.get("customer", "")),
        first=_day(query.get("from", "")),
        last=_day(query.get("to", "")),
        before=_number(query.get("before", "")),
    )


def unreadable_of(query: QueryParams) -> str:
    """What in an address cannot be read, as a sentence; empty when all can. To leave it out would show everything to
    somebody who asked for little."""
    wish = wish_of(query)
    read = {
        "customer": wish.customer_id,
        "who": wish.staff_id,
        "deed": wish.deed,
        "from": wish.first,
        "to": wish.last,
        "before": wish.before,
    }
    names = [gettext(_ASKED[name]) for name, found in read.items() if query.get(name) and found is None]
    return gettext(_UNREADABLE).format(names=gettext("、").join(names)) if names else ""


def _export_address(wish: Wish) -> str:
    """The way to a file of what a table can be narrowed to as well: a person, a deed."""
    narrowed = {"action": wish.deed, "staff": wish.staff_id}
    return f"/admin/audit-entry/export?{QueryParams({key: str(value) for key, value in narrowed.items() if value})}"


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:10]) <= 2_147_483_647 else None


def _day(text: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(text)
    return None


def _address(query: QueryParams, **changed: int | str | None) -> str:
    kept = {key: value for key, value in query.items() if value and key not in {*changed, "lang"}}
    kept |= {key: str(value) for key, value in changed.items() if value is not None}
    return f"?{QueryParams(kept)}"
