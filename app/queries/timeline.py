"""Everything that happened with one customer, newest first, over all registers: each gives its newest few through its own
index, and they are laid together here."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from heapq import nsmallest
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, false, or_
from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, select

from app.models import (
    Complaint,
    Consent,
    ContactEvent,
    OutboundMessage,
    PointsAccount,
    PointsEntry,
    Purchase,
    PurchaseLine,
    SkinRecord,
    Survey,
    SurveyResponse,
    TierChange,
    Visit,
)
from app.queries.scopes import ANYTHING, midnight
from app.vocabulary import SurveyMode, TimelineKind

PAGE = 20


@dataclass(frozen=True)
class Event:
    """Something that happened: when, of which kind, and its record, for whoever shows it to veil. `source` tells apart
    what one record can be twice: a consent is given and withdrawn."""

    kind: TimelineKind
    source: str
    at: datetime
    record: Any
    lines: tuple[PurchaseLine, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a page ended: what comes after it in time, source and number."""

    at: datetime
    source: str
    record_id: int

    def __str__(self) -> str:
        return f"{self.at.astimezone(UTC).isoformat()}~{self.source}~{self.record_id}"

    @classmethod
    def read(cls, text: str) -> "Place | None":
        """As an address has it. None for what is none."""
        try:
            at, source, number = text.split("~")
            moment = datetime.fromisoformat(at)
            record_id = int(number)
        except ValueError:
            return None
        is_one = moment.tzinfo is not None and source in SOURCES and 0 <= record_id < 2**31
        return cls(moment, source, record_id) if is_one else None


@dataclass(frozen=True)
class Page:
    """Some events, and where the older ones begin (None: these were the last)."""

    events: tuple[Event, ...]
    older: Place | None


@dataclass(frozen=True)
class _Source:
    kind: TimelineKind
    table: Any
    at: Any
    hers: Callable[[int], ColumnElement[bool]]
    loads: tuple[Any, ...] = ()


def _by(column: Any) -> Callable[[int], ColumnElement[bool]]:
    return lambda customer_id: column == customer_id


def _told(customer_id: int) -> ColumnElement[bool]:
    """Answers under her own name. An anonymous survey's never are, whatever its rows say."""
    nameless = select(Survey.id).where(Survey.mode == SurveyMode.ANONYMOUS)
    return and_(
        col(SurveyResponse.customer_id) == customer_id,
        col(SurveyResponse.finished_at).is_not(None),
        col(SurveyResponse.survey_id).not_in(nameless),
    )


def _withdrawn(customer_id: int) -> ColumnElement[bool]:
    return and_(col(Consent.customer_id) == customer_id, col(Consent.withdrawn_at).is_not(None))


def _points(customer_id: int) -> ColumnElement[bool]:
    accounts = select(PointsAccount.id).where(PointsAccount.customer_id == customer_id)
    return col(PointsEntry.account_id).in_(accounts)


SOURCES: dict[str, _Source] = {
    "visit": _Source(TimelineKind.VISIT, Visit, Visit.visited_at, _by(Visit.customer_id), (Visit.treatment, Visit.staff)),
    "skin": _Source(TimelineKind.SKIN, SkinRecord, SkinRecord.seen_on, _by(SkinRecord.customer_id), (SkinRecord.staff,)),
    "purchase": _Source(TimelineKind.PURCHASE, Purchase, Purchase.occurred_at, _by(Purchase.customer_id), (Purchase.store,)),
    "points": _Source(TimelineKind.POINTS, PointsEntry, PointsEntry.at, _points),
    "survey": _Source(TimelineKind.SURVEY, SurveyResponse, SurveyResponse.finished_at, _told, (SurveyResponse.survey,)),
    "complaint": _Source(TimelineKind.COMPLAINT, Complaint, Complaint.opened_at, _by(Complaint.customer_id)),
    "message": _Source(TimelineKind.MESSAGE, OutboundMessage, OutboundMessage.due_at, _by(OutboundMessage.customer_id)),
    "consent": _Source(TimelineKind.CONSENT, Consent, Consent.granted_at, _by(Consent.customer_id)),
    "withdrawn": _Source(TimelineKind.CONSENT, Consent, Consent.withdrawn_at, _withdrawn),
    "tier": _Source(TimelineKind.TIER, TierChange, TierChange.at, _by(TierChange.customer_id), (TierChange.from_tier, TierChange.to_tier)),
    "contact": _Source(TimelineKind.CONTACT, ContactEvent, ContactEvent.at, _by(ContactEvent.customer_id), (ContactEvent.staff,)),
}  # fmt: skip
"""In the order of what happened at one moment, the first on top."""
_ORDER = {name: number for number, name in enumerate(SOURCES)}


