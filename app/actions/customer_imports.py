"""A till's customers, some hundred at a time: found by member number (or one she had before), then by phone; a blank never
overwrites."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, insert
from sqlmodel import Session, col, or_, select

from app.actions.claims import take_waiting
from app.actions.contacts import MARKS, contacts_of, replaced
from app.actions.customers import (
    lock_member_series,
    lowest_tier,
    new_customer,
    news_for,
    take_member_nos,
)
from app.actions.import_changes import Changes, note_tiers, review_and_note
from app.actions.import_tags import tag_by_file
from app.actions.kept_rows import columns_of
from app.actions.points_imports import Opening, give_openings, in_portions, openings_given, out_of_reach
from app.actions.refunds import follow_slips
from app.actions.tiers import TIER_COLUMNS, lift_by_file, note_start
from app.audit import note_many
from app.columns import blind_index, opened
from app.i18n import gettext
from app.models import ContactEvent, Customer, CustomerAlias, CustomerTag, Purchase, Tag
from app.queries.phones import former_owners
from app.queries.scopes import ANYTHING
from app.queries.tiers import newest_change
from app.rules.customers import (
    CustomerErased,
    MemberNumberTaken,
    MemberUnseen,
    PhoneOfOtherNumber,
    PhoneTaken,
    PhoneTakenUnseen,
    TextTooLong,
)
from app.rules.headers import Columns
from app.rules.import_reports import Portion, left_out, rejection
from app.rules.import_rows import AlreadyThere, NotThere, RowRefused, Shop
from app.rules.imports import CustomerRow, RowRepeats, read_customer
from app.rules.member_numbers import lost_zeros
from app.rules.merging import joined_text
from app.rules.names import NameMissing
from app.rules.openings import is_given
from app.rules.policy import Policy
from app.rules.purchases import MemberNumberLostZeros
from app.rules.refusals import RuleBroken
from app.rules.tiers import tier_until
from app.vocabulary import ContactKind, CustomerStatus, ImportMode, Source, TierWhy

Row = tuple[int, tuple[str, ...]]
PORTION = 500


@dataclass
class _Known:
    """The records some rows may be about, by what finds them, with their tags and the opening points they were given.
    `given_up` are phones of before a merge; `unseen` those whoever brings the file may not touch."""

    by_number: dict[str, Customer] = field(default_factory=dict)
    by_phone: dict[bytes, Customer] = field(default_factory=dict)
    given_up: dict[bytes, int] = field(default_factory=dict)
    tags: dict[int, set[str]] = field(default_factory=dict)
    openings: dict[int, list[int]] = field(default_factory=dict)
    unseen: set[int | None] = field(default_factory=set)


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
    """What a portion will write: new records, and what is news about those that are there."""

    new: list[tuple[dict[str, Any], CustomerRow]] = field(default_factory=list)
    changed: list[tuple[Customer, dict[str, Any]]] = field(default_factory=list)
    tagged: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)


class CustomerFile:
    """A customers file being brought in; remembers who was in it. `within`: the customers it may change; `staff_id`: who
    brings it."""

    def __init__(
        self,
        columns: Columns,
        shop: Shop,
        policy: Policy,
        *,
        store_id: int | None,
        mode: ImportMode,
        within: ColumnElement[bool] = ANYTHING,
        staff_id: int | None = None,
    ) -> None:
        self.columns, self.shop, self.policy = columns, shop, policy
        self.store_id, self.mode = store_id, mode
        self.within, self.staff_id = within, staff_id
        self.batch_id: int | None = None
        self.ranks = {tier.tier_id: tier.rank for tier in shop.tiers}
        self.seen = _Seen()

    def portions(self, read: Callable[[], Iterator[Row]]) -> Iterator[list[Row]]:
        """The rows in portions that are stored together."""
        return in_portions(read(), PORTION)

    def settle(self, session: Session, rows: list[Row], *, write: bool) -> Portion:
        """Judge a portion and, if `write`, store what may go in. May be repeated until `remember`."""
        series = lock_member_series(session) if write else None
        self.seen.fresh = {}
        portion, planned = Portion(), _Planned()
        read = [(number, read_customer(cells, self.columns, self.shop)) for number, cells in rows]
        known = _look_up(session, [row for _, row in read if isinstance(row, CustomerRow)], lock=write)
        known.unseen = out_of_reach(session, {one.id for one in known.by_number.values()}, self.within)
        for number, row in read:
            if isinstance(row, RowRefused):
                portion.rejected.append(rejection(number, row.faults, self.columns, gettext))
                continue
            try:
                self._judge(number, row, known, portion, planned=planned if write else None)
            except RuleBroken as fault:
                portion.rejected.append(rejection(number, [fault, *row.left_out], self.columns, gettext))
            else:
                portion.warnings += left_out(number, row.left_out, self.columns, gettext)
        if series is not None:
            wanted = [columns for columns, _ in planned.new if "member_no" not in columns]
            given = {columns["member_no"] for columns, _ in planned.new if "member_no" in columns}
            for columns, number_given in zip(wanted, take_member_nos(session, series, len(wanted), given), strict=True):
                columns["member_no"] = number_given
            self._store(session, planned, Changes(self.batch_id or 0))
        return portion

    def remember(self) -> None:
        """The portion is in (or judged, in a dry run): its people count as seen."""
        self.seen.rows |= self.seen.fresh
        self.seen.fresh = {}

    def _judge(
        self, number: int, row: CustomerRow, known: _Known, portion: Portion, *, planned: _Planned | None
    ) -> None:
        keys = _keys(row.columns)
        digest = hash(repr((sorted(row.columns.items()), row.tier, sorted(row.tags), row.points)))
        if earlier := self.seen.find(keys):
            if earlier[1] != digest:
                raise RowRepeats("phone" if "phone" in row.columns else "member_no", row=earlier[0])
            portion.unchanged += 1
            return
        customer = _found(row.columns, known)
        columns = self._with_tier(row, customer)
        if customer is None:
            self._check_may_be_new(columns)
            portion.created += 1
            if planned is not None:
                planned.new.append(({"source": Source.IMPORT, "store_id": self.store_id} | columns, row))
        elif self._is_news(customer, columns, row, known, planned):
            portion.updated += 1
        else:
            portion.unchanged += 1
        self.seen.fresh |= dict.fromkeys(keys, (number, digest))

    def _check_may_be_new(self, columns: Mapping[str, Any]) -> None:
        if self.mode is ImportMode.UPDATE:
            raise NotThere("member_no" if "member_no" in columns else "phone")
        if "name" not in columns:
            raise NameMissing("name")

    def _is_news(
        self, customer: Customer, columns: dict[str, Any], row: CustomerRow, known: _Known, planned: _Planned | None
    ) -> bool:
        customer_id = customer.id or 0
        if columns.get("member_no") != customer.member_no:
            columns.pop("member_no", None)  # the number she had before two records were joined
        if "phone" in columns and _gave_up(customer, _index(columns), known):
            columns.pop("phone")  # and the phone
        columns.pop("created_at", None)  # she is here: since when is not the file's to say
        if "allergy_note" in columns and customer.allergy_note:
            columns["allergy_note"] = _both_allergies(customer, columns["allergy_note"])
        tags = tuple(tag for tag in row.tags if tag not in known.tags.get(customer_id, set()))
        news = news_for(customer, columns)
        brings = bool(row.points) and not is_given(row.points, known.openings.get(customer_id, ()))
        if not (news or tags or brings):
            return False
        if self.mode is ImportMode.CREATE:
            raise AlreadyThere("member_no" if "member_no" in columns else "phone")
        if planned is not None:
            planned.changed.append((customer, news))
            planned.tagged.append((customer_id, tags))
            planned.openings += [Opening(customer_id, customer.member_no, row.points)] if brings else []
        return True

    def _with_tier(self, row: CustomerRow, customer: Customer | None) -> dict[str, Any]:
        """A tier from a file lifts and never lowers: purchases may have lifted her further since."""
        columns = dict(row.columns)
        if row.tier and (customer is None or row.tier.rank > self.ranks.get(customer.tier_id, 0)):
            today = self.shop.now.astimezone(self.shop.zone).date()
            columns |= {"tier_id": row.tier.tier_id, "tier_until_on": tier_until(today, row.tier)}
        return columns

    def _store(self, session: Session, planned: _Planned, changes: Changes) -> None:
        last_change = newest_change(session)
        standing = self._change(session, planned.changed, changes)
        fresh = self._make(session, planned.new)
        ids = [customer.id or 0 for customer, _ in fresh]
        changes.made(Customer, ids, [columns_of(customer) for customer, _ in fresh])
        tagged = [(customer.id or 0, row.tags) for customer, row in fresh]
        tag_by_file(session, tagged, planned.tagged, changes)
        named = [customer for customer, news in standing if news & {"phone", "member_no"}]
        self._claim(session, [*(customer for customer, _ in fresh), *named], changes)
        openings = [Opening(customer.id or 0, customer.member_no, row.points) for customer, row in fresh if row.points]
        give_openings(
            session,
            [*planned.openings, *openings],
            batch_id=self.batch_id,
            now=self.shop.now,
            zone=self.shop.zone,
        )
        note_tiers(session, [*ids, *(customer.id or 0 for customer, _ in standing)], last_change, changes)
        changes.write(session)

    def _change(
        self, session: Session, changed: list[tuple[Customer, dict[str, Any]]], changes: Changes
    ) -> list[tuple[Customer, set[str]]]:
        """Put what is news into the records that are there."""
        marked = [[mark for contact, mark in MARKS.items() if contact.value in news] for _, news in changed]
        before = [
            {name: getattr(customer, name) for name in (*news, *marks, "updated_at")}
            for (customer, news), marks in zip(changed, marked, strict=True)
        ]
        events: list[ContactEvent] = []
        for customer, news in changed:
            ways = contacts_of(customer) if _WAYS & news.keys() else {}
            if "tier_id" in news:
                lift_by_file(session, customer, news, now=self.shop.now, staff_id=self.staff_id)
            for name, value in news.items():
                if name not in TIER_COLUMNS:
                    setattr(customer, name, value)
            events += replaced(customer, ways, now=self.shop.now, staff_id=self.staff_id)
        session.add_all(events)
        session.flush()
        changes.made(ContactEvent, [event.id for event in events], [{} for _ in events])
        for (customer, news), old in zip(changed, before, strict=True):
            if news:
                changes.changed(Customer, customer.id or 0, old, {name: getattr(customer, name) for name in old})
        return [(customer, set(news)) for customer, news in changed]

    def _make(
        self, session: Session, new: list[tuple[dict[str, Any], CustomerRow]]
    ) -> list[tuple[Customer, CustomerRow]]:
        """Store new records in one statement; each has its number then."""
        if not new:
            return []
        tier_id = lowest_tier(session).id
        fresh = [
            (new_customer(columns, tier_id=columns.get("tier_id") or tier_id, now=self.shop.now), row)
            for columns, row in new
        ]
        stored = insert(Customer).returning(col(Customer.id), sort_by_parameter_order=True)
        ids = session.scalars(stored, [columns_of(customer) for customer, _ in fresh]).all()
        for customer_id, (customer, _) in zip(ids, fresh, strict=True):
            customer.id = customer_id
        note_many(session, "customers", ids)
        note_start(session, [one for one, row in fresh if row.tier], TierWhy.IMPORT, now=self.shop.now)
        return fresh

    def _claim(self, session: Session, customers: list[Customer], changes: Changes) -> None:
        """Sales that waited for them become theirs, and their tiers follow."""
        claimed = take_waiting(session, customers, now=self.shop.now)
        for sale in claimed:
            waited, found = dict.fromkeys(_FOUND), {name: getattr(sale, name) for name in _FOUND}
            changes.changed(Purchase, sale.id or 0, waited, found)
        follow_slips(session, claimed, policy=self.policy, now=self.shop.now, zone=self.shop.zone)
        buyers = {sale.customer_id for sale in claimed if sale.customer_id}
        review_and_note(session, buyers, changes, policy=self.policy, shop=self.shop)


_FOUND = ("customer_id", "claimed_at")
_WAYS = {contact.value for contact in ContactKind}


def _keys(columns: Mapping[str, Any]) -> list[int]:
    """What two rows about one person share. Numbers instead of texts: half a million of them must fit in memory."""
    keys = [hash(("number", columns["member_no"]))] if "member_no" in columns else []
    return [*keys, hash(("phone", columns["phone"].e164))] if "phone" in columns else keys


def _look_up(session: Session, rows: list[CustomerRow], *, lock: bool) -> _Known:
    numbers = {row.columns["member_no"] for row in rows if "member_no" in row.columns}
    numbers |= {whole for number in numbers if (whole := lost_zeros(number))}
    phones = {_index(row.columns) for row in rows if "phone" in row.columns}
    given_up = former_owners(session, phones)
    aliases = select(CustomerAlias.member_no, CustomerAlias.customer_id)
    joined = dict(session.exec(aliases.where(col(CustomerAlias.member_no).in_(numbers))).all())
    wanted = select(Customer).where(
        or_(
            col(Customer.member_no).in_(numbers),
            col(Customer.phone_index).in_(phones),
            col(Customer.id).in_({*joined.values(), *given_up.values()}),
        )
    )
    # Of a family that shares a number, the one it belongs to comes last and stays.
    wanted = wanted.order_by(col(Customer.phone_shared_reason) == "", col(Customer.id).desc())
    known = _Known(given_up=given_up)
    for customer in session.exec(wanted.with_for_update() if lock else wanted):
        known.by_number[customer.member_no] = customer
        if customer.phone_index:
            known.by_phone[bytes(customer.phone_index)] = customer
    ids = {customer.id for customer in known.by_number.values()}
    by_id = {customer.id: customer for customer in known.by_number.values()}
    known.by_number |= {number: by_id[customer_id] for number, customer_id in joined.items() if customer_id in by_id}
    known.by_phone |= {index: by_id[customer_id] for index, customer_id in given_up.items() if customer_id in by_id}
    if any(row.points for row in rows):
        known.openings = openings_given(session, ids)
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
    index = _index(columns) if "phone" in columns else None
    owner = known.by_phone.get(index) if index else None
    customer = known.by_number.get(number) if number else owner
    whole = lost_zeros(number) if number and customer is None else None
    if known.unseen:
        _check_is_seen(customer or known.by_number.get(whole or ""), owner, index, known)
    if number and customer is None:
        if whole in known.by_number:
            raise MemberNumberLostZeros("member_no", member_no=whole)
        if owner:
            raise PhoneOfOtherNumber("member_no", member_no=owner.member_no)
    if customer and customer.status is CustomerStatus.ERASED:
        raise CustomerErased("member_no")
    if customer and owner and owner.id != customer.id and customer.phone_index != index:
        raise PhoneTaken("phone", member_no=owner.member_no)
    if customer and number and not _gave_up(customer, index, known) and _is_somebody_else(customer, columns):
        raise MemberNumberTaken("member_no")
    return customer


def _gave_up(customer: Customer, index: bytes | None, known: _Known) -> bool:
    """Whether this was her phone before two records were joined and another one was chosen."""
    return index is not None and known.given_up.get(index) == customer.id and customer.phone is not None


def _both_allergies(customer: Customer, told: str) -> str:
    """No file takes a known allergy away: what it says is put below. Raises TextTooLong."""
    try:
        return joined_text(opened(customer.allergy_note) or "", told)
    except TextTooLong as fault:
        fault.field = "allergy_note"
        raise


def _check_is_seen(customer: Customer | None, owner: Customer | None, index: bytes | None, known: _Known) -> None:
    """A row about somebody of another store says neither who she is nor under which number. The phone of one may be that
    of her family here."""
    if customer and customer.id in known.unseen:
        raise PhoneTakenUnseen("phone") if customer is owner else MemberUnseen("member_no")
    shares = bool(customer and owner and customer.phone_index == index)
    if owner and owner.id in known.unseen and not shares:
        raise PhoneTakenUnseen("phone")


def _is_somebody_else(customer: Customer, columns: Mapping[str, Any]) -> bool:
    """Name and phone both changed under one number: a new person got an old number, or the till counts as we do."""
    other_phone = bool(customer.phone and "phone" in columns and customer.phone != columns["phone"].e164)
    return other_phone and "name" in columns and customer.name != columns["name"]
