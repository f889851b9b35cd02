"""The rules of earning as they stood at a moment, the tier a customer had then, and her points that still wait."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import Session, SQLModel, and_, col, func, or_, select

from app.db import among
from app.models import (
    Customer,
    EarningRule,
    ImportBatch,
    PointsAccount,
    PointsEntry,
    PointsLot,
    PointsPending,
    Product,
    Purchase,
    PurchaseLine,
    Reward,
    RuleVersion,
    Tier,
    TierChange,
    Treatment,
)
from app.queries.points import ended_of
from app.queries.tiers import bought_between, changed_at, first_day, step_of, tier_ranks
from app.rules.birthdays import Birthday, is_birthday_month
from app.rules.earning import Earner, EarningTerms, Order, PaidLine, working_less
from app.rules.menu_rows import category_called
from app.rules.points_expiry import Expiry
from app.rules.tiers import Day, reached
from app.vocabulary import Calendar, CategoryOfNeed, CustomerStatus, EarningKind, PointsKind, RuleSubject, TierWhy

_Row = TypeVar("_Row", EarningRule, Tier)


@dataclass(frozen=True)
class TierThen:
    """A customer's tier as it was at a moment."""

    tier_id: int
    name: str
    rank: int
    points_percent: int


@dataclass(frozen=True)
class PendingLine:
    """Points of a sale that do not count yet."""

    points: int
    due_on: date
    expires_on: date | None
    order_no: str
    working: str


def rules_at(session: Session, moment: datetime) -> tuple[EarningTerms, ...]:
    """The earning rules in use at that moment, as they stood then; in the order they were made."""
    rows = _as_of(session, EarningRule, RuleSubject.EARNING_RULE, moment)
    active = [row for row in rows if row.is_active]
    ranks: dict[int, int] = {}
    if any(row.tier_id for row in active):
        ranks = {tier_id or 0: rank for tier_id, rank in session.exec(select(Tier.id, Tier.rank))}
    return tuple(terms_of(row, ranks) for row in active)


def terms_of(row: EarningRule, ranks: Mapping[int, int]) -> EarningTerms:
    """A rule as a value; `ranks` of the tiers by number."""
    return EarningTerms(
        rule_id=row.id or 0,
        name=row.name,
        kind=row.kind,
        points=row.points,
        per_fen=row.per_fen,
        percent=row.percent,
        category=row.category,
        from_rank=ranks[row.tier_id] if row.tier_id else None,
        in_birthday_month=row.in_birthday_month,
        from_paid_fen=row.from_paid_fen,
        most_points=row.most_points,
        most_times_a_year=row.most_times_a_year,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        pending_days=row.pending_days,
        expiry=Expiry(row.expiry, row.expiry_months, row.expiry_day, row.round_up, row.expiry_year),
    )


def tier_at(session: Session, customer_id: int, moment: datetime) -> TierThen:
    """The tier she had at that moment, with the multiplier it had then. Before her first change: the one it changed from."""
    change = select(TierChange).where(TierChange.customer_id == customer_id)
    before = session.exec(
        change.where(TierChange.at <= moment).order_by(col(TierChange.at).desc(), col(TierChange.id).desc()).limit(1)
    ).first()
    tier_id = before.to_tier_id if before else None
    if before is None:
        after = session.exec(change.order_by(col(TierChange.at), col(TierChange.id)).limit(1)).first()
        tier_id = after.from_tier_id or after.to_tier_id if after else None
    if tier_id is None:
        tier_id = session.exec(select(Customer.tier_id).where(Customer.id == customer_id)).one()
    return _tier_then(session, tier_id, moment)


