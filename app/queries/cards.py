"""Whose card it is, and whose cards are to be printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, false, func, or_, select, true

from app.columns import opened
from app.models import Customer, Tier
from app.queries.customers import has_number, present_numbers
from app.queries.scopes import ANYTHING
from app.queries.tokens import standing_token_row
from app.rules.cards import (
    MOST_CARDS,
    Card,
    CardChoice,
    MembersUnknown,
    NobodyChosen,
    TierEmpty,
    TierUnknown,
    TooManyCards,
    face_colour,
    valid_until_on,
)
from app.rules.policy import Policy
from app.vocabulary import CustomerStatus, TokenPurpose


@dataclass(frozen=True)
class CardHolder:
    """A customer as far as her card goes. `tier_colour` as the tier has it, a name or #RRGGBB."""

    customer_id: int
    name: str
    member_no: str
    tier: str
    tier_colour: str
    card_until_on: date | None

    def card(self, token: str, *, issued_on: date, policy: Policy) -> Card:
        """The card this holder has since `issued_on`."""
        return Card(
            name=self.name,
            member_no=self.member_no,
            tier=self.tier,
            face=face_colour(self.tier_colour, policy.brand_colour),
            valid_until_on=valid_until_on(self.card_until_on, issued_on, policy.card_valid_months),
            token=token,
        )


_HOLDERS = (
    select(  # type: ignore[call-overload]  # SQLModel knows at most four columns
        Customer.id, Customer.name, Customer.member_no, Tier.name, Tier.colour, Customer.card_until_on
    )
    .join(Tier, col(Tier.id) == col(Customer.tier_id))
    .where(Customer.status == CustomerStatus.ACTIVE)
)


def card_holders(
    session: Session, choice: CardChoice, *, within: ColumnElement[bool] = ANYTHING
) -> tuple[CardHolder, ...]:
    """The active customers a print run is for, of those `within` somebody's reach, the highest tier first and by number
    within it: one colour after the other comes out of the printer. Raises NobodyChosen, MembersUnknown, TierUnknown, TierEmpty or TooManyCards."""
    wanted = and_(_wanted(session, choice), within)
    count = session.exec(select(func.count()).select_from(_HOLDERS.where(wanted).subquery())).one()
    if count > MOST_CARDS:
        raise TooManyCards(count=count, most=MOST_CARDS)
    rows = session.exec(_HOLDERS.where(wanted).order_by(col(Tier.rank).desc(), col(Customer.member_no)))
    holders = tuple(CardHolder(*row) for row in rows)
    found = {holder.member_no for holder in holders}
    present = present_numbers(session, choice.numbers)
    unknown = [number for number in choice.numbers if present.get(number) not in found]
    if unknown:
        raise MembersUnknown("numbers", numbers="、".join(unknown[:10]) + ("…" if len(unknown) > 10 else ""))
    if not holders:
        raise TierEmpty("tier")
    return holders


def _wanted(session: Session, choice: CardChoice) -> ColumnElement[bool]:
    if not (choice.numbers or choice.tier or choice.everyone):
        raise NobodyChosen("numbers")
    if len(choice.numbers) > MOST_CARDS:
        raise TooManyCards("numbers", count=len(choice.numbers), most=MOST_CARDS)
    tiers = tier_names(session)
    if choice.tier and choice.tier not in tiers:
        raise TierUnknown("tier", tier=choice.tier, tiers="、".join(tiers))
    return or_(
        has_number(choice.numbers),
        Tier.name == choice.tier if choice.tier else false(),
        true() if choice.everyone else false(),
    )


def member_numbers(
    session: Session, customer_ids: Sequence[int], *, within: ColumnElement[bool] = ANYTHING
) -> tuple[str, ...]:
    """The member numbers of these customers, in order, of those `within` somebody's reach."""
    wanted = select(Customer.member_no).where(col(Customer.id).in_(customer_ids), within)
    return tuple(session.exec(wanted.order_by(col(Customer.member_no))))


def tier_names(session: Session) -> tuple[str, ...]:
    """The shop's tiers, the highest first."""
    return tuple(session.exec(select(Tier.name).order_by(col(Tier.rank).desc())))


def card_of(session: Session, token: str, *, policy: Policy, now: datetime, zone: ZoneInfo) -> Card | None:
    """The card a QR leads to. None when the token opens nothing or its holder's record is no longer in use."""
    row = standing_token_row(session, token, TokenPurpose.CARD, now)
    if row is None:
        return None
    holder = session.exec(_HOLDERS.where(Customer.id == row.subject_id)).first()
    if holder is None:
        return None
    issued_on = row.created_at.astimezone(zone).date()
    return CardHolder(*holder).card(opened(row.token) or "", issued_on=issued_on, policy=policy)
