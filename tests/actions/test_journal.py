"""Whatever anybody does leaves its line in the journal, in the same transaction: both or neither."""

import ast
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, func, select

import app.actions
from app.actions import (
    cards,
    complaints,
    consents,
    customers,
    demo,
    denials,
    duplicates,
    exports,
    jobs,
    merging,
    phones,
    policy,
    posters,
    purchases,
    sign_ups,
    staff,
    survey_sheets,
    survey_versions,
    tiers,
    tokens,
)
from app.actions.complaints import ComplaintIntake
from app.actions.consents import ConsentDetails
from app.actions.exports import ExportRun
from app.actions.staff import StaffDetails
from app.actions.survey_sheets import SurveyDetails
from app.audit import Actor
from app.db import Database
from app.models import AuditEntry, Customer, DuplicatePair, Job, Staff, StaffSession, Store
from app.queries.journal import verify_chain
from app.queries.staff import Credentials
from app.rules.cards import CardChoice
from app.rules.consents import DEFAULT_REGISTER, DEFAULTS
from app.rules.customers import CustomerDetails
from app.rules.exports import FileKind
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine
from app.rules.sheets import Layout
from app.rules.sign_ups import SignUpForm, read_sign_up
from app.vocabulary import Channel, JobStage, Purpose, Role, TokenPurpose
from tests.actions.member_deeds import MEMBER_DEEDS
from tests.actions.silent_actions import OTHERWISE
from tests.actions.survey_deeds import SURVEY_DEEDS
from tests.conftest import NOW

ZONE = ZoneInfo("Asia/Shanghai")
RULES = Policy()
WHO = Actor("王姐", None)


@dataclass
class Shop:
    """What there is to do something with; `case` and `found` are filled on the way."""

    boss: int
    clerk: int
    customer: int
    visit: int
    survey: int
    job: int
    question: int = 0
    case: int = 0
    consent: int = 0
    merge: int = 0
    mark: str = ""
    slug: str = "kaiye"


@pytest.fixture
def shop(database: Database) -> Shop:
    """Two people, a customer, a survey, a job that died."""
    with database.writing() as session:
        boss, clerk = (
            staff.create_staff(session, StaffDetails(name, login, role), password_hash="x", now=NOW)
            for name, login, role in (("王姐", "boss", Role.OWNER), ("小李", "clerk", Role.RECEPTION))
        )
        details = CustomerDetails(name="陈小姐", phone="13812345678")
        customer = customers.create_customer(session, details, policy=RULES, now=NOW)
        survey = survey_sheets.create_survey(session, SurveyDetails("kaiye", "开业问卷"), now=NOW)
        job = Job(kind="x", key="x:1", due_at=NOW, stage=JobStage.DEAD)
        visit = StaffSession(
            sid_sha256=b"1" * 32, staff_id=clerk.id, created_at=NOW, last_seen_at=NOW, expires_at=NOW.replace(year=2027)
        )
        session.add_all([job, visit])
        session.flush()
        return Shop(boss.id, clerk.id, customer.id, visit.id, survey.id, job.id)


def _case(session: Session, shop: Shop) -> None:
    intake = ComplaintIntake("等了很久", customer_id=shop.customer, contact_phone="13812345678")
    shop.case = complaints.open_complaint(session, intake, policy=RULES, now=NOW).id


def _consent(session: Session, shop: Shop) -> None:
    details = ConsentDetails(shop.customer, Purpose.MARKETING, Channel.SMS)
    shop.consent = consents.grant_consent(session, details, policy=RULES, now=NOW).id


def _sign_up(session: Session, shop: Shop) -> int:
    """With the phone of somebody who is known."""
    form = SignUpForm(name="陈小姐", phone="13812345678", birthday="01-02")
    read = read_sign_up(form, register=DEFAULT_REGISTER, today=NOW.date())
    row = sign_ups.sign_up(session, sign_ups.new_form(), read, policy=RULES, now=NOW)
    assert row is not None
    return row.id or 0


def _waiting(session: Session, shop: Shop) -> int:
    number = _sign_up(session, shop)
    session.gathered.entries.clear()  # type: ignore[attr-defined]
    return number


def _sale(order_no: str) -> Sale:
    return Sale(
        order_no=order_no, occurred_at=NOW, lines=(SaleLine(item="面霜", amount_fen=9_900_000),), phone="13812345678"
    )


def _import(session: Session, shop: Shop) -> None:
    sale = _sale("B2")
    known = purchases.look_up(session, [sale])
    purchases.insert_sales(session, [purchases.planned_sale(sale, known, now=NOW)])


def _merge(session: Session, shop: Shop) -> None:
    other = customers.create_customer(session, CustomerDetails(name="陈姐"), policy=RULES, now=NOW).id or 0
    session.flush()
    session.gathered.entries.clear()  # type: ignore[attr-defined]
    done = merging.merge_customers(session, shop.customer, other, {}, policy=RULES, now=NOW, zone=ZONE)
    shop.merge = done.id or 0


