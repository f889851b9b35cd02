"""Cards handed out: each printed card has a token of its holder's, and the run is written down."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlmodel import Session

from app.actions.tokens import StandingToken, revoke_tokens, standing_tokens
from app.audit import note_deed
from app.queries.cards import CardHolder, card_holders
from app.queries.scopes import ANYTHING
from app.rules.cards import Card, CardChoice
from app.rules.policy import Policy
from app.rules.sheets import Layout
from app.vocabulary import AuditAction, TokenPurpose


def issue_cards(
    session: Session,
    choice: CardChoice,
    *,
    layout: Layout,
    anew: bool = False,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    within: ColumnElement[bool] = ANYTHING,
) -> tuple[Card, ...]:
    """The cards of a print run, ready to print. A card printed again has the same QR and validity; one that has run
    out is renewed. `anew` renews them all: the QR of the lost card opens nothing from then on.

    Raises what `card_holders` raises."""
    holders = card_holders(session, choice, within=within)
    ids = [holder.customer_id for holder in holders]
    if anew:
        revoke_tokens(session, TokenPurpose.CARD, ids, now=now)
    tokens = standing_tokens(session, ids, now=now)
    today = now.astimezone(zone).date()
    cards = [_card(holder, tokens, policy=policy, zone=zone) for holder in holders]
    over = [holder.customer_id for holder, card in zip(holders, cards, strict=True) if card.valid_until_on < today]
    if over:
        revoke_tokens(session, TokenPurpose.CARD, over, now=now)
        tokens |= standing_tokens(session, over, now=now)
        cards = [_card(holder, tokens, policy=policy, zone=zone) for holder in holders]
    note_deed(session, AuditAction.PRINT, "customers", count=len(cards), layout=layout.value, anew=int(anew))
    return tuple(cards)


def _card(holder: CardHolder, tokens: dict[int, StandingToken], *, policy: Policy, zone: ZoneInfo) -> Card:
    standing = tokens[holder.customer_id]
    return holder.card(standing.token, issued_on=_day(standing.created_at, zone), policy=policy)


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
