"""What a rule of `rules.conditions` means to the database: one condition over the customers, however many there are."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, literal, not_, or_
from sqlalchemy import select as values
from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, exists, select

from app.models import (
    AuditEntry,
    Consent,
    Customer,
    CustomerTag,
    PointsAccount,
    Product,
    Purchase,
    PurchaseLine,
    SkinRecord,
    Store,
    Tag,
    Tier,
    Treatment,
    Visit,
)
from app.rules.conditions import Condition, Match, Op, Rule
from app.rules.days import months_after
from app.rules.tags import read_ranges
from app.vocabulary import CategoryOfNeed, CustomerStatus

_TABLES: Mapping[str, Any] = {
    "tiers": Tier,
    "stores": Store,
    "treatments": Treatment,
    "products": Product,
    "tags": Tag,
}


@dataclass(frozen=True)
class Moment:
    """When a rule is asked, by the shop's clock."""

    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        """The shop's day."""
        return self.now.astimezone(self.zone).date()

    def days_ago(self, days: int) -> datetime:
        """The instant the day so many days ago began."""
        return datetime.combine(self.today - timedelta(days=days), time(), self.zone)


def fitting(rule: Rule, moment: Moment, customer: Any = Customer) -> ColumnElement[bool]:
    """The customers a rule means. A record the shop may not use fits only a rule that asks for such records.

    Everything is asked along an index of hers, so that the same condition serves one customer and a million.
    """
    parts = [_MEANINGS[one.field.name](one, moment, customer) for one in rule.conditions]
    fits = and_(*parts) if rule.match is Match.ALL else or_(*parts)
    if rule.values_of("status"):
        return fits
    return and_(customer.status == CustomerStatus.ACTIVE, fits)


EXACT_UP_TO = 50_000
"""A shop of more customers is told about how many fit: to look at each takes longer than anybody waits."""
LOOKED_AT = 5_000


@dataclass(frozen=True)
class Found:
    """How many fit a rule, with a few of their names. `one_in` above 1: so many times what was found among one
    customer in so many."""

    n: int
    names: tuple[str, ...]
    one_in: int = 1


