"""A shop with one record of everything, and a browser for each role."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI
from sqlmodel import Session, select
from starlette.testclient import TestClient

from app.actions.complaints import ComplaintIntake, open_complaint
from app.actions.consents import ConsentDetails, grant_consent
from app.actions.customers import create_customer
from app.actions.improvements import ImprovementDetails, plan_improvement
from app.actions.points import earn_points
from app.actions.sign_ups import new_form, sign_up
from app.actions.survey_places import PlaceDetails, create_place
from app.actions.survey_waves import WaveDetails, plan_wave
from app.actions.surveys import finish_response, new_submission_id, save_answer
from app.db import Database
from app.models import (
    ApiKey,
    BenefitUse,
    ContactEvent,
    Customer,
    CustomerMerge,
    EarningRule,
    ImportBatch,
    ImportMap,
    Job,
    JobRun,
    LowFeedback,
    OutboundMessage,
    Photo,
    PointsEntry,
    PointsLot,
    PointsPending,
    PointsRequest,
    Product,
    Purchase,
    PurchaseLine,
    Redemption,
    Reward,
    RuleVersion,
    SkinRecord,
    SocialAccount,
    Staff,
    StaffSession,
    Survey,
    SurveyInvitation,
    SurveyQuestion,
    TierBenefit,
    TierChange,
    Treatment,
    Visit,
)
from app.queries.policy import current_policy
from app.rules.consents import DEFAULT_REGISTER
from app.rules.customers import CustomerDetails
from app.rules.sign_ups import SignUpForm, read_sign_up
from app.vocabulary import (
    AdjustReason,
    Channel,
    ContactEventKind,
    ContactKind,
    ImportKind,
    JobState,
    PhotoKind,
    Purpose,
    QuestionKind,
    RequestState,
    RewardKind,
    Role,
    RuleSubject,
    SkinType,
    SocialPlatform,
    TierWhy,
)
from tests.conftest import shops_today
from tests.rooms import furniture

PHONE = "13800138000"
PASSWORD_HASH = "!"
"""Nobody signs in with it: the tests give browsers their session directly."""


def person(session: Session, role: Role, now: datetime) -> tuple[Staff, str]:
    """Somebody of this role, signed in just now, and the cookie's value."""
    staff = Staff(
        name=f"测试{role.value}", login=f"test-{role.value}", password_hash=PASSWORD_HASH, role=role, created_at=now
    )
    session.add(staff)
    session.flush()
    sid = f"sid-of-{role.value}"
    session.add(
        StaffSession(
            sid_sha256=sha256(sid.encode()).digest(),
            staff_id=staff.id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(hours=12),
        )
    )
    return staff, sid


@pytest.fixture
def real_now() -> datetime:
    """The pages read the clock; what they show was made now."""
    return datetime.now().astimezone()


@furniture()
def staffed(database: Database, _: dict[str, Any]) -> dict[Role, int]:
    """One account of every role, signed in just now."""
    now = datetime.now().astimezone()
    with database.writing() as session:
        return {role: person(session, role, now)[0].id for role in Role}


@pytest.fixture
def people(staffed: dict[Role, int]) -> dict[Role, int]:
    """One account of every role; numbers by role."""
    return dict(staffed)


@pytest.fixture
def as_role(app: FastAPI, people: dict[Role, int]) -> Callable[[Role], TestClient]:
    """A browser somebody of that role has signed in with."""

    def browser(role: Role, language: str = "zh-CN") -> TestClient:
        headers = {"Accept-Language": language, "Origin": "http://testserver"}
        client = TestClient(app, follow_redirects=False, headers=headers)
        client.cookies.set("rouge_sid", f"sid-of-{role.value}")
        return client

    return browser


@pytest.fixture
def owner(as_role: Callable[[Role], TestClient]) -> TestClient:
    """The owner's browser."""
    return as_role(Role.OWNER)


@furniture(upon="staffed")
def furnished(database: Database, holding: dict[str, Any]) -> dict[str, int]:
    """A record of everything."""
    people, real_now = holding["staffed"], datetime.now().astimezone()
    with database.writing() as session:
        policy = current_policy(session)
        customer = create_customer(
            session,
            CustomerDetails(
                name="王小丽",
                phone=PHONE,
                allergy_note="对果酸过敏",
                birthday=f"{shops_today():%m-%d}",
                note="喜欢靠窗",
            ),
            policy=policy,
            now=real_now,
        )
        numbers = {"customer": customer.id, **_registers(session), **_voice(session, customer, policy, real_now)}
        numbers |= _history(session, customer, people, numbers, real_now)
        consent = grant_consent(
            session, ConsentDetails(customer.id, Purpose.MARKETING, Channel.SMS), policy=policy, now=real_now
        )
        numbers["consent"] = consent.id
        typed = SignUpForm(name="王晓丽", phone=PHONE)
        known = read_sign_up(typed, register=DEFAULT_REGISTER, today=shops_today())
        numbers["sign-up"] = sign_up(session, new_form(), known, policy=policy, now=real_now).id
    return numbers


