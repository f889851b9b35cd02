"""Customers, for tills and other programs: entered, found, and what they have in points."""

from typing import Annotated

from fastapi import Path
from sqlmodel import Session
from starlette.responses import Response

from app.actions.idempotency import do_once
from app.actions.limits import count_try
from app.actions.till import RedemptionAsked, register, take_redemption
from app.db import Database
from app.queries.api_keys import Caller
from app.queries.members import member_numbered, member_with_phone, statement_of, why
from app.queries.policy import current_policy
from app.routes.api.keyed import OnceDep, answered, kept, router
from app.routes.api.shapes import (
    CustomerShown,
    EntryShown,
    LotShown,
    NewCustomer,
    PhoneAsked,
    PointsHandedIn,
    PointsShown,
    RedemptionShown,
)
from app.routes.callers import ProgramDep
from app.routes.deps import DatabaseDep, Now, SettingsDep
from app.rules.customers import PhoneTakenUnseen
from app.rules.idempotency import Kept
from app.rules.limits import API_MISS
from app.rules.names import tidy_words
from app.rules.phones import parse_phone
from app.rules.refusals import NotFound

customers = router()
_MemberNo = Annotated[
    str, Path(max_length=20, description="Her number; one that was joined to another leads to her, too.")
]


@customers.post(
    "/customers",
    name="api_customer:create",
    status_code=201,
    response_model=CustomerShown,
    responses={
        200: {"model": CustomerShown, "description": "There is one with that phone already; nothing was changed."}
    },
)
def create(
    sent: NewCustomer, *, database: DatabaseDep, settings: SettingsDep, now: Now, caller: ProgramDep, once: OnceDep
) -> Response:
    """Enter a customer, or find the one of that phone. For the owner's programs, with a key."""

    def work(session: Session) -> Kept:
        consents = [(one.purpose, one.channel) for one in sent.consents]
        policy = current_policy(session)
        hers, is_new = register(
            session, sent.details(), consents, caller=caller, policy=policy, now=now, zone=settings.zone
        )
        return kept(201 if is_new else 200, CustomerShown.of(hers, settings.zone))

    try:
        with database.writing(caller.actor) as session:
            return answered(do_once(session, once, lambda: work(session), now=now))
    except PhoneTakenUnseen:
        _count_miss(database, caller, now)  # who asks number after number learns which are taken
        raise


@customers.post("/customers/lookup", name="api_customer:look_up", response_model=CustomerShown)
def look_up(
    sent: PhoneAsked, *, database: DatabaseDep, settings: SettingsDep, now: Now, caller: ProgramDep, once: OnceDep
) -> Response:
    """Whose phone it is. For the owner's programs, with a key."""
    phone = parse_phone(sent.phone)

    def work(session: Session) -> Kept:
        hers = member_with_phone(session, phone, within=caller.customers)
        return kept(200, CustomerShown.of(hers, settings.zone))

    try:
        if once is None:
            with database.reading() as session:
                return answered(work(session))
        with database.writing(caller.actor) as session:
            return answered(do_once(session, once, lambda: work(session), now=now))
    except NotFound:
        _count_miss(database, caller, now)
        raise


@customers.get("/customers/{member_no}", name="api_customer:show", response_model=CustomerShown)
def show(
    member_no: _MemberNo, *, database: DatabaseDep, settings: SettingsDep, now: Now, caller: ProgramDep
) -> CustomerShown:
    """One customer. For the owner's programs, with a key."""
    try:
        with database.reading() as session:
            return CustomerShown.of(member_numbered(session, member_no, within=caller.customers), settings.zone)
    except NotFound:
        _count_miss(database, caller, now)
        raise


@customers.get("/customers/{member_no}/points", name="api_points:show", response_model=PointsShown)
def show_points(
    member_no: _MemberNo, *, database: DatabaseDep, settings: SettingsDep, now: Now, caller: ProgramDep
) -> PointsShown:
    """A customer's points, whole. For the owner's programs, with a key."""
    try:
        with database.reading() as session:
            hers = member_numbered(session, member_no, within=caller.customers)
            told = statement_of(session, hers.customer_id)
    except NotFound:
        _count_miss(database, caller, now)
        raise
    return PointsShown(
        balance=told.balance,
        pending=told.pending,
        lots=[LotShown(remaining=lot.remaining, expires_on=lot.expires_on) for lot in told.lots],
        entries=[EntryShown(**vars(one) | {"at": one.at.astimezone(settings.zone)}) for one in told.entries],
    )


@customers.post(
    "/customers/{member_no}/redemptions",
    name="api_redemption:create",
    status_code=201,
    response_model=RedemptionShown,
    responses={200: {"model": RedemptionShown, "description": "This reference is in already: the first answer."}},
)
def redeem(
    member_no: _MemberNo,
    sent: PointsHandedIn,
    *,
    database: DatabaseDep,
    settings: SettingsDep,
    now: Now,
    caller: ProgramDep,
    once: OnceDep,
) -> Response:
    """Hand points in; too few are refused (409, `insufficient_points`). For the owner's programs, with a key."""
    asked = RedemptionAsked(member_no, sent.points, tidy_words(sent.reference), tidy_words(sent.reward or ""))

    def work(session: Session) -> Kept:
        entry, is_new = take_redemption(session, asked, caller=caller, now=now, zone=settings.zone)
        shown = EntryShown(
            at=entry.at.astimezone(settings.zone),
            kind=entry.kind,
            points=entry.points,
            reason=why(entry),
            order_no=None,
        )
        return kept(201 if is_new else 200, RedemptionShown(entry=shown, balance=entry.balance_after))

    try:
        with database.writing(caller.actor) as session:
            return answered(do_once(session, once, lambda: work(session), now=now))
    except NotFound:
        _count_miss(database, caller, now)
        raise


def _count_miss(database: Database, caller: Caller, now: Now) -> None:
    """Somebody who tries numbers finds nobody most of the time. Raises TooManyTries."""
    with database.writing(caller.actor) as session:
        count_try(session, API_MISS, str(caller.key_id), now=now)
