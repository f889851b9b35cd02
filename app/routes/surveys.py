"""A survey on the customer's phone: one question per screen, every answer kept at once, thanks at the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from app import i18n
from app.actions.submissions import Submission, Taken, given, take_submissions
from app.actions.survey_invitations import note_opened
from app.actions.survey_origins import invited_runs
from app.actions.surveys import new_submission_id
from app.audit import CUSTOMER
from app.group_commit import GroupWriter, Overloaded
from app.queries.policy import current_policy
from app.queries.survey_links import link_of
from app.queries.survey_runs import Run, is_of_another_survey, run_of
from app.queries.surveys import SurveySheet, sheet_of_version, survey_sheet
from app.routes.deps import CallerDep, DatabaseDep, Now, PolicyDep, ReadDep, check_open
from app.routes.guessing import note_bad_token
from app.routes.rendering import page, wants_fragment
from app.rules.limits import TooManyTries, network_of
from app.rules.policy import Policy
from app.rules.questions import TEXT_MAX, Answer, Question, parts_of
from app.rules.refusals import RuleBroken, words
from app.rules.surveys import (
    LinkExpired,
    LinkUnknown,
    SurveyByInvitation,
    SurveyClosed,
    SurveyNotOpenYet,
    SurveyUnknown,
    check_link,
    is_submission_id,
)
from app.settings import Settings
from app.vocabulary import QuestionKind

router = APIRouter()
Submissions = GroupWriter[Submission, Taken]
_SHUT = (SurveyUnknown, SurveyClosed, SurveyNotOpenYet, SurveyByInvitation, LinkUnknown, LinkExpired)
_BUSY = words("现在有点忙，请过几秒再发送一次。")
_MOST_FIELDS = 1000
_LONGEST_CHOICE = 2
"""Letters of a chosen answer: the number of what was ticked. Whatever is longer she wrote herself."""
_WAIT = 5
"""Seconds after which it may go again: a queue is written in less."""


@dataclass(frozen=True)
class Screens:
    """Draws the screens of one survey for one run: a whole page, or for htmx the part that changes."""

    request: Request
    sheet: SurveySheet
    run: Run
    policy: Policy
    is_by_name: bool = False
    """Whether a personal link opened it, so that the answers are hers by name."""

    def address(self, place: str = "", **query: str) -> str:
        """Where this run goes on: the same address opens the same run again."""
        # Nothing to quote: ids, keys and slugs are letters, digits, "-" and "_".
        said = "".join(f"&{name}={value}" for name, value in query.items())
        return f"/s/{self.sheet.slug}{place}?submission_id={self.run.submission_id}{said}"

    def question(
        self, question: Question, *, error: RuleBroken | None = None, typed: Sequence[str] | None = None
    ) -> Response:
        """One question, with what was answered or typed, and what is wrong with it."""
        before = self.sheet.before(question, self.run.answers)
        progress = self.sheet.progress(question, self.run.answers)
        kept = self.run.answers.get(question.key)
        return self._draw(
            "surveys/_question.html",
            error,
            question=question,
            place=progress.place,
            places=progress.total + self.asks_everybody,
            is_last=not progress.most_left,
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
            places=len(self.sheet.asked(self.run.answers)) + self.asks_everybody,
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
    def contact_key(self) -> str:
        """The key of the contact screen."""
        return self.sheet.contact_key

    @property
    def asks_everybody(self) -> bool:
        """Whether the shop put the contact among its questions."""
        return self.sheet.contact is not None

    @property
    def may_leave_contact(self) -> bool:
        """Whether whom to call can still be said."""
        return self.sheet.may_leave_contact(self.run)

    @property
    def asks_contact(self) -> bool:
        """Whether the contact screen comes now: where the shop asks everybody, and after a low score."""
        return self.may_leave_contact and (self.asks_everybody or self.run.is_low)

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
            is_by_name=self.is_by_name,
            # With the run in it: a POST to the very first page's own address would drop that page from the cache.
            action=self.address(),
            error=error.say(i18n.gettext) if error else "",
            error_field=error.field if error else "",
            **context,
        )


def _chosen(question: Question, kept: Answer | None) -> list[str]:
    if kept is None:
        return []
    if question.kind is QuestionKind.MATRIX:
        return [f"{statement}:{part.value}" for statement, part in parts_of(question, kept)]
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
    answer = screens.question(screens.sheet.question(question) or screens.sheet.next_open(screens.run.answers))
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


# After the thanks: an address that fits both is a survey's.
@router.get("/s/t/{token}", name="survey:follow")
def follow(token: str, *, database: DatabaseDep, now: Now, caller: CallerDep) -> Response:
    """A personal link: leads to her own run of the survey, on whatever phone, where she stopped. Open to customers: the
    address is unguessable. A link that is over and a run that is finished are told there, like every other run's."""
    try:
        with database.reading() as session:
            link = link_of(session, token)
    except LinkUnknown:
        note_bad_token(database, caller, now=now)
        raise
    if not (link.is_opened or link.is_revoked or now >= link.expires_at):
        with database.writing(CUSTOMER) as session:
            note_opened(session, link.invitation_id, now=now)
    return RedirectResponse(f"/s/{link.slug}?submission_id={link.submission_id}", 303, {"X-Robots-Tag": "noindex"})