def found_by(session: Session, rule: Rule, moment: Moment, within: ColumnElement[bool]) -> Found:
    """A look, before a rule is kept, at whether it means whom it should: of those within reach."""
    highest = last_customer(session)
    one_in = highest // LOOKED_AT if highest > EXACT_UP_TO else 1
    which = [within, fitting(rule, moment)]
    if one_in > 1:
        # Drawn, for what comes in by turns would fool an even step; seeded, so that looking again says the same.
        drawn = Random(highest).sample(range(1, highest + 1), highest // one_in)  # noqa: S311
        which.append(col(Customer.id).in_(drawn))
    n = session.scalar(values(func.count()).select_from(Customer).where(*which)) or 0
    some = session.exec(select(Customer.name).where(*which).order_by(col(Customer.id).desc()).limit(8)) if n else ()
    return Found(n * one_in, tuple(some), one_in)


def records_of(session: Session, table: str) -> list[tuple[int, str]]:
    """What can be chosen of a short table, by number and name. Of the tags only those people put on: a rule that waits
    for another rule would be a day late."""
    target = _TABLES[table]
    wanted = values(target.id, target.name).order_by(target.id)
    if target is Tag:
        wanted = wanted.where(col(Tag.rule) == "")
    return [(number, name) for number, name in session.execute(wanted)]


# ── Tags and who wears them ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class TagChoice:
    """A tag somebody may put on by hand."""

    tag_id: int
    name: str


def hand_tags(session: Session) -> list[TagChoice]:
    """The tags people put on: a tag with a rule is the machine's."""
    wanted = select(Tag.id, Tag.name).where(Tag.rule == "").order_by(col(Tag.category), col(Tag.id))
    return [TagChoice(tag_id or 0, name) for tag_id, name in session.exec(wanted)]


@dataclass(frozen=True)
class TagLine:
    """A tag with how many wear it, whether a rule puts it on, and whose it is."""

    tag_id: int
    name: str
    category: CategoryOfNeed
    note: str
    worn_by: int
    has_rule: bool
    owner: str
    computed_at: datetime | None


def tag_lines(session: Session, within: ColumnElement[bool]) -> list[TagLine]:
    """Every tag, those of a kind of care together."""
    tags = session.exec(select(Tag).options(joinedload(Tag.staff)).order_by(col(Tag.id))).all()  # type: ignore[arg-type]
    worn = wearers(session, [tag.id or 0 for tag in tags], within)
    return [
        TagLine(
            tag.id or 0,
            tag.name,
            tag.category,
            tag.note,
            worn.get(tag.id or 0, 0),
            bool(tag.rule),
            tag.staff.name if tag.staff else "",
            tag.computed_at,
        )
        for tag in tags
    ]


@dataclass(frozen=True)
class Chosen:
    """Customers somebody wants to tag: how many, some of their names, how many wear the tag, and the tags there are."""

    n: int
    names: tuple[str, ...]
    worn_by: int
    tags: tuple[TagChoice, ...]

    def name_of(self, tag_id: int) -> str:
        """What the tag is called; empty for one that cannot be put on by hand."""
        return next((tag.name for tag in self.tags if tag.tag_id == tag_id), "")


def chosen_customers(session: Session, which: ColumnElement[bool], tag_id: int) -> Chosen:
    """Before a tag is put on many, or taken off."""
    n = session.scalar(values(func.count()).select_from(Customer).where(which)) or 0
    some = session.exec(select(Customer.name).where(which).order_by(col(Customer.id).desc()).limit(8)).all()
    worn = wearers(session, [tag_id], which).get(tag_id, 0) if tag_id else 0
    return Chosen(n, tuple(some), worn, tuple(hand_tags(session)))


def wearers(session: Session, tag_ids: Sequence[int], within: ColumnElement[bool]) -> dict[int, int]:
    """How many customers within reach wear each of these tags."""
    wanted = (
        values(col(CustomerTag.tag_id), func.count())
        .join(Customer, col(Customer.id) == CustomerTag.customer_id)
        .where(col(CustomerTag.tag_id).in_(tag_ids), within)
        .group_by(col(CustomerTag.tag_id))
    )
    return {int(tag_id): int(n) for tag_id, n in session.execute(wanted)}


def wearing(tag_id: int) -> ColumnElement[bool]:
    """Customers who wear a tag."""
    return col(Customer.id).in_(select(CustomerTag.customer_id).where(CustomerTag.tag_id == tag_id))


def needing(category: str) -> ColumnElement[bool]:
    """Customers who wear any tag of a kind of care."""
    of = select(CustomerTag.customer_id).join(Tag).where(Tag.category == category)
    return col(Customer.id).in_(of)


def rule_tags(session: Session) -> list[int]:
    """The tags the machine puts on, in order."""
    return [tag_id or 0 for tag_id in session.exec(select(Tag.id).where(Tag.rule != "").order_by(col(Tag.id)))]


@dataclass(frozen=True)
class Noted:
    """What the journal says about a deed for many: when, how many, and off whom a tag was taken."""

    at: datetime
    put_on: int
    taken_off: int
    taken_off_from: tuple[int, ...]


def tagging_noted(session: Session, tag_id: int, mark: str) -> Noted | None:
    """A deed for many by its mark; None where there is none."""
    if not (mark.isascii() and mark.isdigit() and len(mark) < 18):
        return None
    about = select(AuditEntry.changes).where(AuditEntry.subject == "tags", AuditEntry.subject_id == tag_id)
    for changes in session.exec(about.order_by(col(AuditEntry.id).desc())):
        facts = json.loads(changes)
        if facts.get("mark") == mark:
            at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(mark))
            off = tuple(read_ranges(facts.get("customers", "")))
            return Noted(at, facts.get("put_on", 0), facts.get("taken_off", 0), off)
    return None


def last_customer(session: Session) -> int:
    """The highest number a customer has."""
    return session.scalar(values(func.max(Customer.id))) or 0


# ── What each field means ─────────────────────────────────────────────────────────────────────────────────────────────


