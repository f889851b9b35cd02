"""Two customers of a shop, to whom anything happens in any order. Everything goes through the actions that tills, people
and the night use; `Books` keeps beside it, in plain Python, what each should have. After every step the two agree."""

import json
from collections.abc import Collection, Iterable
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from hypothesis.strategies import booleans, integers, lists, none, one_of, sampled_from
from sqlmodel import Session, col, select

from app.actions.adjustments import adjust_or_ask, approve, refuse
from app.actions.earning import earn_for_occasion
from app.actions.merging import merge_customers, undo_merge
from app.actions.points import expire_points
from app.actions.redemptions import return_redemption
from app.actions.refunds import follow_slips
from app.actions.tiers import review_due
from app.actions.till import RedemptionAsked, RefundAsked, take_redemption, take_refund, take_sale
from app.db import Database
from app.jobs.errands import Errand
from app.jobs.points import end_points, settle_points
from app.models import PointsEntry, PointsRequest, Purchase, Redemption
from app.queries.api_keys import Caller
from app.queries.points import balance_of, owners_of_ended
from app.rules.adjustments import Adjustment, OwnRequest, RequestDecided
from app.rules.idempotency import Kept
from app.rules.merging import MergeOver
from app.rules.points import NotEnoughPoints, PointsSpentMeanwhile, ReferenceTaken
from app.rules.purchases import OrderDiffers, RefundOfNothing, RefundTooLarge, Sale, SaleLine
from app.rules.redemptions import AlreadyReturned, PointsExceedSale, RewardOut
from app.vocabulary import AdjustReason, EarningKind
from tests.actions.loyalty_model import Asked, Bought, Purse, Redeemed, Terms, shop_day, worth
from tests.actions.loyalty_shop import APPROVAL_FROM, EVENT, FEN_A_POINT, PRIZE, TERMS, UNDO_DAYS, Shop
from tests.actions.points_shop import ZONE

TILL = Caller(0, "till", None, "", None)
HOW = sampled_from(["once", "once", "once", "twice", "cut"])
"""Told once; told twice in the same words and once in others; or the power goes before it is kept, and it is told again."""
YUAN, CENTS = one_of(integers(1, 90), sampled_from([600, 1000])), sampled_from([0, 1, 99])
OTHERS = lists(sampled_from(["GIFT", "HAIR"]), max_size=2, unique=True)
SHARE, WHICH = integers(0, 3), integers(0, 9)
JUMPS = sampled_from(["before midnight", "midnight", *(timedelta(minutes=one) for one in (1, 300, 1_440, 11_520, 44_640)),
                      "midnight", timedelta(days=370)])  # fmt: skip


