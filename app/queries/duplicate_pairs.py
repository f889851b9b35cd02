"""Pairs that may be one person, as people look at them: both records side by side, and who is like somebody being typed."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from app.columns import blind_index
from app.models import Customer, DuplicatePair, Purchase, Staff, Store, Tier
from app.queries.duplicates import people_like, people_of
from app.queries.phones import former_owners
from app.rules.birthdays import parse_birthday
from app.rules.contacts import masked_contact
from app.rules.duplicates import HINTED_FROM, LIKELY_FROM, Person, likeness
from app.rules.names import parse_name
from app.rules.phones import parse_phone
from app.rules.refusals import NotFound, RuleBroken
from app.vocabulary import Alike, Calendar, ContactKind, Gender, PairState

MOST_COUNTED = 1000
"""Nobody counts further: so many pairs are a day's work."""


@dataclass(frozen=True)
class Face:
    """A record as one looks at it to tell who it is; no way to reach her in full."""

    customer_id: int
    member_no: str
    name: str
    gender: Gender
    phone_masked: str
    has_wechat: bool
    email_masked: str
    birthday: str
    calendar: Calendar
    tier: str
    store: str
    created_at: datetime
    purchases: int
    bought_at: datetime | None


@dataclass(frozen=True)
class PairRow:
    """Two records, how alike, why, and what was said of them; the older record first."""

    pair_id: int
    score: int
    is_likely: bool
    reasons: tuple[Alike, ...]
    faces: tuple[Face, Face]
    decided_at: datetime | None
    decided_by: str


@dataclass(frozen=True)
class Hint:
    """Somebody like the one being typed."""

    face: Face
    reasons: tuple[Alike, ...]
    is_likely: bool


@dataclass(frozen=True)
class Hints:
    """Who may be meant. `is_elsewhere`: the number typed belongs to a record this reader may not see; whose is not said."""

    shown: tuple[Hint, ...]
    is_elsewhere: bool = False


# ── The list ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def pairs(
    session: Session, state: PairState, *, within: ColumnElement[bool], skip: int = 0, most: int
) -> tuple[PairRow, ...]:
    """Pairs of which both records are `within` reach: open ones the most alike first, decided ones the newest first."""
    order = (
        (col(DuplicatePair.score).desc(), col(DuplicatePair.id))
        if state is PairState.OPEN
        else (col(DuplicatePair.decided_at).desc(), col(DuplicatePair.id).desc())
    )
    wanted = (
        select(DuplicatePair, Staff.name)
        .join(Staff, col(Staff.id) == DuplicatePair.staff_id, isouter=True)
        .where(DuplicatePair.state == state, within)
        .order_by(*order)
        .offset(skip)
        .limit(most)
    )
    rows = session.exec(wanted).all()
    faces = faces_of(session, {one for pair, _ in rows for one in (pair.low_id, pair.high_id)})
    return tuple(
        PairRow(
            pair_id=pair.id or 0,
            score=pair.score,
            is_likely=pair.score >= LIKELY_FROM,
            reasons=_reasons(pair.reasons),
            faces=(faces[pair.low_id], faces[pair.high_id]),
            decided_at=pair.decided_at,
            decided_by=decided_by or "",
        )
        for pair, decided_by in rows
    )


def _reasons(told: str) -> tuple[Alike, ...]:
    known = set(Alike)
    return tuple(Alike(one) for one in told.split(",") if one in known)


def count_pairs(
    session: Session, state: PairState, *, within: ColumnElement[bool], from_score: int = 0, most: int = MOST_COUNTED
) -> int:
    """How many there are, counted up to `most`."""
    some = select(DuplicatePair.id).where(DuplicatePair.state == state, DuplicatePair.score >= from_score, within)
    return session.scalar(select(func.count()).select_from(some.limit(most).subquery())) or 0


def pair_within(session: Session, pair_id: int, within: ColumnElement[bool]) -> DuplicatePair:
    """A pair both of whose records are within reach. Raises NotFound: whether there is another is not said."""
    pair = session.exec(select(DuplicatePair).where(DuplicatePair.id == pair_id, within)).first()
    if pair is None:
        raise NotFound
    return pair