def tier_of_sale(session: Session, purchase: Purchase, moment: datetime, *, months: int, zone: ZoneInfo) -> TierThen:
    """The tier she had when she bought that: by what was known then, or the higher one that purchases carried by then but
    that were told only afterwards, in any order. Only a tier that she did reach, and never by this sale itself. `months`:
    the shop's rolling window."""
    hers = purchase.customer_id or 0
    then = tier_at(session, hers, moment)
    told_later = select(TierChange.to_tier_id).where(
        TierChange.customer_id == hers, TierChange.at > moment, TierChange.why == TierWhy.REACHED
    )
    risen_to = session.exec(told_later).all()
    ranks = tier_ranks(session) if risen_to else {}
    most = max((ranks[tier_id] for tier_id in risen_to), default=then.rank)
    if most <= then.rank:
        return then
    steps = [step_of(tier) for tier in _as_of(session, Tier, RuleSubject.TIER, moment) if tier.is_active]
    day = Day(moment.astimezone(zone).date(), months, changed_at(session, [hers], zone, by=moment).get(hers))
    slips = bought_between(session, [hers], first_day(steps, day.today, months), day.today, zone)[hers]
    before = [
        one for one in slips if one.refund_of_id or (one.at, one.purchase_id) < (purchase.occurred_at, purchase.id)
    ]
    carried = reached(steps, before, day).step if steps else None
    if carried is None or carried.rank <= then.rank:
        return then
    risen = max((step for step in steps if step.rank <= min(carried.rank, most)), key=lambda step: step.rank)
    return _tier_then(session, risen.tier_id, moment) if risen.rank > then.rank else then


def _tier_then(session: Session, tier_id: int, moment: datetime) -> TierThen:
    then = {tier.id: tier for tier in _as_of(session, Tier, RuleSubject.TIER, moment)}.get(tier_id)
    tier = then or session.get_one(Tier, tier_id)  # a tier younger than the sale: as it is now
    return TierThen(tier_id, tier.name, tier.rank, tier.points_percent)


def _as_of(session: Session, table: type[_Row], subject: RuleSubject, moment: datetime) -> list[_Row]:
    """Rows of a table as they stood then; those that were not there yet are left out."""
    rows = list(session.exec(select(table).order_by(col(table.id))))
    changed = [row.id for row in rows if row.since_at is not None and row.since_at > moment]
    if not changed:
        return rows
    versions = session.exec(
        select(RuleVersion).where(
            RuleVersion.subject == subject,
            col(RuleVersion.row_id).in_(changed),
            RuleVersion.until_at > moment,
            or_(col(RuleVersion.since_at).is_(None), col(RuleVersion.since_at) <= moment),
        )
    )
    earlier = {version.row_id: _said(table, version) for version in versions}
    return [earlier.get(row.id or 0, row) for row in rows if row.id not in changed or row.id in earlier]


def _said(table: type[_Row], version: RuleVersion) -> _Row:
    said = json.loads(version.said)
    # A column that is younger than the version has its default.
    return table.model_validate(said | {"id": version.row_id, "since_at": version.since_at})


def earner_at(session: Session, customer_id: int, moment: datetime, on: date) -> Earner:
    """Who earns that day, by the tier she had."""
    return earner_of(session, customer_id, tier_at(session, customer_id, moment), on)


def earner_of(session: Session, customer_id: int, tier: TierThen, on: date) -> Earner:
    """Who earns that day, by this tier."""
    birthday = birthday_of(session.get_one(Customer, customer_id))
    return Earner(tier.name, tier.rank, tier.points_percent, birthday is not None and is_birthday_month(birthday, on))


def birthday_of(customer: Customer) -> Birthday | None:
    """When it is; None where she has not said."""
    if not customer.birth_month or not customer.birth_day:
        return None
    return Birthday(customer.birth_month, customer.birth_day, None, customer.birthday_calendar)


def order_of(session: Session, purchase: Purchase, zone: ZoneInfo) -> Order:
    """A sale as the rules take it: its kinds of care are those of the things on the menu, else those the till names."""
    lines = session.execute(
        select(PurchaseLine.amount_fen, Product.category, Treatment.category, PurchaseLine.category)
        .outerjoin(Product, col(Product.id) == col(PurchaseLine.product_id))
        .outerjoin(Treatment, col(Treatment.id) == col(PurchaseLine.treatment_id))
        .where(PurchaseLine.purchase_id == purchase.id)
        .order_by(col(PurchaseLine.position))
    )
    on = purchase.occurred_at.astimezone(zone).date()
    return Order(purchase.paid_fen, on, tuple(paid_line(*line) for line in lines))