class Loyalty(Shop):
    """What may happen there."""

    # ── At the till ───────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(second=booleans(), yuan=YUAN, cents=CENTS, others=OTHERS, how=HOW)
    def sell(self, second: bool, yuan: int, cents: int, others: list[str], how: str) -> None:
        """A sale."""
        self._sell(self.who(second), 100 * yuan + cents, others, self.now, 0, how)

    @rule(second=booleans(), yuan=YUAN, cents=CENTS, others=OTHERS, share=SHARE, how=HOW)
    def sell_for_points(self, second: bool, yuan: int, cents: int, others: list[str], share: int, how: str) -> None:
        """A sale that is paid with points, all of it or a part."""
        owner = self.who(second)
        self._sell(owner, 100 * yuan + cents, others, self.now, self.part_of(owner, share), how)

    @precondition(lambda self: not self.merges)
    @rule(second=booleans(), yuan=YUAN, hours=integers(1, 900), how=HOW)
    def tell_late(self, second: bool, yuan: int, hours: int, how: str) -> None:
        """A sale is told hours or weeks after it was: by the rules and the tier of its day."""
        self._sell(self.who(second), 100 * yuan, [], self.now - timedelta(hours=hours), 0, how)

    def part_of(self, owner: int, share: int) -> int:
        """All of her points, half of them …; `share` 0: one more than she has."""
        balance = max(self.books.purses[owner].balance, 0)
        return max(-(-balance // share), 1) if share else balance + 1

    def _sell(self, owner: int, fen: int, others: list[str], at: datetime, points: int, how: str) -> None:
        order_no = self.name("S")
        lines = (
            SaleLine(item="护理", amount_fen=fen),
            *(SaleLine(item=sku, sku=sku, amount_fen=2_950) for sku in others),
        )

        def work(session: Session, lines: tuple[SaleLine, ...] = lines) -> Kept:
            sale = Sale(
                order_no=order_no, occurred_at=at, lines=lines, member_no=self.numbers[owner], points_used=points
            )
            return take_sale(session, sale, caller=TILL, policy=self.policy, **self.told)

        got = self.do(how, work, NotEnoughPoints, PointsExceedSale)
        paid = sum(line.amount_fen for line in lines) - points * FEN_A_POINT
        if paid < 0:
            assert isinstance(got, PointsExceedSale)
            return
        if points and points > self.books.purses[owner].balance:
            assert isinstance(got, NotEnoughPoints)
            return
        assert isinstance(got, Kept)
        self._sold(order_no, lines, Bought(owner, at, paid, points, 0, paid), json.loads(got.answer))
        if how == "twice":
            other = (*lines, SaleLine(item="小样", amount_fen=1))
            self.refused(lambda session: work(session, other), OrderDiffers)

    def _sold(self, order_no: str, sold: tuple[SaleLine, ...], order: Bought, told: dict[str, Any]) -> None:
        terms = next(one for since, one in reversed(self.terms) if since <= order.at)
        percent = next(one for since, one in reversed(self.percents[order.owner]) if since <= order.at)
        a_yuan = {"": terms.points, "HAIR": 3, "GIFT": 0}
        lines = [(line.amount_fen, a_yuan[line.sku]) for line in sold]
        order.earned = worth(lines, order.paid, percent)
        assert (told["paid_fen"], told["points_earned"]) == (order.paid, order.earned)
        if order.points_used:
            order.uses = self.books.go_out(order.owner, order.points_used)
        self.books.orders[order_no] = order
        if order.earned:
            order.ends_on = terms.last_day(shop_day(order.at))
            order.due_on = shop_day(order.at) + timedelta(days=terms.pending_days)
            self.books.settle(order_no)

    @precondition(lambda self: self.books.orders)
    @rule(which=WHICH, share=integers(0, 3), how=HOW)
    def refund(self, which: int, share: int, how: str) -> None:
        """A sale is taken back, whole or in part; never more than is left of it, never nothing of money."""
        if not (
            there := [
                one for one, order in self.books.orders.items() if order.kept or not (order.paid or order.refunds)
            ]
        ):
            return
        order_no, refund_no = there[which % len(there)], self.name("R")
        order = self.books.orders[order_no]
        fen = -(-order.kept // share) if share else order.kept + 1

        def work(session: Session, fen: int = fen) -> Kept:
            return take_refund(
                session, RefundAsked(order_no, refund_no, fen), caller=TILL, policy=self.policy, **self.told
            )

        got = self.do(how, work, RefundTooLarge, RefundOfNothing)
        if not share:
            assert isinstance(got, RefundTooLarge)
            return
        assert isinstance(got, Kept)
        given, taken = self.books.refund(order_no, f"refund:{refund_no}", fen)
        told = json.loads(got.answer)
        assert (told["points_given_back"], told["points_taken_back"]) == (given, taken)
        if how == "twice":
            self.refused(lambda session: work(session, fen + 1), OrderDiffers)

    @rule(second=booleans(), share=SHARE, prize=booleans(), how=HOW)
    def redeem(self, second: bool, share: int, prize: bool, how: str) -> None:
        """Points are handed in, for what the counter agreed on or for the prize, of which there are two."""
        owner, reference = self.who(second), self.name("D")
        points, reward = (PRIZE, self.prize) if prize else (self.part_of(owner, share), "")

        def work(session: Session, points: int = points) -> PointsEntry:
            asked = RedemptionAsked(self.numbers[owner], points, reference, reward)
            return take_redemption(session, asked, caller=TILL, **self.told)[0]

        got = self.do(how, work, NotEnoughPoints, RewardOut)
        if prize and not self.stock:
            assert isinstance(got, RewardOut)
            return
        if points > self.books.purses[owner].balance:
            assert isinstance(got, NotEnoughPoints)
            return
        assert isinstance(got, PointsEntry)
        self.stock -= prize
        self.redeemed[got.id or 0] = Redeemed(owner, points, self.books.go_out(owner, points))
        if how == "twice":
            self.refused(lambda session: work(session, points + 1), ReferenceTaken)

    @precondition(lambda self: self.redeemed)
    @rule(which=WHICH, cut=booleans())
    def take_redemption_back(self, which: int, cut: bool) -> None:
        """She gives the prize back; a second time there is nothing to give."""
        entry_id = list(self.redeemed)[which % len(self.redeemed)]
        redeemed = self.redeemed.pop(entry_id)
        with self.database.reading() as session:
            row = session.exec(select(Redemption).where(Redemption.entry_id == entry_id)).one()

        def work(session: Session) -> Redemption:
            return return_redemption(session, row.id or 0, policy=self.policy, **self.told)

        self.do("cut" if cut else "once", work)
        self.books.come_back(redeemed.owner, f"return:{row.id}", list(reversed(redeemed.uses)))
        self.stock += row.reward_id is not None
        self.refused(work, AlreadyReturned)

    @rule(second=booleans(), how=HOW)
    def come_to_an_event(self, second: bool, how: str) -> None:
        """An occasion gives points, once."""
        owner, reference = self.who(second), self.name("E")
        self.do(
            how, lambda session: earn_for_occasion(session, owner, EarningKind.EVENT, reference=reference, **self.told)
        )
        today = shop_day(self.now)
        self.books.come_in(owner, f"event:{reference}", EVENT, today, Terms().last_day(today))

    @precondition(lambda self: self.books.orders)
    @rule(second=booleans())
    def tell_old_slips_again(self, second: bool) -> None:
        """Slips that have found their customer once find her again: nothing moves."""
        owner = self.who(second)

        def work(session: Session) -> None:
            numbers = [one for one, order in self.books.orders.items() if order.owner == owner and order.earned]
            sales = session.exec(select(Purchase).where(col(Purchase.order_no).in_(numbers))).all()
            ids = [sale.id for sale in sales]
            slips = [*sales, *session.exec(select(Purchase).where(col(Purchase.refund_of_id).in_(ids)))]
            follow_slips(session, slips, policy=self.policy, **self.told)

        self.write(work)

    # ── By hand ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(second=booleans(), points=integers(-60, 60).filter(bool), days=one_of(none(), integers(0, 40)), how=HOW)
    def put_right(self, second: bool, points: int, days: int | None, how: str) -> None:
        """Points are put right by hand; what is too much for one person waits for a second one."""
        owner, reference = self.who(second), self.name("A")
        ends_on = shop_day(self.now) + timedelta(days=days) if days is not None and points > 0 else None
        change = Adjustment(points, AdjustReason.GOODWILL, "等了太久", ends_on)

        def work(session: Session) -> PointsEntry | PointsRequest:
            return adjust_or_ask(
                session, owner, change, reference=reference, policy=self.policy, staff_id=self.staff[0], **self.told
            )

        got = self.do(how, work, NotEnoughPoints)
        if isinstance(got, PointsRequest):
            self.asked[got.id or 0] = Asked(owner, points, reference, ends_on)
            return
        assert abs(points) < APPROVAL_FROM, "nobody moves so much alone"
        self._put_right(got, Asked(owner, points, reference, ends_on))

    @precondition(lambda self: self.asked)
    @rule(which=WHICH, yes=booleans(), cut=booleans())
    def decide(self, which: int, yes: bool, cut: bool) -> None:
        """A second person says yes or no, never whoever asked, and nobody twice."""
        number = list(self.asked)[which % len(self.asked)]
        asked = self.asked[number]
        if asked.ends_on is not None and asked.ends_on < shop_day(self.now):
            return

        def work(session: Session, staff_id: int = self.staff[1]) -> PointsEntry | PointsRequest:
            if not yes:
                return refuse(session, number, now=self.now, staff_id=staff_id)
            return approve(session, number, staff_id=staff_id, **self.told)

        self.refused(lambda session: work(session, self.staff[0]), OwnRequest)
        got = self.do("cut" if cut else "once", work, NotEnoughPoints)
        if yes and not self._put_right(got, asked):
            return
        del self.asked[number]
        self.refused(work, RequestDecided)

    def _put_right(self, got: Any, asked: Asked) -> bool:
        """Whether the points moved; less than she has cannot be taken."""
        if asked.points < 0 and self.books.purses[asked.owner].balance + asked.points < 0:
            assert isinstance(got, NotEnoughPoints)
            return False
        assert isinstance(got, PointsEntry)
        if asked.points > 0:
            self.books.come_in(asked.owner, asked.reference, asked.points, shop_day(self.now), asked.ends_on)
        else:
            self.books.go_out(asked.owner, -asked.points)
        return True

    # ── Time, and the owner ───────────────────────────────────────────────────────────────────────────────────────────

    @rule(jump=JUMPS)
    def time_goes_by(self, jump: timedelta | str) -> None:
        """Minutes, days, a year; or to the last second of the shop's day, or the first of the next: 16:00 in Greenwich."""
        if isinstance(jump, timedelta):
            self.now += jump
        else:
            midnight = self.now.replace(hour=16, minute=0, second=0)
            midnight += timedelta(days=midnight <= self.now)
            self.now = midnight if jump == "midnight" else max(midnight - timedelta(seconds=1), self.now)
        self.books.pass_to(shop_day(self.now))

    @rule(days=sampled_from([0, 0, 1, 8, 31, 31]), times=integers(1, 2), cut=booleans())
    def night_comes(self, days: int, times: int, cut: bool) -> None:
        """The jobs of a night, late or twice: what is over falls away, what waited comes in, tiers are judged."""
        self.now += timedelta(days=days)
        self.books.pass_to(shop_day(self.now))
        errand = Errand("", {}, self.now, self.now, self.policy, ZONE)
        for work in (end_points, settle_points):
            for _ in range(times):
                self.do("cut" if cut else "once", lambda session, work=work: work(session, errand))  # type: ignore[misc]
        self.write(lambda session: review_due(session, self.books.purses, policy=self.policy, **self.told))
        self.books.settle(*self.books.orders)
        with self.database.reading() as session:
            assert owners_of_ended(session, shop_day(self.now), 0, 1) == []
        self.check_ledger()

    @rule(terms=TERMS)
    def rule_changes(self, terms: Terms) -> None:
        """The owner gives more or fewer points, lets them wait, or end otherwise: from now on."""
        self.write(lambda session: self.say_terms(session, terms))
        self.terms.append((self.now, terms))

    # ── Two records become one, and two again ─────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: not self.is_one)
    @rule(second=booleans(), how=HOW)
    def become_one(self, second: bool, how: str) -> None:
        """The one record goes into the other, with all that was its."""
        stays, goes = self.customers[:: -1 if second else 1]
        got = self.do(how, lambda session: merge_customers(session, stays, goes, {}, policy=self.policy, **self.told))
        books = self.books
        before = deepcopy(books.purses)
        books.purses[stays].take_in(books.purses.pop(goes))
        moved = [one for one in self.hers() if one.owner == goes]
        for one in moved:
            one.owner = stays
        self.merge = (got, goes, stays, moved, before, books.moves, self.now)
        self.merges += 1

    @precondition(lambda self: self.is_one)
    @rule(how=HOW)
    def become_two(self, how: str) -> None:
        """And out again, unless its points were spent: where nothing moved meanwhile it is as if it had never been."""
        merge, goes, stays, moved, before, moves, at = self.merge
        self.write(lambda session: expire_points(session, stays, **self.told))

        def work(session: Session) -> Any:
            return undo_merge(session, merge.id, policy=self.policy, **self.told).merge

        got = self.do(how, work, PointsSpentMeanwhile, MergeOver)
        if isinstance(got, MergeOver):
            assert self.now >= at + timedelta(days=UNDO_DAYS)
            return
        if isinstance(got, PointsSpentMeanwhile):
            assert self.books.moves > moves
            return
        for one in moved:
            one.owner = goes
        together = self.books.purses[stays].balance
        self.books.purses = self.found()
        self.books.places = max(
            (lot.place for purse in self.books.purses.values() for lot in purse.lots.values()), default=0
        )
        assert sum(purse.balance for purse in self.books.purses.values()) == together
        if self.books.moves == moves and not any(purse.debt for purse in before.values()):
            for number, purse in before.items():
                purse.lapse(shop_day(self.now))
                assert purse.living() == self.books.purses[number].living()
        self.merge = None

    def hers(self) -> Iterable[Bought | Redeemed | Asked]:
        """All that is somebody's."""
        return (*self.books.orders.values(), *self.redeemed.values(), *self.asked.values())

    def found(self) -> dict[int, Purse]:
        """What the two have, as it stands in the shop's books."""
        purses = {}
        with self.database.reading() as session:
            for one in self.customers:
                lots = self.read_lots(session, one)
                purses[one] = Purse(lots, sum(lot.left for lot in lots.values()) - balance_of(session, one))
        return purses


def run(database: Database, *, examples: int, steps: int = 25, only: Collection[str] = ()) -> None:
    """So many days at the counter, always the same ones; under the profile `long` thirty times as many, each time others.
    `only`: what may happen there; nothing else does."""
    is_long = settings.get_current_profile_name() == "long"
    left_out = {name: None for name in HAPPENINGS if only and name not in only}
    machine = type("LoyaltyOf", (Loyalty,), {"database": database} | left_out)
    how = settings(
        max_examples=examples * 30 if is_long else examples, stateful_step_count=steps, deadline=None, database=None,
        derandomize=not is_long, phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=how)


HAPPENINGS = tuple(name for name, value in vars(Loyalty).items() if hasattr(value, "hypothesis_stateful_rule"))
"""All that may happen."""
