"""Survey forms as phones send them, many at once in one unit of work. Answers of open runs, nearly all there is, are
written together; finishing a run and leaving a contact go through `actions.surveys`, one by one."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete
from sqlmodel import Session, col, select

from app.actions.limits import count_tries
from app.actions.survey_origins import Invited, beginning, invited_runs, origin_of
from app.actions.surveys import contact_from, finish_response, leave_contact, mark_hidden, new_submission_id
from app.db import upsert
from app.models import SurveyAnswer, SurveyResponse
from app.queries.survey_runs import Begun, Run, answers_of, begun_runs, run_of
from app.queries.surveys import SurveySheet, sheet_of_version, survey_sheets
from app.rules.limits import PUBLIC_FORM, TooManyTries
from app.rules.policy import Policy
from app.rules.questions import Answer, AnswerMissing, Question, answer_to, parts_of
from app.rules.refusals import NotFound, RuleBroken
from app.rules.survey_logic import hidden
from app.rules.surveys import SurveyUnknown, check_link, is_submission_id


@dataclass(frozen=True)
class Submission:
    """One form as it was sent: an answer (`typed`, several for several ticked boxes), or whom to call. `sender` is the
    network it came from, `device` what tells one phone there from another, `at` the moment in the shop's zone."""

    slug: str
    submission_id: str
    key: str
    typed: Sequence[str]
    is_skipped: bool
    contact_name: str
    contact_phone: str
    sender: str
    at: datetime
    device: str = ""


@dataclass
class Taken:
    """What became of a form. `sheet` is None where there is no such survey. `question` is the one it answered, and in a
    refusal the one to ask (None: whom to call). `is_repeat`: nothing was changed."""

    policy: Policy
    sheet: SurveySheet | None = None
    run: Run = field(default_factory=lambda: Run(""))
    link: Invited | None = None
    question: Question | None = None
    answer: Answer | None = None
    refusal: RuleBroken | None = None
    is_repeat: bool = False


def take_submissions(session: Session, forms: Sequence[Submission], *, policy: Policy) -> list[Taken]:
    """What became of each form, in their order. Refusals are returned, not raised: each is only its own form's."""
    # First of all: two groups that locked runs before they counted would wait for each other.
    refusals = _throttled(session, forms)
    sheets = survey_sheets(session, {form.slug for form in forms})
    known = _Known.of(session, {form.submission_id for form in forms if is_submission_id(form.submission_id)})
    takens = []
    for form, refusal in zip(forms, refusals, strict=True):
        taken = Taken(policy, sheets.get(form.slug))
        try:
            if refusal is not None:
                raise refusal
            _judge(session, taken, form, known)
        except RuleBroken as refused:
            taken.refusal = refused
        takens.append(taken)
    _keep(session, [(form, taken) for form, taken in zip(forms, takens, strict=True) if _is_answer(taken)], known)
    for form, taken in zip(forms, takens, strict=True):
        if taken.sheet is not None and taken.refusal is None:
            _conclude(session, form, taken, taken.sheet)
    return takens


def _throttled(session: Session, forms: Sequence[Submission]) -> list[TooManyTries | None]:
    """Who sends too much: of the forms of one network the last ones."""
    latest = max(form.at for form in forms)
    over = count_tries(session, PUBLIC_FORM, Counter(form.sender for form in forms), now=latest)
    refusals: list[TooManyTries | None] = []
    for form in reversed(forms):
        too_many = over.get(form.sender, 0) > 0
        if too_many:
            over[form.sender] -= 1
        refusals.append(TooManyTries(PUBLIC_FORM.wait(latest)) if too_many else None)
    return refusals[::-1]


@dataclass
class _Known:
    """The runs these forms are about: begun ones, what was answered in the open ones, and those of personal links."""

    begun: dict[str, Begun]
    so_far: dict[str, dict[str, Answer]]
    links: dict[str, Invited]

    @classmethod
    def of(cls, session: Session, runs: set[str]) -> "_Known":
        """What the database knows of these runs."""
        begun = begun_runs(session, runs)
        kept = answers_of(session, [run.id for run in begun.values() if not run.is_finished])
        so_far = {run: kept[row.id] for run, row in begun.items() if row.id in kept}
        return cls(begun, so_far, invited_runs(session, runs))


def _judge(session: Session, taken: Taken, form: Submission, known: _Known) -> None:
    """Whose run it is, and what it answers. An id that is not one of ours begins a new run; a run of another survey is
    none of this one; a run that began on an earlier version goes on with it. Raises what the rules say."""
    if taken.sheet is None:
        raise SurveyUnknown
    row, link = known.begun.get(form.submission_id), known.links.get(form.submission_id)
    if not is_submission_id(form.submission_id) or any(one and one.survey_id != taken.sheet.id for one in (row, link)):
        taken.run = Run(new_submission_id())
    else:
        answers = known.so_far.setdefault(form.submission_id, {})
        taken.run = Run(form.submission_id, answers, is_finished=row is not None and row.is_finished)
        taken.link = link
        if row is not None:
            taken.sheet = sheet_of_version(session, taken.sheet, row.version_id)
    if taken.run.is_finished:
        return
    taken.sheet.check_answerable(form.at, is_invited=taken.link is not None)
    if taken.link is not None:
        check_link(taken.sheet.mode, expires_at=taken.link.expires_at, is_revoked=taken.link.is_revoked, now=form.at)
    taken.question = taken.sheet.question(form.key)
    if taken.question is not None:
        taken.answer = answer_to(taken.question, given(taken.question, form))