def paid_line(fen: int, product: CategoryOfNeed | None, treatment: CategoryOfNeed | None, told: str) -> PaidLine:
    """A line with its kind of care: the one of the thing on the menu, else what the till's own word means."""
    return PaidLine(product or treatment or category_called(told), fen)


# ── What she was given before ─────────────────────────────────────────────────────────────────────────────────────────


def birthdays_given(session: Session, customer_id: int) -> list[tuple[str, date]]:
    """The birthdays she was given points for, also while she was two records: their reference and the day."""
    wanted = (
        select(col(PointsEntry.reference), col(PointsLot.earned_on))
        .join(PointsLot, col(PointsLot.entry_id) == col(PointsEntry.id))
        .where(_hers(customer_id), col(PointsEntry.reference).startswith(f"{EarningKind.BIRTHDAY.value}:"))
    )
    return [(reference, earned_on) for reference, earned_on in session.exec(wanted)]


def celebrating(
    session: Session, days: Mapping[tuple[Calendar, int, int], date], after: int, limit: int
) -> list[tuple[int, date]]:
    """The next customers after this number whose birthday is one of these, with the day it is celebrated."""
    names = (Customer.id, Customer.birthday_calendar, Customer.birth_month, Customer.birth_day)
    columns: list[Any] = [col(name) for name in names]
    wanted: Any = select(*columns).where(
        or_(
            *(
                and_(
                    col(Customer.birthday_calendar) == calendar,
                    col(Customer.birth_month) == month,
                    col(Customer.birth_day) == day,
                )
                for calendar, month, day in days
            )
        ),
        Customer.status == CustomerStatus.ACTIVE,
        col(Customer.id) > after,
    )
    rows = session.exec(wanted.order_by(col(Customer.id)).limit(limit))
    return [(customer_id, days[calendar, month, day]) for customer_id, calendar, month, day in rows]


def times_given(session: Session, customer_id: int, rule_id: int, first: date, last: date) -> int:
    """How often a rule gave her points for something from one day to another, both included."""
    wanted = (
        select(func.count())
        .select_from(PointsEntry)
        .join(PointsLot, col(PointsLot.entry_id) == col(PointsEntry.id))
        .where(_hers(customer_id), PointsEntry.rule_id == rule_id, col(PointsLot.earned_on).between(first, last))
    )
    return session.exec(wanted).one()


def _hers(customer_id: int) -> Any:
    """What came in for her, merged records included."""
    accounts = select(PointsAccount.id).where(PointsAccount.customer_id == customer_id)
    return col(PointsEntry.account_id).in_(accounts) & (PointsEntry.kind == PointsKind.EARN)


def occasion_points(session: Session, kind: EarningKind, moment: datetime) -> int:
    """What an occasion gives at that moment to anybody, for a page that promises it; 0: nothing."""
    rules = (rule for rule in rules_at(session, moment) if rule.kind is kind and rule.from_rank is None)
    return max((rule.points for rule in rules), default=0)


# ── What waits ────────────────────────────────────────────────────────────────────────────────────────────────────────


def pending_of(session: Session, customer_id: int) -> list[PendingLine]:
    """Her points that do not count yet, the soonest first."""
    rows = session.exec(
        select(PointsPending, Purchase.order_no)
        .join(Purchase, col(Purchase.id) == col(PointsPending.purchase_id))
        .where(PointsPending.customer_id == customer_id, col(PointsPending.closed_at).is_(None))
        .order_by(col(PointsPending.due_on), col(PointsPending.id))
    )
    return [
        PendingLine(left, row.due_on, row.expires_on, order_no, working_less(row.working, row.taken_back, left))
        for row, order_no in rows
        for left in (row.points - row.taken_back,)
    ]


