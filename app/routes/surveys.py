"""A survey on the customer's phone: one question per screen, every answer kept at once, thanks at the end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel
from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from app import i18n
from app.actions.surveys import contact_from, finish_response, leave_contact, new_submission_id, save_answer
from app.audit import CUSTOMER
from app.db import Database
from app.queries.surveys import Run, SurveySheet, check_answerable, is_of_another_survey, run_of, survey_sheet
from app.routes.deps import DatabaseDep, Now, PolicyDep, ReadDep, SettingsDep
from app.routes.rendering import page, wants_fragment
from app.rules.policy import Policy
from app.rules.questions import TEXT_MAX, Answer, AnswerMissing, Question
from app.rules.refusals import RuleBroken
from app.rules.surveys import (
    CONTACT_KEY,
    AlreadyAnswered,
    SurveyByInvitation,
    SurveyClosed,
    SurveyNotOpenYet,
    SurveyUnknown,
    is_submission_id,
)
from app.vocabulary import QuestionKind

router = APIRouter()
_SHUT = (SurveyUnknown, SurveyClosed, SurveyNotOpenYet, SurveyByInvitation)


class Typed(BaseModel):
    """What a survey form sends. `answer` is there once, or once per ticked box."""

    submission_id: str = ""
    question: str = ""
    answer: list[str] = []
    skip: str = ""
    contact_name: str = ""
    contact_phone: str = ""


@dataclass(frozen=True)
class Screens:
    """Draws the screens of one survey for one run: a whole page, or for htmx the part that changes."""

    request: Request
    sheet: SurveySheet
    run: Run
    policy: Policy

    def address(self, place: str = "", **query: str) -> str:
        """Where this run goes on: the same address opens the same run again."""
        return f"/s/{self.sheet.slug}{place}?{urlencode({'submission_id': self.run.submission_id} | query)}"

    def question(
        self, question: Question, *, error: RuleBroken | None = None, typed: Sequence[str] | None = None
    ) -> Response:
        """One question, with what was answered or typed, and what is wrong with it."""
        before = self.sheet.before(question)
        kept = self.run.answers.get(question.key)
        return self._draw(
            "surveys/_question.html",
            error,
            question=question,
            place=self.sheet.place_of(question),
            places=self.places,
            back=self.address(question=before.key) if before else "",
            chosen=_chosen(question, kept) if typed is None else list(typed),
            text_max=TEXT_MAX,
            here=self.address(question=question.key),
        )

    def contact(self, *, error: RuleBroken | None = None, name: str = "", phone: str = "") -> Response:
        """Whether she wishes to be called, after her answers are safe."""
        return self._draw(
            "surveys/_contact.html",
            error,
            question=self.sheet.contact,
            key=self.contact_key,
            places=self.places,
            name=name,
            phone=phone,
            without=self.address("/thanks"),
            here=self.address(question=self.contact_key),
        )

    def thanks(self, *, again: bool) -> Response:
        """Thanks, and after a complaint its number and the promised time."""
        ask = self.address(question=self.contact_key) if self.may_leave_contact else ""
        return self._draw("surveys/_thanks.html", None, again=again, ask_contact=ask, here=self.address("/thanks"))

    @property
    def places(self) -> int:
        """How many screens she is asked to fill in."""
        return len(self.sheet.questions) + self.asks_everybody

    @property
    def contact_key(self) -> str:
        """The key of the contact screen."""
        return self.sheet.contact.key if self.sheet.contact else CONTACT_KEY

    @property
    def asks_everybody(self) -> bool:
        """Whether the shop put the contact among its questions."""
        return self.sheet.contact is not None

    @property
    def may_leave_contact(self) -> bool:
        """Whether whom to call can still be said."""
        return self.run.is_finished and not self.run.has_contact and not self.sheet.is_anonymous

    @property
    def asks_contact(self) -> bool:
        """Whether the contact screen comes now: where the shop asks everybody, and after a low score."""
        return self.may_leave_contact and (self.asks_everybody or self.run.is_low)

    @property
    def next_open(self) -> Question:
        """The first question not yet answered; the last one when all are."""
        questions = self.sheet.questions
        return next((question for question in questions if question.key not in self.run.answers), questions[-1])

    def _draw(self, part: str, error: RuleBroken | None, **context: Any) -> Response:
        whole = not wants_fragment(self.request) or "HX-History-Restore-Request" in self.request.headers
        return page(
            self.request,
            "surveys/page.html" if whole else part,
            status=error.status if error else 200,
            part=part,
            sheet=self.sheet,
            run=self.run,
            policy=self.policy,
            # With the run in it: a POST to the very first page's own address would drop that page from the cache.
            action=self.address(),
            error=error.say(i18n.gettext) if error else "",
            error_field=error.field if error else "",
            **context,
        )


def _chosen(question: Question, kept: Answer | None) -> list[str]:
    if kept is None:
        return []
    return kept.value.split(",") if question.kind is QuestionKind.CHOICES else [kept.value]


@router.get("/s/{slug}", name="survey:show")
def show(
    request: Request,
    slug: str,
    *,
    session: ReadDep,
    policy: PolicyDep,
    now: Now,
    submission_id: str = "",
    question: str = "",
) -> Response:
    """The survey's first question, or where this run stands. Open to everyone who scans the code."""
    try:
        screens = _screens(request, session, slug, submission_id, policy=policy, now=now)
    except _SHUT as refusal:
        return _shut(request, policy, refusal)
    if screens.run.is_finished:
        wishes = screens.may_leave_contact and question == screens.contact_key
        return screens.contact() if wishes else screens.thanks(again=True)
    answer = screens.question(screens.sheet.question(question) or screens.next_open)
    if screens.run.submission_id != submission_id:
        # Going back to this first page must find the same run; with no-store it would be fetched and a new one.
        answer.headers["cache-control"] = "private, no-cache"
    return answer