async def answer(request: Request) -> Response:
    """Keeps one answer, or whom to call; the last answer finishes the run. Open to everyone who scanned the code."""
    await check_open(request)
    form = await _submission(request, request.app.state.clock())
    writer: Submissions = request.app.state.submissions
    try:
        taken = await writer.submit(form)
    except (Overloaded, DBAPIError):
        return await run_in_threadpool(_not_now, request, form, status=503, message=i18n.gettext(_BUSY), wait=_WAIT)
    address, draw = _next_screen(request, form, taken)
    if address and not wants_fragment(request):
        return RedirectResponse(address, status_code=303)
    # Drawing takes longer than everything else here: other customers' answers go on meanwhile.
    screen = await run_in_threadpool(draw)
    if address:
        screen.headers["HX-Push-Url"] = address
    return screen


class _PlainRoute(Route):
    """Starlette's route. In a burst FastAPI's way from an address to its function takes longer than all that follows;
    of it this one needs only that the request knows its route, by which it is let in and written down."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, found if match is Match.NONE else {**found, "route": self}


ANSWER = _PlainRoute("/s/{slug}", answer, methods=["POST"], name="survey:answer")


async def _submission(request: Request, now: datetime) -> Submission:
    """What a phone sent."""
    sent: dict[str, list[str]] = {}
    for name, value in await _fields(request):
        if not isinstance(value, str):
            raise HTTPException(422)  # a file where words belong
        # Each statement of a matrix is a row of buttons of its own: answer_1, answer_2, …
        sent.setdefault("answer" if name.startswith("answer_") else name, []).append(value)
    settings: Settings = request.app.state.settings
    return Submission(
        slug=request.path_params["slug"],
        submission_id=sent.get("submission_id", [""])[-1],
        key=sent.get("question", [""])[-1],
        typed=sent.get("answer", []),
        is_skipped=bool(sent.get("skip", [""])[-1]),
        contact_name=sent.get("contact_name", [""])[-1],
        contact_phone=sent.get("contact_phone", [""])[-1],
        sender=network_of(request.client.host if request.client else ""),
        # In the shop's zone: the receipt number carries its day, an anonymous answer keeps nothing else.
        at=now.astimezone(settings.zone),
        device=f"{network_of(request.client.host if request.client else '')} {request.headers.get('user-agent', '')}",
    )


async def _fields(request: Request) -> Sequence[tuple[str, object]]:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        async with request.form() as form:
            return form.multi_items()
    try:
        body = (await request.body()).decode("latin-1")
        return parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise HTTPException(413) from None


def take_together(session: Session, forms: Sequence[Submission]) -> list[Taken]:
    """What the one writer of this process does with the forms that wait, in one unit of work. The survey and the shop's
    rules are read anew each time: what another process closed takes no answer any more."""
    return take_submissions(session, forms, policy=current_policy(session))


def _next_screen(request: Request, form: Submission, taken: Taken) -> tuple[str, Callable[[], Response]]:
    """Where she goes on, and what draws it; no address where the same screen comes again with what is wrong."""
    if isinstance(taken.refusal, TooManyTries):
        said, wait = taken.refusal.say(i18n.gettext), taken.refusal.seconds
        status, policy = taken.refusal.status, taken.policy
        return "", partial(_not_now, request, form, status=status, message=said, wait=wait, policy=policy)
    if taken.sheet is None or isinstance(taken.refusal, _SHUT):
        return "", partial(_shut, request, taken.policy, taken.refusal or SurveyUnknown(), form)
    screens = Screens(request, taken.sheet, taken.run, taken.policy, is_by_name=taken.link is not None)
    question = taken.question
    if taken.refusal is not None and question is not None:
        typed = given(question, form) if question.key == form.key else None
        return "", partial(screens.question, question, error=taken.refusal, typed=typed)
    if taken.refusal is not None:
        name, phone = form.contact_name, form.contact_phone
        return "", partial(screens.contact, error=taken.refusal, name=name, phone=phone)
    if not taken.run.is_finished:
        following = (question and taken.sheet.after(question, taken.run.answers)) or taken.sheet.next_open(
            taken.run.answers
        )
        return screens.address(question=following.key), partial(screens.question, following)
    if screens.asks_contact:
        return screens.address(question=screens.contact_key), screens.contact
    address = screens.address("/thanks", **({"again": "1"} if taken.is_repeat else {}))
    return address, partial(screens.thanks, again=taken.is_repeat)


def _screens(
    request: Request, session: Session, slug: str, submission_id: str, *, policy: Policy, now: datetime
) -> Screens:
    """The survey and this run; an id that is not one of ours begins a new run. Whoever has finished may see her thanks
    after the survey was closed; everybody else is told why she cannot answer."""
    sheet = survey_sheet(session, slug)
    usable = is_submission_id(submission_id) and not is_of_another_survey(session, sheet.id, submission_id)
    run = run_of(session, sheet.id, submission_id if usable else new_submission_id())
    if run.version_id is not None:
        sheet = sheet_of_version(session, sheet, run.version_id)
    link = invited_runs(session, {run.submission_id}).get(run.submission_id)
    if not run.is_finished:
        sheet.check_answerable(now, is_invited=link is not None)
        if link is not None:
            check_link(sheet.mode, expires_at=link.expires_at, is_revoked=link.is_revoked, now=now)
    return Screens(request, sheet, run, policy, is_by_name=link is not None)


def _shut(request: Request, policy: Policy, refusal: RuleBroken, form: Submission | None = None) -> Response:
    """Why she cannot answer, in words, with the shop's number, and what she wrote when it came too late: she may copy it,
    or say it on the telephone."""
    said = refusal.say(i18n.gettext)
    written = [value for value in form.typed if len(value) > _LONGEST_CHOICE] if form else []
    is_too_late = (
        isinstance(refusal, SurveyClosed | LinkExpired)
        and form
        and (written or form.contact_name or form.contact_phone)
    )
    is_part = wants_fragment(request) and is_too_late
    shut = page(
        request,
        "surveys/_shut.html" if is_part else "surveys/shut.html",
        status=refusal.status,
        policy=policy,
        message=said,
        written=written,
        form=form if is_too_late else None,
    )
    if wants_fragment(request) and not is_part:
        shut.headers["HX-Redirect"] = request.url.path
    return shut


def _not_now(
    request: Request, form: Submission, *, status: int, message: str, wait: int, policy: Policy | None = None
) -> Response:
    """Nothing was kept: why, and the same form again, with all she typed in it. Asks no database."""
    later = page(
        request,
        "surveys/later.html",
        status=status,
        message=message,
        form=form,
        action=request.url.path,
        policy=policy,
    )
    later.headers["Retry-After"] = str(wait)
    return later
