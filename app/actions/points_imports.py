"""Opening points, from a file of their own or from a column of the customers: each given once, through the ledger."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from app.actions.points import open_balance
from app.columns import blind_index
from app.i18n import gettext
from app.models import Customer, CustomerAlias, PointsAccount, PointsEntry
from app.queries.phones import phone_holders
from app.queries.scopes import ANYTHING
from app.rules.claims import PhoneIsShared
from app.rules.customers import CustomerErased, MemberUnseen, PhoneTakenUnseen
from app.rules.headers import Columns
from app.rules.import_reports import Portion, rejection
from app.rules.import_rows import NotThere, RowRefused, Shop
from app.rules.member_numbers import lost_zeros
from app.rules.openings import OpeningRow, is_given, read_opening
from app.rules.purchases import CustomerUnknown, MemberNumberLostZeros
from app.rules.refusals import RuleBroken, words
from app.vocabulary import CustomerStatus, ImportMode, PointsKind

Row = tuple[int, tuple[str, ...]]
PORTION = 500
_BROUGHT = words("从原来的系统带来")


@dataclass(frozen=True)
class Opening:
    """Points to give: to whom, how many, why (empty: our own words)."""

    customer_id: int
    member_no: str
    points: int
    note: str = ""


@dataclass
class _Known:
    """The customers some rows may be about, by what finds them, and the opening points they were given."""

    ids: dict[str, int] = field(default_factory=dict)
    by_phone: dict[bytes, int] = field(default_factory=dict)
    shared: set[bytes] = field(default_factory=set)
    customers: dict[int, Customer] = field(default_factory=dict)
    given: dict[int, list[int]] = field(default_factory=dict)
    unseen: set[int | None] = field(default_factory=set)


class OpeningFile:
    """A points file being brought in. `within`: the customers it may be about."""

    def __init__(
        self, columns: Columns, shop: Shop, mode: ImportMode, *, within: ColumnElement[bool] = ANYTHING
    ) -> None:
        self.columns, self.shop, self.mode, self.within = columns, shop, mode, within
        self.batch_id: int | None = None
        self._seen: dict[int, int] = {}
        self._fresh: dict[int, int] = {}

    def portions(self, read: Callable[[], Iterator[Row]]) -> Iterator[list[Row]]:
        """The rows in portions that are stored together."""
        return in_portions(read(), PORTION)

    def settle(self, session: Session, rows: list[Row], *, write: bool) -> Portion:
        """Judge a portion and, if `write`, store what may go in. May be repeated until `remember`."""
        self._fresh = {}
        portion = Portion()
        read = [(number, read_opening(cells, self.columns)) for number, cells in rows]
        known = _look_up(session, [row for _, row in read if isinstance(row, OpeningRow)], lock=write)
        known.unseen = out_of_reach(session, known.customers.keys(), self.within)
        planned: list[Opening] = []
        for number, row in read:
            try:
                if isinstance(row, RowRefused):
                    portion.rejected.append(rejection(number, row.faults, self.columns, gettext))
                elif opening := self._judged(row, known):
                    planned.append(opening)
                    portion.created += 1
                else:
                    portion.unchanged += 1
            except RuleBroken as fault:
                portion.rejected.append(rejection(number, [fault], self.columns, gettext))
        if write:
            give_openings(session, planned, batch_id=self.batch_id, now=self.shop.now, zone=self.shop.zone)
        return portion

    def remember(self) -> None:
        """The portion is in (or judged, in a dry run)."""
        self._seen |= self._fresh
        self._fresh = {}

    def _judged(self, row: OpeningRow, known: _Known) -> Opening | None:
        customer = _found(row, known)
        customer_id = customer.id or 0
        if not row.points:
            return None
        earlier = known.given.get(customer_id) or [
            seen[customer_id] for seen in (self._fresh, self._seen) if customer_id in seen
        ]
        if is_given(row.points, earlier):
            return None
        if self.mode is ImportMode.UPDATE:
            raise NotThere("points")
        self._fresh[customer_id] = row.points
        return Opening(customer_id, customer.member_no, row.points, row.note)


def in_portions(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """The rows of a file, so many at a time."""
    portion: list[Row] = []
    for row in rows:
        portion.append(row)
        if len(portion) == size:
            yield portion
            portion = []
    if portion:
        yield portion


def give_openings(
    session: Session, openings: Iterable[Opening], *, batch_id: int | None, now: datetime, zone: ZoneInfo
) -> None:
    """Give opening points, one after the other in the order of the customers, as whoever locks them does."""
    for one in sorted(openings, key=lambda one: one.customer_id):
        open_balance(
            session,
            one.customer_id,
            one.points,
            # With the batch: an opening that was taken back with its file may come again with the next.
            reference=f"opening:{one.member_no}:{batch_id}",
            reason=one.note or gettext(_BROUGHT),
            now=now,
            zone=zone,
            import_batch_id=batch_id,
        )


def out_of_reach(
    session: Session, customer_ids: Collection[int | None], within: ColumnElement[bool]
) -> set[int | None]:
    """Of these customers those whoever brings the file may not touch."""
    if within is ANYTHING or not customer_ids:
        return set()
    seen = select(Customer.id).where(col(Customer.id).in_(customer_ids), within)
    return set(customer_ids) - set(session.exec(seen))


def openings_given(session: Session, customer_ids: Collection[int | None]) -> dict[int, list[int]]:
    """The opening points these customers were given and that were not taken back again."""
    if not customer_ids:
        return {}
    reversal = aliased(PointsEntry)
    taken_back = select(reversal.id).where(reversal.reverses_id == PointsEntry.id).exists()
    wanted = (
        select(PointsAccount.customer_id, PointsEntry.points)
        .join(PointsEntry, col(PointsEntry.account_id) == col(PointsAccount.id))
        .where(col(PointsAccount.customer_id).in_(customer_ids), PointsEntry.kind == PointsKind.OPENING, ~taken_back)
        .order_by(col(PointsEntry.id))
    )
    given: dict[int, list[int]] = {}
    for customer_id, points in session.exec(wanted):
        given.setdefault(customer_id or 0, []).append(points)
    return given


def _look_up(session: Session, rows: list[OpeningRow], *, lock: bool) -> _Known:
    numbers = {row.member_no for row in rows if row.member_no}
    numbers |= {whole for number in numbers if (whole := lost_zeros(number))}
    phones = {_index(row) for row in rows if row.phone}
    owners, shared = phone_holders(session, phones)
    known = _Known(by_phone=owners, shared=shared)
    aliases = select(CustomerAlias.member_no, CustomerAlias.customer_id)
    known.ids = dict(session.exec(aliases.where(col(CustomerAlias.member_no).in_(numbers))).all())
    ids = {*known.by_phone.values(), *known.ids.values()}
    wanted = select(Customer).where(or_(col(Customer.member_no).in_(numbers), col(Customer.id).in_(ids)))
    wanted = wanted.order_by(col(Customer.id))
    for customer in session.exec(wanted.with_for_update() if lock else wanted):
        known.customers[customer.id or 0] = customer
        known.ids[customer.member_no] = customer.id or 0
    known.given = openings_given(session, known.customers.keys())
    return known


def _index(row: OpeningRow) -> bytes:
    assert row.phone is not None, "only asked of rows with a phone"
    return blind_index(row.phone.e164, "customers.phone")


def _found(row: OpeningRow, known: _Known) -> Customer:
    name = "member_no" if row.member_no else "phone"
    whole = lost_zeros(row.member_no) if row.member_no else None
    customer_id = known.ids.get(row.member_no) if row.member_no else known.by_phone.get(_index(row))
    if (customer_id or known.ids.get(whole or "")) in known.unseen:
        raise MemberUnseen(name) if row.member_no else PhoneTakenUnseen(name)
    if customer_id is None and whole in known.ids:
        raise MemberNumberLostZeros(name, member_no=whole)
    if customer_id is None:
        raise CustomerUnknown(name)
    if not row.member_no and _index(row) in known.shared:
        raise PhoneIsShared(name)
    customer = known.customers[customer_id]
    if customer.status is CustomerStatus.ERASED:
        raise CustomerErased(name)
    return customer