def pending_points(session: Session, customer_id: int) -> int:
    """How many that is."""
    left = func.coalesce(func.sum(PointsPending.points - PointsPending.taken_back), 0)
    wanted = select(left).where(PointsPending.customer_id == customer_id, col(PointsPending.closed_at).is_(None))
    return int(session.exec(wanted).one())


def due_pending(session: Session, today: date, after: int, limit: int) -> list[tuple[int, int]]:
    """The next rows after this number whose points begin to count by today, and whose they are."""
    wanted = select(PointsPending.id, PointsPending.customer_id).where(
        PointsPending.due_on <= today, col(PointsPending.closed_at).is_(None), col(PointsPending.id) > after
    )
    found = session.exec(wanted.order_by(col(PointsPending.id)).limit(limit))
    return [(number or 0, customer_id) for number, customer_id in found]


def sale_earned(session: Session, purchase: Purchase) -> int:
    """What a sale gave or will give, whatever was taken back of it since."""
    pending = session.exec(select(PointsPending.points).where(PointsPending.purchase_id == purchase.id)).first()
    if pending is not None:
        return pending
    wanted = select(PointsEntry.points).where(
        PointsEntry.kind == PointsKind.EARN, PointsEntry.reference == sale_reference(purchase)
    )
    return session.exec(wanted).first() or 0


def sale_ended(session: Session, purchase: Purchase) -> int:
    """How many of the points a sale gave have ended unused."""
    wanted = select(PointsEntry.id).where(
        PointsEntry.kind == PointsKind.EARN, PointsEntry.reference == sale_reference(purchase)
    )
    entry_id = session.exec(wanted).first()
    return ended_of(session, entry_id) if entry_id else 0


def sale_reference(purchase: Purchase) -> str:
    """What the points of a sale go by, those it gave and those that paid for it. With the file, where one brought it: taken
    back with it, the sale may come again with the next and earn anew."""
    batch_id = purchase.import_batch_id
    return f"sale:{purchase.order_no}" if batch_id is None else f"import:{batch_id}:{purchase.order_no}"


def refund_reference(refund: Purchase) -> str:
    """What the points a refund moved go by, before the word for which they are."""
    batch_id = refund.import_batch_id
    return f"refund:{refund.order_no}" if batch_id is None else f"import:{batch_id}:{refund.order_no}"


def earning_sales(session: Session, purchase_ids: Collection[int | None]) -> set[int]:
    """Of these sales those that came with a file whose sales give points."""
    wanted = select(Purchase.id).join(ImportBatch, col(ImportBatch.id) == col(Purchase.import_batch_id))
    return {
        one or 0
        for one in session.exec(wanted.where(col(ImportBatch.earns), among(session, Purchase.id, purchase_ids)))
    }


def pending_taken(session: Session, purchase_id: int) -> int:
    """How many points a sale's refunds took before they counted."""
    wanted = select(PointsPending.taken_back).where(PointsPending.purchase_id == purchase_id)
    return session.exec(wanted).first() or 0


def refund_moved(session: Session, refund: Purchase) -> tuple[int, int]:
    """How many points a refund took back, and gave back, in her account."""
    names = [f"{refund_reference(refund)}:{what}" for what in ("earned", "spent")]
    wanted = select(PointsEntry.reference, PointsEntry.points).where(
        PointsEntry.kind == PointsKind.REVERSE, col(PointsEntry.reference).in_(names)
    )
    moved = {reference: abs(points) for reference, points in session.exec(wanted)}
    return moved.get(names[0], 0), moved.get(names[1], 0)


def reward_called(session: Session, name: str) -> int | None:
    """The reward of that name."""
    return session.exec(select(Reward.id).where(Reward.name == name)).first()


def said_of(row: SQLModel) -> str:
    """All a rule says, as it is kept when it changes."""
    return json.dumps(row.model_dump(mode="json", exclude={"id", "since_at"}), ensure_ascii=False, sort_keys=True)
