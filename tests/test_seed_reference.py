"""What a new shop starts with."""

import time
from datetime import datetime
from threading import Thread

from sqlmodel import select

from app.db import Database
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
from app.queries.surveys import question_of, question_rows
from app.rules.questions import check_publishable
from app.vocabulary import CategoryOfNeed, QuestionKind, SurveyStatus
from seed.reference import plant_reference
from tests.questionnaires import version_of


def test_tiers_rise_in_threshold_and_in_points(database: Database) -> None:
    with database.reading() as session:
        tiers = session.exec(select(Tier).order_by(Tier.rank)).all()
    assert [tier.name for tier in tiers] == ["普通会员", "银卡会员", "金卡会员", "钻石会员"]
    assert [tier.threshold_fen for tier in tiers] == [0, 100_000, 500_000, 2_000_000]
    assert [tier.points_percent for tier in tiers] == [100, 120, 150, 200]
    assert [tier.colour for tier in tiers] == ["rouge", "silver", "gold", "diamond"]
    for name in ("threshold_visits", "discount_percent"):
        values = [getattr(tier, name) for tier in tiers]
        assert values == sorted(set(values))


def test_the_survey_is_published_with_five_dimensions(database: Database) -> None:
    with database.reading() as session:
        survey = session.exec(select(Survey)).one()
        questions = session.exec(select(SurveyQuestion).order_by(SurveyQuestion.position)).all()
    ratings = [question for question in questions if question.kind is QuestionKind.RATING]
    assert (survey.slug, survey.status) == ("satisfaction", SurveyStatus.PUBLISHED)
    assert list(dict.fromkeys(question.dimension for question in ratings)) == [
        "产品质量", "服务质量", "环境氛围", "价格合理性", "客户关怀",
    ]  # fmt: skip
    assert all(question.weight > 0 and question.scale_max == 5 and question.is_required for question in ratings)
    assert [question.kind for question in questions[6:]] == [QuestionKind.NPS, QuestionKind.TEXT]
    assert not questions[7].is_required
    assert [question.position for question in questions] == list(range(1, 9))


def test_every_need_has_a_tag_and_the_first_store_is_main(database: Database) -> None:
    with database.reading() as session:
        assert {tag.category for tag in session.exec(select(Tag))} == set(CategoryOfNeed)
        assert session.exec(select(Store.code)).all() == ["main"]
        assert session.exec(select(Counter.value).where(Counter.name == "member_no")).one() == 1_000_000


def test_the_survey_may_be_published_as_it_is(database: Database) -> None:
    with database.reading() as session:
        survey = session.exec(select(Survey)).one()
        check_publishable(
            survey.slug, [question_of(row) for row in question_rows(session, version_of(session, survey.id))]
        )


def test_of_two_first_starts_at_once_one_plants(database: Database, now: datetime) -> None:
    with database.writing() as session:
        for table in (
            SurveyQuestion,
            SurveyVersion,
            Survey,
            Tag,
            TierBenefit,
            Tier,
            EarningRule,
            Reward,
            Store,
            Counter,
        ):
            for row in session.exec(select(table)):
                session.delete(row)
            session.flush()
    trouble: list[Exception] = []

    def first_start() -> None:
        try:
            with database.writing() as session:
                plant_reference(session, now=now)
                time.sleep(0.05)
        except Exception as error:
            trouble.append(error)

    starts = [Thread(target=first_start) for _ in range(4)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert trouble == []
    with database.reading() as session:
        assert len(session.exec(select(Store.id)).all()) == 1
        assert len(session.exec(select(Tier.id)).all()) == 4


def test_planting_again_brings_nothing_back_the_owner_removed(database: Database, now: datetime) -> None:
    with database.writing() as session:
        session.delete(session.exec(select(Tag).where(Tag.name == "新娘妆")).one())
        session.exec(select(Tier).where(Tier.rank == 4)).one().name = "白金会员"
    with database.writing() as session:
        plant_reference(session, now=now)
    with database.reading() as session:
        assert "新娘妆" not in session.exec(select(Tag.name)).all()
        assert [tier.name for tier in session.exec(select(Tier).order_by(Tier.rank))][3] == "白金会员"
