"""What a customer should have in points, kept in plain Python beside the shop: no table, and none of the shop's own rules.

A purse holds lots by the reference they came in under. What is over is gone at the shop's midnight, whenever a job runs.
"""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

SHANGHAI = timedelta(hours=8)
"""How far the shop's clock is ahead of Greenwich, all year round."""
Uses = list[tuple[str, int]]


def shop_day(moment: datetime) -> date:
    """The day in the shop."""
    return (moment.replace(tzinfo=None) + SHANGHAI).date()


@dataclass(frozen=True)
class Terms:
    """The shop's general rule: points for a yuan, days that they wait, and how they end: "never", "months" or "yearly" (the
    last day of a year)."""

    points: int = 1
    pending_days: int = 0
    ends: str = "months"
    months: int = 1

    def last_day(self, earned_on: date) -> date | None:
        """Through which day points of that day count."""
        if self.ends == "never":
            return None
        if self.ends == "yearly":
            last = date(earned_on.year, 12, 31)
            return last if last > earned_on else date(earned_on.year + 1, 12, 31)
        year, month = earned_on.year, earned_on.month + self.months
        while month > 12:
            year, month = year + 1, month - 12
        return date(year, month, min(earned_on.day, calendar.monthrange(year, month)[1]))


@dataclass
class Lot:
    """What is left of points that came in together. `place`: lots of one day go in the order they were made."""

    left: int
    earned_on: date
    ends_on: date | None
    place: int


@dataclass
class Purse:
    """One customer's points. A debt and something in the lots never stand beside each other."""

    lots: dict[str, Lot] = field(default_factory=dict)
    debt: int = 0

    @property
    def held(self) -> int:
        """What lies in the lots."""
        return sum(lot.left for lot in self.lots.values())

    @property
    def balance(self) -> int:
        """What she has; below zero it is a debt."""
        return self.held - self.debt

    def take(self, points: int, first: str = "") -> Uses:
        """So many out of the lots, as far as they go: `first`, then what ends soonest, the oldest, what never ends."""

        def turn(one: str) -> tuple[bool, date, date, int]:
            lot = self.lots[one]
            return one != first, lot.ends_on or date.max, lot.earned_on, lot.place

        uses = []
        for one in sorted(self.lots, key=turn):
            part = min(points, self.lots[one].left)
            if part:
                self.lots[one].left -= part
                points -= part
                uses.append((one, part))
        return uses

    def owe(self, points: int, first: str = "") -> None:
        """So many are taken back, whether she has them or not."""
        self.debt += points - sum(part for _, part in self.take(points, first))

    def repay(self) -> None:
        """What came in pays the debt first."""
        self.debt -= sum(part for _, part in self.take(self.debt))

    def lapse(self, today: date) -> Uses:
        """What is over is gone; so much of each."""
        gone = [(one, lot.left) for one, lot in self.lots.items() if lot.left and lot.ends_on and lot.ends_on < today]
        for one, _ in gone:
            self.lots[one].left = 0
        return gone

    def take_in(self, other: "Purse") -> None:
        """Another purse is emptied into this one."""
        self.lots |= other.lots
        self.debt += other.debt
        self.repay()

    def living(self) -> dict[str, tuple[int, date | None]]:
        """What it holds, lot by lot."""
        return {one: (lot.left, lot.ends_on) for one, lot in self.lots.items() if lot.left}


@dataclass
class Bought:
    """A sale: fen that were paid and are still kept, what it earned, and what became of that."""

    owner: int
    at: datetime
    paid: int
    points_used: int
    earned: int
    kept: int = 0
    due_on: date | None = None
    """When its points come in; None: they are in."""
    ends_on: date | None = None
    uses: Uses = field(default_factory=list)
    taken: int = 0
    given: int = 0
    ended: int = 0
    refunds: int = 0


@dataclass
class Redeemed:
    """Points handed in, and the lots they came from."""

    owner: int
    points: int
    uses: Uses


@dataclass
class Asked:
    """A change by hand, which may wait for a second person."""

    owner: int
    points: int
    reference: str
    ends_on: date | None


