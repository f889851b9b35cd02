"""Who may be whom: candidates are looked for among few (blocking), never everybody with everybody."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, LargeBinary, String, and_, cast, column, func, literal, or_
from sqlalchemy import select as sql_select
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Session, col, select

from app.models import Customer, CustomerAlias, DuplicatePair
from app.queries.finding import starting_with
from app.rules.duplicates import COMMON_FROM, Person, birthdays_like
from app.vocabulary import CustomerStatus, PairState

BLOCK_MOST = COMMON_FROM
"""A block with more people in it is not looked through; narrower ones (birthday, last four digits) still are."""
_AT_ONCE = 1000
"""Keys asked for in one statement."""

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Block:
    """A way to find people like somebody: the keys she is asked for by, and which records bear such a key. Every
    condition is a seek in an index."""

    name: str
    types: tuple[Any, ...]
    keys: Callable[[Person], Iterable[Key]]
    bears: Callable[..., ColumnElement[bool]]


@dataclass
class Found:
    """Whom somebody may be: by her place in the question, the numbers of people like her. `common`: who bears a name of
    which there are too many. `crowded`: the blocks nobody looked through, as (block, key)."""

    alike: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    common: set[int] = field(default_factory=set)
    crowded: set[tuple[str, Key]] = field(default_factory=set)


def _one(value: Any) -> list[Key]:
    return [(value,)] if value else []


def _given_keys(person: Person) -> list[Key]:
    return [(person.given,)] if len(person.given) >= 2 and not person.given.isascii() else []


def _name_keys(person: Person) -> list[Key]:
    return [(person.name,)] if len(person.name) >= 2 and not person.name.isascii() else []


def _day_keys(person: Person) -> Iterator[Key]:
    """The birthday and its likely slips, each with the initials, and with those of the given name alone."""
    given = person.initials[-len(person.given) :] if _given_keys(person) else ""
    for month, day in birthdays_like(person.birthday):
        for initials in filter(None, (person.initials, given)):
            yield month, day, person.calendar.value, initials


def _short_day_keys(person: Person) -> list[Key]:
    """The birthday with any surname's initial before her own, when her name may lack the surname."""
    digits = person.digits[-4:]
    if not _may_lack_surname(person) or len(digits) != 4 or not person.initials:
        return []
    return [(int(digits[:2]), int(digits[2:]), person.calendar.value, f"_{person.initials}")]


def _short_tail_keys(person: Person) -> list[Key]:
    is_worth = _may_lack_surname(person) and person.last4 and person.pinyin
    return [(person.last4, f"_%{person.pinyin}")] if is_worth else []


def _may_lack_surname(person: Person) -> bool:
    return len(person.name) == 2 and not person.name.isascii()


def _born_keys(person: Person) -> list[Key]:
    """The whole date of birth, with the first initial alone: a letter of the given name may be wrong."""
    digits = person.digits
    if len(digits) != 8 or not person.initials:
        return []
    return [(int(digits[4:6]), int(digits[6:]), person.calendar.value, person.initials[0], person.birthday)]


def _tail_keys(person: Person) -> list[Key]:
    """The last four digits with the sound of the family name, and with that of the given name alone."""
    family = person.surname_sound or person.pinyin[:3]
    given = person.pinyin[len(family) :] if _given_keys(person) and person.pinyin.startswith(family) else ""
    return [(person.last4, sound) for sound in (family, given) if person.last4 and sound]


def _active() -> ColumnElement[bool]:
    return col(Customer.status) == CustomerStatus.ACTIVE


def _born(month: Any, day: Any, calendar: Any) -> ColumnElement[bool]:
    return and_(
        col(Customer.birth_month) == month,
        col(Customer.birth_day) == day,
        col(Customer.birthday_calendar) == calendar,
        _active(),
    )