def _column(name: str) -> Callable[[Condition, Moment, Any], ColumnElement[bool]]:
    def means(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
        column = getattr(customer, name)
        # Who said nothing is "not SMS", too.
        is_not = column.is_distinct_from(condition.value)
        return is_not if condition.op is Op.IS_NOT else column == condition.value

    return means


def _text(name: str) -> Callable[[Condition, Moment, Any], ColumnElement[bool]]:
    def means(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
        has = getattr(customer, name).icontains(str(condition.value), autoescape=True)
        return not_(has) if condition.op is Op.LACKS else has

    return means


def _compared(value: Any, condition: Condition) -> ColumnElement[bool]:
    return value >= condition.value if condition.op is Op.AT_LEAST else value <= condition.value


def _since(condition: Condition, happened: ColumnElement[bool]) -> ColumnElement[bool]:
    return happened if condition.op is Op.WITHIN else not_(happened)


def _was(condition: Condition, happened: ColumnElement[bool]) -> ColumnElement[bool]:
    return not_(happened) if condition.op is Op.IS_NOT else happened


def _age(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    """Of whose birth the year is known; others are of no age. Who was born on 29 February is a year older on 1 March."""
    # Year-first text compares as days do; a birthday without a year begins with its month.
    with_year = func.length(customer.birthday) == 10
    years = int(condition.value)
    if condition.op is Op.AT_LEAST:
        return and_(with_year, customer.birthday <= months_after(moment.today, -12 * years).isoformat())
    return and_(with_year, customer.birthday > months_after(moment.today, -12 * (years + 1)).isoformat())


def _created(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    since = moment.days_ago(int(condition.value))
    return customer.created_at >= since if condition.op is Op.WITHIN else customer.created_at < since


def _visited(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    since = moment.days_ago(int(condition.value))
    return _since(condition, exists().where(col(Visit.customer_id) == customer.id, col(Visit.visited_at) >= since))


def _bought_lately(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    since, mine = moment.days_ago(int(condition.value)), col(Purchase.customer_id) == customer.id
    lately = exists().where(mine, col(Purchase.occurred_at) >= since, col(Purchase.refund_of_id).is_(None))
    return _since(condition, lately)


def _visits(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    count = values(func.count()).select_from(Visit).where(col(Visit.customer_id) == customer.id).scalar_subquery()
    return _compared(count, condition)


def _paid(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    total = values(func.coalesce(func.sum(Purchase.paid_fen), 0)).where(col(Purchase.customer_id) == customer.id)
    return _compared(total.scalar_subquery(), condition)


def _points(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    mine = and_(col(PointsAccount.customer_id) == customer.id, col(PointsAccount.closed_at).is_(None))
    balance = values(func.coalesce(func.sum(PointsAccount.balance), 0)).where(mine).scalar_subquery()
    return _compared(balance, condition)


def _bought(condition: Condition, customer: Any, what: ColumnElement[bool]) -> ColumnElement[bool]:
    """Bought and not given back as a whole slip."""
    on_a_slip = and_(
        col(Purchase.customer_id) == customer.id,
        col(Purchase.refund_of_id).is_(None),
        col(PurchaseLine.purchase_id) == col(Purchase.id),
    )
    return _was(condition, exists().where(on_a_slip, what))


def _bought_treatment(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    done = exists().where(col(Visit.customer_id) == customer.id, col(Visit.treatment_id) == condition.value)
    paid = _bought(condition, customer, col(PurchaseLine.treatment_id) == condition.value)
    return and_(not_(done), paid) if condition.op is Op.IS_NOT else or_(done, paid)


def _bought_product(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    return _bought(condition, customer, col(PurchaseLine.product_id) == condition.value)


def _bought_category(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    treatments = select(Treatment.id).where(Treatment.category == condition.value)
    products = select(Product.id).where(Product.category == condition.value)
    of_it = or_(col(PurchaseLine.treatment_id).in_(treatments), col(PurchaseLine.product_id).in_(products))
    done = exists().where(col(Visit.customer_id) == customer.id, col(Visit.treatment_id).in_(treatments))
    paid = _bought(condition, customer, of_it)
    return and_(not_(done), paid) if condition.op is Op.IS_NOT else or_(done, paid)


def _tagged(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    worn = exists().where(col(CustomerTag.customer_id) == customer.id, col(CustomerTag.tag_id) == condition.value)
    return _was(condition, worn)


def _consented(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    standing = exists().where(
        col(Consent.customer_id) == customer.id,
        col(Consent.purpose) == condition.value,
        col(Consent.withdrawn_at).is_(None),
    )
    return _was(condition, standing)


def _sensitive(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    """What was seen last counts; of whom nothing was written down it is neither yes nor no."""
    seen = values(col(SkinRecord.is_sensitive)).where(col(SkinRecord.customer_id) == customer.id)
    newest = seen.order_by(col(SkinRecord.seen_on).desc(), col(SkinRecord.id).desc()).limit(1).scalar_subquery()
    return func.coalesce(newest == (condition.value == "yes"), literal(False))


def _vip(condition: Condition, moment: Moment, customer: Any) -> ColumnElement[bool]:
    return customer.is_vip if condition.value == "yes" else not_(customer.is_vip)


_MEANINGS: Mapping[str, Callable[[Condition, Moment, Any], ColumnElement[bool]]] = {
    "tier": _column("tier_id"),
    "vip": _vip,
    "gender": _column("gender"),
    "age": _age,
    "birth_month": _column("birth_month"),
    "source": _column("source"),
    "store": _column("store_id"),
    "preferred_channel": _column("preferred_channel"),
    "address": _text("address"),
    "occupation": _text("occupation"),
    "skin_type": _column("skin_type"),
    "sensitive": _sensitive,
    "created": _created,
    "last_visit": _visited,
    "last_purchase": _bought_lately,
    "visits": _visits,
    "paid": _paid,
    "points": _points,
    "bought_category": _bought_category,
    "bought_treatment": _bought_treatment,
    "bought_product": _bought_product,
    "tag": _tagged,
    "consent": _consented,
    "status": _column("status"),
}