def _pair(session: Session, shop: Shop) -> int:
    other = customers.create_customer(session, CustomerDetails(name="赵六"), policy=RULES, now=NOW).id or 0
    pair = DuplicatePair(low_id=shop.customer, high_id=other, score=60, found_at=NOW)
    session.add(pair)
    session.flush()
    session.gathered.entries.clear()  # type: ignore[attr-defined]
    return pair.id or 0


def _said_distinct(session: Session, shop: Shop) -> int:
    number = _pair(session, shop)
    duplicates.set_distinct(session, number, staff_id=shop.boss, now=NOW)
    session.gathered.entries.clear()  # type: ignore[attr-defined]
    return number


Work = Callable[[Session, Shop], Any]
DEEDS: dict[str, Work] = {
    "customers.create_customer": lambda s, w: customers.create_customer(
        s, CustomerDetails(name="李女士", phone="13911112222"), policy=RULES, now=NOW
    ),
    "customers.update_customer": lambda s, w: customers.update_customer(
        s, w.customer, CustomerDetails(name="陈女士"), now=NOW
    ),
    "complaints.open_complaint": _case,
    "complaints.note_on_complaint": lambda s, w: complaints.note_on_complaint(
        s, w.case, "已看", staff_id=w.boss, now=NOW
    ),
    "complaints.assign_complaint": lambda s, w: complaints.assign_complaint(
        s, w.case, w.clerk, staff_id=w.boss, now=NOW
    ),
    "complaints.reply_to_complaint": lambda s, w: complaints.reply_to_complaint(
        s, w.case, "抱歉", solves=True, staff_id=w.boss, now=NOW
    ),
    "complaints.close_complaint": lambda s, w: complaints.close_complaint(s, w.case, staff_id=w.boss, now=NOW),
    "complaints.reopen_complaint": lambda s, w: complaints.reopen_complaint(
        s, w.case, "又来了", staff_id=w.boss, now=NOW
    ),
    "consents.grant_consent": _consent,
    "consents.withdraw_consent": lambda s, w: consents.withdraw_consent(s, w.consent, now=NOW),
    "consents.grant_many": lambda s, w: consents.grant_many(
        s, w.customer, [(Purpose.PHOTOS, None)], how="当面", policy=RULES, now=NOW
    ),
    "consents.withdraw": lambda s, w: consents.withdraw(s, w.customer, Purpose.PHOTOS, now=NOW),
    "consents.agree_to_health": lambda s, w: consents.agree_to_health(
        s, w.customer, table=Customer, policy=RULES, now=NOW
    ),
    "consents.change_purpose": lambda s, w: consents.change_purpose(
        s, Purpose.PHOTOS, replace(DEFAULTS[Purpose.PHOTOS], is_offered=True), notice_version="", now=NOW
    ),
    "sign_ups.sign_up": _sign_up,
    "sign_ups.adopt_sign_up": lambda s, w: sign_ups.adopt_sign_up(
        s, _waiting(s, w), birthday=True, policy=RULES, now=NOW, staff_id=w.boss
    ),
    "sign_ups.dismiss_sign_up": lambda s, w: sign_ups.dismiss_sign_up(s, _waiting(s, w), now=NOW, staff_id=w.boss),
    "posters.issue_join_poster": lambda s, w: posters.issue_join_poster(s, s.get(Store, 1).code, size="a4"),
    "phones.reveal_phone": lambda s, w: phones.reveal_phone(
        s, w.customer, "回电", table=Customer, staff_id=w.boss, now=NOW
    ),
    "purchases.record_purchase": lambda s, w: purchases.record_purchase(
        s, _sale("A1"), policy=RULES, now=NOW, zone=ZONE
    ),
    "purchases.insert_sales": _import,
    "tiers.review_tier": lambda s, w: (
        _lowered(s, w) and tiers.review_tier(s, w.customer, policy=RULES, now=NOW, zone=ZONE)
    ),
    "tiers.review_tiers": lambda s, w: (
        _lowered(s, w) and tiers.review_tiers(s, [w.customer], policy=RULES, now=NOW, zone=ZONE)
    ),
    "cards.issue_cards": lambda s, w: cards.issue_cards(
        s, CardChoice(everyone=True), layout=Layout.A4, policy=RULES, now=NOW, zone=ZONE
    ),
    "tokens.standing_tokens": lambda s, w: (
        tokens.revoke_tokens(s, TokenPurpose.CARD, [w.customer], now=NOW)
        and tokens.standing_tokens(s, [w.customer], now=NOW)
    ),
    "tokens.issue_token": lambda s, w: tokens.issue_token(s, TokenPurpose.CASE, 1, now=NOW),
    "tokens.revoke_tokens": lambda s, w: tokens.revoke_tokens(s, TokenPurpose.CASE, [1], now=NOW),
    "posters.issue_poster": lambda s, w: posters.issue_poster(s, w.slug, size="a4"),
    "survey_versions.close_survey": lambda s, w: survey_versions.close_survey(s, w.survey),
    "exports.start_export": lambda s, w: exports.start_export(
        s, ExportRun("customers", FileKind.CSV, 3, "对账"), staff_id=w.boss, sent="1", now=NOW
    ),
    "exports.cut_off_export": lambda s, w: exports.cut_off_export(
        s, ExportRun("customers", FileKind.CSV, 3, "对账"), sent_rows=1
    ),
    "denials.note_denial": lambda s, w: denials.note_denial(s, w.clerk, "settings", way="page", now=NOW),
    "policy.change_policy": lambda s, w: policy.change_policy(s, {"shop_name": "胭脂"}, now=NOW, staff_id=w.boss),
    "jobs.retry_job": lambda s, w: jobs.retry_job(s, w.job, now=NOW),
    "staff.create_staff": lambda s, w: staff.create_staff(
        s, StaffDetails("新人", "neu", Role.BEAUTICIAN), password_hash="x", now=NOW
    ),
    "staff.update_staff": lambda s, w: staff.update_staff(
        s, w.clerk, StaffDetails("李姐", "clerk", Role.MANAGER), now=NOW
    ),
    "staff.sign_in": lambda s, w: staff.sign_in(
        s, Credentials(w.boss, "王姐", "x"), is_right=True, now=NOW, ip="10.0.0.9", user_agent="a till"
    ),
    "staff.sign_out": lambda s, w: _back_in(s, w) and staff.sign_out(s, w.visit, now=NOW),
    "staff.end_session": lambda s, w: _back_in(s, w) and staff.end_session(s, w.visit, now=NOW),
    "staff.end_sessions_of": lambda s, w: _back_in(s, w) and staff.end_sessions_of(s, w.clerk, now=NOW),
    "staff.end_sessions_beside": lambda s, w: _back_in(s, w) and staff.end_sessions_beside(s, w.visit, now=NOW),
    "staff.reset_password": lambda s, w: staff.reset_password(s, w.clerk, password_hash="y", now=NOW),
    "staff.unlock_staff": lambda s, w: _locked_out(s, w) and staff.unlock_staff(s, w.clerk, now=NOW),
    "staff.disable_staff": lambda s, w: staff.disable_staff(s, w.clerk, now=NOW),
    "duplicates.set_distinct": lambda s, w: duplicates.set_distinct(s, _pair(s, w), staff_id=w.boss, now=NOW),
    "duplicates.take_back_distinct": lambda s, w: duplicates.take_back_distinct(s, _said_distinct(s, w), now=NOW),
    "merging.merge_customers": _merge,
    "merging.undo_merge": lambda s, w: merging.undo_merge(s, w.merge, policy=RULES, now=NOW, zone=ZONE),
    "demo.wipe_demo": lambda s, w: demo.wipe_demo(s),
}


