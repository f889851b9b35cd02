"""What every shop starts with: its first store, tiers and what they give, earning rules, rewards, tags, the series of
member numbers and one published survey.

The rows are CSV files under `reference/`, so that a shop's words are edited without touching code."""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, select

from app.models import (
    Counter,
    EarningRule,
    Reward,
    Store,
    Survey,
    SurveyQuestion,
    SurveyVersion,
    Tag,
    Tier,
    TierBenefit,
)
from app.vocabulary import SurveyStatus, VersionState

REFERENCE = Path(__file__).parent / "reference"
MEMBER_NUMBERS = "member_no"
FIRST_MEMBER_SERIAL = 1_000_000


def rows_of(name: str) -> Iterator[dict[str, str]]:
    """The rows of `reference/<name>.csv`, header as keys."""
    with (REFERENCE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def plant_reference(session: Session, *, now: datetime) -> None:
    """Give a new shop its starting rows, once. What the owner later renames or deletes does not come back."""
    if not _is_first(session):
        return
    session.add_all(_rows(Store, "stores"))
    tiers = {row["name"]: Tier.model_validate(row) for row in rows_of("tiers")}
    session.add_all(tiers.values())
    session.add_all(_rows(Tag, "tags"))
    session.add_all(_rows(EarningRule, "earning_rules"))
    session.add_all(_rows(Reward, "rewards"))
    session.flush()
    for row in rows_of("tier_benefits"):
        session.add(TierBenefit.model_validate(row | {"tier_id": tiers[row.pop("tier")].id}))
    surveys = {}
    for row in rows_of("surveys"):
        survey = Survey.model_validate(row | {"status": SurveyStatus.PUBLISHED, "created_at": now})
        surveys[survey.slug] = survey
    session.add_all(surveys.values())
    session.flush()
    asked = {
        slug: SurveyVersion(
            survey_id=survey.id or 0, number=1, state=VersionState.PUBLISHED, created_at=now, published_at=now
        )
        for slug, survey in surveys.items()
    }
    session.add_all(asked.values())
    session.flush()
    positions = dict.fromkeys(surveys, 0)
    for row in rows_of("survey_questions"):
        slug = row.pop("survey")
        positions[slug] += 1
        version = asked[slug]
        owner = {"survey_id": version.survey_id, "version_id": version.id, "position": positions[slug]}
        session.add(SurveyQuestion.model_validate(row | owner))
    session.flush()


def _rows(table: type[SQLModel], name: str) -> list[SQLModel]:
    return [table.model_validate(row) for row in rows_of(name)]


def _is_first(session: Session) -> bool:
    """Whether nobody planted before. The counter is the mark: it is never deleted, and its name is unique, so that of
    two processes starting at once one plants and the other waits and sees it."""
    if session.exec(select(Counter).where(Counter.name == MEMBER_NUMBERS)).first():
        return False
    try:
        with session.begin_nested():
            session.add(Counter(name=MEMBER_NUMBERS, value=FIRST_MEMBER_SERIAL))
    except IntegrityError:
        return False
    return True
