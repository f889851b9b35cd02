"""What the customer's survey pages show."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from app.models import Survey, SurveyPlace, SurveyQuestion, SurveyRule, SurveySection, SurveyVersion, SurveyWave
from app.queries.survey_runs import Run
from app.rules.questions import Answer, Question
from app.rules.survey_logic import (
    Progress,
    Questionnaire,
    SkipRule,
    asked,
    conditions_from,
    first_open,
    following,
    preceding,
    progress,
    targets_from,
)
from app.rules.surveys import CONTACT_KEY, SurveyClosed, SurveyUnknown, check_open
from app.vocabulary import (
    QuestionKind,
    ResponseWay,
    SaleChannel,
    SurveyMode,
    SurveyStatus,
    VersionState,
    WaveAudience,
    WaveState,
)


@dataclass(frozen=True)
class Place:
    """Where a survey is asked: how answers come from there, for which store and about whom."""

    id: int
    way: ResponseWay
    channel: SaleChannel
    store_id: int | None
    staff_id: int | None
    is_active: bool


@dataclass(frozen=True)
class Section:
    """A part of the questionnaire with a heading."""

    key: str
    title: str
    intro: str


@dataclass(frozen=True)
class SurveySheet:
    """A survey as a customer sees it: `paper` holds the screens that make the score, `contact` the one after them (None
    when the shop does not ask everybody). `slug` is the address it was found under; `wave_id` the round now open to
    everyone. `row_ids` says which rows the questions are, by their keys; `spoken` what is translated, as stored."""

    id: int
    version_id: int
    slug: str
    title: str
    intro: str
    thanks: str
    gift: str
    gift_days: int
    mode: SurveyMode
    status: SurveyStatus
    opens_at: datetime | None
    closes_at: datetime | None
    store_id: int | None
    paper: Questionnaire
    contact: Question | None
    row_ids: Mapping[str, int]
    sections: Mapping[str, Section] = field(default_factory=dict)
    spoken: Mapping[str, str] = field(default_factory=dict)
    place: Place | None = None
    wave_id: int | None = None

    @property
    def questions(self) -> tuple[Question, ...]:
        """Every question there is, asked of everyone or not."""
        return self.paper.questions

    @property
    def is_anonymous(self) -> bool:
        """Whether answers belong to nobody."""
        return self.mode is SurveyMode.ANONYMOUS

    @property
    def contact_key(self) -> str:
        """The key of the contact screen."""
        return self.contact.key if self.contact else CONTACT_KEY

    def may_leave_contact(self, run: Run) -> bool:
        """Whether whom to call can still be said in this run."""
        return run.is_finished and not run.has_contact and not self.is_anonymous

    def check_answerable(self, now: datetime, *, is_invited: bool = False) -> None:
        """Refuse when a customer cannot answer now, who scanned the code or holds a personal link: SurveyUnknown,
        SurveyClosed, SurveyNotOpenYet or SurveyByInvitation."""
        if self.place is not None and not self.place.is_active:
            raise SurveyClosed
        opens, closes = self.opens_at, self.closes_at
        check_open(self.status, self.mode, opens_at=opens, closes_at=closes, now=now, is_invited=is_invited)

    def question(self, key: str) -> Question | None:
        """The question of that key."""
        return self.paper.question(key)

    def asked(self, answers: Mapping[str, Answer]) -> tuple[Question, ...]:
        """The questions she is asked, given her answers so far."""
        return asked(self.paper, answers)

    def progress(self, question: Question, answers: Mapping[str, Answer]) -> Progress:
        """Where she stands at this question, and how many may come at most."""
        return progress(self.paper, answers, question.key)

    def before(self, question: Question, answers: Mapping[str, Answer]) -> Question | None:
        """The question before it."""
        return preceding(self.paper, answers, question.key)

    def after(self, question: Question, answers: Mapping[str, Answer]) -> Question | None:
        """The question after it; None when it was the last."""
        return following(self.paper, answers, question.key)

    def next_open(self, answers: Mapping[str, Answer]) -> Question:
        """The first question not yet answered; the last one when all are."""
        return first_open(self.paper, answers) or self.asked(answers)[-1]

    def in_language(self, language: str) -> "SurveySheet":
        """The same in another language, as far as the shop has written it."""
        said = {key: json.loads(stored).get(language, {}) for key, stored in self.spoken.items()}
        if not any(said.values()):
            return self
        own = said.get("", {})
        return replace(
            self,
            paper=replace(self.paper, questions=tuple(_said(one, said.get(one.key)) for one in self.questions)),
            contact=self.contact and _said(self.contact, said.get(self.contact.key)),
            sections={
                key: replace(one, **_words(said.get(f"section:{key}"), ("title", "intro")))
                for key, one in self.sections.items()
            },
            title=own.get("title") or self.title,
            intro=own.get("intro") or self.intro,
            thanks=own.get("thanks") or self.thanks,
            gift=own.get("gift") or self.gift,
        )


def _words(said: Mapping[str, str] | None, names: tuple[str, ...]) -> dict[str, str]:
    return {name: said[name] for name in names if said and said.get(name)}


def _said(question: Question, said: Mapping[str, str] | None) -> Question:
    """A question in other words. A list of another length than the shop's own would change what a number means."""
    if not said:
        return question
    lists = {name: tuple(_lines(said.get(name, ""))) for name in ("options", "statements")}
    fitting = {name: lines for name, lines in lists.items() if len(lines) == len(getattr(question, name))}
    return replace(question, **_words(said, ("text", "hint")), **fitting)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Draft:
    """A survey that is still being written."""

    id: int
    title: str


