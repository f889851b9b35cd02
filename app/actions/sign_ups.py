"""Sign-ups over the QR code: a new phone becomes a member, a known one waits for a person. The page says the same to
both, for a phone number typed in must not tell whether its owner is a customer here."""

import json
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from app.actions.consents import grant_many
from app.actions.customers import create_customer, lock_member_series, update_customer
from app.actions.limits import count_tries, count_try
from app.columns import blind_index
from app.db import lock_row
from app.models import Customer, SignUp
from app.queries.phones import owner_of_phone
from app.queries.sign_ups import has_signed_up, open_store, recommender, told_in
from app.rules.customers import CustomerDetails
from app.rules.limits import HURRIED_FORM, PUBLIC_FORM, SIGN_UP_PER_PHONE
from app.rules.phones import Phone
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.rules.sign_ups import HURRY, SignUpRead, SignUpSettled, said_by_guardian
from app.vocabulary import Channel, Gender, Purpose, SignUpState

HOW = "扫码登记"  # data: stands on the receipt
HOW_GUARDIAN = "监护人在扫码登记时同意"  # data
HOW_GUARDIAN_NAMED = "扫码登记时同意"  # data: after the guardian's name, on her own receipt
HOW_CHECKED = "扫码登记，店员核对后采用"  # data


def new_form() -> str:
    """The id of one form: a second tap brings it again."""
    return secrets.token_urlsafe(24)


def stamped(now: datetime) -> str:
    """When a page was drawn, so that nobody can say otherwise."""
    moment = f"{int(now.timestamp() * 1000):x}"
    return f"{moment}.{_mark(moment)}"


def is_hurried(stamp: str, now: datetime) -> bool:
    """Whether a form came back sooner than anybody types, or was never asked for."""
    moment, _, mark = stamp.partition(".")
    if not moment.isascii() or not secrets.compare_digest(mark.encode(errors="replace"), _mark(moment).encode()):
        return True
    return now.timestamp() - int(moment, 16) / 1000 < HURRY.total_seconds()


def _mark(moment: str) -> str:
    return urlsafe_b64encode(blind_index(moment, "sign_ups.opened")[:12]).decode()


def count_sign_up(session: Session, read: SignUpRead, caller: str, *, hurried: bool, now: datetime) -> bool:
    """Count one try of this network and this phone. Whether it is worth keeping: a few forms of a network may come back
    at once, a flood of them is no person. Raises TooManyTries."""
    count_try(session, PUBLIC_FORM, caller, now=now)
    if hurried and count_tries(session, HURRIED_FORM, {caller: 1}, now=now):
        return False
    assert read.phone is not None, "a form without a phone is refused before"
    count_try(session, SIGN_UP_PER_PHONE, read.phone.e164, now=now)
    return True


def sign_up(
    session: Session,
    submission_id: str,
    read: SignUpRead,
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo | None = None,
) -> SignUp | None:
    """Keep a form without faults: a new member with her consents, or, where the phone is known, a line for the staff and
    nothing else. None when this form is in already. Without a zone sales that waited for her earn nothing. Raises as
    `create_customer`."""
    assert not read.faults, "only a form without faults is kept"
    assert read.phone is not None, "the same"
    lock_member_series(session)  # before looking: two at once would both find the phone free
    form = _form_of(submission_id, read.phone)
    if has_signed_up(session, form):
        return None
    owner = owner_of_phone(session, read.phone)
    row = SignUp(
        submission_id=form,
        store_id=open_store(session, read.store),
        phone_masked=read.phone.masked,
        state=SignUpState.KNOWN if owner else SignUpState.NEW,
        signed_up_at=now,
    )
    if owner is not None:
        row.customer_id, row.name, row.told = owner.id, read.details.name or "", _told(session, read, now)
        # The same work, taken back: how long the answer takes must not tell the one from the other either.
        trial = session.begin_nested()
        _new_member(session, read, row.store_id, policy=policy, now=now, zone=zone, phone_shared_reason=HOW)
        trial.rollback()
    else:
        customer = _new_member(session, read, row.store_id, policy=policy, now=now, zone=zone)
        row.customer_id, row.name = customer.id, customer.name
    session.add(row)
    session.flush()
    return row


