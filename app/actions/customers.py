"""The one way a customer's record is made and changed: names, phones and numbers pass here, whoever brings them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from app.columns import blind_index
from app.db import lock_row
from app.models import Counter, Customer, CustomerTag, Tier
from app.rules.customers import (
    CustomerDetails,
    MemberNumberTaken,
    NoTier,
    PhoneTaken,
    read_details,
)
from app.rules.days import latest_today
from app.rules.member_numbers import member_no
from app.rules.names import NameMissing
from app.rules.phones import Phone
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.vocabulary import TagOrigin

MEMBER_SERIES = "member_no"


def create_customer(session: Session, details: CustomerDetails, *, policy: Policy, now: datetime) -> Customer:
    """A new record with the next member number (or the one given) and the lowest tier (or the one given).

    Raises NameMissing, PhoneTaken, MemberNumberTaken, NoTier, or what a field's own rule says.
    """
    columns = _judged(details, now)
    if "name" not in columns:
        raise NameMissing("name")
    series = lock_member_series(session)
    _check_phone_is_free(session, columns)
    if "member_no" not in columns:
        columns["member_no"] = take_member_nos(session, series, 1)[0]
    elif _by_member_no(session, columns["member_no"]):
        raise MemberNumberTaken("member_no")
    customer = new_customer(columns, tier_id=columns.get("tier_id") or lowest_tier(session).id, now=now)
    session.add(customer)
    session.flush()
    _set_tags(session, customer, details.tag_ids, TagOrigin.MANUAL)
    return customer


def update_customer(session: Session, customer_id: int, details: CustomerDetails, *, now: datetime) -> Customer:
    """Change what was given and leave the rest. Raises NotFound, or as `create_customer`."""
    columns = _judged(details, now)
    if columns.keys() & {"phone", "member_no", "phone_shared_reason"}:
        lock_member_series(session)
    customer = lock_row(session, Customer, customer_id)
    if customer is None:
        raise NotFound
    _check_phone_is_free(session, columns, customer)
    other = _by_member_no(session, columns["member_no"]) if "member_no" in columns else None
    if other and other.id != customer.id:
        raise MemberNumberTaken("member_no")
    change_customer(customer, columns)
    session.flush()
    _set_tags(session, customer, details.tag_ids, TagOrigin.MANUAL)
    return customer


# ── What the import of a whole file uses as well ──────────────────────────────────────────────────────────────────────


def new_customer(columns: dict[str, Any], *, tier_id: int | None, now: datetime) -> Customer:
    """A record, not yet stored, of columns that were judged."""
    return Customer(**_as_stored(columns) | {"tier_id": tier_id, "created_at": now, "updated_at": now})


def change_customer(customer: Customer, columns: dict[str, Any]) -> bool:
    """Put judged columns into a record; whether any of them was news."""
    news = news_for(customer, columns)
    for name, value in news.items():
        setattr(customer, name, value)
    return bool(news)


def news_for(customer: Customer, columns: dict[str, Any]) -> dict[str, Any]:
    """What of judged columns is not in the record yet, as it would be stored."""
    return {name: value for name, value in _as_stored(columns).items() if getattr(customer, name) != value}


def lock_member_series(session: Session) -> Counter:
    """The series of member numbers, ours until this unit of work ends. Whoever makes a record or changes a phone takes
    it first: two of them at once would both find the phone free."""
    wanted = select(Counter).where(Counter.name == MEMBER_SERIES).with_for_update()
    # Read anew: what this session saw of the row before it was ours is no longer true.
    return session.exec(wanted, execution_options={"populate_existing": True}).one()


def hold_customer(session: Session, customer_id: int) -> None:
    """What changing a record locks before the record itself: an import takes the series first, too."""
    lock_member_series(session)


def take_member_nos(session: Session, series: Counter, count: int, spoken_for: Collection[str] = ()) -> list[str]:
    """The next so many member numbers that no till has given out already (`spoken_for`: is just about to)."""
    numbers: list[str] = []
    while len(numbers) < count:
        wanted = count - len(numbers)
        offer = [member_no(series.value + step) for step in range(1, wanted + 1)]
        series.value += wanted
        taken = set(session.exec(select(Customer.member_no).where(col(Customer.member_no).in_(offer))))
        numbers += [number for number in offer if number not in taken and number not in spoken_for]
    session.add(series)
    return numbers


def lowest_tier(session: Session) -> Tier:
    """The tier a new customer starts on. Raises NoTier."""
    tier = session.exec(select(Tier).where(col(Tier.is_active)).order_by(col(Tier.rank))).first()
    if tier is None:
        raise NoTier("tier")
    return tier


def _judged(details: CustomerDetails, now: datetime) -> dict[str, Any]:
    read = read_details(details, today=latest_today(now))
    if read.faults:
        raise read.faults[0]
    return read.columns


def _as_stored(columns: dict[str, Any]) -> dict[str, Any]:
    """The phone in its four columns and the WeChat id in its two; everything else as it is."""
    stored = dict(columns)
    if "phone" in columns:
        stored |= _phone_columns(columns["phone"])
    if "wechat" in columns:
        wechat = columns["wechat"]
        stored["wechat_index"] = blind_index(wechat.lower(), "customers.wechat") if wechat else None
    return stored


def _phone_columns(phone: Phone | None) -> dict[str, Any]:
    if phone is None:
        return {"phone": None, "phone_index": None, "phone_last4": "", "phone_masked": "", "phone_shared_reason": ""}
    return {
        "phone": phone.e164,
        "phone_index": blind_index(phone.e164, "customers.phone"),
        "phone_last4": phone.last4,
        "phone_masked": phone.masked,
    }


def _check_phone_is_free(session: Session, columns: dict[str, Any], customer: Customer | None = None) -> None:
    """A phone belongs to one record, unless this one says why it is shared."""
    index = (
        blind_index(columns["phone"].e164, "customers.phone")
        if columns.get("phone")
        else customer.phone_index
        if customer and "phone" not in columns
        else None
    )
    reason = columns.get("phone_shared_reason", customer.phone_shared_reason if customer else "")
    if index is None or reason:
        return
    owner = session.exec(
        select(Customer).where(
            Customer.phone_index == index,
            Customer.phone_shared_reason == "",
            col(Customer.id) != (customer.id if customer else None),
        )
    ).first()
    if owner:
        raise PhoneTaken("phone", member_no=owner.member_no)


def _by_member_no(session: Session, number: str) -> Customer | None:
    return session.exec(select(Customer).where(Customer.member_no == number)).first()


def _set_tags(session: Session, customer: Customer, tag_ids: Collection[int] | None, origin: TagOrigin) -> None:
    if tag_ids is None:
        return
    assert customer.id is not None, "tags need a stored record"
    standing = {
        row.tag_id: row for row in session.exec(select(CustomerTag).where(CustomerTag.customer_id == customer.id))
    }
    for tag_id in standing.keys() - set(tag_ids):
        session.delete(standing[tag_id])
    for tag_id in sorted(set(tag_ids) - standing.keys()):
        session.add(CustomerTag(customer_id=customer.id, tag_id=tag_id, origin=origin))
    session.flush()