@pytest.fixture
def shop(furnished: dict[str, int], people: dict[Role, int]) -> dict[str, int]:
    """A record of everything; the number of each by its view's identity."""
    return dict(furnished)


def _registers(session: Session) -> dict[str, int]:
    treatment = Treatment(code="HL01", name="补水护理", price_fen=12800)
    product = Product(sku="P001", name="玫瑰面霜", price_fen=29900)
    session.add_all([treatment, product])
    session.flush()
    return {
        "treatment": treatment.id,
        "product": product.id,
        "tag": 1,
        "tier": 1,
        "store": 1,
        "staff": 1,
        "staff-session": 1,
    }


def _voice(session: Session, customer: Customer, policy: Any, now: datetime) -> dict[str, int]:
    survey = session.exec(select(Survey)).first()
    submission = new_submission_id()
    for question in session.exec(select(SurveyQuestion).where(SurveyQuestion.survey_id == survey.id)):
        if question.kind is QuestionKind.RATING:
            save_answer(session, survey.id, submission, question.key, ["1"], now=now)
        elif question.is_required and question.kind is QuestionKind.NPS:
            save_answer(session, survey.id, submission, question.key, ["3"], now=now)
    finished = finish_response(session, survey.id, submission, policy=policy, now=now)
    case = open_complaint(session, ComplaintIntake("等了很久", customer_id=customer.id), policy=policy, now=now)
    return {
        "survey": survey.id,
        "survey-question": 1,
        "survey-response": finished.response.id,
        "low-feedback": session.exec(select(LowFeedback.id)).one(),
        **_rounds(session, survey.id, customer.id, now),
        "complaint": case.id,
        "complaint-event": 1,
    }


def _rounds(session: Session, survey_id: int, customer_id: int, now: datetime) -> dict[str, int]:
    """Another address, a round to come, somebody's own link, something to change."""
    place = create_place(session, PlaceDetails(survey_id, "t9", "九号台"), now=now)
    opens = (now + timedelta(days=9)).replace(second=0, microsecond=0)
    wave = plan_wave(session, WaveDetails(survey_id, "下一期", opens, opens + timedelta(days=9)), now=now)
    link = SurveyInvitation(
        survey_id=survey_id, customer_id=customer_id, submission_id=new_submission_id(), created_at=now,
        expires_at=now + timedelta(days=9),
    )  # fmt: skip
    owner_id = session.exec(select(Staff.id).where(Staff.role == Role.MANAGER)).one()
    details = ImprovementDetails(survey_id, "环境", "换窗帘", owner_id, now.date() + timedelta(days=9))
    change = plan_improvement(session, details, now=now)
    session.add(link)
    session.flush()
    return {
        "survey-place": place.id,
        "survey-wave": wave.id,
        "survey-invitation": link.id,
        "improvement": change.id,
    }


