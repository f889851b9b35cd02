"""Pairs of records that may be one person: found by night and at once, decided by people, never joined by the machine."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from app.db import Database, lock_row, upsert
from app.models import Customer, DuplicatePair
from app.queries.duplicates import Read, Standing, pairs_of, people_after, people_like, people_of
from app.rules.duplicates import Likeness, likeness
from app.rules.refusals import NotFound
from app.vocabulary import CustomerStatus, PairState

PORTION = 500
"""Records looked at in one go: reading takes no turn to write, and what is news is written in a moment."""
COMPARED = frozenset(
    {"name", "phone", "phone_shared_reason", "wechat", "email", "birthday", "gender", "store_id", "status"}
)
"""What of a record says who she is: a change of nothing else makes no new pair."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Portion:
    """What came of looking at some records: how many, how many pairs were compared, how many are `news`, how many blocks
    were too crowded to be looked through, and the `last` record's number (None: that was all)."""

    seen: int = 0
    compared: int = 0
    news: int = 0
    crowded: int = 0
    last: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What the file should say about some people: pairs to write down, pairs that are none any more, who was read when."""

    found: Mapping[Pair, Likeness]
    gone: Mapping[int, Pair]
    read: Mapping[int, Read]
    compared: int
    crowded: int


# ── Finding ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def find_all(database: Database, *, since: datetime | None, after: int = 0, now: datetime) -> Portion:
    """Look at the next portion of records changed `since` then (None: at everybody). Reads without a turn
    to write and takes one only for news; late, twice or beside another finder it does no harm."""
    with database.reading() as session:
        portion = people_after(session, after, since=since, most=PORTION)
        outcome = _look(session, portion, asked={one.person.customer_id for one in portion})
    if outcome.found or outcome.gone:
        with database.writing() as session:
            _write(session, outcome, now=now)
    is_last = len(portion) < PORTION
    return Portion(
        seen=len(portion),
        compared=outcome.compared,
        news=len(outcome.found),
        crowded=outcome.crowded,
        last=None if is_last else portion[-1].person.customer_id,
    )


def find_for(session: Session, customer_id: int, *, now: datetime) -> int:
    """Look for one customer at once, in the unit of work that made or changed her. Returns how many pairs are news."""
    session.flush()
    outcome = _look(session, list(people_of(session, [customer_id]).values()), asked={customer_id})
    _write(session, outcome, now=now)
    return len(outcome.found)


def _look(session: Session, portion: Collection[Read], *, asked: set[int]) -> Outcome:
    """`asked`: of whom the pairs that are written down are looked at again; whoever is not in the portion may no longer be
    compared with anybody."""
    mine = {one.person.customer_id: one for one in portion}
    people = [one.person for one in mine.values()]
    found = people_like(session, people)
    standing = pairs_of(session, asked)
    wanted = set(standing)
    for place, person in enumerate(people):
        wanted |= {_pair(person.customer_id, other) for other in found.alike[place] - {person.customer_id}}
    common = {people[place].customer_id for place in found.common}
    read = mine | people_of(session, {one for pair in wanted for one in pair} - mine.keys())
    scored = {
        pair: likeness(read[pair[0]].person, read[pair[1]].person, is_common=not common.isdisjoint(pair))
        for pair in wanted
        if pair[0] in read and pair[1] in read
    }
    return Outcome(
        found={pair: how for pair, how in scored.items() if how.is_proposed and _is_news(standing.get(pair), how)},
        gone={
            known.pair_id: pair
            for pair, known in standing.items()
            if known.state is PairState.OPEN and not _stays(scored.get(pair))
        },
        read=read,
        compared=len(scored),
        crowded=len(found.crowded),
    )


def _pair(one: int, other: int) -> Pair:
    return (one, other) if one < other else (other, one)


def _stays(how: Likeness | None) -> bool:
    return how is not None and how.is_proposed


def _is_news(known: Standing | None, how: Likeness) -> bool:
    """A pair that was decided is none, whatever becomes of the two records."""
    if known is None:
        return True
    return known.state is PairState.OPEN and (known.score, known.reasons) != (how.score, _told(how))


def _told(how: Likeness) -> str:
    return ",".join(how.reasons)


def _write(session: Session, outcome: Outcome, *, now: datetime) -> None:
    """What was found, of records that are still as they were read: whoever changed one since has looked for her."""
    pairs = sorted(outcome.found)
    concerned = {one for pair in (*pairs, *outcome.gone.values()) for one in pair} & outcome.read.keys()
    unchanged = _hold(session, concerned, outcome.read)
    rows = [
        {
            "low_id": pair[0],
            "high_id": pair[1],
            "score": outcome.found[pair].score,
            "reasons": _told(outcome.found[pair]),
            "state": PairState.OPEN,
            "found_at": now,
        }
        for pair in pairs
        if pair[0] in unchanged and pair[1] in unchanged
    ]
    if rows:
        insert = upsert(session, DuplicatePair)
        session.connection().execute(
            insert.on_conflict_do_update(
                index_elements=["low_id", "high_id"],
                set_={"score": insert.excluded.score, "reasons": insert.excluded.reasons},
                where=insert.table.c.state == PairState.OPEN,
            ),
            rows,
        )
    gone = [number for number, pair in outcome.gone.items() if not (set(pair) & concerned) - unchanged]
    if gone:
        such = col(DuplicatePair.id).in_(gone), col(DuplicatePair.state) == PairState.OPEN
        session.execute(delete(DuplicatePair).where(*such).execution_options(synchronize_session=False))


def _hold(session: Session, ids: Collection[int], read: Mapping[int, Read]) -> set[int]:
    """Those that are there and as they were read; they stay so until this unit of work ends. Whoever is being changed is
    left out, never waited for: two people who change each other's twin would wait for ever, and who changes her looks for
    her again."""
    held: set[int] = set()
    numbers = sorted(ids)
    for start in range(0, len(numbers), PORTION):
        wanted = select(Customer.id, Customer.updated_at).where(
            col(Customer.id).in_(numbers[start : start + PORTION]), Customer.status == CustomerStatus.ACTIVE
        )
        rows: Any = session.exec(
            wanted.order_by(col(Customer.id)).with_for_update(read=True, key_share=True, skip_locked=True)
        )
        held |= {number for number, updated_at in rows if updated_at == read[number].updated_at}
    return held


# ── Deciding ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def set_distinct(session: Session, pair_id: int, *, staff_id: int | None, now: datetime) -> DuplicatePair:
    """“Not the same person”: remembered for ever, whatever becomes of the two records. Raises NotFound for a pair that is
    none any more."""
    pair = _held_pair(session, pair_id)
    if pair.state is PairState.OPEN:
        pair.state, pair.decided_at, pair.staff_id = PairState.DISTINCT, now, staff_id
        session.add(pair)
        session.flush()
    return pair


def take_back_distinct(session: Session, pair_id: int, *, now: datetime) -> None:
    """They may be one person after all: open again as far as the two records, as they stand now, look alike. Raises
    NotFound."""
    pair = _held_pair(session, pair_id)
    if pair.state is PairState.DISTINCT:
        pair.state, pair.decided_at, pair.staff_id = PairState.OPEN, None, None
        session.add(pair)
        find_for(session, pair.low_id, now=now)


def _held_pair(session: Session, pair_id: int) -> DuplicatePair:
    pair = lock_row(session, DuplicatePair, pair_id)
    if pair is None:
        raise NotFound
    return pair