def question_of(row: SurveyQuestion, section: str = "") -> Question:
    """A stored question as the rules know it; `section` the key of its section."""
    return Question(
        key=row.key,
        kind=row.kind,
        text=row.text,
        hint=row.hint,
        dimension=row.dimension,
        weight=row.weight,
        scale_max=row.scale_max,
        # Whom to call may always be left out.
        is_required=row.is_required and row.kind is not QuestionKind.CONTACT,
        options=tuple(_lines(row.options)),
        statements=tuple(_lines(row.statements)),
        section=section,
        maps_to=row.maps_to,
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def question_rows(session: Session, version_id: int) -> list[SurveyQuestion]:
    """The questions of a version in their order."""
    of_version = select(SurveyQuestion).where(SurveyQuestion.version_id == version_id)
    return list(session.exec(of_version.order_by(col(SurveyQuestion.position), col(SurveyQuestion.id))))


def version_in(session: Session, survey_id: int, state: VersionState) -> SurveyVersion | None:
    """The draft of a survey, or the version that is asked."""
    of_survey = select(SurveyVersion).where(SurveyVersion.survey_id == survey_id, SurveyVersion.state == state)
    return session.exec(of_survey).first()


def draft_surveys(session: Session, within: ColumnElement[bool]) -> tuple[Draft, ...]:
    """The surveys a question can be added to, the newest first; of those that are `within` somebody's reach."""
    written = select(SurveyVersion.survey_id).where(SurveyVersion.state == VersionState.DRAFT)
    drafts = select(Survey).where(col(Survey.id).in_(written), within)
    rows = session.exec(drafts.order_by(col(Survey.created_at).desc(), col(Survey.id).desc()))
    return tuple(Draft(row.id or 0, row.title) for row in rows)


def standing_surveys(session: Session, within: ColumnElement[bool]) -> tuple[Draft, ...]:
    """The surveys that are not over, the newest first; of those that are `within` somebody's reach."""
    standing = select(Survey).where(Survey.status != SurveyStatus.CLOSED, within)
    rows = session.exec(standing.order_by(col(Survey.created_at).desc(), col(Survey.id).desc()))
    return tuple(Draft(row.id or 0, row.title) for row in rows)


def survey_sheet(session: Session, slug: str) -> SurveySheet:
    """The survey of that address, open or not. Raises SurveyUnknown."""
    sheet = survey_sheets(session, {slug}).get(slug)
    if sheet is None:
        raise SurveyUnknown
    return sheet


def survey_sheets(session: Session, slugs: Collection[str]) -> dict[str, SurveySheet]:
    """The surveys of these addresses, a survey's own or a place's, open or not; an unknown address is not in it."""
    usable = [slug for slug in slugs if slug.isprintable()]
    if not usable:
        return {}
    found: dict[str, tuple[Survey, SurveyPlace | None]] = {
        survey.slug: (survey, None) for survey in session.exec(select(Survey).where(col(Survey.slug).in_(usable)))
    }
    if len(found) < len(usable):
        placed = select(SurveyPlace, Survey).join(Survey).where(col(SurveyPlace.slug).in_(usable))
        # The survey's own address is older than a place of the same name can be.
        found = {place.slug: (survey, place) for place, survey in session.exec(placed)} | found
    versions = _current_versions(session, {survey.id or 0 for survey, _ in found.values()})
    papers = papers_of(session, versions.values())
    waves = _open_waves(session, versions)
    return {
        slug: replace(
            _sheet(survey, papers[versions[survey.id or 0]]),
            slug=slug,
            place=None if place is None else _place(place),
            wave_id=waves.get(survey.id or 0),
        )
        for slug, (survey, place) in found.items()
        if survey.id in versions
    }


def sheet_of_survey(session: Session, survey_id: int, version_id: int | None = None) -> SurveySheet:
    """A survey by its number, as that version asks it (None: as it is asked now). Raises SurveyUnknown."""
    survey = session.get(Survey, survey_id)
    current = version_id or _current_versions(session, [survey_id]).get(survey_id)
    if survey is None or current is None:
        raise SurveyUnknown
    sheet = _sheet(survey, papers_of(session, [current])[current])
    return replace(sheet, wave_id=_open_waves(session, [survey_id]).get(survey_id))


def sheet_of_version(session: Session, sheet: SurveySheet, version_id: int) -> SurveySheet:
    """The same survey as an earlier version asked it."""
    if version_id == sheet.version_id:
        return sheet
    paper = papers_of(session, [version_id])[version_id]
    contact = None if sheet.is_anonymous else paper.contact
    spoken = paper.spoken | {"": sheet.spoken[""]} if "" in sheet.spoken else paper.spoken
    return replace(
        sheet,
        version_id=version_id,
        paper=paper.paper,
        contact=contact,
        row_ids=paper.row_ids,
        sections=paper.sections,
        spoken=spoken,
    )


def _current_versions(session: Session, survey_ids: Collection[int]) -> dict[int, int]:
    """The version of each survey that is asked; of one that was never published its draft."""
    current = select(SurveyVersion.survey_id, SurveyVersion.id, SurveyVersion.state).where(
        col(SurveyVersion.survey_id).in_(survey_ids), SurveyVersion.state != VersionState.RETIRED
    )
    found: dict[int, int] = {}
    for survey_id, version_id, state in session.exec(current):
        if state is VersionState.PUBLISHED or survey_id not in found:
            found[survey_id] = version_id or 0
    return found


def _open_waves(session: Session, survey_ids: Collection[int]) -> dict[int, int]:
    """The round of each survey that whoever scans the code answers in."""
    open_now = select(SurveyWave.survey_id, SurveyWave.id).where(
        col(SurveyWave.survey_id).in_(survey_ids),
        SurveyWave.state == WaveState.OPEN,
        SurveyWave.audience == WaveAudience.EVERYONE,
    )
    return {survey_id: wave_id or 0 for survey_id, wave_id in session.exec(open_now)}


@dataclass(frozen=True)
class Paper:
    """One version as it is asked."""

    version_id: int
    paper: Questionnaire
    contact: Question | None
    row_ids: Mapping[str, int]
    sections: Mapping[str, Section]
    spoken: dict[str, str]


def papers_of(session: Session, version_ids: Iterable[int]) -> dict[int, Paper]:
    """These versions, with their questions and skip rules."""
    ids = sorted(set(version_ids))
    sections: dict[int, dict[int, SurveySection]] = {version_id: {} for version_id in ids}
    for section in session.exec(select(SurveySection).where(col(SurveySection.version_id).in_(ids))):
        sections[section.version_id][section.id or 0] = section
    rules: dict[int, list[SurveyRule]] = {version_id: [] for version_id in ids}
    stored = select(SurveyRule).where(col(SurveyRule.version_id).in_(ids))
    for rule in session.exec(stored.order_by(col(SurveyRule.position), col(SurveyRule.id))):
        rules[rule.version_id].append(rule)
    return {one: _paper(one, question_rows(session, one), sections[one], rules[one]) for one in ids}


def _paper(
    version_id: int, rows: list[SurveyQuestion], sections: Mapping[int, SurveySection], rules: list[SurveyRule]
) -> Paper:
    keys = {number: section.key for number, section in sections.items()}
    questions = [question_of(row, keys.get(row.section_id or 0, "")) for row in rows]
    screens = tuple(question for question in questions if question.kind is not QuestionKind.CONTACT)
    spoken = {row.key: row.translations for row in rows} | {
        f"section:{one.key}": one.translations for one in sections.values()
    }
    return Paper(
        version_id,
        Questionnaire(screens, tuple(rule_of(rule, screens) for rule in rules)),
        next((question for question in questions if question.kind is QuestionKind.CONTACT), None),
        {row.key: row.id or 0 for row in rows},
        {one.key: Section(one.key, one.title, one.intro) for one in sections.values()},
        {key: stored for key, stored in spoken.items() if stored != "{}"},
    )


def rule_of(row: SurveyRule, questions: tuple[Question, ...]) -> SkipRule:
    """A stored skip rule as the rules know it."""
    return SkipRule(row.match, conditions_from(row.conditions), row.deed, targets_from(row.target, questions))


def _place(row: SurveyPlace) -> Place:
    return Place(row.id or 0, row.way, row.channel, row.store_id, row.staff_id, row.is_active)


def _sheet(survey: Survey, version: Paper) -> SurveySheet:
    own = {"": survey.translations} if survey.translations != "{}" else {}
    return SurveySheet(
        id=survey.id or 0,
        version_id=version.version_id,
        slug=survey.slug,
        title=survey.title,
        intro=survey.intro,
        thanks=survey.thanks,
        gift=survey.gift,
        gift_days=survey.gift_days,
        mode=survey.mode,
        status=survey.status,
        opens_at=survey.opens_at,
        closes_at=survey.closes_at,
        store_id=survey.store_id,
        paper=version.paper,
        contact=None if survey.mode is SurveyMode.ANONYMOUS else version.contact,
        row_ids=version.row_ids,
        sections=version.sections,
        spoken=version.spoken | own,
    )