_BYTES, _TEXT, _NUMBER = LargeBinary(), String(), Integer()
SOUND = "sound"
BLOCKS = (
    Block(
        "phone",
        (_BYTES,),
        lambda one: [*_one(one.phone_index), *((phone,) for phone in sorted(one.given_up))],
        lambda key: col(Customer.phone_index) == key,
    ),
    Block(
        "given up",
        (_BYTES,),
        lambda one: _one(one.phone_index),
        lambda key: col(Customer.id).in_(select(CustomerAlias.customer_id).where(CustomerAlias.phone_index == key)),
    ),
    Block("wechat", (_BYTES,), lambda one: _one(one.wechat_index), lambda key: col(Customer.wechat_index) == key),
    Block(
        "email",
        (_TEXT,),
        lambda one: _one(one.email),
        lambda key: and_(col(Customer.email) == key, col(Customer.email) != ""),
    ),
    Block(SOUND, (_TEXT,), lambda one: [(key,) for key in one.sounds], lambda key: col(Customer.name_pinyin) == key),
    Block("given", (_TEXT,), _given_keys, lambda key: col(Customer.name) == key),
    Block("whole", (_TEXT,), _name_keys, lambda key: col(Customer.given_name) == key),
    Block(
        "day",
        (_NUMBER, _NUMBER, _TEXT, _TEXT),
        _day_keys,
        lambda month, day, calendar, initials: and_(
            _born(month, day, calendar), col(Customer.name_initials) == initials
        ),
    ),
    Block(
        "short day",
        (_NUMBER, _NUMBER, _TEXT, _TEXT),
        _short_day_keys,
        lambda month, day, calendar, initials: and_(
            _born(month, day, calendar), col(Customer.name_initials).like(initials)
        ),
    ),
    Block(
        "short tail",
        (_TEXT, _TEXT),
        _short_tail_keys,
        lambda last4, sound: and_(col(Customer.phone_last4) == last4, col(Customer.name_pinyin).like(sound)),
    ),
    Block(
        "born",
        (_NUMBER, _NUMBER, _TEXT, _TEXT, _TEXT),
        _born_keys,
        lambda month, day, calendar, initial, birthday: and_(
            _born(month, day, calendar),
            starting_with(col(Customer.name_initials), initial),
            col(Customer.birthday) == birthday,
        ),
    ),
    Block(
        "tail",
        (_TEXT, _TEXT),
        _tail_keys,
        lambda last4, family: and_(
            col(Customer.phone_last4) == last4, starting_with(col(Customer.name_pinyin), family)
        ),
    ),
)


def people_like(session: Session, people: Sequence[Person]) -> Found:
    """Whom each of these may be, by her place in the sequence. How much is read grows with how many are asked about, not
    with how many there are."""
    found = Found()
    for block in BLOCKS:
        wanted: dict[Key, list[int]] = defaultdict(list)
        for place, person in enumerate(people):
            for key in block.keys(person):
                wanted[key].append(place)
        keys = list(wanted)
        for start in range(0, len(keys), _AT_ONCE):
            _look_through(session, block, {key: wanted[key] for key in keys[start : start + _AT_ONCE]}, found)
    return found


def _look_through(session: Session, block: Block, wanted: Mapping[Key, list[int]], found: Found) -> None:
    keys = list(wanted)
    asked = _asked(session, block, keys)
    few = sql_select(col(Customer.id)).where(block.bears(*list(asked.c)[1:])).limit(BLOCK_MOST + 1).correlate(asked)
    counts = session.execute(
        sql_select(asked.c.n, sql_select(func.count()).select_from(few.subquery()).scalar_subquery())
    )
    narrow = []
    for number, count in counts:
        if count <= BLOCK_MOST:
            narrow += [keys[number]] if count else []
            continue
        found.crowded.add((block.name, keys[number]))
        if block.name == SOUND:
            found.common.update(wanted[keys[number]])
    if not narrow:
        return
    asked = _asked(session, block, narrow)
    rows = sql_select(asked.c.n, col(Customer.id)).join_from(
        asked, Customer, and_(block.bears(*list(asked.c)[1:]), _active())
    )
    for number, customer_id in session.execute(rows):
        for place in wanted[narrow[number]]:
            found.alike[place].add(customer_id)


