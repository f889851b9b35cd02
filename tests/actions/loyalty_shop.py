"""The shop of `loyalty_machine`: how anything is told to it, what it is like when it opens, and what holds at any moment."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from hypothesis.strategies import sampled_from
from sqlmodel import Session, col, delete, func, select

from app.actions.customers import create_customer
from app.actions.points import open_balance
from app.db import Database
from app.models import (
    Customer,
    EarningRule,
    PointsAccount,
    PointsEntry,
    PointsLot,
    Product,
    Reward,
    RuleVersion,
    Staff,
    Tier,
    TierChange,
)
from app.queries.earning import pending_points
from app.queries.points import balance_of, check_ledger
from app.rules.customers import CustomerDetails
from app.rules.idempotency import Kept
from app.rules.policy import Policy
from app.rules.refusals import RuleBroken
from app.vocabulary import CategoryOfNeed, EarningKind, ExpiryKind, PointsKind, RewardKind, Role, RoundUp, TierWhy
from tests.actions.earning_shop import edit
from tests.actions.earning_shop import rule as rule_of
from tests.actions.loyalty_model import Asked, Books, Lot, Purse, Redeemed, Terms, shop_day
from tests.actions.points_shop import ZONE
from tests.conftest import NOW

T = TypeVar("T")
FEN_A_POINT, APPROVAL_FROM, PRIZE, EVENT, UNDO_DAYS = 10, 40, 30, 15, 30
OPENINGS = [NOW, datetime(2028, 2, 27, 15, 30, tzinfo=UTC), datetime(2027, 1, 31, 2, tzinfo=UTC)]
"""A day like any other; two before a 29 February; one whose month is longer than the next."""
TERMS = sampled_from([Terms(2, 7), Terms(), Terms(1, 0, "never"), Terms(1, 0, "yearly"), Terms(3, 7, "months", 12)])
ALWAYS = datetime.min.replace(tzinfo=UTC)


class PowerCut(Exception):
    """The machine goes off before anything was kept."""


class Shop(RuleBasedStateMachine):
    """The counter and its two customers. `books` is what each should have."""

    database: ClassVar[Database]

    # ── Telling it something ──────────────────────────────────────────────────────────────────────────────────────────

    def write(self, work: Callable[[Session], T], *refusals: type[RuleBroken]) -> T | RuleBroken:
        """One unit of work; what it gave, or which of these expected refusals came."""
        try:
            with self.database.writing() as session:
                return work(session)
        except refusals as refused:
            return refused

    def do(self, how: str, work: Callable[[Session], T], *refusals: type[RuleBroken]) -> T | RuleBroken:
        """The same, told as `how` says: after a power cut once more, and a second time it comes to the same."""
        if how == "cut":
            self.cut_short(work, *refusals)
        first = self.write(work, *refusals)
        if how == "twice":
            again = self.write(work, *refusals)
            assert type(again) is type(first)
            assert getattr(again, "id", None) == getattr(first, "id", None)
            assert not isinstance(first, Kept) or (again.status, again.answer) == (200, first.answer)  # type: ignore[union-attr]
        return first

    def cut_short(self, work: Callable[[Session], Any], *refusals: type[RuleBroken]) -> None:
        """The power goes when all is written and nothing is kept."""
        try:
            with self.database.writing() as session:
                work(session)
                raise PowerCut
        except (PowerCut, *refusals):
            return

    def refused(self, work: Callable[[Session], Any], refusal: type[RuleBroken]) -> None:
        """It must be refused, and so."""
        assert isinstance(self.write(work, refusal), refusal)

    @property
    def told(self) -> dict[str, Any]:
        """What every action is told."""
        return {"now": self.now, "zone": ZONE}

    @property
    def is_one(self) -> bool:
        """Whether the two are one record now."""
        return self.merge is not None

    def name(self, of: str) -> str:
        """A fresh number for a slip."""
        self.number += 1
        return f"{of}{self.mark}-{self.number}"

    def who(self, second: bool) -> int:
        """One of the two, or the one that stayed."""
        here = list(self.books.purses)
        return here[second % len(here)]

    # ── The shop opens ────────────────────────────────────────────────────────────────────────────────────────────────

    @initialize(now=sampled_from(OPENINGS), terms=TERMS, grace=sampled_from([0, 9]), brought=sampled_from([0, 80]))
    def open(self, now: datetime, terms: Terms, grace: int, brought: int) -> None:
        """Two new customers, the rules as on the first day: a gift card earns nothing, hair care three times as much."""
        self.now, self.number, self.stock = now, 0, 2
        self.policy = Policy(
            points_per_yuan=100 // FEN_A_POINT, points_approval_from=APPROVAL_FROM, points_grace_days=grace,
            merge_undo_days=UNDO_DAYS,
        )  # fmt: skip
        with self.database.writing() as session:
            self.open_rules(session, terms)
            self.customers = [self.new_customer(session, name) for name in ("王一", "王二")]
            self.mark = self.customers[0]
            names = (f"{self.mark}a", f"{self.mark}b")
            self.staff = [new(session, Staff(name=one, login=one, password_hash="", role=Role.OWNER)) for one in names]
            new(session, Reward(name=self.prize, kind=RewardKind.PRODUCT, points=PRIZE, stock=self.stock))
        self.numbers = dict(zip(self.customers, self.member_numbers(), strict=True))
        self.books = Books(FEN_A_POINT, grace, shop_day(now), {one: Purse() for one in self.customers})
        for one in self.customers if brought else ():
            self.bring(one, brought)
        self.terms = [(ALWAYS, terms)]
        self.percents = {one: [(ALWAYS, 100)] for one in self.customers}
        self.redeemed: dict[int, Redeemed] = {}
        self.asked: dict[int, Asked] = {}
        self.merge: Any = None
        self.merges = 0

    @property
    def prize(self) -> str:
        """What points are handed in for; there are two of it."""
        return f"小样{self.mark}"

    def new_customer(self, session: Session, name: str) -> int:
        """Somebody without points."""
        return create_customer(session, CustomerDetails(name=name), policy=self.policy, now=self.now, zone=ZONE).id or 0

    def bring(self, customer_id: int, points: int) -> None:
        """Points from the shop's older books, which never end."""
        reference = self.name("O")
        self.write(
            lambda session: open_balance(session, customer_id, points, reference=reference, reason="", **self.told)
        )
        self.books.come_in(customer_id, reference, points, shop_day(self.now), None)

    def member_numbers(self) -> list[str]:
        """The numbers of the two, as a till tells them."""
        with self.database.reading() as session:
            return [session.get_one(Customer, one).member_no for one in self.customers]

    def open_rules(self, session: Session, terms: Terms) -> None:
        """The rules of the first day, whatever an earlier shop made of them."""
        session.execute(delete(RuleVersion))
        if session.exec(select(Product).where(Product.sku == "GIFT")).first() is None:
            session.add(Product(sku="GIFT", name="礼品卡", category=CategoryOfNeed.OTHER))
            session.add(Product(sku="HAIR", name="发膜", category=CategoryOfNeed.HAIR))
            rule_of(session, name="礼品卡不积分", category=CategoryOfNeed.OTHER, points=0)
            rule_of(session, name="护发三倍", category=CategoryOfNeed.HAIR, points=3)
        event = {"points": EVENT, "expiry": ExpiryKind.MONTHS, "expiry_months": 1, "round_up": RoundUp.NONE}
        rule_of(session, EarningKind.EVENT, **event)
        for tier in session.exec(select(Tier)):
            tier.threshold_visits = 0
        self.say_terms(session, terms)
        general_rule(session).since_at = None
        session.execute(delete(RuleVersion))

    def say_terms(self, session: Session, terms: Terms) -> None:
        """The owner changes the general rule."""
        edit(
            session, general_rule(session), self.now, points=terms.points, pending_days=terms.pending_days,
            expiry=ExpiryKind(terms.ends), expiry_months=terms.months, expiry_day="12-31", round_up=RoundUp.NONE,
        )  # fmt: skip

    # ── What holds at any moment ──────────────────────────────────────────────────────────────────────────────────────

    def check_ledger(self) -> None:
        """The shop's own look through its books, each night and at the end."""
        with self.database.reading() as session:
            first = session.exec(select(func.min(PointsAccount.id)).where(self.theirs())).one() or 0
            assert check_ledger(session, first) == []

    def teardown(self) -> None:
        """The last thing of all."""
        if hasattr(self, "books"):
            self.check_ledger()

    @invariant()
    def the_books_agree(self) -> None:
        """Balance = sum of entries = sum of lots, and each lot is what it should be, through its last day."""
        with self.database.reading() as session:
            for one, purse in self.books.purses.items():
                entries = select(func.coalesce(func.sum(PointsEntry.points), 0)).join(PointsAccount)
                assert balance_of(session, one) == session.exec(entries.where(PointsAccount.customer_id == one)).one()
                assert self.lots(session, one) == purse.living()
                over = self.held(session, one) - purse.held
                assert balance_of(session, one) - over == purse.balance
                assert pending_points(session, one) == self.books.waiting(one)

    @invariant()
    def only_a_reversal_goes_below_zero(self) -> None:
        """And nothing is earned twice for one order."""
        entry = PointsEntry
        with self.database.reading() as session:
            hers = select(entry.reference).join(PointsAccount).where(self.theirs())
            below = hers.where(entry.balance_after < 0, entry.points < 0, col(entry.kind).not_in(("reverse", "merge")))
            assert session.exec(below).all() == []
            earned = hers.where(entry.kind == PointsKind.EARN, col(entry.purchase_id).is_not(None))
            twice = earned.group_by(col(entry.purchase_id), col(entry.reference)).having(func.count() > 1)
            assert session.exec(twice).all() == []
            orders = session.exec(select(func.count(col(entry.purchase_id).distinct())).join(PointsAccount).where(
                self.theirs(), entry.kind == PointsKind.EARN)).one()  # fmt: skip
            assert len(session.exec(earned).all()) == orders

    @invariant()
    def parts_never_come_to_more_than_the_whole(self) -> None:
        """Refunds in parts take back and give back no more than there was, and all of them together exactly the whole."""
        for order in self.books.orders.values():
            assert 0 <= order.taken <= order.earned
            assert 0 <= order.given <= order.points_used
            if not order.kept and order.refunds:
                assert order.given == order.points_used
                assert order.taken + min(order.ended, order.earned - order.taken) == order.earned

    @invariant()
    def history_explains_the_tier(self) -> None:
        """Her tier is what her last change gave her, each change has the figures that carried it, and she has what she
        bought and kept."""
        with self.database.reading() as session:
            tiers = {tier.id: tier for tier in session.exec(select(Tier))}
            lowest = min(tiers.values(), key=lambda tier: tier.rank)
            for one in self.books.purses:
                hers = tiers[session.get_one(Customer, one).tier_id]
                changes = session.exec(
                    select(TierChange).where(TierChange.customer_id == one).order_by(col(TierChange.id))
                ).all()
                assert hers.id == (changes[-1].to_tier_id if changes else lowest.id)
                for change in changes:
                    enough = change.amount_fen >= tiers[change.to_tier_id].threshold_fen
                    assert enough or change.why is not TierWhy.REACHED
                self.percents[one].append((self.now, hers.points_percent))
                if not self.merges:
                    kept = sum(order.kept for order in self.books.orders.values() if order.owner == one)
                    assert hers.threshold_fen <= kept or {change.why for change in changes} - {
                        TierWhy.REACHED,
                        TierWhy.REFUND,
                    }
                    self.is_no_lower_than_bought(one, hers, tiers.values())

    def is_no_lower_than_bought(self, one: int, hers: Tier, tiers: Any) -> None:
        """Up at once: what she kept of the last three hundred days carries no higher tier."""
        fresh = [order for order in self.books.orders.values() if (self.now - order.at).days < 300]
        kept = sum(order.kept for order in fresh if order.owner == one)
        assert all(tier.rank <= hers.rank for tier in tiers if tier.threshold_fen <= kept)

    def theirs(self) -> Any:
        """The accounts of the two, merged ones too."""
        return col(PointsAccount.customer_id).in_(self.customers)

    def lots(self, session: Session, customer_id: int) -> dict[str, tuple[int, Any]]:
        """What lies in her lots by the reference they came in under, without what is over."""
        today = shop_day(self.now)
        return {one: (lot.left, lot.ends_on) for one, lot in self.read_lots(session, customer_id).items()
                if lot.left and (lot.ends_on is None or lot.ends_on >= today)}  # fmt: skip

    def held(self, session: Session, customer_id: int) -> int:
        """The same in all, with what is over and has not been taken out yet."""
        return sum(lot.left for lot in self.read_lots(session, customer_id).values())

    def read_lots(self, session: Session, customer_id: int) -> dict[str, Lot]:
        """Her lots, empty ones too."""
        wanted = (
            select(PointsLot, PointsEntry.reference)
            .join(PointsEntry, col(PointsEntry.id) == col(PointsLot.entry_id))
            .join(PointsAccount, col(PointsAccount.id) == col(PointsLot.account_id))
            .where(PointsAccount.customer_id == customer_id)
        )
        return {
            name: Lot(lot.remaining, lot.earned_on, lot.expires_on, lot.id or 0) for lot, name in session.exec(wanted)
        }


def new(session: Session, row: Any) -> int:
    """A row of the shop's; its number."""
    session.add(row)
    session.flush()
    return int(row.id)


def general_rule(session: Session) -> EarningRule:
    """What every yuan gives."""
    wanted = select(EarningRule).where(EarningRule.kind == EarningKind.PURCHASE, col(EarningRule.category).is_(None))
    return session.exec(wanted).one()
