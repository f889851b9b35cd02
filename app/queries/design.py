"""What other rules of earning would have given for the shop's own past sales: memory flat, nothing written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlalchemy import select as values
from sqlmodel import Session, col, select

from app.db import among
from app.models import Customer, EarningRule, Product, Purchase, PurchaseLine, Tier, Treatment
from app.queries.earning import birthday_of, paid_line, terms_of
from app.queries.scopes import midnight
from app.queries.tier_preview import Seen
from app.rules.birthdays import is_birthday_month
from app.rules.earning import Earner, EarningTerms, Order, PaidLine, sale_points
from app.vocabulary import EarningKind

PORTION = 1_000
AT_ONCE = 20_000
"""More sales than these are gone through while nobody waits."""
OF_SALES = (EarningKind.PURCHASE, EarningKind.CAMPAIGN, EarningKind.BONUS)
"""The kinds of rules a sale goes through."""


@dataclass
class Issued:
    """What sales would have given: how many, what was paid for them, the points by these rules and by the rules of now."""

    sales: int = 0
    paid_fen: int = 0
    points: int = 0
    points_now: int = 0


def sale_rules(session: Session) -> list[EarningRule]:
    """The rules in use that a sale goes through, in the order they were made."""
    wanted = select(EarningRule).where(col(EarningRule.is_active), col(EarningRule.kind).in_(OF_SALES))
    return list(session.exec(wanted.order_by(col(EarningRule.id))))


def terms_in_use(session: Session) -> tuple[EarningTerms, ...]:
    """The same as values."""
    ranks = {number or 0: rank for number, rank in session.exec(select(Tier.id, Tier.rank))}
    return tuple(terms_of(row, ranks) for row in sale_rules(session))


def points_for_past(
    session: Session,
    rules: Sequence[EarningTerms],
    percents: Mapping[int, int],
    *,
    first: date,
    last: date,
    zone: ZoneInfo,
    campaigns_multiply: bool,
    seen: Seen = lambda count: None,
) -> Issued:
    """The points of the sales from `first` to `last` to members, had these rules held, with the tiers' multipliers
    `percents`; each by the tier its customer has now. Refunded sales count as far as the money stayed."""
    found, now = Issued(), terms_in_use(session)
    tiers = {tier.id or 0: tier for tier in session.exec(select(Tier))}
    for sales in _portions(session, first, last, zone):
        lines, people = _lines(session, [sale.id for sale in sales]), _people(session, sales)
        for sale in sales:
            customer = people[sale.customer_id]
            on = sale.occurred_at.astimezone(zone).date()
            order = Order(sale.paid_fen, on, tuple(lines.get(sale.id, ())))
            tier, birthday = tiers[customer.tier_id], birthday_of(customer)
            is_month = birthday is not None and is_birthday_month(birthday, on)
            for those, percent, name in (
                (rules, percents.get(tier.id or 0, tier.points_percent), "points"),
                (now, tier.points_percent, "points_now"),
            ):
                earner = Earner(tier.name, tier.rank, percent, is_month)
                earning = sale_points(order, earner, those, campaigns_multiply=campaigns_multiply)
                setattr(found, name, getattr(found, name) + (earning.points if earning else 0))
            found.sales += 1
            found.paid_fen += sale.paid_fen
        seen(found.sales)
    return found


def _in_span(first: date, last: date, zone: ZoneInfo) -> tuple[Any, ...]:
    at = col(Purchase.occurred_at)
    return (
        at >= midnight(first, zone),
        at < midnight(last + timedelta(days=1), zone),
        col(Purchase.customer_id).is_not(None),
        col(Purchase.paid_fen) > 0,
    )


def sales_between(session: Session, first: date, last: date, zone: ZoneInfo) -> int:
    """How many sales to members that is."""
    return session.execute(values(func.count()).select_from(Purchase).where(*_in_span(first, last, zone))).scalar_one()


def _portions(session: Session, first: date, last: date, zone: ZoneInfo) -> Iterator[Sequence[Any]]:
    columns = values(Purchase.id, Purchase.customer_id, Purchase.occurred_at, Purchase.paid_fen)  # type: ignore[call-overload]
    wanted = columns.where(*_in_span(first, last, zone)).order_by(col(Purchase.id))
    after = 0
    while rows := session.execute(wanted.where(col(Purchase.id) > after).limit(PORTION)).all():
        yield rows
        after = rows[-1].id


def _lines(session: Session, numbers: list[int]) -> dict[int, list[PaidLine]]:
    found: dict[int, list[PaidLine]] = {}
    if not numbers:
        return found
    wanted = (
        values(  # type: ignore[call-overload]
            PurchaseLine.purchase_id,
            PurchaseLine.amount_fen,
            Product.category,
            Treatment.category,
            PurchaseLine.category,
        )
        .outerjoin(Product, col(Product.id) == col(PurchaseLine.product_id))
        .outerjoin(Treatment, col(Treatment.id) == col(PurchaseLine.treatment_id))
        .where(among(session, PurchaseLine.purchase_id, numbers))
    )
    for number, *line in session.execute(wanted):
        found.setdefault(number, []).append(paid_line(*line))
    return found


def _people(session: Session, sales: Sequence[Any]) -> dict[int, Customer]:
    numbers = {sale.customer_id for sale in sales}
    if not numbers:
        return {}
    rows = session.exec(select(Customer).where(among(session, Customer.id, numbers))).all()
    found = {row.id or 0: row for row in rows}
    for row in rows:
        session.expunge(row)
    return found