def _asked(session: Session, block: Block, keys: Sequence[Key]) -> Any:
    """The keys as a table to join with: one seek for each. They go in as one JSON text, so that the statement is the same
    however many there are, and is put together once."""
    told = json.dumps([[part.hex() if isinstance(part, bytes) else part for part in key] for key in keys])
    each: Any
    number: Any
    unhexed: Any
    if session.get_bind().dialect.name == "sqlite":
        each = func.json_each(told).table_valued("key", "value")
        parts = [func.json_extract(each.c.value, f"$[{place}]") for place in range(len(block.types))]
        number, unhexed = each.c.key, func.unhex
    else:
        each = func.jsonb_array_elements(cast(literal(told, String), JSONB))
        each = each.table_valued(column("value", JSONB), with_ordinality="n").render_derived()
        parts = [each.c.value[place].astext for place in range(len(block.types))]
        number, unhexed = each.c.n - 1, _decoded
    columns = [
        (unhexed(part) if kind is _BYTES else cast(part, kind) if kind is _NUMBER else part).label(f"k{place}")
        for place, (part, kind) in enumerate(zip(parts, block.types, strict=True))
    ]
    return sql_select(number.label("n"), *columns).cte("asked")


def _decoded(text: Any) -> Any:
    return func.decode(text, "hex", type_=LargeBinary)


# ── Reading people and pairs ──────────────────────────────────────────────────────────────────────────────────────────

_COLUMNS: tuple[Any, ...] = (
    Customer.id, Customer.name, Customer.name_pinyin, Customer.name_initials, Customer.given_name, Customer.birthday,
    Customer.birthday_calendar, Customer.phone_index, Customer.phone_last4, Customer.phone_shared_reason,
    Customer.wechat_index, Customer.email, Customer.gender, Customer.store_id, Customer.updated_at,
)  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """A pair as it is written down."""

    pair_id: int
    score: int
    reasons: str
    state: PairState


@dataclass(frozen=True)
class Read:
    """Somebody as she was when she was read: what is found for her holds for no other state of her record."""

    person: Person
    updated_at: datetime


def people_of(session: Session, ids: Collection[int]) -> dict[int, Read]:
    """The records of these numbers that the shop may use."""
    return {one.person.customer_id: one for part in _parts(ids) for one in _read(session, col(Customer.id).in_(part))}


def people_after(session: Session, after: int, *, since: datetime | None, most: int) -> list[Read]:
    """The next so many records, by number, that were made or changed at `since` or later (None: all)."""
    wanted = [col(Customer.id) > after]
    if since is not None:
        wanted.append(col(Customer.updated_at) >= since)
    return _read(session, *wanted, most=most)


def _read(session: Session, *wanted: ColumnElement[bool], most: int | None = None) -> list[Read]:
    rows = session.execute(sql_select(*_COLUMNS).where(_active(), *wanted).order_by(col(Customer.id)).limit(most)).all()
    given_up = _given_up(session, [row.id for row in rows])
    return [
        Read(
            Person(
                customer_id=row.id,
                name=row.name,
                pinyin=row.name_pinyin,
                initials=row.name_initials,
                given=row.given_name,
                birthday=row.birthday,
                calendar=row.birthday_calendar,
                phone_index=row.phone_index,
                last4=row.phone_last4,
                shares_phone=bool(row.phone_shared_reason),
                wechat_index=row.wechat_index,
                email=row.email,
                gender=row.gender,
                store_id=row.store_id,
                given_up=frozenset(given_up.get(row.id, ())),
            ),
            row.updated_at,
        )
        for row in rows
    ]


def _given_up(session: Session, ids: Sequence[int]) -> dict[int, list[bytes]]:
    """The phones these gave up when two records became one."""
    found: dict[int, list[bytes]] = defaultdict(list)
    for part in _parts(ids):
        phones = select(CustomerAlias.customer_id, CustomerAlias.phone_index)
        wanted = phones.where(col(CustomerAlias.customer_id).in_(part), col(CustomerAlias.phone_index).is_not(None))
        for customer_id, phone in session.exec(wanted):
            found[customer_id].append(bytes(phone or b""))
    return found


def pairs_of(session: Session, ids: Collection[int]) -> dict[tuple[int, int], Standing]:
    """The pairs any of these is in, by their two numbers."""
    found = {}
    for part in _parts(ids):
        of_them = or_(col(DuplicatePair.low_id).in_(part), col(DuplicatePair.high_id).in_(part))
        for pair in session.exec(select(DuplicatePair).where(of_them)):
            found[pair.low_id, pair.high_id] = Standing(pair.id or 0, pair.score, pair.reasons, pair.state)
    return found


def _parts(ids: Collection[int]) -> Iterator[list[int]]:
    numbers = sorted(ids)
    return (numbers[start : start + _AT_ONCE] for start in range(0, len(numbers), _AT_ONCE))