def _history(
    session: Session, customer: Customer, people: dict[Role, int], numbers: dict[str, int], now: datetime
) -> dict[str, int]:
    purchase = Purchase(order_no="S-1001", occurred_at=now, customer_id=customer.id, paid_fen=42700)
    batch = ImportBatch(
        kind=ImportKind.CUSTOMERS, file_name="顾客.csv", file_sha256="0" * 64, started_at=now, rows=2, created=1, rejected=1,
        rejections='[{"row": 3, "column": "手机", "reason": "手机号不完整"}]',
    )  # fmt: skip
    visit = Visit(
        customer_id=customer.id,
        visited_at=now,
        treatment_id=numbers["treatment"],
        staff_id=people[Role.BEAUTICIAN],
        note="皮肤偏干",
    )
    skin = SkinRecord(customer_id=customer.id, seen_on=now.date(), skin_type=SkinType.DRY, concerns="两颊起皮")
    job = Job(kind="backup", key="backup:2026-11-24", due_at=now)
    run = JobRun(name="backup", started_at=now, state=JobState.DONE)
    message = OutboundMessage(
        key="k1",
        customer_id=customer.id,
        purpose=Purpose.SERVICE_CARE,
        channel=Channel.SMS,
        subject="护理提醒",
        body="明天记得来",
        due_at=now,
    )
    key = ApiKey(name="收银机", sha256=bytes(32), created_at=now)
    photo = Photo(
        customer_id=customer.id, kind=PhotoKind.AFTER, taken_on=now.date(), note="左脸", file_key="a" * 32,
        sha256="b" * 64, width=300, height=400, staff_id=people[Role.BEAUTICIAN],
    )  # fmt: skip
    account = SocialAccount(customer_id=customer.id, platform=SocialPlatform.WECHAT_GROUP, handle="护肤一群")
    contact = ContactEvent(
        customer_id=customer.id, contact=ContactKind.PHONE, kind=ContactEventKind.REPLACED, at=now,
        old_value="+8613700137000", old_masked="137****7000",
    )  # fmt: skip
    merge = CustomerMerge(
        survivor_id=customer.id, absorbed_id=9_000, absorbed_no="10009000", absorbed_name="王晓丽", merged_at=now, undo_until=now
    )  # fmt: skip
    headings = ImportMap(name="收银系统", kind=ImportKind.CUSTOMERS, mapping='{"顾客": "name"}', created_at=now)
    session.add_all([purchase, batch, visit, skin, job, run, message, key, headings, photo, account, contact, merge])
    session.flush()
    session.add(
        PurchaseLine(purchase_id=purchase.id, position=1, item="玫瑰面霜", unit_price_fen=29900, amount_fen=29900)
    )
    earned = earn_points(
        session, customer.id, 42, reference="S-1001", reason="消费", now=now, zone=ZoneInfo("Asia/Shanghai")
    )
    lot = session.exec(select(PointsLot.id).where(PointsLot.entry_id == earned.id)).one()
    return _loyalty(session, customer, people, purchase, now) | {
        "purchase": purchase.id,
        "points-account": earned.account_id,
        "points-entry": earned.id,
        "points-lot": lot,
        "import-batch": batch.id,
        "api-key": key.id,
        "import-map": headings.id,
        "visit": visit.id,
        "skin-record": skin.id,
        "photo": photo.id,
        "social-account": account.id,
        "contact-event": contact.id,
        "customer-merge": merge.id,
        "job": job.id,
        "job-run": run.id,
        "outbound-message": message.id,
        "audit-entry": 1,
    }


def _loyalty(
    session: Session, customer: Customer, people: dict[Role, int], purchase: Purchase, now: datetime
) -> dict[str, int]:
    """What is given for points and what for, a change that was refused, points that came and went, an earlier rule."""
    rule = session.exec(select(EarningRule)).first()
    reward = Reward(name="护手霜", kind=RewardKind.PRODUCT, points=42)
    asked = PointsRequest(
        customer_id=customer.id, points=900, reason_code=AdjustReason.GOODWILL, note="等太久", reference="adjust:1",
        asked_at=now, staff_id=people[Role.RECEPTION], state=RequestState.REFUSED, decided_at=now,
        decided_staff_id=people[Role.MANAGER],
    )  # fmt: skip
    waited = PointsPending(
        customer_id=customer.id, purchase_id=purchase.id, rule_id=rule.id, reference="sale:0", points=9, taken_back=9,
        earned_on=now.date(), due_on=now.date(), closed_at=now,
    )  # fmt: skip
    version = RuleVersion(subject=RuleSubject.EARNING_RULE, row_id=rule.id, until_at=now, said="{}")
    session.add_all([reward, asked, waited, version])
    session.flush()
    entry = session.exec(select(PointsEntry)).first()
    done = Redemption(
        reference="counter:0", customer_id=customer.id, reward_id=reward.id, points=42, entry_id=entry.id, at=now,
        note="包好了", returned_at=now,
    )  # fmt: skip
    benefit = session.exec(select(TierBenefit)).first()
    used = BenefitUse(
        customer_id=customer.id, benefit_id=benefit.id, used_on=now.date(), year_from_on=now.date(), created_at=now,
        taken_back_at=now,
    )  # fmt: skip
    tried = TierChange(customer_id=customer.id, at=now, from_tier_id=1, to_tier_id=1, why=TierWhy.MANUAL, reason="试试")
    session.add_all([done, used, tried])
    session.flush()
    return {
        "tier-benefit": benefit.id,
        "benefit-use": used.id,
        "tier-change": tried.id,
        "earning-rule": rule.id,
        "rule-version": version.id,
        "reward": reward.id,
        "redemption": done.id,
        "points-request": asked.id,
        "points-pending": waited.id,
    }
