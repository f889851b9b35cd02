"""Anything in any order: the books agree after every step, and a ledger with a hole in it is found out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as bounds
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from hypothesis.strategies import booleans, integers, none, one_of
from sqlmodel import Session, col, func, select

from app.actions import ledger
from app.actions.points import (
    adjust_points,
    earn_points,
    expire_points,
    move_account,
    reverse_entry,
    spend_points,
    unmove_account,
)
from app.db import Database
from app.models import PointsAccount, PointsEntry
from app.queries.points import balance_of, check_ledger, lots_of
from app.rules.points import (
    REVERSIBLE,
    NotEnoughPoints,
    PointsSpentMeanwhile,
    ReferenceTaken,
    ReversedTooMuch,
)
from app.vocabulary import PointsKind
from tests.actions.points_shop import ZONE, new_customer
from tests.conftest import NOW

POINTS = integers(1, 60)
LIFE = one_of(none(), integers(0, 40))


class PowerCut(Exception):
    """The machine goes off before anything was kept."""


class Till(RuleBasedStateMachine):
    """Two records of one person at a till. `model` is what each should have, kept without lots or tables."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        with self.database.writing() as session:
            self.customers = [new_customer(session, name) for name in ("王一", "王二")]
        self.model = dict.fromkeys(self.customers, 0)
        self.now, self.number, self.merge, self.merges = NOW, 0, "", 0

    def how(self) -> dict[str, Any]:
        """A fresh reference, now."""
        self.number += 1
        return {"reference": f"M{self.customers[0]}-{self.number}", "reason": "r", "now": self.now, "zone": ZONE}

    def who(self, second: bool) -> int:
        """One of the two, or the one that stayed."""
        return self.customers[int(second and not self.merge)]

    @contextmanager
    def unit(self, customer_id: int) -> Iterator[Session]:
        """One unit of work, in which what is over has ended already."""
        with self.database.writing() as session:
            ended = expire_points(session, customer_id, now=self.now, zone=ZONE)
            self.model[customer_id] += sum(entry.points for entry in ended)
        with self.database.writing() as session:
            yield session

    @rule(second=booleans(), amount=POINTS, days=LIFE)
    def earn(self, second: bool, amount: int, days: int | None) -> None:
        """Points come in."""
        customer_id, ends = self.who(second), None if days is None else (self.now + timedelta(days=days)).date()
        with self.unit(customer_id) as session:
            earn_points(session, customer_id, amount, expires_on=ends, **self.how())
        self.model[customer_id] += amount

    @rule(second=booleans(), amount=POINTS, twice=booleans())
    def spend(self, second: bool, amount: int, twice: bool) -> None:
        """Points go out, asked for once or twice; more than there are is refused."""
        customer_id, how = self.who(second), self.how()
        with self.unit(customer_id) as session:
            if amount > self.model[customer_id]:
                with pytest.raises(NotEnoughPoints):
                    spend_points(session, customer_id, amount, **how)
                return
            first = spend_points(session, customer_id, amount, **how)
            if twice:
                assert spend_points(session, customer_id, amount, **how).id == first.id
                with pytest.raises(ReferenceTaken):
                    spend_points(session, customer_id, amount + 1, **how)
        self.model[customer_id] -= amount

    @rule(second=booleans(), amount=integers(-30, 30).filter(bool))
    def adjust(self, second: bool, amount: int) -> None:
        """Put right by hand."""
        customer_id = self.who(second)
        with self.unit(customer_id) as session:
            if self.model[customer_id] + amount < 0 > amount:
                with pytest.raises(NotEnoughPoints):
                    adjust_points(session, customer_id, amount, **self.how())
                return
            adjust_points(session, customer_id, amount, **self.how())
        self.model[customer_id] += amount

    @rule(second=booleans(), which=integers(0, 9), share=integers(1, 3), grace=booleans())
    def take_back(self, second: bool, which: int, share: int, grace: bool) -> None:
        """A whole movement, or a part of it, is reversed."""
        customer_id = self.who(second)
        with self.unit(customer_id) as session:
            entries = [one for one in self.entries(session, customer_id) if one.kind in REVERSIBLE]
            if not entries:
                return
            entry = entries[which % len(entries)]
            left = abs(entry.points) - sum(abs(one.points) for one in self.reversals(session, entry))
            part, until = -(-abs(entry.points) // share), (self.now + timedelta(days=9)).date()
            how = self.how() | {"points": part, "grace_until_on": until if grace else None}
            if part > left:
                with pytest.raises(ReversedTooMuch):
                    reverse_entry(session, entry.id or 0, **how)
                return
            seen = self.last(session)
            reversal = reverse_entry(session, entry.id or 0, **how)
            ended = session.exec(
                select(func.coalesce(func.sum(PointsEntry.points), 0)).where(
                    col(PointsEntry.id) > seen, PointsEntry.kind == PointsKind.EXPIRE
                )
            ).one()
            assert reversal.points == (part if entry.points < 0 else -part)
            self.model[customer_id] += reversal.points + ended

    @rule(second=booleans(), amount=POINTS)
    def refund_what_was_spent(self, second: bool, amount: int) -> None:
        """A sale whose points are gone is taken back: a debt, unless there was more."""
        customer_id = self.who(second)
        with self.unit(customer_id) as session:
            sale = earn_points(session, customer_id, amount, **self.how())
            if self.model[customer_id] + amount > 0:
                spend_points(session, customer_id, self.model[customer_id] + amount, **self.how())
            reverse_entry(session, sale.id or 0, **self.how())
        had = self.model[customer_id]
        self.model[customer_id] = -amount if had + amount > 0 else had

    @rule(days=integers(1, 15))
    def days_go_by(self, days: int) -> None:
        """Or a clock jumps."""
        self.now += timedelta(days=days)

    @rule(second=booleans(), amount=POINTS)
    def power_cut(self, second: bool, amount: int) -> None:
        """What was not kept did not happen."""
        customer_id = self.who(second)
        with pytest.raises(PowerCut), self.unit(customer_id) as session:  # noqa: PT012
            earn_points(session, customer_id, amount, **self.how())
            raise PowerCut

    @precondition(lambda self: not self.merge)
    @rule()
    def become_one(self) -> None:
        """The second record goes into the first."""
        self.merges += 1
        self.merge = f"merge:{self.customers[0]}:{self.merges}"
        stays, goes = self.customers
        with self.database.writing() as session:
            move_account(session, goes, stays, merge_reference=self.merge, now=self.now)
        self.model = {stays: sum(self.model.values()), goes: 0}

    @precondition(lambda self: bool(self.merge))
    @rule()
    def become_two(self) -> None:
        """And out again, unless its points were spent."""
        stays, goes = self.customers
        try:
            with self.database.writing() as session:
                unmove_account(session, goes, stays, merge_reference=self.merge, now=self.now)
        except PointsSpentMeanwhile:
            return
        self.merge = ""
        with self.database.reading() as session:
            both = {one: balance_of(session, one) for one in self.customers}
        assert sum(both.values()) == sum(self.model.values())
        self.model = both

    @invariant()
    def the_books_agree(self) -> None:
        """Balance = sum of entries = sum of lots, and what the model says."""
        with self.database.reading() as session:
            assert check_ledger(session) == []
            for one in self.customers:
                balance = balance_of(session, one)
                assert balance == self.model[one]
                assert sum(lot.remaining for lot in lots_of(session, one)) == max(balance, 0)

    def entries(self, session: Session, customer_id: int) -> list[PointsEntry]:
        """What was written about somebody."""
        wanted = select(PointsEntry).join(PointsAccount).where(PointsAccount.customer_id == customer_id)
        return list(session.exec(wanted.order_by(col(PointsEntry.id))))

    def reversals(self, session: Session, entry: PointsEntry) -> list[PointsEntry]:
        """What was taken back of an entry."""
        return list(session.exec(select(PointsEntry).where(PointsEntry.reverses_id == entry.id)))

    def last(self, session: Session) -> int:
        """The newest entry there is."""
        return session.exec(select(func.max(PointsEntry.id))).one() or 0


def run(database: Database, examples: int) -> None:
    """So many customers at the till, always the same ones."""
    machine = type("TillOf", (Till,), {"database": database})
    how = bounds(
        max_examples=examples,
        stateful_step_count=20,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=how)


def test_whatever_happens_in_whatever_order_the_books_agree(database: Database) -> None:
    run(database, 6)


def _forget_debts(before: int, after: int) -> int:
    return after - before


@pytest.mark.parametrize(
    ("room", "name", "hole"),
    [
        (ledger, "lots_change", _forget_debts),
        (ledger, "MAY_OWE", frozenset(PointsKind)),
    ],
)
def test_a_hole_in_the_ledger_is_found(
    database: Database, monkeypatch: pytest.MonkeyPatch, room: Any, name: str, hole: Callable[..., Any]
) -> None:
    monkeypatch.setattr(room, name, hole)
    with pytest.raises(BaseException):  # noqa: B017, PT011  # whichever check strikes first
        run(database, 30)
