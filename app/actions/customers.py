"""The one way a customer's record is made and changed: names, phones and numbers pass here, whoever brings them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from app.actions.claims import claim_waiting
from app.actions.contacts import contacts_of, note_changes
from app.actions.duplicates import COMPARED, find_for
from app.actions.tags import recompute_customer, set_hand_tags
from app.actions.tiers import change_tier, note_start, until_of
from app.columns import blind_index
from app.db import lock_row
from app.models import Counter, Customer, CustomerAlias, Tier
from app.queries.phones import former_owners
from app.rules.customers import (
    CustomerDetails,
    ErasedByHand,
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
from app.vocabulary import CustomerStatus, TierWhy

MEMBER_SERIES = "member_no"


def create_customer(
    session: Session, details: CustomerDetails, *, policy: Policy, now: datetime, zone: ZoneInfo | None = None
) -> Customer:
    """A new record with the next member number (or the one given) and the lowest tier (or the one given). Sales that
    waited for her become hers, and her points and her tier follow them: whoever tells a phone or a number tells the zone.

    Raises NameMissing, PhoneTaken, MemberNumberTaken, ErasedByHand, NoTier, or what a field's own rule says.
    """
    columns = _judged(details, now)
    _check_not_erased(columns)
    if "name" not in columns:
        raise NameMissing("name")
    series = lock_member_series(session)
    _check_phone_is_free(session, columns)
    if "member_no" not in columns:
        columns["member_no"] = take_member_nos(session, series, 1)[0]
    elif _is_taken(session, columns["member_no"]):
        raise MemberNumberTaken("member_no")
    if columns.get("tier_id"):
        columns.setdefault("tier_until_on", until_of(session, columns["tier_id"], now=now, zone=zone))
    customer = new_customer(columns, tier_id=columns.get("tier_id") or lowest_tier(session).id, now=now)
    session.add(customer)
    session.flush()
    note_start(session, [customer], TierWhy.MANUAL, now=now)
    set_hand_tags(session, customer.id or 0, details.tag_ids, now=now)
    claim_waiting(session, customer, policy=policy, now=now, zone=zone)
    find_for(session, customer.id or 0, now=now)
    if zone:
        recompute_customer(session, customer.id or 0, now=now, zone=zone)
    return customer


def update_customer(
    session: Session,
    customer_id: int,
    details: CustomerDetails,
    *,
    now: datetime,
    policy: Policy | None = None,
    zone: ZoneInfo | None = None,
    staff_id: int | None = None,
) -> Customer:
    """Change what was given and leave the rest; sales that waited for a new phone or number of hers become hers. Raises
    NotFound, or as `create_customer`."""
    columns = _judged(details, now)
    if columns.keys() & {"phone", "member_no", "phone_shared_reason"}:
        lock_member_series(session)
    customer = lock_row(session, Customer, customer_id)
    if customer is None:
        raise NotFound
    _check_not_erased(columns, customer)
    _check_phone_is_free(session, columns, customer)
    if "member_no" in columns and _is_taken(session, columns["member_no"], customer):
        raise MemberNumberTaken("member_no")
    before = contacts_of(customer)
    changed = news_for(customer, columns).keys()
    if (tier_id := columns.pop("tier_id", None)) not in {None, customer.tier_id}:
        until_on = columns.pop("tier_until_on", customer.tier_until_on)
        change_tier(session, customer, tier_id, TierWhy.MANUAL, now=now, until_on=until_on, staff_id=staff_id)
    is_news = change_customer(customer, columns)
    note_changes(session, customer, before, now=now, staff_id=staff_id)
    session.flush()
    set_hand_tags(session, customer_id, details.tag_ids, now=now, staff_id=staff_id)
    if is_news and columns.keys() & {"phone", "member_no"}:
        claim_waiting(session, customer, policy=policy or Policy(), now=now, zone=zone)
    if changed & COMPARED:
        find_for(session, customer_id, now=now)
    if zone:
        recompute_customer(session, customer_id, now=now, zone=zone)
    return customer


# ── What the import of a whole file uses as well ──────────────────────────────────────────────────────────────────────


def new_customer(columns: dict[str, Any], *, tier_id: int | None, now: datetime) -> Customer:
    """A record, not yet stored, of columns that were judged."""
    return Customer(**{"created_at": now} | _as_stored(columns) | {"tier_id": tier_id, "updated_at": now})


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
        taken |= set(session.exec(select(CustomerAlias.member_no).where(col(CustomerAlias.member_no).in_(offer))))
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
    """A phone belongs to one record, be it one she gave up in a merge, unless this one says why it is shared."""
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
    keeper_id = None if owner else former_owners(session, [index]).get(index)
    if keeper_id and keeper_id != (customer.id if customer else None):
        owner = session.get(Customer, keeper_id)
    if owner:
        raise PhoneTaken("phone", member_no=owner.member_no)


def _check_not_erased(columns: dict[str, Any], customer: Customer | None = None) -> None:
    """Whoever was erased stays so; nobody becomes it because somebody chose the word."""
    was_erased = customer is not None and customer.status is CustomerStatus.ERASED
    if columns.get("status") is CustomerStatus.ERASED and not was_erased:
        raise ErasedByHand("status")


def _is_taken(session: Session, number: str, customer: Customer | None = None) -> bool:
    """Whether another record has this member number, or had it before the two were joined."""
    owner = session.exec(select(Customer.id).where(Customer.member_no == number)).first()
    of_alias = select(CustomerAlias.customer_id).where(CustomerAlias.member_no == number)
    owner = owner or session.exec(of_alias).first()
    return owner is not None and owner != (customer.id if customer else None)