@dataclass
class Books:
    """Everybody's points. `fen_for` is what one point pays in fen; `grace` how many days points get that come back into a
    lot that is over."""

    fen_for: int
    grace: int
    today: date
    purses: dict[int, Purse] = field(default_factory=dict)
    orders: dict[str, Bought] = field(default_factory=dict)
    places: int = 0
    moves: int = 0

    def come_in(self, owner: int, reference: str, points: int, earned_on: date, ends_on: date | None) -> None:
        """A new lot."""
        self.places, self.moves = self.places + 1, self.moves + 1
        self.purses[owner].lots[reference] = Lot(points, earned_on, ends_on, self.places)
        self.purses[owner].repay()
        self.pass_to(self.today)

    def go_out(self, owner: int, points: int) -> Uses:
        """Points are spent that are there."""
        self.moves += 1
        return self.purses[owner].take(points)

    def come_back(self, owner: int, reference: str, uses: Iterable[tuple[str, int]]) -> None:
        """What was spent goes back where it came from; into a lot that is over only where there is no grace."""
        self.moves += 1
        purse, late = self.purses[owner], 0
        for one, part in uses:
            ends_on = purse.lots[one].ends_on
            if self.grace and ends_on is not None and ends_on < self.today:
                late += part
            else:
                purse.lots[one].left += part
        if late:
            self.come_in(owner, reference, late, self.today, self.today + timedelta(days=self.grace))
        purse.repay()
        self.pass_to(self.today)

    def pass_to(self, today: date) -> None:
        """The shop's day is another: what is over is gone."""
        self.today = today
        for purse in self.purses.values():
            for one, part in purse.lapse(today):
                if one.removeprefix("sale:") in self.orders:
                    self.orders[one.removeprefix("sale:")].ended += part

    def settle(self, *order_nos: str) -> None:
        """Points of these sales come in where their days of waiting are over."""
        for order_no in order_nos:
            order = self.orders[order_no]
            if order.due_on is not None and order.due_on <= self.today and order.earned > order.taken:
                order.due_on, points = None, order.earned - order.taken
                self.come_in(order.owner, f"sale:{order_no}", points, shop_day(order.at), order.ends_on)

    def waiting(self, owner: int) -> int:
        """Her points that do not count yet."""
        orders = self.orders.values()
        return sum(one.earned - one.taken for one in orders if one.owner == owner and one.due_on is not None)

    def refund(self, order_no: str, reference: str, fen: int) -> tuple[int, int]:
        """So much money goes back; how many points she gets back, and how many are taken back."""
        order = self.orders[order_no]
        order.kept -= fen
        order.refunds += 1
        wanted = order.points_used * (order.paid - order.kept) // order.paid if order.kept else order.points_used
        given = wanted - order.given
        if given:
            self.come_back(order.owner, f"{reference}:spent", last_first(order.uses, order.given, given))
            order.given += given
        stays = order.earned * order.kept // order.paid if order.paid else order.earned
        taken = max(order.earned - stays - order.taken - order.ended, 0)
        order.taken += taken
        if taken and order.due_on is None:
            self.moves += 1
            self.purses[order.owner].owe(taken, f"sale:{order_no}")
        return given, taken


def last_first(uses: Uses, already: int, points: int) -> Uses:
    """What of a spend goes back: of what was taken last first, `already` having gone back before."""
    coins = [one for one, part in reversed(uses) for _ in range(part)][already : already + points]
    return [(one, coins.count(one)) for one in dict.fromkeys(coins)]


def worth(lines: Iterable[tuple[int, int]], paid: int, percent: int) -> int:
    """The points of a sale: lines as (fen, points a yuan); what points paid comes off every line alike, to the fen."""
    lines = list(lines)
    total, seen, given, exact = sum(fen for fen, _ in lines), 0, 0, Fraction()
    for fen, points in lines:
        seen += fen
        part = paid * seen // total - given
        given += part
        exact += Fraction(part * points, 100)
    return int(exact * percent / 100)