def timeline(
    session: Session,
    customer_id: int,
    *,
    within: Mapping[Any, ColumnElement[bool]],
    zone: ZoneInfo,
    kinds: Collection[TimelineKind] = tuple(TimelineKind),
    after: Place | None = None,
    most: int = PAGE,
) -> Page:
    """One page of a customer's life with the shop. `within`: table → which of its rows the reader may see; a table that is
    not there is not read at all."""
    found: list[Event] = []
    for name, source in SOURCES.items():
        if source.kind in kinds and source.table in within:
            found += _newest(session, name, customer_id, within[source.table], after=after, zone=zone, most=most + 1)
    page = nsmallest(most + 1, found, key=_place)
    events = page[:most]
    last = events[-1] if len(page) > most else None
    lines = _lines(session, [one.record.id for one in events if one.source == "purchase"], within)
    whole = (replace(one, lines=lines.get(one.record.id, ())) if one.source == "purchase" else one for one in events)
    return Page(tuple(whole), Place(last.at, last.source, last.record.id) if last else None)


def _place(event: Event) -> tuple[float, int, int]:
    return -event.at.timestamp(), _ORDER[event.source], -event.record.id


def _newest(
    session: Session, name: str, customer_id: int, reach: Any, *, after: Place | None, zone: ZoneInfo, most: int
) -> list[Event]:
    source = SOURCES[name]
    wanted = (
        select(source.table)
        .where(source.hers(customer_id), reach, _older(name, after, zone))
        .order_by(col(source.at).desc(), source.table.id.desc())
        .limit(most)
        .options(*(joinedload(one) for one in source.loads))
    )
    return [
        Event(source.kind, name, _instant(getattr(one, source.at.key), zone), one) for one in session.scalars(wanted)
    ]


def _older(name: str, after: Place | None, zone: ZoneInfo) -> ColumnElement[bool]:
    """What comes after a place. At one moment the sources come in their order, each with its newest record first."""
    if after is None:
        return ANYTHING
    source, column = SOURCES[name], col(SOURCES[name].at)
    bound: Any = after.at
    is_same_moment = True
    if source.table is SkinRecord:  # a day without an hour stands at its midnight
        bound = after.at.astimezone(zone).date()
        is_same_moment = midnight(bound, zone) == after.at
    if not is_same_moment or _ORDER[name] > _ORDER[after.source]:
        return column <= bound
    same = and_(column == bound, source.table.id < after.record_id) if name == after.source else false()
    return or_(column < bound, same)


def _instant(at: datetime | date, zone: ZoneInfo) -> datetime:
    return at if isinstance(at, datetime) else datetime.combine(at, time(), zone)


def _lines(session: Session, purchases: list[int], within: Mapping[Any, ColumnElement[bool]]) -> Any:
    """What was on those slips, as far as the reader may see."""
    if not purchases or PurchaseLine not in within:
        return {}
    wanted = select(PurchaseLine).where(col(PurchaseLine.purchase_id).in_(purchases), within[PurchaseLine])
    lines: dict[int, tuple[PurchaseLine, ...]] = {}
    for line in session.exec(wanted.order_by(col(PurchaseLine.purchase_id), col(PurchaseLine.position))):
        lines[line.purchase_id] = (*lines.get(line.purchase_id, ()), line)
    return lines