def given(question: Question, form: Submission) -> Sequence[str]:
    """What she typed; nothing where she skipped what may be skipped."""
    return () if form.is_skipped and not question.is_required else form.typed


def _is_answer(taken: Taken) -> bool:
    return taken.question is not None and taken.refusal is None


# ── Answers of open runs, all together ───────────────────────────────────────────────────────────────────────────────


def _keep(session: Session, answered: list[tuple[Submission, Taken]], known: _Known) -> None:
    """Runs begun and answers kept; nothing typed takes an optional answer back. Of two answers to one question the
    later one stands."""
    begun = known.begun
    fresh = {taken.run.submission_id: _new_run(form, taken) for form, taken in reversed(answered)}
    fresh = {run: row for run, row in fresh.items() if run not in begun}
    if fresh:
        begin = upsert(session, SurveyResponse).on_conflict_do_nothing(index_elements=["submission_id"])
        session.connection().execute(begin, [fresh[run] for run in sorted(fresh)])
        # Another process may have begun it a moment ago, and even finished it.
        begun |= begun_runs(session, fresh)
    rows: dict[tuple[int, int, int], dict[str, Any]] = {}
    hiding: dict[int, Collection[str]] = {}
    for _, taken in answered:
        run = begun[taken.run.submission_id]
        assert taken.sheet is not None
        assert taken.question is not None
        if run.survey_id != taken.sheet.id:
            taken.refusal = NotFound("submission_id")
        elif run.is_finished:
            taken.run, taken.question = replace(taken.run, is_finished=True), None
        else:
            rows |= _answer_rows(run.id, taken.sheet.row_ids[taken.question.key], taken)
            if taken.sheet.paper.rules:
                hiding[run.id] = hidden(taken.sheet.paper, taken.run.answers)
    _write(session, list(rows.values()))
    for response_id, keys in hiding.items():
        mark_hidden(session, response_id, keys)


def _new_run(form: Submission, taken: Taken) -> dict[str, Any]:
    assert taken.sheet is not None
    origin = taken.link.origin if taken.link else origin_of(taken.sheet)
    return beginning(taken.sheet, taken.run.submission_id, origin, now=form.at)


def _answer_rows(response_id: int, question_id: int, taken: Taken) -> dict[tuple[int, int, int], dict[str, Any]]:
    """The rows of an answer, by their key; a row without a value is to be taken away."""
    assert taken.question is not None
    answers, key = taken.run.answers, taken.question.key
    parts = dict(parts_of(taken.question, taken.answer)) if taken.answer else {}
    if taken.answer is None:
        answers.pop(key, None)
    else:
        answers[key] = taken.answer
    statements = range(1, len(taken.question.statements) + 1) if taken.question.statements else (0,)
    return {
        (response_id, question_id, statement): {
            "response_id": response_id,
            "question_id": question_id,
            "statement": statement,
            "question_key": key,
            "value": parts[statement].value if statement in parts else None,
            "number": parts[statement].number if statement in parts else None,
            "is_hidden": False,
        }
        for statement in statements
    }


def _write(session: Session, rows: list[dict[str, Any]]) -> None:
    kept = [row for row in rows if row["value"] is not None]
    if kept:
        write = upsert(session, SurveyAnswer)
        later = {"value": write.excluded.value, "number": write.excluded.number}
        write = write.on_conflict_do_update(index_elements=["response_id", "question_id", "statement"], set_=later)
        session.connection().execute(write, kept)
    gone = [
        {"r": row["response_id"], "q": row["question_id"], "s": row["statement"]}
        for row in rows
        if row["value"] is None
    ]
    if gone:
        which = and_(
            col(SurveyAnswer.response_id) == bindparam("r"),
            col(SurveyAnswer.question_id) == bindparam("q"),
            col(SurveyAnswer.statement) == bindparam("s"),
        )
        session.connection().execute(delete(SurveyAnswer).where(which), gone)


# ── The end of a run, one by one ─────────────────────────────────────────────────────────────────────────────────────


def _is_left_already(session: Session, form: Submission, run: str) -> bool:
    try:
        contact = contact_from(form.contact_name, form.contact_phone)
    except RuleBroken:
        return False
    kept = session.exec(select(SurveyResponse).where(SurveyResponse.submission_id == run)).one_or_none()
    return kept is not None and (kept.contact_name, kept.contact_phone) == (contact.name, contact.phone.e164)


def _conclude(session: Session, form: Submission, taken: Taken, sheet: SurveySheet) -> None:
    """The last answer finishes the run, a contact is kept with a finished one; anything else changes nothing more."""
    run = taken.run.submission_id
    if taken.question is not None:
        if sheet.after(taken.question, taken.run.answers) is None:
            try:
                finish_response(session, sheet.id, run, policy=taken.policy, now=form.at, device=form.device)
            except AnswerMissing as gap:
                taken.refusal, taken.question = gap, sheet.question(gap.field or "")
                return
            taken.run = run_of(session, sheet.id, run)
        return
    if taken.run.is_finished:
        taken.run = run_of(session, sheet.id, run)
    taken.is_repeat = not (form.key == sheet.contact_key and sheet.may_leave_contact(taken.run))
    if taken.is_repeat:
        # The very same contact again is a second tap: it sees what the first one saw.
        taken.is_repeat = not (form.key == sheet.contact_key and _is_left_already(session, form, run))
        return
    try:
        contact = contact_from(form.contact_name, form.contact_phone)
        leave_contact(session, sheet.id, run, contact, policy=taken.policy, now=form.at)
    except RuleBroken as refusal:
        taken.refusal = refusal
    taken.run = run_of(session, sheet.id, run)
