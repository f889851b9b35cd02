"""Points follow the slips of the till: a sale earns, a refund takes back what it had earned and gives back what paid for
it. Several partial refunds that add up to the whole take back exactly the whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, func, select

from app.actions.earning import earn_for_sale, give_referral_points
from app.actions.ledger import customer_of, entry_by
from app.actions.points import expire_points, reverse_entry
from app.db import lock_row
from app.models import PointsEntry, PointsPending, Purchase
from app.queries.earning import refund_reference, sale_reference
from app.queries.points import ended_of, reversed_of
from app.rules.earning import still_earned
from app.rules.points import day_of
from app.rules.policy import Policy
from app.rules.refusals import words
from app.vocabulary import EarningKind, PointsKind

_TAKEN = words("退货收回")
_GIVEN = words("退货退回")


@dataclass(frozen=True)
class TakenBack:
    """What a refund did to the points: so many earned ones taken back, so many spent ones given back."""

    taken_back: int = 0
    given_back: int = 0


def follow_slips(session: Session, slips: Iterable[Purchase], *, policy: Policy, now: datetime, zone: ZoneInfo) -> None:
    """Points follow sales and refunds that have found their customer, in the order they happened. Again changes nothing."""
    for slip in sorted(slips, key=lambda one: (one.refund_of_id is not None, one.occurred_at, one.id or 0)):
        if slip.refund_of_id is not None:
            settle_refund(session, slip, policy=policy, now=now, zone=zone)
        elif slip.customer_id:
            earn_for_sale(session, slip, policy=policy, now=now, zone=zone)
            give_referral_points(session, slip, now=now, zone=zone)


def settle_refund(session: Session, refund: Purchase, *, policy: Policy, now: datetime, zone: ZoneInfo) -> TakenBack:
    """Bring the points of a sale to what all its refunds have left of it: what paid for it goes back into its lots with
    their own end (or, where that is past, with the grace of the policy), then what it had earned is taken back, first what
    still waits. What had ended unused is not taken a second time. Below zero it becomes a debt."""
    sale = lock_row(session, Purchase, refund.refund_of_id or 0)
    assert sale is not None, "a refund names its sale"
    refunds = select(func.coalesce(func.sum(Purchase.paid_fen), 0)).where(Purchase.refund_of_id == sale.id)
    kept_fen = sale.paid_fen + int(session.exec(refunds).one())
    settling = _Settling(session, sale, refund, kept_fen, policy, now, zone)
    given = settling.give_back()
    taken = settling.take_back()
    if kept_fen <= 0:
        settling.take_referral_back()
    return TakenBack(taken, given)


@dataclass(frozen=True)
class _Settling:
    session: Session
    sale: Purchase
    refund: Purchase
    kept_fen: int
    policy: Policy
    now: datetime
    zone: ZoneInfo

    def give_back(self) -> int:
        """What she had paid with points, in proportion to the money that went back."""
        spent = entry_by(self.session, PointsKind.REDEEM, sale_reference(self.sale))
        if spent is None:
            return 0
        paid, kept = self.sale.paid_fen, max(self.kept_fen, 0)
        wanted = -spent.points * (paid - kept) // paid if kept else -spent.points
        points = wanted - reversed_of(self.session, spent.id or 0)
        if points > 0:
            grace = self.policy.points_grace_days
            until = day_of(self.now, self.zone) + timedelta(days=grace) if grace else None
            self._reverse(spent, points, "spent", _GIVEN, until)
        return max(points, 0)

    def take_back(self) -> int:
        """What the sale had earned and no longer does."""
        pending = self._pending()
        entry = self._earned(pending)
        earned = pending.points if pending else entry.points if entry else 0
        gone = pending.taken_back if pending else 0
        if entry is not None:
            gone += self._gone(entry)
        points = earned - still_earned(earned, kept_fen=max(self.kept_fen, 0), paid_fen=self.sale.paid_fen) - gone
        if points <= 0:
            return 0
        if entry is not None:
            self._reverse(entry, points, "earned", _TAKEN)
        elif pending is not None:
            pending.taken_back += points
            if pending.taken_back == pending.points:
                pending.closed_at = self.now
            self.session.flush()
        return points

    def take_referral_back(self) -> None:
        """The friend kept nothing of her first sale: nobody has brought anybody yet."""
        entries = self.session.exec(
            select(PointsEntry).where(
                PointsEntry.purchase_id == self.sale.id,
                PointsEntry.kind == PointsKind.EARN,
                col(PointsEntry.reference).startswith(f"{EarningKind.REFERRAL.value}:"),
            )
        ).all()
        for entry in entries:
            left = entry.points - self._gone(entry)
            if left > 0:
                self._reverse(entry, left, "referral", _TAKEN)

    def _gone(self, entry: PointsEntry) -> int:
        """How many points of an entry were taken back or have ended. Before the night's work what is over still lies there:
        it ends first, or it would be taken twice."""
        expire_points(self.session, customer_of(self.session, entry), now=self.now, zone=self.zone)
        return reversed_of(self.session, entry.id or 0) + ended_of(self.session, entry.id or 0)

    def _reverse(self, entry: PointsEntry, points: int, what: str, reason: str, grace: date | None = None) -> None:
        reverse_entry(
            self.session, entry.id or 0, points=points, reference=f"{refund_reference(self.refund)}:{what}",
            reason=reason, grace_until_on=grace, purchase_id=self._named(), now=self.now, zone=self.zone,
        )  # fmt: skip

    def _named(self) -> int | None:
        """The refund, unless it came with the same file as its sale: both can be taken back with it."""
        batch_id = self.refund.import_batch_id
        return None if batch_id and batch_id == self.sale.import_batch_id else self.refund.id

    def _pending(self) -> PointsPending | None:
        wanted = select(PointsPending).where(PointsPending.purchase_id == self.sale.id).with_for_update()
        return self.session.exec(wanted.execution_options(populate_existing=True)).first()

    def _earned(self, pending: PointsPending | None) -> PointsEntry | None:
        if pending is not None:
            return self.session.get(PointsEntry, pending.entry_id) if pending.entry_id else None
        return entry_by(self.session, PointsKind.EARN, sale_reference(self.sale))
