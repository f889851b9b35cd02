"""Whom the rows of a customers file are about: found by member number (or one she had before), then by phone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session, col, or_, select

from app.actions.points_imports import openings_given
from app.columns import blind_index
from app.models import Customer, CustomerAlias, CustomerTag, Tag
from app.queries.phones import former_owners
from app.rules.claims import PhoneIsShared
from app.rules.customers import (
    CustomerErased,
    MemberNumberTaken,
    MemberUnseen,
    PhoneOfOtherNumber,
    PhoneTaken,
    PhoneTakenUnseen,
)
from app.rules.imports import CustomerRow
from app.rules.member_numbers import lost_zeros
from app.rules.purchases import MemberNumberLostZeros
from app.vocabulary import CustomerStatus


@dataclass
class Known:
    """The records some rows may be about, by what finds them, with their tags and the opening points they were given.
    `families` are who shares a phone; `given_up` are phones of before a merge; `unseen` those whoever brings the file may not
    touch."""

    by_number: dict[str, Customer] = field(default_factory=dict)
    families: dict[bytes, list[Customer]] = field(default_factory=dict)
    by_phone: dict[bytes, Customer] = field(default_factory=dict)
    given_up: dict[bytes, int] = field(default_factory=dict)
    tags: dict[int, set[str]] = field(default_factory=dict)
    openings: dict[int, list[int]] = field(default_factory=dict)
    unseen: set[int | None] = field(default_factory=set)


def keys_of(columns: Mapping[str, Any], customer: Customer | None, known: Known) -> list[int]:
    """What two rows about one person share. Numbers instead of texts: half a million of them must fit in memory."""
    if customer and len(known.families.get(bytes(customer.phone_index or b""), ())) > 1:
        return [hash(("sharing", customer.id))]  # the phone is in every row of her family
    keys = [hash(("number", columns["member_no"]))] if "member_no" in columns else []
    return [*keys, hash(("phone", columns["phone"].e164))] if "phone" in columns else keys


def look_up(session: Session, rows: list[CustomerRow], *, lock: bool) -> Known:
    numbers = {row.columns["member_no"] for row in rows if "member_no" in row.columns}
    numbers |= {whole for number in numbers if (whole := lost_zeros(number))}
    phones = {index_of(row.columns) for row in rows if "phone" in row.columns}
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
    known = Known(given_up=given_up)
    for customer in session.exec(wanted.with_for_update() if lock else wanted):
        known.by_number[customer.member_no] = customer
        if customer.phone_index:
            known.by_phone[bytes(customer.phone_index)] = customer
            known.families.setdefault(bytes(customer.phone_index), []).append(customer)
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


def index_of(columns: Mapping[str, Any]) -> bytes:
    return blind_index(columns["phone"].e164, "customers.phone")


def customer_of_row(columns: Mapping[str, Any], known: Known) -> Customer | None:
    """The record a row is about: by member number, then by phone. None: a new one. Raises a refusal where number and
    phone speak of two people."""
    number = columns.get("member_no")
    index = index_of(columns) if "phone" in columns else None
    owner = known.by_phone.get(index) if index else None
    customer = known.by_number.get(number) if number else _one_of_family(owner, index, columns, known)
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
    if customer and number and not gave_up(customer, index, known) and _is_somebody_else(customer, columns):
        raise MemberNumberTaken("member_no")
    return customer


def _one_of_family(
    owner: Customer | None, index: bytes | None, columns: Mapping[str, Any], known: Known
) -> Customer | None:
    """Of several who share a phone the name says who is meant. Raises PhoneIsShared."""
    family = known.families.get(index or b"", [])
    if len(family) < 2:
        return owner
    named = [one for one in family if one.name == columns.get("name")]
    if len(named) != 1:
        raise PhoneIsShared("phone")
    return named[0]


def gave_up(customer: Customer, index: bytes | None, known: Known) -> bool:
    """Whether this was her phone before two records were joined and another one was chosen."""
    return index is not None and known.given_up.get(index) == customer.id and customer.phone is not None


def _check_is_seen(customer: Customer | None, owner: Customer | None, index: bytes | None, known: Known) -> None:
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
