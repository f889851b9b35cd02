"""What the counter asks before it sells: the menu, who serves, what she will get; and what came of a sale."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, func, or_, select

from app.models import (
    PointsAccount,
    PointsEntry,
    Product,
    Purchase,
    PurchaseLine,
    Staff,
    Store,
    Tier,
    Treatment,
    Visit,
)
from app.queries.earning import earner_at, rules_at, sale_earned
from app.queries.points import balance_of
from app.queries.scopes import ANYTHING, on_days
from app.rules.counter import CounterLine, MenuItem
from app.rules.earning import Order, PaidLine, sale_points
from app.rules.policy import Policy
from app.vocabulary import Role

_SERVES = (Role.BEAUTICIAN, Role.MANAGER, Role.OWNER, Role.RECEPTION)


@dataclass(frozen=True)
class Server:
    """Somebody who may have served her. `login` names her without doubt."""

    staff_id: int
    name: str
    login: str


@dataclass(frozen=True)
class Outlook:
    """What she will get. `due_on` None: at once. `working` says why so many."""

    points: int
    due_on: date | None
    working: str


@dataclass(frozen=True)
class Sold:
    """A sale of hers as it stands. `before` and `after` are her balance around it, None where it moved nothing."""

    purchase: Purchase
    lines: tuple[PurchaseLine, ...]
    earned: int
    before: int | None
    after: int | None
    balance: int
    returned_fen: int
    is_returned: bool


def menu_of(session: Session) -> tuple[MenuItem, ...]:
    """Everything on sale, treatments first. Two of one name are told apart by their code."""
    care = session.exec(select(Treatment).where(col(Treatment.is_active)).order_by(Treatment.name)).all()
    shelf = session.exec(select(Product).where(col(Product.is_active)).order_by(Product.name)).all()
    rows = [(one.name, one.code, one.price_fen, one.category) for one in care]
    rows += [(one.name, one.sku, one.price_fen, one.category) for one in shelf]
    names = [name for name, *_ in rows]
    return tuple(
        MenuItem(name if names.count(name) == 1 else f"{name} {sku}", name, sku, price, category)
        for name, sku, price, category in rows
    )


def servers(session: Session, store_id: int | None, within: ColumnElement[bool]) -> tuple[Server, ...]:
    """Who may have served her: of this store or of none, beauticians first, of those the person may name."""
    wanted = select(Staff).where(col(Staff.is_active), col(Staff.role).in_(_SERVES), within)
    if store_id is not None:
        wanted = wanted.where(or_(col(Staff.store_id) == store_id, col(Staff.store_id).is_(None)))
    rows = session.exec(wanted.order_by(col(Staff.name), col(Staff.id))).all()
    return tuple(
        Server(one.id or 0, one.name, one.login) for one in sorted(rows, key=lambda row: _SERVES.index(row.role))
    )


def server_today(session: Session, customer_id: int, today: date, zone: ZoneInfo) -> int | None:
    """Who serves her today, as her visit says."""
    wanted = select(Visit.staff_id).where(
        Visit.customer_id == customer_id,
        col(Visit.staff_id).is_not(None),
        on_days(col(Visit.visited_at), today, today, zone),
    )
    return session.exec(wanted.order_by(col(Visit.visited_at).desc(), col(Visit.id).desc())).first()


def open_stores(session: Session) -> tuple[tuple[str, str], ...]:
    """The stores that sell, code and name."""
    return tuple(session.exec(select(Store.code, Store.name).where(col(Store.is_active)).order_by(col(Store.id))))


def discount_of(session: Session, tier_id: int) -> tuple[str, int]:
    """The name of a tier, and how many percent its members pay less."""
    tier = session.get_one(Tier, tier_id)
    return tier.name, tier.discount_percent


def outlook(
    session: Session,
    customer_id: int,
    lines: Sequence[CounterLine],
    paid_fen: int,
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
) -> Outlook:
    """The points a sale would give now; her tier and the rules as they stand."""
    today = now.astimezone(zone).date()
    order = Order(paid_fen, today, tuple(PaidLine(one.category, one.line.amount_fen) for one in lines))
    earner, rules = earner_at(session, customer_id, now, today), rules_at(session, now)
    earning = sale_points(order, earner, rules, campaigns_multiply=bool(policy.campaigns_multiply))
    if earning is None or paid_fen <= 0:
        return Outlook(0, None, "")
    due_on = today + timedelta(days=earning.rule.pending_days)
    return Outlook(earning.points, due_on if due_on > today else None, earning.working)


def store_code(session: Session, store_id: int | None) -> str:
    """What a store goes by; empty for none."""
    return session.exec(select(Store.code).where(Store.id == store_id)).first() or ""


def sold_as(
    session: Session, order_no: str, customer_id: int, *, within: ColumnElement[bool] = ANYTHING
) -> Purchase | None:
    """Her sale of that number; None where it is nobody's, somebody else's, or out of reach."""
    wanted = select(Purchase).where(
        Purchase.order_no == order_no, Purchase.customer_id == customer_id, col(Purchase.refund_of_id).is_(None), within
    )
    return session.exec(wanted.options(joinedload(Purchase.store))).first()  # type: ignore[arg-type]


def sold(session: Session, purchase: Purchase) -> Sold:
    """What came of a sale of hers."""
    customer_id = purchase.customer_id or 0
    lines = select(PurchaseLine).where(PurchaseLine.purchase_id == purchase.id).order_by(col(PurchaseLine.position))
    with_staff = lines.options(joinedload(PurchaseLine.staff))  # type: ignore[arg-type]
    moved = session.exec(
        select(PointsEntry)
        .join(PointsAccount, col(PointsAccount.id) == col(PointsEntry.account_id))
        .where(PointsEntry.purchase_id == purchase.id, PointsAccount.customer_id == customer_id)
        .order_by(col(PointsEntry.id))
    ).all()
    back = session.exec(
        select(func.count(), func.coalesce(func.sum(Purchase.paid_fen), 0)).where(Purchase.refund_of_id == purchase.id)
    ).one()
    return Sold(
        purchase,
        tuple(session.exec(with_staff)),
        sale_earned(session, purchase),
        moved[0].balance_after - moved[0].points if moved else None,
        moved[-1].balance_after if moved else None,
        balance_of(session, customer_id),
        -int(back[1]),
        bool(back[0]),
    )