def _lowered(session: Session, shop: Shop) -> bool:
    """Back on the lowest tier, so that her purchases lift her again."""
    customer = session.get(Customer, shop.customer)
    customer.tier_id, customer.tier_until_on = customers.lowest_tier(session).id, None
    session.flush()
    session.gathered.entries.clear()  # type: ignore[attr-defined]
    return True


def _back_in(session: Session, shop: Shop) -> bool:
    session.get(StaffSession, shop.visit).ended_at = None
    session.flush()
    return True


def _locked_out(session: Session, shop: Shop) -> bool:
    session.get(Staff, shop.clerk).failed_logins = 5
    session.flush()
    session.gathered.entries.clear()  # type: ignore[attr-defined]
    return True


class PowerCut(Exception):
    """The transaction does not reach its end."""


def _cut_off(database: Database, work: Work, shop: Shop) -> None:
    with database.writing(WHO) as session:
        work(session, shop)
        session.flush()
        raise PowerCut


def newest(database: Database) -> int:
    """The number of the last entry."""
    with database.reading() as session:
        return session.exec(select(func.max(AuditEntry.id))).one() or 0


def test_every_deed_and_its_line_come_together_or_not_at_all(database: Database, shop: Shop) -> None:
    for name, work in (SURVEY_DEEDS | DEEDS | MEMBER_DEEDS).items():
        before = newest(database)
        with suppress(PowerCut):
            _cut_off(database, work, shop)
        assert newest(database) == before, f"{name}: a line for what did not happen"
        with database.writing(WHO) as session:
            work(session, shop)
        assert newest(database) > before, f"{name}: done and not written down"
    with database.reading() as session:
        assert verify_chain(session).is_whole


def test_no_action_is_forgotten_here() -> None:
    known = set(SURVEY_DEEDS) | set(DEEDS) | set(MEMBER_DEEDS) | set(OTHERWISE)
    there = {
        f"{path.stem}.{one.name}"
        for path in Path(app.actions.__path__[0]).glob("*.py")
        for one in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(one, ast.FunctionDef) and not one.name.startswith("_") and one.args.args
        if one.args.args[0].arg in {"session", "database"}
    }
    assert there - known == set(), "say what it writes down, or why it writes nothing"
    assert known - there == set(), "no longer there"
