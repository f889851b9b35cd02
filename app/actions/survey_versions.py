"""What a survey asks, written and frozen: a draft is put together question by question, published, and replaced by the
next version when the shop wants to ask something else."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, func, select

from app.db import lock_row
from app.models import Survey, SurveyQuestion, SurveyRule, SurveySection, SurveyVersion
from app.queries.surveys import papers_of, question_of, question_rows, version_in
from app.rules.questions import Question, SurveyEmpty, SurveyFrozen, check_publishable, check_question
from app.rules.refusals import NotFound
from app.rules.survey_logic import Condition, check_logic, conditions_as_text
from app.vocabulary import LogicDeed, LogicMatch, QuestionKind, SurveyStatus, VersionState

_COPIED = ("key", "position", "translations")
_OF_SECTION = (*_COPIED, "title", "intro")
_OF_QUESTION = (
    *_COPIED, "kind", "text", "hint", "dimension", "weight", "scale_max", "is_required", "options", "statements", "maps_to"
)  # fmt: skip
_OF_RULE = ("position", "match", "conditions", "deed", "target")


def draft_version(session: Session, survey_id: int, *, now: datetime, staff_id: int | None = None) -> SurveyVersion:
    """The version that can be written: the draft there is, or a new one that begins as a copy of what is asked now."""
    _locked(session, survey_id)
    draft = version_in(session, survey_id, VersionState.DRAFT)
    if draft is not None:
        return draft
    last = session.exec(select(func.max(SurveyVersion.number)).where(SurveyVersion.survey_id == survey_id)).one()
    draft = SurveyVersion(survey_id=survey_id, number=(last or 0) + 1, created_at=now, staff_id=staff_id)
    session.add(draft)
    session.flush()
    asked = version_in(session, survey_id, VersionState.PUBLISHED)
    if asked is not None:
        _copy(session, asked, draft)
    return draft


def _copy(session: Session, asked: SurveyVersion, draft: SurveyVersion) -> None:
    version_id = draft.id or 0
    sections: dict[int, SurveySection] = {}
    for section in session.exec(select(SurveySection).where(SurveySection.version_id == asked.id)):
        fields = {name: getattr(section, name) for name in _OF_SECTION}
        sections[section.id or 0] = SurveySection(version_id=version_id, **fields)
    session.add_all(sections.values())
    session.flush()
    for row in question_rows(session, asked.id or 0):
        fields = {name: getattr(row, name) for name in _OF_QUESTION}
        fields |= {"survey_id": draft.survey_id, "version_id": version_id}
        session.add(SurveyQuestion(section_id=sections[row.section_id].id if row.section_id else None, **fields))
    for rule in session.exec(select(SurveyRule).where(SurveyRule.version_id == asked.id)):
        session.add(SurveyRule(version_id=version_id, **{name: getattr(rule, name) for name in _OF_RULE}))
    session.flush()


def drop_draft(session: Session, survey_id: int) -> None:
    """The draft is given up; what is asked stays. Raises SurveyFrozen where nothing is being written, or nothing
    else was ever asked: such a survey is deleted as a whole."""
    survey, draft = _locked(session, survey_id), _draft(session, survey_id)
    if survey.status is SurveyStatus.DRAFT:
        raise SurveyFrozen
    session.delete(draft)


def publish_survey(session: Session, survey_id: int, *, now: datetime) -> Survey:
    """Customers get the draft from now on, and its questions are frozen, numbered from 1; who began before ends with what
    she began with. A closed survey without a draft is opened again. Raises what `check_publishable` and `check_logic`
    find."""
    survey = _locked(session, survey_id)
    draft, asked = (version_in(session, survey_id, state) for state in (VersionState.DRAFT, VersionState.PUBLISHED))
    if draft is None and asked is None:
        raise SurveyEmpty
    if draft is not None:
        _publish(session, survey, draft, asked, now)
    survey.status = SurveyStatus.PUBLISHED
    session.add(survey)
    return survey


def _publish(
    session: Session, survey: Survey, draft: SurveyVersion, asked: SurveyVersion | None, now: datetime
) -> None:
    version_id = draft.id or 0
    rows = question_rows(session, version_id)
    check_publishable(survey.slug, [question_of(row) for row in rows])
    check_logic(papers_of(session, [version_id])[version_id].paper)
    for position, row in enumerate(rows, start=1):
        row.position = position
        session.add(row)
    if asked is not None:
        asked.state = VersionState.RETIRED
        session.add(asked)
        session.flush()  # before the draft takes its place: only one is asked
    draft.state, draft.published_at = VersionState.PUBLISHED, now
    session.add(draft)


def close_survey(session: Session, survey_id: int) -> Survey:
    """No more answers; what was answered stays."""
    survey = _locked(session, survey_id)
    survey.status = SurveyStatus.CLOSED
    session.add(survey)
    return survey


# ── What a draft holds ───────────────────────────────────────────────────────────────────────────────────────────────


def save_question(
    session: Session, survey_id: int, asked: Question, *, question_id: int | None = None, position: int | None = None
) -> SurveyQuestion:
    """A question of the draft, new or changed; a new one goes to the end unless `position` says otherwise. Raises
    SurveyFrozen where nothing is being written."""
    _locked(session, survey_id)
    draft = _draft(session, survey_id)
    check_question(asked)
    row = session.get(SurveyQuestion, question_id) if question_id else None
    if question_id and (row is None or row.survey_id != survey_id):
        raise NotFound
    if row is not None and row.version_id != draft.id:
        raise SurveyFrozen
    if row is None:
        key, kind, last = asked.key, asked.kind, _last_position(session, draft)
        row = SurveyQuestion(
            survey_id=survey_id, version_id=draft.id or 0, position=last + 1, key=key, kind=kind, text=""
        )
    row.key, row.kind, row.text, row.hint = asked.key, asked.kind, asked.text, asked.hint
    row.dimension, row.weight, row.scale_max = asked.dimension, asked.weight, asked.scale_max
    row.is_required = asked.is_required and asked.kind is not QuestionKind.CONTACT
    row.options, row.statements = "\n".join(asked.options), "\n".join(asked.statements)
    row.maps_to, row.section_id = asked.maps_to, _section_id(session, draft, asked.section)
    row.position = position if position is not None else row.position
    session.add(row)
    session.flush()
    return row


def _last_position(session: Session, draft: SurveyVersion) -> int:
    return (
        session.exec(select(func.max(SurveyQuestion.position)).where(SurveyQuestion.version_id == draft.id)).one() or 0
    )


def _section_id(session: Session, draft: SurveyVersion, key: str) -> int | None:
    if not key:
        return None
    named = select(SurveySection.id).where(SurveySection.version_id == draft.id, SurveySection.key == key)
    found = session.exec(named).first()
    if found is None:
        raise NotFound("section")
    return found


def save_section(session: Session, survey_id: int, *, key: str, title: str, intro: str = "") -> SurveySection:
    """A section of the draft, new or with other words. Raises SurveyFrozen."""
    _locked(session, survey_id)
    draft = _draft(session, survey_id)
    of_draft = select(SurveySection).where(SurveySection.version_id == draft.id)
    row = session.exec(of_draft.where(SurveySection.key == key)).first()
    if row is None:
        row = SurveySection(version_id=draft.id or 0, key=key, position=len(session.exec(of_draft).all()) + 1, title="")
    row.title, row.intro = title, intro
    session.add(row)
    session.flush()
    return row


def save_rule(
    session: Session,
    survey_id: int,
    conditions: Sequence[Condition],
    *,
    deed: LogicDeed,
    target: str = "",
    match: LogicMatch = LogicMatch.ANY,
) -> SurveyRule:
    """One more skip rule of the draft: `target` is a question's key or "section:" and a section's, nothing for an end.
    Whether it fits is asked when the survey is published; a page asks `check_logic` before. Raises SurveyFrozen."""
    _locked(session, survey_id)
    draft = _draft(session, survey_id)
    last = session.exec(select(func.max(SurveyRule.position)).where(SurveyRule.version_id == draft.id)).one()
    stored = conditions_as_text(conditions)
    rule = SurveyRule(
        version_id=draft.id or 0, position=(last or 0) + 1, match=match, conditions=stored, deed=deed, target=target
    )
    session.add(rule)
    session.flush()
    return rule


def delete_rule(session: Session, rule_id: int) -> None:
    """A skip rule of a draft is gone. Raises SurveyFrozen for one that was published."""
    rule = session.get(SurveyRule, rule_id)
    if rule is None:
        raise NotFound
    if rule.version.state is not VersionState.DRAFT:
        raise SurveyFrozen
    session.delete(rule)


def move_question(session: Session, question_id: int, *, up: bool) -> SurveyQuestion:
    """A question of a draft changes places with its neighbour; the first and the last stay. Raises SurveyFrozen."""
    row = session.get(SurveyQuestion, question_id)
    if row is None:
        raise NotFound
    _locked(session, row.survey_id)
    if row.version.state is not VersionState.DRAFT:
        raise SurveyFrozen
    rows = question_rows(session, row.version_id)
    place = rows.index(row)
    other = place - 1 if up else place + 1
    if 0 <= other < len(rows):
        rows[place], rows[other] = rows[other], rows[place]
        for position, one in enumerate(rows, start=1):
            one.position = position
            session.add(one)
    return row


def _draft(session: Session, survey_id: int) -> SurveyVersion:
    draft = version_in(session, survey_id, VersionState.DRAFT)
    if draft is None:
        raise SurveyFrozen
    return draft


def _locked(session: Session, survey_id: int) -> Survey:
    survey = lock_row(session, Survey, survey_id)
    if survey is None:
        raise NotFound
    return survey