def faces_of(session: Session, ids: Collection[int]) -> dict[int, Face]:
    """These records as one looks at them, by number."""
    bought = {
        customer_id: (count, last)
        for customer_id, count, last in session.exec(
            select(col(Purchase.customer_id), func.count(), func.max(col(Purchase.occurred_at)))
            .where(col(Purchase.customer_id).in_(ids), col(Purchase.refund_of_id).is_(None))
            .group_by(col(Purchase.customer_id))
        )
    }
    rows = session.exec(
        select(Customer, Tier.name, Store.name)
        .join(Tier, col(Tier.id) == Customer.tier_id)
        .join(Store, col(Store.id) == Customer.store_id, isouter=True)
        .where(col(Customer.id).in_(ids))
    )
    return {one.id or 0: _face(one, tier, store or "", *bought.get(one.id, (0, None))) for one, tier, store in rows}


def _face(one: Customer, tier: str, store: str, purchases: int, bought_at: datetime | None) -> Face:
    return Face(
        customer_id=one.id or 0,
        member_no=one.member_no,
        name=one.name,
        gender=one.gender,
        phone_masked=one.phone_masked,
        has_wechat=one.wechat_index is not None,
        email_masked=masked_contact(ContactKind.EMAIL, one.email),
        birthday=one.birthday,
        calendar=one.birthday_calendar,
        tier=tier,
        store=store,
        created_at=one.created_at,
        purchases=purchases,
        bought_at=bought_at,
    )


# ── While somebody types ──────────────────────────────────────────────────────────────────────────────────────────────


def typed_person(
    *,
    name: str = "",
    phone: str = "",
    birthday: str = "",
    calendar: Calendar = Calendar.SOLAR,
    gender: Gender = Gender.UNKNOWN,
    today: date,
) -> Person:
    """Somebody as far as she is typed: what cannot be read yet is not there yet."""
    known: dict[str, object] = {"name": "", "gender": gender}
    with suppress(RuleBroken):
        read = parse_name(name)
        known |= {"name": read.text, "pinyin": read.pinyin, "initials": read.initials, "given": read.given}
    with suppress(RuleBroken):
        number = parse_phone(phone)
        known |= {"phone_index": blind_index(number.e164, "customers.phone"), "last4": number.last4}
    with suppress(RuleBroken):
        born = parse_birthday(birthday, today=today, calendar=calendar)
        known |= {"birthday": born.text, "calendar": born.calendar}
    return Person(0, **known)  # type: ignore[arg-type]  # as the names above say


def hints_for(session: Session, person: Person, *, within: ColumnElement[bool], but: int = 0, most: int = 5) -> Hints:
    """Who in the file may be the person somebody types; `but` is the record being edited. Records out of reach are not
    shown; that the number itself is taken by one is said."""
    found = people_like(session, [person])
    phone = person.phone_index or b""
    keeper = former_owners(session, [phone]).get(phone)
    others = people_of(session, (found.alike[0] | ({keeper} if keeper else set())) - {but})
    people = {number: one.person for number, one in others.items()}
    if keeper in people:
        people[keeper] = replace(people[keeper], phone_index=phone)
    scored = {
        number: how
        for number, one in people.items()
        if (how := likeness(person, one, is_common=0 in found.common)).score >= HINTED_FROM
        or Alike.PHONE in how.reasons
    }
    seen = {one or 0 for one in session.exec(select(Customer.id).where(col(Customer.id).in_(scored), within))}
    best = sorted(seen, key=lambda number: (-scored[number].score, number))[:most]
    faces = faces_of(session, best)
    return Hints(
        shown=tuple(Hint(faces[one], scored[one].reasons, scored[one].is_likely) for one in best),
        is_elsewhere=any(Alike.PHONE in scored[number].reasons for number in scored.keys() - seen),
    )


def hints_after(session: Session, customer_id: int, *, within: ColumnElement[bool], most: int = 5) -> Hints:
    """With whom a record that was just made stands as a pair, for the one question before it is kept."""
    of_her = (col(DuplicatePair.low_id) == customer_id) | (col(DuplicatePair.high_id) == customer_id)
    wanted = select(DuplicatePair).where(of_her, DuplicatePair.state == PairState.OPEN, within)
    rows = session.exec(wanted.order_by(col(DuplicatePair.score).desc(), col(DuplicatePair.id)).limit(most)).all()
    faces = faces_of(session, {one for pair in rows for one in (pair.low_id, pair.high_id)} - {customer_id})
    return Hints(
        tuple(
            Hint(faces[other], _reasons(pair.reasons), pair.score >= LIKELY_FROM)
            for pair in rows
            if (other := pair.low_id if pair.high_id == customer_id else pair.high_id) in faces
        )
    )
