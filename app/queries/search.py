"""The search box: whom somebody may mean, the likeliest first, at any size of the member file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import isqrt
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, literal, or_, union, union_all
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from app.models import Customer, Tier
from app.queries.finding import Way, ways_to
from app.queries.scopes import ANYTHING
from app.queries.tokens import subject_of
from app.rules.tokens import scanned_token
from app.vocabulary import TokenPurpose

MOST_HITS = 8
"""Suggestions that fit under the box of a phone."""
_FOUND_BY = ("id", "member_no", "name", "given_name", "name_initials", "name_pinyin", "phone_last4", "phone_index")


@dataclass(frozen=True)
class Hit:
    """A customer as the search box shows her. `is_sure`: the term names her and nobody else, so that Enter may go
    straight to her page."""

    customer_id: int
    member_no: str
    name: str
    phone_masked: str
    tier: str
    tier_colour: str
    is_sure: bool = False


def search_customers(
    session: Session,
    term: str,
    *,
    now: datetime,
    within: ColumnElement[bool] = ANYTHING,
    gathered: Sequence[Select[Any]] = (),
    most: int = MOST_HITS,
) -> tuple[Hit, ...]:
    """At most so many customers `within` somebody's reach: by a scanned card, or by any of `finding.ways_to`. Exactly
    what was typed comes before what only begins with it. `gathered`: the same reach as lists
    (`scopes.gathered_customers`), so that a narrow one is not looked for among everybody."""
    token = scanned_token(term)
    owner = subject_of(session, token, TokenPurpose.CARD, now) if token else None
    if owner is not None:
        ways: tuple[Way, ...] = (Way(col(Customer.id) == owner, Customer.id),)
    elif (ways := ways_to(term)) and gathered and _are_at_most(few := _worth_gathering(session), session, gathered):
        ways, within = ways_to(term, _gathered(few, gathered, within)), ANYTHING
    return _shown(session, _found(session, ways, within, most), most)


def _worth_gathering(session: Session) -> int:
    """How many customers it is less work to look at one by one than to find some of them among everybody. Eight of 2,000
    stand among 4,000 of a million who begin as asked: neither way ever becomes much."""
    return 2 * isqrt(session.scalar(select(func.max(Customer.id))) or 0)


def _are_at_most(few: int, session: Session, gathered: Sequence[Select[Any]]) -> bool:
    """Whether the lists together name no more customers, nor five times as many visits or purchases. Reads no list
    further than that takes."""
    lists = [(one, few if Customer.__table__ in one.get_final_froms() else 5 * few) for one in gathered]  # type: ignore[attr-defined]
    # Counted without what they name, so that an index alone tells.
    counted = [(one.with_only_columns(literal(1), maintain_column_froms=True), rows) for one, rows in lists]
    goes_on = (exists(one.offset(rows).limit(1)) for one, rows in (*counted, (union(*gathered), few)))
    return not session.scalar(select(or_(*goes_on)))


def _gathered(few: int, gathered: Sequence[Select[Any]], within: ColumnElement[bool]) -> Any:
    """Those few customers, with what they are found by."""
    # The limit, never reached, tells PostgreSQL that these are few: it would read every customer for them.
    listed = union(*gathered).subquery()
    keys = select(listed.c[0]).limit(few).subquery()
    found_by = select(*(getattr(Customer, name) for name in _FOUND_BY))
    rows = found_by.join(keys, keys.c[0] == col(Customer.id)).where(within)
    return aliased(Customer, rows.cte("gathered").prefix_with("MATERIALIZED"))


def _found(session: Session, ways: tuple[Way, ...], within: ColumnElement[bool], most: int) -> list[tuple[bool, int]]:
    """Who was found, the best first, and whether she alone is meant. Each way is a query of its own that one index
    serves and that stops after `most`: SQLite reads all that an OR over several indexes finds before it sorts."""
    if not ways:
        return []
    rows = session.execute(union_all(*(_one_way(number, way, within, most) for number, way in enumerate(ways)))).all()
    sure = {customer_id for place, customer_id, held in rows if _names_one(ways[place], held)}
    ranked = sorted(rows, key=lambda row: (not _is_exact(ways[row[0]], row[2]), row[0], _held(row[2]), row[1]))
    best = list(dict.fromkeys(customer_id for _, customer_id, _ in ranked))[:most]
    is_only = len(best) == 1 or len(sure) == 1
    return [(is_only and (len(best) == 1 or one in sure), one) for one in best]


def _one_way(number: int, way: Way, within: ColumnElement[bool], most: int) -> Any:
    # Of a whole phone all hold the same.
    held = literal("") if way.column.key == "phone_index" else way.column
    if way.column.key == "id":
        held = way.of.name
    inner = (
        select(literal(number).label("place"), way.of.id.label("customer_id"), held.label("held"))
        .where(way.condition, within)
        .order_by(way.column, way.of.id)
        .limit(most)
        .subquery()
    )
    return select(inner.c.place, inner.c.customer_id, inner.c.held)


def _is_exact(way: Way, held: str) -> bool:
    return not isinstance(way.exactly, str) or not way.exactly or held == way.exactly


def _names_one(way: Way, held: str) -> bool:
    """A card, a number or a whole phone names a person; a name may be anybody's."""
    return way.column.key in {"id", "member_no", "phone_index"} and _is_exact(way, held)


def _held(text: str) -> str:
    return text or ""


def _shown(session: Session, found: list[tuple[bool, int]], most: int) -> tuple[Hit, ...]:
    wanted = (
        select(  # type: ignore[call-overload]  # SQLModel knows at most four columns
            Customer.id, Customer.member_no, Customer.name, Customer.phone_masked, Tier.name, Tier.colour
        )
        .join(Tier, col(Tier.id) == col(Customer.tier_id))
        .where(col(Customer.id).in_([one for _, one in found]))
        .limit(most)
    )
    rows = {row[0]: row for row in session.execute(wanted)} if found else {}
    return tuple(replace(Hit(*rows[one]), is_sure=is_sure) for is_sure, one in found if one in rows)