@router.get("/s/{slug}/thanks", name="survey:thank")
def thank(
    request: Request,
    slug: str,
    *,
    session: ReadDep,
    policy: PolicyDep,
    now: Now,
    submission_id: str = "",
    again: str = "",
) -> Response:
    """Thanks for a finished run. Open to everyone who holds the run's address."""
    try:
        screens = _screens(request, session, slug, submission_id, policy=policy, now=now)
    except _SHUT as refusal:
        return _shut(request, policy, refusal)
    if not screens.run.is_finished:
        return RedirectResponse(screens.address(), status_code=303)
    return screens.thanks(again=bool(again))


@router.post("/s/{slug}", name="survey:answer")
def answer(
    request: Request,
    slug: str,
    *,
    database: DatabaseDep,
    policy: PolicyDep,
    settings: SettingsDep,
    now: Now,
    typed: Annotated[Typed, Form()],
) -> Response:
    """Keeps one answer, or whom to call; the last answer finishes the run. Open to everyone who scanned the code."""
    try:
        with database.reading() as session:
            screens = _screens(request, session, slug, typed.submission_id, policy=policy, now=now)
    except _SHUT as refusal:
        return _shut(request, policy, refusal)
    # In the shop's zone: the receipt number carries its day, an anonymous answer keeps nothing else.
    local_now = now.astimezone(settings.zone)
    question = screens.sheet.question(typed.question)
    if question is not None:
        return _take_answer(screens, database, question, typed, now=local_now)
    if typed.question == screens.contact_key and screens.may_leave_contact:
        return _take_contact(screens, database, typed, now=local_now)
    return _onward(screens, database, again=True)


def _take_answer(screens: Screens, database: Database, question: Question, typed: Typed, *, now: datetime) -> Response:
    given = [] if typed.skip and not question.is_required else typed.answer
    run = (screens.sheet.id, screens.run.submission_id)
    try:
        with database.writing(CUSTOMER) as session:
            save_answer(session, *run, question.key, given, now=now)
    except AlreadyAnswered:
        return _onward(screens, database, again=True)
    except RuleBroken as refusal:
        return screens.question(question, error=refusal, typed=given)
    following = screens.sheet.after(question)
    if following is not None:
        return _onward(screens, database, to=following)
    try:
        with database.writing(CUSTOMER) as session:
            finish_response(session, *run, policy=screens.policy, now=now)
    except AnswerMissing as gap:
        return _fresh(screens, database).question(screens.sheet.question(gap.field or "") or question, error=gap)
    return _onward(screens, database)


def _take_contact(screens: Screens, database: Database, typed: Typed, *, now: datetime) -> Response:
    try:
        contact = contact_from(typed.contact_name, typed.contact_phone)
    except RuleBroken as refusal:
        return screens.contact(error=refusal, name=typed.contact_name, phone=typed.contact_phone)
    with database.writing(CUSTOMER) as session:
        leave_contact(session, screens.sheet.id, screens.run.submission_id, contact, policy=screens.policy, now=now)
    return _onward(screens, database)


def _onward(screens: Screens, database: Database, *, to: Question | None = None, again: bool = False) -> Response:
    """The next screen: by its address, or for htmx at once with the address for the browser's history."""
    screens = _fresh(screens, database)
    if screens.run.is_finished and screens.asks_contact:
        address, draw = screens.address(question=screens.contact_key), screens.contact
    elif screens.run.is_finished:
        address = screens.address("/thanks", **({"again": "1"} if again else {}))
        draw = partial(screens.thanks, again=again)
    else:
        question = to or screens.next_open
        address, draw = screens.address(question=question.key), partial(screens.question, question)
    if not wants_fragment(screens.request):
        return RedirectResponse(address, status_code=303)
    part = draw()
    part.headers["HX-Push-Url"] = address
    return part


def _screens(
    request: Request, session: Session, slug: str, submission_id: str, *, policy: Policy, now: datetime
) -> Screens:
    """The survey and this run; an id that is not one of ours begins a new run. Whoever has finished may see her thanks
    after the survey was closed; everybody else is told why she cannot answer."""
    sheet = survey_sheet(session, slug)
    usable = is_submission_id(submission_id) and not is_of_another_survey(session, sheet, submission_id)
    run = run_of(session, sheet, submission_id if usable else new_submission_id())
    if not run.is_finished:
        check_answerable(session, sheet, now=now)
    return Screens(request, sheet, run, policy)


def _fresh(screens: Screens, database: Database) -> Screens:
    """The same run as it stands after what was just written."""
    with database.reading() as session:
        return replace(screens, run=run_of(session, screens.sheet, screens.run.submission_id))


def _shut(request: Request, policy: Policy, refusal: RuleBroken) -> Response:
    """Why she cannot answer, in words, with the shop's number."""
    said = refusal.say(i18n.gettext)
    shut = page(request, "surveys/shut.html", status=refusal.status, policy=policy, message=said)
    if wants_fragment(request):
        shut.headers["HX-Redirect"] = request.url.path
    return shut
