"""Two customers with anything a shop can know of them, made for the tests of merging."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select as rows_of
from sqlmodel import Session, SQLModel, select

from app.actions import points
from app.actions.customers import create_customer, update_customer
from app.actions.tokens import issue_token
from app.models import (
    BenefitUse,
    Complaint,
    Consent,
    ContactEvent,
    Customer,
    CustomerAlias,
    CustomerMerge,
    CustomerTag,
    DuplicatePair,
    LowFeedback,
    OutboundMessage,
    Photo,
    PointsAccount,
    PointsEntry,
    PointsLot,
    PointsPending,
    PointsRequest,
    Purchase,
    Redemption,
    SignUp,
    SkinRecord,
    SocialAccount,
    Staff,
    Survey,
    SurveyInvitation,
    SurveyResponse,
    Tag,
    TierChange,
    Visit,
)
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.vocabulary import (
    AdjustReason,
    Channel,
    ContactEventKind,
    ContactKind,
    MessageState,
    PhotoKind,
    Purpose,
    ResponseState,
    Role,
    SignUpState,
    SkinType,
    SocialPlatform,
    TagOrigin,
    TierWhy,
    TokenPurpose,
)
from tests.questionnaires import version_of

ZONE = ZoneInfo("Asia/Shanghai")
RULES = Policy()
Key = tuple[Purpose, Channel | None]


@dataclass(frozen=True)
class Life:
    """What one record has. Consents: since how many days she says yes, and how many days ago she took it back."""

    details: CustomerDetails
    days: int = 100
    purchases: tuple[int, ...] = ()
    visits: int = 0
    follow: int = 0
    consents: dict[Key, tuple[int, int | None]] = field(default_factory=dict)
    tags: dict[int, TagOrigin] = field(default_factory=dict)
    handles: tuple[str, ...] = ()
    cards: int = 0
    points: tuple[int, ...] = ()
    in_pair: bool = False
    brought: bool = False
    brought_by_other: bool = False
    verified_on: date | None = None


def full(number: int, *, phone: str = "", shared: str = "") -> Life:
    """A record with a row in every table that can point at it."""
    return Life(
        CustomerDetails(
            name=f"王小丽{'甲乙'[number]}",
            phone=phone or f"1380013800{number}",
            phone_shared_reason=shared or None,
            wechat=f"wx{number}",
            email=f"a{number}@example.cn",
            birthday=("1990-03-04", "03-04")[number],
            allergy_note=("对果酸过敏", "对酒精过敏")[number],
            note=f"第{number}条",
            card_until_on=date(2027, 1 + number, 1),
        ),
        days=100 - number,
        purchases=(60_000, 50_000),
        visits=2,
        follow=1,
        consents={
            (Purpose.MARKETING, Channel.SMS): (9, None),
            (Purpose.PERSONALISATION, None): (8, None if number else 3),
            (Purpose.MEMBERSHIP, None): (7 + number, None),
        },
        tags={1: TagOrigin.RULE if number else TagOrigin.MANUAL, 2 + number: TagOrigin.IMPORT},
        handles=("group", f"own{number}"),
        cards=1,
        points=(100, 50),
        in_pair=True,
        brought=True,
        brought_by_other=bool(number),
        verified_on=date(2026, 1 + number, 1),
    )


def a_customer(session: Session, life: Life, number: int, now: datetime) -> int:
    """The record with all its rows, but what needs the other record."""
    born = now - timedelta(days=life.days)
    customer = create_customer(session, life.details, policy=RULES, now=born)
    customer.verified_on = life.verified_on
    session.flush()
    mine = customer.id or 0
    session.add_all(_history(session, life, mine, number, now))
    session.add_all(_voice(session, life, mine, number, now))
    session.flush()
    for at, paid in enumerate(life.points):
        points.earn_points(
            session, mine, paid, reference=f"c{number}-{at}", reason="", now=now, zone=ZONE, expires_on=None
        )
    if life.follow and life.points and life.purchases:
        session.add_all(_points(session, mine, f"S{number}-{len(life.purchases) - 1}", number, now))
    for _ in range(life.cards):
        issue_token(session, TokenPurpose.CARD, mine, now=born)
    session.flush()
    return mine


def _history(session: Session, life: Life, mine: int, number: int, now: datetime) -> list[SQLModel]:
    tags = session.exec(select(Tag.id).order_by(Tag.id)).all()  # type: ignore[arg-type]
    return [
        *(
            Purchase(order_no=f"S{number}-{at}", occurred_at=now - timedelta(days=at), customer_id=mine, paid_fen=paid)
            for at, paid in enumerate(life.purchases)
        ),
        *(
            TierChange(customer_id=mine, at=now, from_tier_id=1, to_tier_id=1, why=TierWhy.MANUAL, reason="试用")
            for _ in range(life.follow)
        ),
        *(
            BenefitUse(customer_id=mine, benefit_id=1, used_on=now.date(), year_from_on=now.date(), created_at=now)
            for _ in range(life.follow)
        ),
        *(Visit(customer_id=mine, visited_at=now - timedelta(days=at), note="皮肤偏干") for at in range(life.visits)),
        *(CustomerTag(customer_id=mine, tag_id=tags[tag - 1], origin=origin) for tag, origin in life.tags.items()),
        *(
            SocialAccount(customer_id=mine, platform=SocialPlatform.WECHAT_GROUP, handle=handle, noted_on=now.date())
            for handle in life.handles
        ),
        *(
            Consent(
                customer_id=mine,
                purpose=purpose,
                channel=channel,
                notice_version="2026-11",
                granted_at=now - timedelta(days=since),
                withdrawn_at=None if until is None else now - timedelta(days=until),
            )
            for (purpose, channel), (since, until) in life.consents.items()
        ),
    ]


def _points(session: Session, mine: int, order_no: str, number: int, now: datetime) -> list[SQLModel]:
    """Points that wait, a change by hand that waits, and something she had for points."""
    sale = session.exec(select(Purchase.id).where(Purchase.order_no == order_no)).one() or 0
    earned = session.exec(select(PointsEntry.id).where(PointsEntry.reference == f"c{number}-0")).one() or 0
    clerk = Staff(name="李", login=f"clerk{number}", password_hash="!", role=Role.RECEPTION)
    session.add(clerk)
    session.flush()
    one, day = f"c{number}", now.date()
    return [
        PointsPending(customer_id=mine, purchase_id=sale, reference=one, points=5, earned_on=day, due_on=day),
        PointsRequest(
            customer_id=mine, points=900, reason_code=AdjustReason.GOODWILL, note="等了很久", reference=one, asked_at=now,
            staff_id=clerk.id or 0,
        ),
        Redemption(reference=one, customer_id=mine, points=1, entry_id=earned, at=now),
    ]  # fmt: skip


def _answered(session: Session, survey_id: int, mine: int, run: str, now: datetime) -> int:
    row = SurveyResponse(
        survey_id=survey_id, version_id=version_of(session, survey_id), submission_id=run, customer_id=mine,
        state=ResponseState.FINISHED, started_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


def _voice(session: Session, life: Life, mine: int, number: int, now: datetime) -> list[SQLModel]:
    survey_id = session.exec(select(Survey.id)).first()
    made: list[SQLModel] = []
    for at in range(life.follow):
        one = f"{number}-{at}"
        made += [
            SkinRecord(customer_id=mine, seen_on=now.date(), skin_type=SkinType.DRY, concerns="起皮"),
            ContactEvent(customer_id=mine, contact=ContactKind.PHONE, kind=ContactEventKind.INVALID, at=now),
            SignUp(submission_id=one, customer_id=mine, state=SignUpState.NEW, signed_up_at=now),
            Photo(
                customer_id=mine, kind=PhotoKind.BEFORE, taken_on=now.date(), file_key=one, sha256=one, width=1, height=1
            ),
            LowFeedback(
                response_id=_answered(session, survey_id, mine, one, now), customer_id=mine, opened_at=now, due_at=now
            ),
            SurveyInvitation(
                survey_id=survey_id, customer_id=mine, submission_id=one, created_at=now, expires_at=now
            ),
            Complaint(receipt_no=f"R{one}", text="等了很久", customer_id=mine, opened_at=now, due_at=now),
            OutboundMessage(
                key=one, customer_id=mine, purpose=Purpose.SERVICE_CARE, channel=Channel.SMS, body="明天来", due_at=now,
                state=MessageState.WAITING,
            ),
            CustomerAlias(member_no=f"OLD{one}", customer_id=mine, created_at=now),
            CustomerMerge(
                survivor_id=mine, absorbed_id=900 + number, absorbed_no=f"OLD{one}", merged_at=now, undo_until=now,
                undone_at=now,
            ),
        ]  # fmt: skip
    return made


def two_customers(session: Session, first: Life, second: Life, now: datetime) -> tuple[int, int]:
    """Both, a third whom they know, and what stands between them."""
    third = create_customer(session, CustomerDetails(name="第三人"), policy=RULES, now=now).id or 0
    one, two = a_customer(session, first, 0, now), a_customer(session, second, 1, now)
    for mine, other, life in ((one, two, first), (two, one, second)):
        record = session.get(Customer, mine)
        assert record is not None
        if life.brought_by_other:
            record.referred_by_id = other
        if life.brought:
            friend = create_customer(session, CustomerDetails(name="朋友"), policy=RULES, now=now)
            friend.referred_by_id = mine
            _pair(session, mine, friend.id or 0, now)
        if life.in_pair:
            _pair(session, third, mine, now)
    if first.in_pair:
        _pair(session, one, two, now)
    session.flush()
    return one, two


def _pair(session: Session, one: int, other: int, now: datetime) -> None:
    """That two look alike, unless the shop has noticed by itself."""
    low, high = sorted((one, other))
    known = select(DuplicatePair).where(DuplicatePair.low_id == low, DuplicatePair.high_id == high)
    if session.exec(known).first() is None:
        session.add(DuplicatePair(low_id=low, high_id=high, score=60, found_at=now))


APPENDED = frozenset(
    {"audit_entries", "customer_merges", "points_accounts", "points_entries", "points_lots", "points_allocations"}
)
"""What a merge and its undo may leave behind: the journal, the row of the merge itself, and entries of points, whose
sums must be what they were."""


def everything(session: Session) -> dict[str, Any]:
    """All tables, row by row, and what stands instead of the ledger's: balance and lots of each customer."""
    session.flush()
    tables = {
        table.name: [tuple(row) for row in session.execute(rows_of(table).order_by(table.c.id))]
        for table in SQLModel.metadata.sorted_tables
        if table.name not in APPENDED
    }
    merges = rows_of(SQLModel.metadata.tables["customer_merges"]).order_by("id")
    tables["older merges"] = [tuple(row) for row in session.execute(merges) if row.absorbed_id >= 900]
    return tables | {"points": balances(session)}


def balances(session: Session) -> dict[int, tuple[int, list[Any]]]:
    """What each customer has: her sum, and what is left in which lot."""
    session.expire_all()
    held: dict[int, tuple[int, list[Any]]] = {}
    for account in session.exec(select(PointsAccount).order_by(PointsAccount.id)):  # type: ignore[arg-type]
        lots = session.exec(select(PointsLot).where(PointsLot.account_id == account.id))
        left = sorted((lot.remaining, str(lot.expires_on), lot.entry_id) for lot in lots if lot.remaining)
        before = held.get(account.customer_id, (0, []))
        held[account.customer_id] = (before[0] + account.balance, sorted(before[1] + left))
    return {customer: one for customer, one in held.items() if one != (0, [])}


__all__ = ["Life", "everything", "full", "replace", "two_customers", "update_customer"]
