"""A counter that sells and takes back, for the tests of earning."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from sqlmodel import Session, col, select

from app.actions.purchases import record_purchase
from app.actions.rule_versions import keep_version
from app.models import Customer, EarningRule, PointsEntry, Purchase, Tier
from app.queries.points import balance_of, check_ledger
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine
from app.vocabulary import EarningKind
from tests.actions.points_shop import ZONE, new_customer
from tests.conftest import NOW


@dataclass
class Counter:
    """One customer's slips; amounts in fen, each under the next number."""

    session: Session
    customer_id: int
    now: datetime = NOW
    policy: Policy = field(default_factory=Policy)
    numbers: Any = field(default_factory=lambda: count(1))

    @property
    def how(self) -> dict[str, Any]:
        """What every action is told."""
        return {"policy": self.policy, "now": self.now, "zone": ZONE}

    @property
    def balance(self) -> int:
        """What she has; the books agree."""
        assert check_ledger(self.session) == []
        return balance_of(self.session, self.customer_id)

    def sell(self, *amounts_fen: int, order_no: str = "", at: datetime | None = None, **told: Any) -> Purchase:
        """A sale to her, one line for each amount."""
        member_no = self.session.get_one(Customer, self.customer_id).member_no
        lines = tuple(SaleLine(item="护理", amount_fen=fen) for fen in amounts_fen)
        sale = Sale(
            order_no=order_no or f"S{self.customer_id}-{next(self.numbers)}", occurred_at=at or self.now,
            **{"lines": lines, "member_no": member_no} | told,
        )  # fmt: skip
        return record_purchase(self.session, sale, **self.how)

    def refund(self, sale: Purchase, amount_fen: int) -> Purchase:
        """So much money goes back."""
        return self.sell(-amount_fen, refund_of=sale.order_no)

    def entries(self, *names: str) -> list[Any]:
        """Every movement in order, by these columns."""
        rows = self.session.exec(select(PointsEntry).order_by(col(PointsEntry.id)))
        return [tuple(getattr(row, name) for name in names or ("kind", "points")) for row in rows]


def counter(session: Session, **given: Any) -> Counter:
    """A counter with a new customer before it."""
    return Counter(session, new_customer(session), **given)


def rule(session: Session, kind: EarningKind = EarningKind.PURCHASE, **values: Any) -> EarningRule:
    """The shop's rule of a kind with these values; a new one where it has none, or where `name` says so."""
    found = session.exec(select(EarningRule).where(EarningRule.kind == kind)).first()
    if found is None or "name" in values:
        found = EarningRule(**{"name": kind.value, "kind": kind} | values)
        session.add(found)
    for name, value in values.items():
        setattr(found, name, value)
    session.flush()
    return found


def edit(session: Session, row: EarningRule | Tier, now: datetime, **values: Any) -> None:
    """The owner changes a rule at that moment."""
    keep_version(session, row, now=now)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
