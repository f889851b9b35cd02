"""Records that may be one person: the list people go through, the hint while somebody types, and the question before a
record is made that may be there already."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.actions.duplicates import set_distinct, take_back_distinct
from app.actions.limits import count_try
from app.admin_base.asking import asking, reach
from app.admin_base.fields import cleaned
from app.admin_base.hiding import sees
from app.admin_base.once import Answer
from app.admin_base.writing import LARGEST_ID, Refused, write
from app.db import Database
from app.i18n import gettext
from app.models import Customer, DuplicatePair
from app.queries.duplicate_pairs import Hints, count_pairs, hints_after, hints_for, pair_within, pairs, typed_person
from app.rules.access import may
from app.rules.duplicates import LikelyKnown
from app.rules.limits import ASK_NUMBER, TooManyTries
from app.rules.refusals import words
from app.vocabulary import Calendar, Gender, PairState

PAGE = 20
CONFIRMED = "still_new"
"""What the form says when somebody looked and it is another person."""
_DISTINCT = words("记住了：{one} 和 {other} 不是同一个人，以后不再提示")
_OPEN = words("已放回：{one} 和 {other} 可能是同一个人")
_MOST_IN_MENU = 100
_MENU_SECONDS = 30.0


class DuplicatesPage(BaseView):
    """Pairs that may be one person, both records side by side."""

    subject: ClassVar[str] = "duplicates"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    def __init__(self) -> None:
        super().__init__()
        self._counted: dict[int | None, tuple[float, int]] = {}
        self._asked: dict[tuple[int | None, bytes], datetime] = {}

    def badge(self, request: Request) -> str:
        """How many wait, for the menu: of the reader's reach, counted now and then."""
        person = asking().person
        if person is None or not may(person.role, self.subject, "view"):
            return ""
        at, n = self._counted.get(person.store_id, (0.0, 0))
        if time.monotonic() - at > _MENU_SECONDS:
            with self._admin_ref.database.reading() as session:
                n = count_pairs(session, PairState.OPEN, within=reach(DuplicatePair), most=_MOST_IN_MENU)
            self._counted[person.store_id] = (time.monotonic(), n)
        return f"{_MOST_IN_MENU - 1}+" if n >= _MOST_IN_MENU else str(n) if n else ""

    @expose("/desk/likely", methods=["POST"], identity="desk-duplicates")
    async def likely(self, request: Request) -> Response:
        """Who in the file may be the person somebody types. For whoever may write customers. A number is in the body, never
        in the address."""
        form = await request.form()
        hints, is_tired = await anyio.to_thread.run_sync(self._hints, form)
        context = {"hints": hints, "is_tired": is_tired, **_seen()}
        answer = await self.templates.TemplateResponse(request, "duplicates/_likely.html", context)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @expose("/desk/duplicates", methods=["GET", "POST"], identity="desk-duplicates")
    async def duplicates(self, request: Request) -> Response:
        """Look at them: owner, manager, reception, auditor. Say that two are not one person, or take that back: whoever
        may write customers."""
        sentence = ""
        if request.method == "POST":
            try:
                return await self._decided(request)
            except Refused as refused:
                sentence = str(refused)
        context = {**await self._listed(request), "error": sentence}
        status = getattr(request.state, "refused_status", 409) if request.method == "POST" else 200
        return await self.templates.TemplateResponse(request, "duplicates/page.html", context, status_code=status)

    def _hints(self, form: FormData) -> tuple[Hints, bool]:
        """The hints, and whether this person has asked about so many numbers that the number is left out for a while."""
        here, typed = asking(), {name: cleaned(str(value)) for name, value in form.items()}
        person = typed_person(
            **{name: typed.get(name, "") for name in ("name", "phone", "birthday")},
            calendar=Calendar.LUNAR if typed.get("birthday_calendar") == Calendar.LUNAR else Calendar.SOLAR,
            gender=next((one for one in Gender if one == typed.get("gender")), Gender.UNKNOWN),
            today=here.today,
        )
        is_tired = person.phone_index is not None and not self._may_ask(person.phone_index)
        if is_tired:
            person = replace(person, phone_index=None, last4="")
        with self._admin_ref.database.reading() as session:
            return hints_for(
                session, person, within=reach(Customer), but=_number(typed.get("customer_id", ""))
            ), is_tired

    def _may_ask(self, number: bytes) -> bool:
        """Whether she may hear about this number: each counts once, however often its form asks on."""
        here = asking()
        asked = here.actor.staff_id, number
        began_at = ASK_NUMBER.began_at(here.now)
        if self._asked.get(asked) == began_at:
            return True
        try:
            with self._admin_ref.database.writing(here.actor) as session:
                count_try(session, ASK_NUMBER, str(here.actor.staff_id), now=here.now)
        except TooManyTries:
            return False
        self._asked = {one: at for one, at in self._asked.items() if at == began_at} | {asked: began_at}
        return True

    async def _listed(self, request: Request) -> dict[str, Any]:
        state = PairState.DISTINCT if request.query_params.get("state") == PairState.DISTINCT else PairState.OPEN
        page = min(max(1, _number(request.query_params.get("page", ""))), 10_000)

        def read() -> dict[str, Any]:
            within = reach(DuplicatePair)
            with self._admin_ref.database.reading() as session:
                rows = pairs(session, state, within=within, skip=(page - 1) * PAGE, most=PAGE + 1)
                count = count_pairs(session, PairState.OPEN, within=within)
                decided = count_pairs(session, PairState.DISTINCT, within=within)
            return {"pairs": rows[:PAGE], "has_more": len(rows) > PAGE, "open_count": count, "decided_count": decided}

        person = asking().person
        return {
            **await anyio.to_thread.run_sync(read),
            "state": state,
            "page": page,
            "can_decide": person is not None and may(person.role, self.subject, "do"),
            "can_merge": person is not None and may(person.role, "merges", "do"),
            **_seen(),
        }

    async def _decided(self, request: Request) -> Response:
        form = await request.form()
        pair_id, verdict = _number(str(form.get("pair", ""))), str(form.get("say", ""))
        if not pair_id or verdict not in set(PairState):
            raise HTTPException(404)
        here = asking()

        def work(session: Session) -> Answer:
            pair = pair_within(session, pair_id, reach(DuplicatePair))
            names = {"one": pair.low.name, "other": pair.high.name}
            if verdict == PairState.DISTINCT:
                set_distinct(session, pair_id, staff_id=here.actor.staff_id, now=here.now)
                return Answer("/desk/duplicates", gettext(_DISTINCT).format(**names))
            take_back_distinct(session, pair_id, now=here.now)
            return Answer("/desk/duplicates", gettext(_OPEN).format(**names))

        answer = await write(request, self._admin_ref.database, work)
        self._counted.clear()
        return answer.lead(request)


