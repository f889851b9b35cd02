"""Rounds, rests, gifts, preferences and improvements of surveys."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.rules.improvements import ImprovementNotDone, ToldMissing, check_may_tell, weakest
from app.rules.low_feedback import LowNoteMissing, checked_note, is_better, low_due_at
from app.rules.policy import Policy
from app.rules.questions import Answer, NothingToMap, OptionsDoNotFit, Question, StatementsMissing, check_publishable
from app.rules.refusals import RuleBroken
from app.rules.survey_cooldown import Asked, AskedRecently, check_may_ask
from app.rules.survey_gifts import GiftOver, check_gift, gift_until_on
from app.rules.survey_logic import Questionnaire, check_logic
from app.rules.survey_paths import paths_of
from app.rules.survey_preferences import Preferences, preferences_in
from app.rules.survey_scores import DimensionScore
from app.rules.survey_templates import TEMPLATES
from app.rules.survey_waves import (
    Round,
    WaveEndsBeforeItBegins,
    WaveNameTaken,
    WaveNeedsTag,
    WaveOfAnonymous,
    WaveOverlaps,
    before_and_after,
    check_beside,
    check_round,
    next_round,
)
from app.vocabulary import (
    Channel,
    ImprovementState,
    MemberField,
    SkinType,
    SurveyMode,
    SurveyOccasion,
    WaveAudience,
)
from app.vocabulary import QuestionKind as Kind

POLICY = Policy()
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 18, 30, tzinfo=ZONE)
DAY = timedelta(days=1)


@pytest.mark.parametrize("occasion", SurveyOccasion)
def test_the_templates_of_the_house_can_be_published(occasion: SurveyOccasion) -> None:
    template = TEMPLATES[occasion]
    check_publishable("slug", template.questions)
    paper = Questionnaire(template.questions, template.rules)
    check_logic(paper)
    assert paths_of(paper).never_asked == ()


@pytest.mark.parametrize(
    ("question", "refusal"),
    [
        (Question("a", Kind.MATRIX), StatementsMissing),
        (Question("a", Kind.RATING, maps_to=MemberField.TAGS), NothingToMap),
        (Question("a", Kind.CHOICE, options=("干", "油"), maps_to=MemberField.SKIN_TYPE), OptionsDoNotFit),
    ],
)
def test_a_question_that_could_not_be_kept_is_not_published(question: Question, refusal: type[RuleBroken]) -> None:
    with pytest.raises(refusal):
        check_publishable("slug", [question])


# ── Rests ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("asked", "own_days", "may"),
    [
        ((), 0, True),
        ((Asked(2, NOW - 7 * DAY + timedelta(seconds=1)),), 0, False),  # any survey
        ((Asked(2, NOW - 7 * DAY),), 0, True),
        ((Asked(1, NOW - 10 * DAY),), 30, False),  # its own schedule
        ((Asked(2, NOW - 10 * DAY),), 30, True),
        ((Asked(1, NOW - 30 * DAY),), 30, True),
    ],
)
def test_both_rests_must_be_over(asked: tuple[Asked, ...], own_days: int, may: bool) -> None:
    if may:
        check_may_ask(asked, 1, again_after_days=own_days, policy=POLICY, now=NOW)
    else:
        with pytest.raises(AskedRecently):
            check_may_ask(asked, 1, again_after_days=own_days, policy=POLICY, now=NOW)


# ── Rounds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("closes", "audience", "has_tag", "mode", "refusal"),
    [
        (NOW, WaveAudience.EVERYONE, False, SurveyMode.OPEN, WaveEndsBeforeItBegins),
        (NOW + DAY, WaveAudience.SEGMENT, False, SurveyMode.OPEN, WaveNeedsTag),
        (NOW + DAY, WaveAudience.MEMBERS, False, SurveyMode.ANONYMOUS, WaveOfAnonymous),
    ],
)
def test_a_round_nobody_could_answer_is_refused(
    closes: datetime, audience: WaveAudience, has_tag: bool, mode: SurveyMode, refusal: type[RuleBroken]
) -> None:
    with pytest.raises(refusal):
        check_round(NOW, closes, audience=audience, has_tag=has_tag, mode=mode)


def test_rounds_follow_each_other_and_have_names_of_their_own() -> None:
    first = Round(1, "一", NOW, NOW + DAY)
    check_beside(NOW + DAY, NOW + 2 * DAY, "二", [first])
    with pytest.raises(WaveOverlaps):
        check_beside(NOW + DAY - timedelta(seconds=1), NOW + 2 * DAY, "二", [first])
    with pytest.raises(WaveNameTaken):
        check_beside(NOW + DAY, NOW + 2 * DAY, "一", [first])


def test_the_next_round_keeps_the_hour_and_the_length() -> None:
    begins = datetime(2026, 11, 30, 9, 0, tzinfo=ZONE)
    assert next_round(begins, begins + 5 * DAY, 3) == (
        datetime(2027, 2, 28, 9, 0, tzinfo=ZONE), datetime(2027, 3, 5, 9, 0, tzinfo=ZONE),
    )  # fmt: skip
    assert next_round(begins, begins + DAY, 0) is None


def test_a_change_is_shown_by_the_round_before_it_and_the_first_after_it() -> None:
    rounds = [Round(number, str(number), NOW + 10 * number * DAY, NOW + (10 * number + 5) * DAY) for number in range(4)]
    first, second, third, _ = rounds
    done = NOW + 12 * DAY  # while the second is open: it shows neither
    assert before_and_after(rounds, 0, done) == (first, third)
    assert before_and_after(rounds, None, done) == (first, third)
    assert before_and_after(rounds, 0, None) == (first, None)
    assert before_and_after([first, second], 0, done) == (first, None)


# ── What follows ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_low_score_is_looked_into_within_the_hour_and_a_nameless_one_by_the_end_of_its_day() -> None:
    assert low_due_at(SurveyMode.OPEN, NOW, POLICY) == NOW + timedelta(hours=1)
    assert low_due_at(SurveyMode.ANONYMOUS, NOW, POLICY) == datetime(2026, 11, 25, tzinfo=ZONE)
    assert (is_better(60, is_low=False), is_better(59, is_low=True), is_better(None, is_low=False)) == (
        True, False, False,
    )  # fmt: skip
    with pytest.raises(LowNoteMissing):
        checked_note("  ")


def test_a_gift_is_good_through_its_last_day() -> None:
    until = gift_until_on(date(2026, 11, 24), 30)
    check_gift(until, is_used=False, today=date(2026, 12, 24))
    with pytest.raises(GiftOver):
        check_gift(until, is_used=False, today=date(2026, 12, 25))
    check_gift(gift_until_on(date(2026, 11, 24), 0), is_used=False, today=date(2036, 1, 1))


def test_improvement_begins_at_the_weakest_dimension_that_counts() -> None:
    scores = [("产品", 80, 3), ("环境", 40, 2), ("价格", 30, 0), ("关怀", 60, 1)]
    dimensions = [DimensionScore(name, score, weight) for name, score, weight in scores]
    assert [one.dimension for one in weakest(dimensions)] == ["环境", "关怀"]


@pytest.mark.parametrize(
    ("state", "told", "refusal"),
    [(ImprovementState.OPEN, "我们改了", ImprovementNotDone), (ImprovementState.DONE, " ", ToldMissing)],
)
def test_only_what_is_done_is_told(state: ImprovementState, told: str, refusal: type[RuleBroken]) -> None:
    with pytest.raises(refusal):
        check_may_tell(state, told)


def test_answers_fill_in_the_member_file() -> None:
    skin = Question("s", Kind.CHOICE, options=("干", "油", "混", "中", "敏"), maps_to=MemberField.SKIN_TYPE)
    way = Question("w", Kind.CHOICE, options=("短", "微", "邮", "电"), maps_to=MemberField.PREFERRED_CHANNEL)
    likes = Question("t", Kind.CHOICES, options=("护肤", "美甲", "美发"), maps_to=MemberField.TAGS)
    effect = Question("e", Kind.RATING, scale_max=10, maps_to=MemberField.VISIT_EFFECT)
    work = Question("o", Kind.TEXT, maps_to=MemberField.OCCUPATION)
    plain = Question("p", Kind.RATING)
    said = [
        (skin, Answer("2", 2)), (way, Answer("4", 4)), (likes, Answer("1,3")), (effect, Answer("10", 10)),
        (work, Answer("老师\n小学")), (plain, Answer("1", 1)),
    ]  # fmt: skip
    assert preferences_in(said) == Preferences(
        skin_type=SkinType.OILY, preferred_channel=Channel.PHONE, tags=("护肤", "美发"), visit_effect=5,
        occupation="老师 小学",
    )  # fmt: skip
    assert preferences_in([(plain, Answer("1", 1))]) == Preferences()
