"""What a customer's tier gives her this year, how much of it she has used, and what lapsed."""

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, func, select

from app.models import BenefitUse, Customer, Staff, TierBenefit, TierChange
from app.queries.earning import birthday_of
from app.queries.scopes import midnight
from app.rules.benefits import left, year_from, year_until
from app.rules.birthdays import is_birthday_month
from app.vocabulary import BenefitKind


@dataclass(frozen=True)
class Use:
    """One use of this year that stands."""

    use_id: int
    used_on: date
    note: str
    staff: str


@dataclass(frozen=True)
class BenefitLine:
    """A benefit of hers. `left` None: no limit. `is_now`: not one for the month of her
    birthday while this is another. `lapsed`: how many of last year's she did not use."""

    benefit_id: int
    kind: BenefitKind
    name: str
    times_a_year: int
    used: int
    left: int | None
    year_from_on: date
    year_until_on: date
    lapsed: int
    uses: tuple[Use, ...]
    in_birthday_month: bool = False
    is_now: bool = True


def benefits_of(session: Session, customer_id: int, *, today: date, zone: ZoneInfo) -> tuple[BenefitLine, ...]:
    """The benefits of her tier in her membership year; none for a number nobody has."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        return ()
    joined = customer.created_at.astimezone(zone).date()
    first = year_from(joined, today)
    last = year_until(joined, first)
    wanted = select(TierBenefit).where(TierBenefit.tier_id == customer.tier_id, col(TierBenefit.is_active))
    benefits = session.exec(wanted.order_by(col(TierBenefit.kind), col(TierBenefit.id))).all()
    uses = _uses(session, customer_id, first)
    before = _before(session, customer, joined, first, zone)
    return tuple(
        BenefitLine(
            one.id or 0,
            one.kind,
            one.name,
            one.times_a_year,
            len(uses.get(one.id or 0, ())),
            left(one.times_a_year, len(uses.get(one.id or 0, ()))),
            first,
            last,
            max(0, one.times_a_year - before.get(one.id or 0, 0)) if before is not None else 0,
            tuple(uses.get(one.id or 0, ())),
            one.in_birthday_month,
            not one.in_birthday_month or is_her_month(customer, today),
        )
        for one in benefits
    )


def is_her_month(customer: Customer, today: date) -> bool:
    """Whether this is the month of her birthday, as far as it is known."""
    birthday = birthday_of(customer)
    return birthday is not None and is_birthday_month(birthday, today)


def used_in_year(session: Session, customer_id: int, benefit_id: int, year_from_on: date) -> int:
    """How often she has used it in the membership year that began then."""
    wanted = (
        select(func.count())
        .select_from(BenefitUse)
        .where(
            BenefitUse.customer_id == customer_id,
            BenefitUse.benefit_id == benefit_id,
            BenefitUse.year_from_on == year_from_on,
            col(BenefitUse.taken_back_at).is_(None),
        )
    )
    return session.exec(wanted).one()


def tier_benefits(session: Session) -> dict[int, tuple[TierBenefit, ...]]:
    """What each tier gives, by its number."""
    wanted = select(TierBenefit).where(col(TierBenefit.is_active))
    found: dict[int, tuple[TierBenefit, ...]] = {}
    for one in session.exec(wanted.order_by(col(TierBenefit.kind), col(TierBenefit.id))):
        found[one.tier_id] = (*found.get(one.tier_id, ()), one)
    return found


def _uses(session: Session, customer_id: int, first: date) -> dict[int, list[Use]]:
    wanted = (
        select(BenefitUse, Staff.name)
        .join(Staff, col(Staff.id) == col(BenefitUse.staff_id), isouter=True)
        .where(
            BenefitUse.customer_id == customer_id,
            BenefitUse.year_from_on == first,
            col(BenefitUse.taken_back_at).is_(None),
        )
        .order_by(col(BenefitUse.used_on).desc(), col(BenefitUse.id).desc())
    )
    uses: dict[int, list[Use]] = {}
    for row, staff in session.exec(wanted):
        uses.setdefault(row.benefit_id, []).append(Use(row.id or 0, row.used_on, row.note, staff or ""))
    return uses


def _before(session: Session, customer: Customer, joined: date, first: date, zone: ZoneInfo) -> dict[int, int] | None:
    """What she used in the year before this one; None where she had no such year, or not on the tier she has now."""
    if first <= joined:
        return None
    since = select(func.max(TierChange.at)).where(
        TierChange.customer_id == customer.id,
        col(TierChange.from_tier_id).is_distinct_from(col(TierChange.to_tier_id)),
    )
    changed = session.exec(since).one()
    if changed is None or changed >= midnight(first, zone):
        return None
    start = year_from(joined, first - timedelta(days=1))
    wanted = select(BenefitUse.benefit_id, func.count()).where(
        BenefitUse.customer_id == customer.id,
        BenefitUse.year_from_on == start,
        col(BenefitUse.taken_back_at).is_(None),
    )
    return dict(session.exec(wanted.group_by(col(BenefitUse.benefit_id))).all())