def _form_of(submission_id: str, phone: Phone) -> str:
    """What is one form: one page and one phone. Whoever goes back and fills it in for her mother signs up another."""
    return blind_index(f"{submission_id}\0{phone.e164}", "sign_ups.submission_id").hex()


def _new_member(
    session: Session,
    read: SignUpRead,
    store_id: int | None,
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo | None,
    **more: Any,
) -> Customer:
    details = CustomerDetails(**vars(read.details) | {"store_id": store_id} | more)
    customer = create_customer(session, details, policy=policy, now=now, zone=zone)
    customer.referred_by_id = recommender(session, read.ref, now=now)
    assert customer.id is not None, "a stored record"
    wishes: list[tuple[Purpose, Channel | None]] = [(Purpose.MEMBERSHIP, None), *read.wishes]
    how = HOW_GUARDIAN if read.asks_guardian else HOW
    if read.guardian:
        said = said_by_guardian(read.guardian, HOW_GUARDIAN_NAMED)
        grant_many(session, customer.id, [(Purpose.GUARDIAN, None)], how=said, policy=policy, now=now)
    grant_many(session, customer.id, wishes, how=how, policy=policy, now=now)
    return customer


def _told(session: Session, read: SignUpRead, now: datetime) -> str:
    """What a person will look at, the phone not among it: it is her record's already."""
    told = {
        "name": read.details.name,
        "birthday": read.details.birthday,
        "gender": read.details.gender,
        "source": read.details.source,
        "guardian": read.guardian,
        "referred_by_id": recommender(session, read.ref, now=now),
        "consents": [[purpose, channel] for purpose, channel in read.wishes],
    }
    return json.dumps({key: value for key, value in told.items() if value}, ensure_ascii=False)


# ── What the staff make of it ─────────────────────────────────────────────────────────────────────────────────────────


def adopt_sign_up(
    session: Session,
    sign_up_id: int,
    *,
    name: bool = False,
    birthday: bool = False,
    gender: bool = False,
    consents: bool = False,
    policy: Policy,
    now: datetime,
    staff_id: int | None = None,
) -> SignUp:
    """Take over what was chosen of a sign-up into the record its phone belongs to; the rest is let go. Raises
    SignUpSettled, NotFound, or as `update_customer` and `grant_many`."""
    row, told = _settled(session, sign_up_id, now=now, staff_id=staff_id)
    if row.customer_id is None:
        raise NotFound
    details = CustomerDetails(
        name=told.get("name") if name else None,
        birthday=told.get("birthday") if birthday else None,
        gender=Gender(told["gender"]) if gender and told.get("gender") else None,
    )
    update_customer(session, row.customer_id, details, now=now)
    if consents:
        wishes = [(Purpose(purpose), Channel(channel) if channel else None) for purpose, channel in told["consents"]]
        given = partial(grant_many, session, row.customer_id, policy=policy, now=now, staff_id=staff_id)
        if told.get("guardian"):
            given([(Purpose.GUARDIAN, None)], how=said_by_guardian(told["guardian"], HOW_CHECKED))
        given(wishes, how=HOW_CHECKED)
    return row


def dismiss_sign_up(session: Session, sign_up_id: int, *, now: datetime, staff_id: int | None = None) -> SignUp:
    """Looked at, nothing taken over. Raises SignUpSettled, NotFound."""
    return _settled(session, sign_up_id, now=now, staff_id=staff_id)[0]


def _settled(
    session: Session, sign_up_id: int, *, now: datetime, staff_id: int | None
) -> tuple[SignUp, dict[str, Any]]:
    """The row, marked as seen to, and what stood in it: nobody needs it longer."""
    lock_member_series(session)  # as whoever changes a record
    row = lock_row(session, SignUp, sign_up_id)
    if row is None:
        raise NotFound
    if row.state is not SignUpState.KNOWN:
        raise SignUpSettled
    told = {"consents": []} | told_in(row)
    row.state, row.settled_at, row.staff_id, row.told = SignUpState.SETTLED, now, staff_id, None
    session.flush()
    return row, told