class AsksBeforeTwin:
    """A register of customers: a new record that looks like one that is there is asked about once, and kept when somebody
    says that it is another person. Works without a script. Mixed into `ShopView`."""

    database: ClassVar[Database]
    created: Any
    _prepared: Any
    _saved: Any

    async def insert_model(self, request: Request, data: dict[str, Any]) -> None:
        """A new record, unless it may be there already and nobody said that it is not."""
        typed, form = await self._prepared(request, data, None), await request.form()
        likely: list[Hints] = []

        def work(session: Session) -> Answer:
            row = self.created(session, typed)
            hints = hints_after(session, row.id, within=reach(DuplicatePair)) if CONFIRMED not in form else Hints(())
            if hints.shown:
                likely.append(hints)
                raise LikelyKnown
            return self._saved(request, form, row)

        try:
            request.state.answer = await write(request, self.database, work)
        except Refused:
            if likely:
                request.state.likely = {"hints": likely[0], **_seen()}
                if getattr(request.state, "refused_status", 422) != 200:
                    request.state.refused_status = LikelyKnown.status
            raise


def _seen() -> Mapping[str, bool]:
    """What of a face this reader may see."""
    person = asking().person
    shown = {name: person is not None and sees(person.role, Customer, name) for name in ("birthday", "email", "wechat")}
    return {f"sees_{name}": may_see for name, may_see in shown.items()}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and int(text[:11]) <= LARGEST_ID else 0
