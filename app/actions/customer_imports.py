"""A till's customers, some hundred at a time: found by member number, then by phone; a blank never overwrites."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, col, or_, select

from app.actions.customers import (
    change_customer,
    lock_member_series,
    lowest_tier,
    new_customer,
    news_for,
    take_member_nos,
)
from app.audit import note_many
from app.columns import blind_index
from app.i18n import gettext
from app.models import Customer, CustomerTag, Tag
from app.rules.customers import CustomerErased, MemberNumberTaken, PhoneOfOtherNumber, PhoneTaken
from app.rules.headers import Columns
from app.rules.import_reports import Portion, rejection
from app.rules.imports import CustomerRow, RowRefused, RowRepeats, Shop, read_customer
from app.rules.member_numbers import lost_zeros
from app.rules.names import NameMissing
from app.rules.purchases import MemberNumberLostZeros
from app.rules.refusals import RuleBroken
from app.rules.tiers import tier_until
from app.vocabulary import CustomerStatus, Source, TagOrigin

Row = tuple[int, tuple[str, ...]]
PORTION = 500


@dataclass
class _Known:
    """The records some rows may be about, by what finds them."""

    by_number: dict[str, Customer] = field(default_factory=dict)
    by_phone: dict[bytes, Customer] = field(default_factory=dict)
    tags: dict[int, set[str]] = field(default_factory=dict)


@dataclass
class _Seen:
    """Who was in the file already: by number and by phone, the row and a digest of what it said."""

    rows: dict[int, tuple[int, int]] = field(default_factory=dict)
    fresh: dict[int, tuple[int, int]] = field(default_factory=dict)

    def find(self, keys: Iterable[int]) -> tuple[int, int] | None:
        """The row that spoke of the same person first."""
        return next((hit for key in keys if (hit := self.fresh.get(key) or self.rows.get(key))), None)


@dataclass
class _Planned:
    """What a portion will write."""

    new: list[tuple[dict[str, Any], CustomerRow]] = field(default_factory=list)
    tagged: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)


class CustomerFile:
    """A customers file being brought in; remembers who was in it."""

    def __init__(self, columns: Columns, shop: Shop, store_id: int | None) -> None:
        self.columns, self.shop, self.store_id = columns, shop, store_id
        self.ranks = {tier.tier_id: tier.rank for tier in shop.tiers}
        self.seen = _Seen()

    def portions(self, rows: Iterable[Row]) -> Iterator[list[Row]]:
        """The rows in portions that are stored together."""
        portion: list[Row] = []
        for row in rows:
            portion.append(row)
            if len(portion) == PORTION:
                yield portion
                portion = []
        if portion:
            yield portion

    def settle(self, session: Session, rows: list[Row], *, write: bool) -> Portion:
        """Judge a portion and, if `write`, store what may go in. May be repeated until `remember`."""
        series = lock_member_series(session) if write else None
        self.seen.fresh = {}
        portion, planned = Portion(), _Planned()
        read = [(number, read_customer(cells, self.columns, self.shop)) for number, cells in rows]
        known = _look_up(session, [row for _, row in read if isinstance(row, CustomerRow)], lock=write)
        for number, row in read:
            if isinstance(row, RowRefused):
                portion.rejected.append(rejection(number, row.faults, self.columns, gettext))
                continue
            try:
                self._judge(number, row, known, portion, planned=planned if write else None)
            except RuleBroken as fault:
                portion.rejected.append(rejection(number, [fault], self.columns, gettext))
        if series is not None:
            wanted = [columns for columns, _ in planned.new if "member_no" not in columns]
            given = {columns["member_no"] for columns, _ in planned.new if "member_no" in columns}
            for columns, number_given in zip(wanted, take_member_nos(session, series, len(wanted), given), strict=True):
                columns["member_no"] = number_given
            self._store(session, planned)
        return portion

    def remember(self) -> None:
        """The portion is in (or judged, in a dry run): its people count as seen."""
        self.seen.rows |= self.seen.fresh
        self.seen.fresh = {}

    def _judge(
        self, number: int, row: CustomerRow, known: _Known, portion: Portion, *, planned: _Planned | None
    ) -> None:
        keys = _keys(row.columns)
        digest = hash(repr((sorted(row.columns.items()), row.tier, sorted(row.tags))))
        if earlier := self.seen.find(keys):
            if earlier[1] != digest:
                raise RowRepeats("phone" if "phone" in row.columns else "member_no", row=earlier[0])
            portion.unchanged += 1
            return
        customer = _found(row.columns, known)
        columns = self._with_tier(row, customer)
        if customer is None:
            if "name" not in columns:
                raise NameMissing("name")
            portion.created += 1
            if planned is not None:
                planned.new.append(({"source": Source.IMPORT, "store_id": self.store_id} | columns, row))
        elif self._is_news(customer, columns, row, known, planned):
            portion.updated += 1
        else:
            portion.unchanged += 1
        self.seen.fresh |= dict.fromkeys(keys, (number, digest))

    def _is_news(
        self, customer: Customer, columns: dict[str, Any], row: CustomerRow, known: _Known, planned: _Planned | None
    ) -> bool:
        tags = tuple(tag for tag in row.tags if tag not in known.tags.get(customer.id or 0, set()))
        news = bool(news_for(customer, columns) or tags)
        if planned is not None:
            change_customer(customer, columns)
            planned.tagged.append((customer.id or 0, tags))
        return news

    def _with_tier(self, row: CustomerRow, customer: Customer | None) -> dict[str, Any]:
        """A tier from a file lifts and never lowers: purchases may have lifted her further since."""
        columns = dict(row.columns)
        if row.tier and (customer is None or row.tier.rank > self.ranks.get(customer.tier_id, 0)):
            today = self.shop.now.astimezone(self.shop.zone).date()
            columns |= {"tier_id": row.tier.tier_id, "tier_until_on": tier_until(today, row.tier)}
        return columns

    def _store(self, session: Session, planned: _Planned) -> None:
        session.flush()
        tagged: list[tuple[int, tuple[str, ...]]] = []
        if planned.new:
            tier_id = lowest_tier(session).id
            rows = [
                _values(new_customer(columns, tier_id=columns.get("tier_id") or tier_id, now=self.shop.now))
                for columns, _ in planned.new
            ]
            ids = session.scalars(
                insert(Customer).returning(col(Customer.id), sort_by_parameter_order=True), rows
            ).all()
            tagged = [(customer_id or 0, row.tags) for customer_id, (_, row) in zip(ids, planned.new, strict=True)]
            note_many(session, "customers", ids)
        _tag(session, tagged, planned.tagged)


def _values(customer: Customer) -> dict[str, Any]:
    """A record for a bulk insert; the database gives the id."""
    return {name: getattr(customer, name) for name in Customer.model_fields if name != "id"}


def _keys(columns: Mapping[str, Any]) -> list[int]:
    """What two rows about one person share. Numbers instead of texts: half a million of them must fit in memory."""
    keys = [hash(("number", columns["member_no"]))] if "member_no" in columns else []
    return [*keys, hash(("phone", columns["phone"].e164))] if "phone" in columns else keys


def _look_up(session: Session, rows: list[CustomerRow], *, lock: bool) -> _Known:
    numbers = {row.columns["member_no"] for row in rows if "member_no" in row.columns}
    numbers |= {whole for number in numbers if (whole := lost_zeros(number))}
    phones = {_index(row.columns) for row in rows if "phone" in row.columns}
    wanted = select(Customer).where(or_(col(Customer.member_no).in_(numbers), col(Customer.phone_index).in_(phones)))
    # Of a family that shares a number, the one it belongs to comes last and stays.
    wanted = wanted.order_by(col(Customer.phone_shared_reason) == "", col(Customer.id).desc())
    known = _Known()
    for customer in session.exec(wanted.with_for_update() if lock else wanted):
        known.by_number[customer.member_no] = customer
        if customer.phone_index:
            known.by_phone[bytes(customer.phone_index)] = customer
    ids = {customer.id for customer in known.by_number.values()}
    if any(row.tags for row in rows):
        tags = select(CustomerTag.customer_id, Tag.name).join(Tag, col(Tag.id) == col(CustomerTag.tag_id))
        for customer_id, name in session.exec(tags.where(col(CustomerTag.customer_id).in_(ids))):
            known.tags.setdefault(customer_id, set()).add(name)
    return known


def _index(columns: Mapping[str, Any]) -> bytes:
    return blind_index(columns["phone"].e164, "customers.phone")


def _found(columns: Mapping[str, Any], known: _Known) -> Customer | None:
    """The record a row is about: by member number, then by phone. None: a new one. Raises a refusal where number and
    phone speak of two people."""
    number = columns.get("member_no")
    owner = known.by_phone.get(_index(columns)) if "phone" in columns else None
    customer = known.by_number.get(number) if number else owner
    if number and customer is None:
        whole = lost_zeros(number)
        if whole in known.by_number:
            raise MemberNumberLostZeros("member_no", member_no=whole)
        if owner:
            raise PhoneOfOtherNumber("member_no", member_no=owner.member_no)
    if customer and customer.status is CustomerStatus.ERASED:
        raise CustomerErased("member_no")
    if customer and owner and owner.id != customer.id and customer.phone_index != owner.phone_index:
        raise PhoneTaken("phone", member_no=owner.member_no)
    if customer and number and _is_somebody_else(customer, columns):
        raise MemberNumberTaken("member_no")
    return customer


def _is_somebody_else(customer: Customer, columns: Mapping[str, Any]) -> bool:
    """Name and phone both changed under one number: a new person got an old number, or the till counts as we do."""
    other_phone = bool(customer.phone and "phone" in columns and customer.phone != columns["phone"].e164)
    return other_phone and "name" in columns and customer.name != columns["name"]


def _tag(session: Session, new: list[tuple[int, tuple[str, ...]]], standing: list[tuple[int, tuple[str, ...]]]) -> None:
    """Put tags on customers, making the tags that are not there. No customer has any of hers twice. On a record that was
    there each is written down; on a new one it came with the record."""
    names = {name for _, tags in (*new, *standing) for name in tags}
    if not names:
        return
    ids = dict(session.exec(select(Tag.name, Tag.id).where(col(Tag.name).in_(names))).all())
    fresh = [Tag(name=name) for name in sorted(names - ids.keys())]
    session.add_all(fresh)
    session.flush()
    ids |= {tag.name: tag.id for tag in fresh}

    def rows(tagged: list[tuple[int, tuple[str, ...]]]) -> list[dict[str, Any]]:
        return [
            {"customer_id": customer_id, "tag_id": ids[name], "origin": TagOrigin.IMPORT}
            for customer_id, tags in tagged
            for name in tags
        ]

    session.add_all(CustomerTag(**row) for row in rows(standing))
    if fresh_rows := rows(new):
        session.execute(insert(CustomerTag), fresh_rows)
