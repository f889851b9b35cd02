"""A till's customers, some hundred at a time: found by member number (or one she had before), then by phone; a blank never
overwrites."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, insert
from sqlmodel import Session, col

from app.actions.claims import take_waiting
from app.actions.contacts import MARKS, contacts_of, replaced
from app.actions.customer_matches import Known, customer_of_row, gave_up, index_of, keys_of, look_up
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
from app.actions.points_imports import Opening, give_openings, in_portions, out_of_reach
from app.actions.refunds import follow_slips
from app.actions.tiers import TIER_COLUMNS, lift_by_file, note_start
from app.audit import note_many
from app.columns import opened
from app.i18n import gettext
from app.models import ContactEvent, Customer, Purchase
from app.queries.scopes import ANYTHING
from app.queries.tiers import newest_change
from app.rules.customers import (
    TextTooLong,
)
from app.rules.headers import Columns
from app.rules.import_reports import Portion, left_out, rejection
from app.rules.import_rows import AlreadyThere, NotThere, RowRefused, Shop
from app.rules.imports import CustomerRow, RowRepeats, read_customer
from app.rules.merging import joined_text
from app.rules.names import NameMissing
from app.rules.openings import is_given
from app.rules.policy import Policy
from app.rules.refusals import RuleBroken
from app.rules.tiers import tier_until
from app.vocabulary import ContactKind, ImportMode, Source, TierWhy

Row = tuple[int, tuple[str, ...]]
PORTION = 500


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
        known = look_up(session, [row for _, row in read if isinstance(row, CustomerRow)], lock=write)
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
        self, number: int, row: CustomerRow, known: Known, portion: Portion, *, planned: _Planned | None
    ) -> None:
        customer = customer_of_row(row.columns, known)
        keys = keys_of(row.columns, customer, known)
        digest = hash(repr((sorted(row.columns.items()), row.tier, sorted(row.tags), row.points)))
        if earlier := self.seen.find(keys):
            if earlier[1] != digest:
                raise RowRepeats("phone" if "phone" in row.columns else "member_no", row=earlier[0])
            portion.unchanged += 1
            return
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
        self, customer: Customer, columns: dict[str, Any], row: CustomerRow, known: Known, planned: _Planned | None
    ) -> bool:
        customer_id = customer.id or 0
        if columns.get("member_no") != customer.member_no:
            columns.pop("member_no", None)  # the number she had before two records were joined
        if "phone" in columns and gave_up(customer, index_of(columns), known):
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


def _both_allergies(customer: Customer, told: str) -> str:
    """No file takes a known allergy away: what it says is put below. Raises TextTooLong."""
    try:
        return joined_text(opened(customer.allergy_note) or "", told)
    except TextTooLong as fault:
        fault.field = "allergy_note"
        raise
